"""Rows, their invariants and their legal moves; one file a noun. Never commits, sends or asks the time."""

from models.bank import Bank
from models.bank_word import BankFile, BankNotice
from models.base import Base
from models.change import Change, ChangeKind
from models.consent import Consent
from models.erasure import Erasure, ErasureState
from models.event import Event
from models.funnel import FunnelDay
from models.head import Head
from models.heir import Heir
from models.helper import Helper
from models.holiday import Holiday
from models.insurer_file import InsurerFile
from models.invitation import CodeTry, Invitation, InvitationState
from models.ledger import Transfer
from models.mandate import Mandate, MandateState
from models.membership import Membership, MembershipState
from models.message import GatewayMessage, GatewayReport, InboundSms, Message, MessageKey, MessageState
from models.month import Attempt, AttemptReference, AttemptState, CoverMonth, MonthState, Why
from models.number_change import NumberChange, NumberState
from models.operator import Operator, Role
from models.pin_reset import PinReset, PinResetState
from models.reach import NumberMark, SmsRoute, Visit
from models.refund import Refund, RefundState
from models.run import Chunk, Lane, Run, RunState
from models.seal import Seal
from models.settlement import ReconciledDay, TakenFile, TakenLine
from models.sponsorship import Sponsorship
from models.standing import (
    CountKind,
    GroupKind,
    Lookup,
    Standing,
    StandingMark,
    Succession,
    VillageCounter,
    VillageGroup,
)
from models.target import Target
from models.tariff import Bracket, Tariff
from models.ticket import Ticket, TicketKind
from models.village import Village
from models.work_item import Approval, WorkItem, WorkKind, WorkState
from models.worker import Contact, Worker
from models.worker_word import WorkerWord

__all__ = [
    "Approval",
    "Attempt",
    "AttemptReference",
    "AttemptState",
    "Bank",
    "BankFile",
    "BankNotice",
    "Base",
    "Bracket",
    "Change",
    "ChangeKind",
    "Chunk",
    "CodeTry",
    "Consent",
    "Contact",
    "CountKind",
    "CoverMonth",
    "Erasure",
    "ErasureState",
    "Event",
    "FunnelDay",
    "GatewayMessage",
    "GatewayReport",
    "GroupKind",
    "Head",
    "Heir",
    "Helper",
    "Holiday",
    "InboundSms",
    "InsurerFile",
    "Invitation",
    "InvitationState",
    "Lane",
    "Lookup",
    "Mandate",
    "MandateState",
    "Membership",
    "MembershipState",
    "Message",
    "MessageKey",
    "MessageState",
    "MonthState",
    "NumberChange",
    "NumberMark",
    "NumberState",
    "Operator",
    "PinReset",
    "PinResetState",
    "ReconciledDay",
    "Refund",
    "RefundState",
    "Role",
    "Run",
    "RunState",
    "Seal",
    "SmsRoute",
    "Sponsorship",
    "Standing",
    "StandingMark",
    "Succession",
    "TakenFile",
    "TakenLine",
    "Target",
    "Tariff",
    "Ticket",
    "TicketKind",
    "Transfer",
    "Village",
    "VillageCounter",
    "VillageGroup",
    "Visit",
    "Why",
    "WorkItem",
    "WorkKind",
    "WorkState",
    "Worker",
    "WorkerWord",
]
