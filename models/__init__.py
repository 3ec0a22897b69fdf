"""Rows, their invariants and their legal moves; one file a noun. Never commits, sends or asks the time."""

from models.bank import Bank
from models.base import Base
from models.consent import Consent
from models.event import Event
from models.head import Head
from models.insurer_file import InsurerFile
from models.ledger import Transfer
from models.mandate import Mandate, MandateState
from models.membership import Membership, MembershipState
from models.message import GatewayMessage, GatewayReport, InboundSms, Message, MessageKey, MessageState
from models.month import Attempt, AttemptReference, AttemptState, CoverMonth, MonthState
from models.seal import Seal
from models.tariff import Bracket, Tariff
from models.village import Village
from models.worker import Contact, Worker

__all__ = [
    "Attempt",
    "AttemptReference",
    "AttemptState",
    "Bank",
    "Base",
    "Bracket",
    "Consent",
    "Contact",
    "CoverMonth",
    "Event",
    "GatewayMessage",
    "GatewayReport",
    "Head",
    "InboundSms",
    "InsurerFile",
    "Mandate",
    "MandateState",
    "Membership",
    "MembershipState",
    "Message",
    "MessageKey",
    "MessageState",
    "MonthState",
    "Seal",
    "Tariff",
    "Transfer",
    "Village",
    "Worker",
]
