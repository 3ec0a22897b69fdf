"""Matters for people: opened once each, decided by as many as the rules want, closed; below console and CLI alike."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ARRAY, String, any_, bindparam, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from insurance.work import Work
from models import Approval, WorkItem, WorkKind, WorkState
from models.bulk import add_unknown
from models.event import Happening, record, record_all
from models.machine import Cause, move
from models.work_item import WORK_MOVES

# How long a matter may wait; withdrawal of consent has three times 24 hours (UU 27/2022; programme.md 6).
# An accident is to be reported within twice 24 hours (programme.md 1.6), so a report waits no longer here.
_DAYS: dict[WorkKind, int] = {WorkKind.CANCEL_AT_BANK: 3, WorkKind.ACCIDENT: 2, WorkKind.DEATH: 2}
_DAYS_USUAL = 1
NAME_LETTERS_MAX = 40
REFUND_UNASKED, POSTED_REFUSED, WRONG_AMOUNT = "refund_unasked", "posted_refused", "wrong_amount"
# Closed by what settles them and by nothing else: somebody waits for it.
_NEED_OUTCOME = [
    kind.value
    for kind in (
        WorkKind.MANUAL_OUTCOME,
        WorkKind.MANDATE_OUTCOME,
        WorkKind.REFUND,
        WorkKind.NOT_POSTED,
        WorkKind.DIFFERENCE,
        WorkKind.NOTICE,
        WorkKind.COMPLAINT,
        WorkKind.ACCIDENT,
        WorkKind.DEATH,
    )
]


class NotOpen(Exception):
    """The matter is decided or closed already."""


class Disagreed(Exception):
    """Somebody else proposed another decision, and has to decide anew first."""


class NeedsOutcome(ValueError):
    """Money moved or may have, or a person waits for an answer: "nothing is to be done" is none."""


def open_item(
    work: Work,
    kind: WorkKind,
    about: str,
    *,
    code: str = "",
    bank_code: str = "",
    amount_rp: int | None = None,
    days: int | None = None,
) -> WorkItem:
    """The item of this matter, made if it is new; `about` is a reference, a month or a file, never a person.

    `days` is how long it may wait, where that is not the kind's own time.
    """
    due_on = work.today + timedelta(days=_DAYS.get(kind, _DAYS_USUAL) if days is None else days)
    new = insert(WorkItem).values(
        kind=kind.value,
        about=about,
        state=WorkState.OPEN.value,
        bank_code=bank_code,
        amount_rp=amount_rp,
        code=code[:40],
        decision="",
        opened_at=work.now,
        due_on=due_on,
    )
    made = work.db.scalar(new.on_conflict_do_nothing(index_elements=["kind", "about"]).returning(WorkItem.id))
    item = find(work, kind, about)
    assert item is not None
    if made is not None:
        record(work.db, item.subject, "system", kind.value, code, "", item.state, work.now)
    return item


@dataclass(frozen=True)
class Matter:
    """What `open_all` makes an item of, each as in `open_item`."""

    about: str
    code: str
    bank_code: str
    amount_rp: int


def open_all(work: Work, kind: WorkKind, matters: Sequence[Matter]) -> int:
    """The items of these matters, in one statement for all; how many were new."""
    due_on = work.today + timedelta(days=_DAYS.get(kind, _DAYS_USUAL))
    rows = [
        {
            "kind": kind.value,
            "about": matter.about,
            "state": WorkState.OPEN.value,
            "bank_code": matter.bank_code,
            "amount_rp": matter.amount_rp,
            "code": matter.code[:40],
            "decision": "",
            "opened_at": work.now,
            "due_on": due_on,
        }
        for matter in matters
    ]
    new = add_unknown(work.db, WorkItem, rows, "id")
    made = work.db.execute(select(WorkItem.id, WorkItem.code).where(WorkItem.id.in_(new))) if new else ()
    happened = [
        Happening(("work_item", str(id_)), "system", kind.value, code, "", WorkState.OPEN.value) for id_, code in made
    ]
    record_all(work.db, happened, work.now)
    return len(new)


def find(work: Work, kind: WorkKind, about: str, *, lock: bool = False) -> WorkItem | None:
    query = select(WorkItem).where(WorkItem.kind == kind.value, WorkItem.about == about)
    return work.db.scalars(query.with_for_update() if lock else query).one_or_none()


def approve(work: Work, item_id: int, by: str, decision: str) -> bool:
    """`by` says yes to `decision`; whether it is approved now. Raises NotOpen, Disagreed or LookupError.

    As many different people as APPROVALS_MIN says have to agree to the same decision (rulings 15).
    """
    # As it stands now, not as the caller read it: two people may agree in the same moment.
    item = work.db.get(WorkItem, item_id, with_for_update=True, populate_existing=True)
    if item is None:
        raise LookupError(f"there is no work item {item_id}")
    if item.state != WorkState.OPEN.value:
        raise NotOpen(item.state)
    # Another spelling of a name is no second person.
    who = " ".join(by.split()).casefold()[:NAME_LETTERS_MAX]
    if item.decision not in ("", decision):
        _take_back(work, item, who)
    item.decision = decision
    row = insert(Approval).values(work_item_id=item.id, by=who, decision=decision, at=work.now)
    work.db.execute(row.on_conflict_do_nothing())
    record(work.db, item.subject, who, "approve", decision, item.state, item.state, work.now)
    yes = select(func.count()).where(Approval.work_item_id == item.id, Approval.decision == decision)
    if work.db.execute(yes).scalar_one() < work.settings.APPROVALS_MIN:
        return False
    move(work.db, item, WORK_MOVES, WorkState.APPROVED, Cause("system", "approved", decision), work.now)
    return True


def _take_back(work: Work, item: WorkItem, who: str) -> None:
    """Who alone proposed something else may think again. Raises Disagreed where anybody besides stands by it."""
    others = select(Approval.by).where(Approval.work_item_id == item.id, Approval.by != who)
    if work.db.execute(others.limit(1)).first() is not None:
        raise Disagreed(item.decision)
    work.db.execute(delete(Approval).where(Approval.work_item_id == item.id, Approval.by == who))
    record(work.db, item.subject, who, "take_back", item.decision, item.state, item.state, work.now)


def needs_nobody(work: Work) -> bool:
    """The sandbox may be told to do without a second person; production never is (config/checks.py)."""
    return work.settings.APPROVALS_MIN == 0


def close(work: Work, item: WorkItem, cause: Cause) -> None:
    if item.state in (WorkState.OPEN.value, WorkState.APPROVED.value):
        move(work.db, item, WORK_MOVES, WorkState.DONE, cause, work.now)
        item.closed_at = work.now


def reopen(work: Work, item: WorkItem, cause: Cause) -> None:
    """What was approved came to nothing: another decision is wanted, and nobody has said yes to that yet."""
    if item.state == WorkState.APPROVED.value:
        work.db.execute(delete(Approval).where(Approval.work_item_id == item.id))
        move(work.db, item, WORK_MOVES, WorkState.OPEN, cause, work.now)
        item.decision = ""


def close_all(work: Work, kind: WorkKind, abouts: Collection[str], cause: Cause) -> None:
    """Those of these matters that are open; most have no item at all."""
    unclosed = [WorkState.OPEN.value, WorkState.APPROVED.value]
    # One array: a claim's references as so many parameters cost more than the query.
    about = WorkItem.about == any_(bindparam("abouts", type_=ARRAY(String)))
    query = select(WorkItem).where(WorkItem.kind == kind.value, about, WorkItem.state.in_(unclosed))
    found = work.db.scalars(query.order_by(WorkItem.id).with_for_update(), {"abouts": list(abouts)}) if abouts else ()
    for item in found:
        close(work, item, cause)


def refuse(work: Work, item_id: int, by: str) -> None:
    """Nothing is to be done about it. Raises NotOpen, NeedsOutcome or LookupError."""
    item = work.db.get(WorkItem, item_id, with_for_update=True)
    if item is None:
        raise LookupError(f"there is no work item {item_id}")
    if item.state != WorkState.OPEN.value:
        raise NotOpen(item.state)
    if item.kind in _NEED_OUTCOME:
        raise NeedsOutcome(f"a {item.kind} {item.code} cannot be refused: it would wait for ever")
    move(work.db, item, WORK_MOVES, WorkState.REFUSED, Cause(by[:NAME_LETTERS_MAX], "refuse"), work.now)
    item.closed_at = work.now


def waiting(work: Work, limit: int, kind: str = "", after: tuple[date, int] | None = None) -> Sequence[WorkItem]:
    """Those not closed yet, the longest due first; of one kind, and past (day, id) where these are given."""
    query = (
        select(WorkItem)
        .where(WorkItem.state.in_([WorkState.OPEN.value, WorkState.APPROVED.value]))
        .order_by(WorkItem.due_on, WorkItem.id)
        .limit(limit)
    )
    if kind:
        query = query.where(WorkItem.kind == kind)
    if after is not None:
        query = query.where(tuple_(WorkItem.due_on, WorkItem.id) > after)
    return work.db.scalars(query).all()


def agreed_by(work: Work, item: WorkItem) -> Sequence[Approval]:
    """Who said yes to what stands as its decision now."""
    query = select(Approval).where(Approval.work_item_id == item.id).order_by(Approval.at)
    return work.db.scalars(query).all()


def can_be_refused(item: WorkItem) -> bool:
    return item.state == WorkState.OPEN.value and item.kind not in _NEED_OUTCOME
