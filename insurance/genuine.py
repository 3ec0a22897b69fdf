"""Whether an SMS that names a reference was ours, and for this number; whoever asks learns nothing of anybody else."""

import re
from collections.abc import Sequence

from sqlalchemy import func, select

from banks.base import REFERENCE_LENGTH
from insurance.fund_receipts import told_to
from insurance.work import Work
from insurance.work_items import open_item
from models import AttemptReference, Membership, Ticket, Worker, WorkItem, WorkKind
from units.month import month_name

# In the text that explains the word.
EXAMPLE = "8F3K2M7Q1R4T"
# A number that asks after many false ones has been told what to do; people have enough to look at.
ALERTS_A_DAY_MAX = 3
# Crockford's alphabet has none of these (insurance/references.py): who types one read it wrong.
_READ_AS = str.maketrans("ILOU", "110V")


class NoReference(ValueError):
    """It cannot be one of ours, nor meant as one: it is asked for again, and nobody is alarmed."""


def read(typed: str) -> str:
    """As it was sent. Raises NoReference for what is too short, too long, or our own example."""
    ref = re.sub(r"[^A-Z0-9]", "", typed.upper()).translate(_READ_AS)
    if len(ref) != REFERENCE_LENGTH or ref == EXAMPLE:
        raise NoReference
    return ref


def about(
    work: Work, ref: str, phone_index: bytes, here: Sequence[Worker], trusted: Sequence[Worker], language: str
) -> str:
    """The one line to be said of a reference; `here` are the workers of this number, of whom it may name `trusted`."""
    own, named = {worker.id for worker in here}, {worker.id: worker for worker in trusted}
    debit = work.db.get(AttemptReference, ref)
    if debit is not None and debit.worker_id in named:
        month, initials = month_name(debit.month, language), work.initials(named[debit.worker_id])
        return work.texts.line("genuine.month", language, ref=ref, month=month, initials=initials)
    owner, number = _owner(work, ref) if debit is None else (debit.worker_id, None)
    if owner in own or number == phone_index:
        return work.texts.line("genuine.own", language, ref=ref)
    if owner is not None or number is not None:
        # A swindler may copy the reference of a true one.
        return work.texts.line("genuine.other", language, ref=ref)
    _alert(work, ref, phone_index)
    return work.texts.line("genuine.unknown", language)


def _owner(work: Work, ref: str) -> tuple[int | None, bytes | None]:
    """Whose membership or matter has it: a worker, or the number of one who is none."""
    member = work.db.scalar(select(Membership.worker_id).where(Membership.reference == ref))
    if member is not None:
        return member, None
    found = work.db.execute(select(Ticket.worker_id, Ticket.phone_index).where(Ticket.reference == ref)).first()
    return (found.worker_id, found.phone_index) if found else (None, told_to(work, ref))


def _alert(work: Work, ref: str, phone_index: bytes) -> None:
    """Somebody sends texts in our name: a matter for people, with marks instead of the number and the words."""
    number = f"{work.today} {work.keys.index('fraud', phone_index.hex()).hex()[:12]}"
    today = select(func.count()).where(
        WorkItem.kind == WorkKind.FRAUD.value, WorkItem.about.startswith(number, autoescape=True)
    )
    if work.db.execute(today).scalar_one() < ALERTS_A_DAY_MAX:
        matter = f"{number} {work.keys.index('fraud', ref).hex()[:12]}"
        open_item(work, WorkKind.FRAUD, matter, code="unknown_reference")
