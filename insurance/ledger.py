"""Posts money as transfers, one a programme; a fact told twice is posted once, and nothing posted is changed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import case, func, select

from insurance.work import Work
from models import Transfer
from models.bulk import copy_rows
from units.month import Month

FEE = "FEE"
SURPLUS = "SURPLUS"
_CAME_IN = ("collected", "surplus")


class Debit(Protocol):
    """What of an attempt is posted."""

    month: Month
    worker_id: int
    reference: str
    fee_rp: int

    @property
    def by_programme(self) -> dict[str, int]: ...

    @property
    def total_rp(self) -> int: ...


def bank_account(bank_code: str) -> str:
    """Money the bank has debited for us and not yet settled."""
    return f"bank:{bank_code}"


def fee_account(bank_code: str) -> str:
    return f"fee:{bank_code}"


def sponsor_account(payer: str) -> str:
    """Money that somebody else pays for members: `sponsor:village`."""
    return f"sponsor:{payer}"


def due_account(programme: str) -> str:
    """What we owe the insurer for a programme."""
    return f"due:{programme}"


def insurer_account(programme: str) -> str:
    """What the insurer has posted."""
    return f"insurer:{programme}"


def refund_account(whose: str) -> str:
    """What we owe back to account holders through a bank, or to a sponsor."""
    return f"refund:{whose}"


Moves = Mapping[str, tuple[str, str, int]]
"""By programme: from which account, to which, how much."""


_COLUMNS = (
    "month",
    "at",
    "worker_id",
    "reference",
    "kind",
    "programme",
    "debit_account",
    "credit_account",
    "amount_rp",
)


def _post(work: Work, kind: str, posted: Iterable[tuple[Debit, Moves]]) -> None:
    at: datetime = work.now
    rows = [
        (debit.month, at, debit.worker_id, debit.reference, kind, programme, source, target, amount_rp)
        for debit, moves in posted
        for programme, (source, target, amount_rp) in moves.items()
    ]
    # Posting a fact again is refused by the unique index: the machines of state let no fact happen twice.
    copy_rows(work.db, Transfer, _COLUMNS, rows)


def _collected(debit: Debit, source: str, fee: str) -> Moves:
    moves = {programme: (source, due_account(programme), rp) for programme, rp in debit.by_programme.items()}
    if debit.fee_rp:
        moves[FEE] = (source, fee, debit.fee_rp)
    return moves


def post_collected(work: Work, debits: Sequence[tuple[Debit, str]]) -> None:
    """The bank (by code) debited the worker: from the bank's account to what is due, the fee on its own."""
    _post(work, "collected", [(d, _collected(d, bank_account(bank), fee_account(bank))) for d, bank in debits])


def post_sponsored(work: Work, debits: Sequence[tuple[Debit, str]]) -> None:
    """A payer other than the worker paid the month."""
    _post(work, "collected", [(d, _collected(d, sponsor_account(payer), "")) for d, payer in debits])


def post_surplus(work: Work, debits: Sequence[tuple[Debit, str]]) -> None:
    """The bank debited a month that was paid already: all of it is owed back."""
    _post(work, "surplus", [(d, {SURPLUS: (bank_account(b), refund_account(b), d.total_rp)}) for d, b in debits])


def post_owed_back(work: Work, debit: Debit) -> None:
    """The month it paid is given up: each transfer of its collection is taken back, and owed to whom it came from."""
    source = _came_from(work, debit)
    _, _, whose = source.partition(":")
    collected = _collected(debit, source, fee_account(whose))
    moves = {programme: (target, refund_account(whose), rp) for programme, (_, target, rp) in collected.items()}
    _post(work, "owed_back", [(debit, moves)])


def post_refunded(work: Work, debit: Debit) -> None:
    """What was owed back is back where it came from: at the bank, or at the sponsor."""
    source = _came_from(work, debit)
    _, _, whose = source.partition(":")
    _post(work, "refunded", [(debit, {SURPLUS: (refund_account(whose), source, debit.total_rp)})])


def _came_from(work: Work, debit: Debit) -> str:
    query = select(Transfer.debit_account).where(
        Transfer.month == debit.month, Transfer.reference == debit.reference, Transfer.kind.in_(_CAME_IN)
    )
    return work.db.execute(query.limit(1)).scalar_one()


def post_reversed(work: Work, debit: Debit, bank_code: str, *, owed_back: bool) -> None:
    """The bank took its debit back: each transfer of its collection the other way round, or what was owed back."""
    if owed_back:
        moves: Moves = {SURPLUS: (refund_account(bank_code), bank_account(bank_code), debit.total_rp)}
    else:
        collected = _collected(debit, bank_account(bank_code), fee_account(bank_code))
        moves = {programme: (target, source, rp) for programme, (source, target, rp) in collected.items()}
    _post(work, "reversed", [(debit, moves)])


def post_to_insurer(work: Work, debits: Sequence[Debit]) -> None:
    """The insurer posted the month: what was due is theirs."""
    _post(
        work,
        "posted",
        [
            (d, {name: (due_account(name), insurer_account(name), rp) for name, rp in d.by_programme.items()})
            for d in debits
        ],
    )


def is_owed_back(work: Work, month: Month, reference: str) -> bool:
    """Whether this debit was one too many, or its month was given up: it pays nothing any more."""
    return _has(work, month, reference, "surplus", "owed_back")


def is_posted(work: Work, month: Month, reference: str) -> bool:
    """Whether the insurer's posting of this debit was booked, whatever became of it later."""
    return _has(work, month, reference, "posted")


def _has(work: Work, month: Month, reference: str, *kinds: str) -> bool:
    query = select(Transfer.id).where(
        Transfer.month == month, Transfer.reference == reference, Transfer.kind.in_(kinds)
    )
    return work.db.execute(query.limit(1)).first() is not None


def posted_at(work: Work, month: Month, reference: str) -> datetime | None:
    """When this debit was posted as money that came in; None where it never was."""
    query = select(func.min(Transfer.at)).where(
        Transfer.month == month, Transfer.reference == reference, Transfer.kind.in_(_CAME_IN)
    )
    return work.db.scalar(query)


def paid_total_rp(work: Work, worker_id: int) -> int:
    """All contributions of a worker that came in through us and stayed, without bank fees."""
    signed = case((Transfer.kind == "collected", Transfer.amount_rp), else_=-Transfer.amount_rp)
    query = select(func.coalesce(func.sum(signed), 0)).where(
        Transfer.worker_id == worker_id,
        Transfer.kind.in_(["collected", "reversed", "owed_back"]),
        Transfer.programme.not_in([FEE, SURPLUS]),
    )
    return int(work.db.scalar(query) or 0)
