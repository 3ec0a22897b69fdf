"""Where personal data stand, column by column: what an erasure empties, and which key each is sealed with.

A test holds this table against the models: a sealed or hashed column that is not in it fails the build.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement

from models import (
    Change,
    Consent,
    Head,
    Heir,
    Helper,
    InboundSms,
    Invitation,
    Mandate,
    Membership,
    Message,
    NumberChange,
    PinReset,
    Succession,
    Ticket,
    Worker,
    WorkerWord,
)
from models.base import Base
from models.worker import Contact

OfWorker = Change | Consent | Invitation | Mandate | Membership | Message | NumberChange | PinReset | Ticket
"""Rows with a `worker_id`."""


class Emptied(NamedTuple):
    """Columns of one table that an erasure empties, in the rows of one worker."""

    table: type[OfWorker]
    columns: Sequence[str]


class SharedKey(NamedTuple):
    """Columns sealed with the shared key, by name and what binds each; `rows`, where others have keys of their own."""

    table: type[Base]
    columns: Sequence[tuple[str, str]]
    rows: ColumnElement[bool] | None = None


# Payments keep worker, month, sum and reference: they are nobody's without these, and the books must stand ten years
# (programme.md 6: payment logs).
EMPTIED = (
    Emptied(
        Membership,
        ("kpj_sealed", "kpj_index"),
    ),
    Emptied(
        Mandate,
        ("account_sealed", "account_index", "account_tail", "token_sealed", "code_sealed", "charge_sealed"),
    ),
    Emptied(Consent, ("text_sealed", "text_hash", "phone_sealed", "phone_index")),
    Emptied(Message, ("text_sealed", "phone_sealed", "phone_index")),
    Emptied(Ticket, ("phone_sealed", "phone_index")),
    Emptied(Change, ("value_sealed", "detail_sealed")),
    Emptied(NumberChange, ("old_index", "new_index", "new_sealed", "code_index")),
    Emptied(Invitation, ("data_key", "person_sealed", "nik_index", "phone_index", "code_index")),
    Emptied(Invitation, ("confirmed_by",)),
    Emptied(PinReset, ("code_index",)),
)
DELETED: Sequence[type[Contact | Heir | WorkerWord]] = (Contact, Heir, WorkerWord)
WORKER = ("data_key", "nik_sealed", "name_sealed", "birth_sealed")
"""The NIK's index is emptied too, by a random one: it is unique."""

SHARED = (
    SharedKey(Head, (("phone_sealed", "head.phone"),)),
    SharedKey(Helper, (("name_sealed", "helper.name"), ("phone_sealed", "helper.phone"))),
    SharedKey(Succession, (("new_sealed", "succession.new"),)),
    SharedKey(Ticket, (("phone_sealed", "ticket.phone"),), Ticket.worker_id.is_(None)),
    SharedKey(
        Message, (("phone_sealed", "message.phone"), ("text_sealed", "message.text")), Message.worker_id.is_(None)
    ),
    SharedKey(InboundSms, (("sender_sealed", "inbound.sender"), ("text_sealed", "inbound.text"))),
)
WRAPPED = (Worker.data_key, Invitation.data_key)
"""Each person's own key, wrapped by the master."""

NOT_A_MEMBERS = {
    "heads": "who serves a village, by a term that ends",
    "helpers": "who prepares others' enrolment, by a term that ends",
    "successions": "who comes after a head",
    "operators": "who uses the console",
    "number_marks": "of a number, whoever has it; a keyed hash alone",
    "code_tries": "of a number and a day; a keyed hash alone",
    "gateway_reports": "of a number; a keyed hash alone, kept for a while",
    "inbound_sms": "of a number: emptied with its last member, and after a while anyway",
}
"""Tables with sealed or hashed columns that belong to no member, and why."""
