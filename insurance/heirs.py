"""A member's heirs, by name and relation, as the insurer is told of them; we pay nobody and judge no claim."""

from dataclasses import dataclass

from sqlalchemy import select

from insurance.enrolment import check_stands
from insurance.receipts import owe_worker
from insurance.told import tell_insurer
from insurance.work import Work
from models import ChangeKind, Heir, Worker
from models.event import record
from texts.longest import NAME_SHOWN_SEPTETS
from units.gsm import shorten

_KINDS = {1: ChangeKind.HEIR1, 2: ChangeKind.HEIR2}


@dataclass(frozen=True)
class NamedHeir:
    """`name` as a screen shows it."""

    place: int
    name: str
    relation: str

    def __repr__(self) -> str:
        return f"NamedHeir({self.place})"


def heirs_of(work: Work, worker: Worker) -> list[NamedHeir]:
    box = work.box(worker)
    rows = work.db.scalars(select(Heir).where(Heir.worker_id == worker.id).order_by(Heir.place))
    return [
        NamedHeir(row.place, shorten(box.open(row.name_sealed, "heir.name"), NAME_SHOWN_SEPTETS), row.relation)
        for row in rows
    ]


def name_heir(work: Work, worker: Worker, place: int, name: str, relation: str) -> None:
    """Name the heir in this place, or another one instead; the same again changes nothing. Raises NotAMember."""
    work.db.refresh(worker, ["pin_wrong"], with_for_update={"of": Worker})
    check_stands(work, worker)
    box = work.box(worker)
    row = work.db.get(Heir, (worker.id, place))
    if row is not None and row.relation == relation and box.open(row.name_sealed, "heir.name") == name:
        return
    before = row.relation if row else ""
    if row is None:
        row = Heir(worker_id=worker.id, place=place)
        work.db.add(row)
    row.name_sealed, row.relation, row.named_at = box.seal(name, "heir.name"), relation, work.now
    record(work.db, worker.subject, "member", "heir", str(place), before, relation, work.now)
    tell_insurer(work, worker, _KINDS[place], work.today, name, relation)
    # The heir's name is not in it: an SMS stays in a phone that many hands hold.
    said = {"name": work.name(worker), "day": str(place), "time": work.local_time(work.now, worker)}
    owe_worker(work, worker, "heir", f"heir:{worker.id}:{work.now:%Y%m%d%H%M%S%f}", said)
