"""Keeps what the insurer is to be told of a membership besides its registration; the day's file carries it."""

from datetime import date

from insurance.references import new_reference
from insurance.waking import EXCHANGE, wake
from insurance.work import Work
from insurer.base import Change as Line
from models import Change, ChangeKind, Membership, Worker

_VALUE, _DETAIL = "change.value", "change.detail"


def tell_insurer(work: Work, worker: Worker, kind: ChangeKind, from_on: date, value: str, detail: str = "") -> None:
    """Sealed with the person's key, under the membership's reference of today; handed over once it has a KPJ."""
    box, member = work.box(worker), work.db.get_one(Membership, worker.id)
    work.db.add(
        Change(
            worker_id=worker.id,
            kind=kind.value,
            reference=new_reference(),
            member=member.reference,
            from_on=from_on,
            value_sealed=box.seal(value, _VALUE),
            detail_sealed=box.seal(detail, _DETAIL),
            made_at=work.now,
        )
    )
    wake(work.db, EXCHANGE)


def as_line(work: Work, change: Change, member: Membership) -> Line:
    """As the insurer's file says it."""
    box = work.box(member.worker)
    return Line(
        reference=change.reference,
        member=change.member,
        kpj=box.open(member.kpj_sealed, "membership.kpj") if member.kpj_sealed else "",
        kind=change.kind,
        from_on=change.from_on,
        value=box.open(change.value_sealed, _VALUE),
        detail=box.open(change.detail_sealed, _DETAIL),
    )
