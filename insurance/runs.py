"""The month's run: begun once, held where it is out of the usual, cut into chunks by key range that survive a crash."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from insurance.attempts import Try
from insurance.party import parties
from insurance.schedule import Unscheduled, monthly, schedule_all
from insurance.tariff import PAYER_SELF
from insurance.work import Work
from insurance.work_items import approve, close, find, open_item
from models import (
    Attempt,
    Chunk,
    CoverMonth,
    Lane,
    Mandate,
    MandateState,
    Membership,
    MembershipState,
    MonthState,
    Run,
    RunState,
    WorkKind,
    WorkState,
)
from models.bulk import read_by_key
from models.event import record
from models.machine import Cause, move
from models.month import ASKED_FOR, OPEN_ATTEMPTS
from models.run import RUN_MOVES
from units.month import Month, add_months

TIMETABLE = "timetable"
# A call of one of these members waits for its chunk: some tenths of a second.
CHUNK_MANDATES = 500
# Small months swing: below this many mandates more or less nobody is asked.
DEVIATION_MANDATES_MIN = 500
DECISION = "run"
# What changed shortly before the last planning may not have been seen by it.
_SEEN_LATE = timedelta(hours=2)


def begin(work: Work, month: Month, by: str) -> Run:
    """The run of `month`, made if it is new; HELD where two people have to agree to it first (rulings 15)."""
    run = work.db.get(Run, month, with_for_update=True)
    if run is None:
        run = _new(work, month, by)
    if run.state == RunState.HELD.value:
        item = find(work, WorkKind.RUN, f"{month:%Y-%m}", lock=True)
        if item is not None and item.state == WorkState.APPROVED.value:
            _change(work, run, RunState.PLANNING, Cause("system", "approved"))
            close(work, item, Cause("system", "planned"))
        elif item is not None and item.state == WorkState.REFUSED.value:
            _change(work, run, RunState.REFUSED, Cause("system", "refused"))
    elif run.state == RunState.PLANNED.value:
        _change(work, run, RunState.PLANNING, Cause("system", "again"))
    return run


def _new(work: Work, month: Month, by: str) -> Run:
    counted = select(func.count(), func.coalesce(func.sum(Mandate.max_amount_rp), 0)).where(
        Mandate.state == MandateState.ACTIVE.value
    )
    mandates, sum_rp = work.db.execute(counted).one()
    why = _unusual(work, month, int(mandates), int(sum_rp), by)
    state = RunState.HELD if why else RunState.PLANNING
    run = Run(month=month, state=state.value, by=by, mandates=mandates, sum_max_rp=int(sum_rp), begun_at=work.now)
    work.db.add(run)
    work.db.flush()
    record(work.db, run.subject, by, "begin", why, "", state.value, work.now)
    if why:
        item = open_item(work, WorkKind.RUN, f"{month:%Y-%m}", code=why, amount_rp=int(sum_rp))
        if by != TIMETABLE and work.settings.APPROVALS_MIN > 0:
            # Who starts it by hand is the first of those who agree.
            approve(work, item.id, by, DECISION)
        elif work.settings.APPROVALS_MIN == 0:
            approve(work, item.id, by, DECISION)
    return run


def _unusual(work: Work, month: Month, mandates: int, sum_rp: int, by: str) -> str:
    settings = work.settings
    if by != TIMETABLE:
        return "by hand"
    if mandates > settings.RUN_MANDATES_MAX:
        return "more mandates than allowed"
    if sum_rp > settings.RUN_SUM_RP_MAX:
        return "more money than allowed"
    before = work.db.get(Run, add_months(month, -1))
    if before is None:
        return ""
    differs = abs(mandates - before.mandates)
    unusual = differs > max(DEVIATION_MANDATES_MIN, before.mandates * settings.RUN_DEVIATION_PERCENT // 100)
    return "differs from the month before" if unusual else ""


def _change(work: Work, run: Run, to: RunState, cause: Cause) -> None:
    move(work.db, run, RUN_MOVES, to, cause, work.now)


_CUT = text(
    "INSERT INTO chunks (month, bank_code, first_id, last_id, scheduled, above_maximum, too_late) "
    "SELECT :month, bank_code, min(id), max(id), 0, 0, 0 FROM ("
    "  SELECT id, bank_code, CASE WHEN CAST(:since AS timestamptz) IS NULL "
    # Of few that changed, scattered over all ids, the first and the last must not have half the country between them.
    "    THEN (row_number() OVER (PARTITION BY bank_code ORDER BY id) - 1) / :size ELSE id / :size END AS part "
    "  FROM mandates WHERE state = 'active' AND (CAST(:since AS timestamptz) IS NULL OR changed_at >= :since)"
    ") AS cut GROUP BY bank_code, part ORDER BY bank_code, part"
)


def cut(work: Work, run: Run) -> None:
    """Chunks over the active mandates of each bank; after the first planning only over those that changed since."""
    since = run.planned_at - _SEEN_LATE if run.planned_at else None
    open_already = select(Chunk.id).where(Chunk.month == run.month, Chunk.planned_at.is_(None)).limit(1)
    if since is None and work.db.execute(open_already).first() is not None:
        # A crash left them: who came since is in none of them, and the planning after this one looks from now on.
        since = run.begun_at
    work.db.execute(_CUT, {"month": run.month, "size": CHUNK_MANDATES, "since": since})


@dataclass(frozen=True)
class Planned:
    mandates: int
    scheduled: int
    above_maximum: int
    too_late: int
    no_tariff: int = 0

    def __add__(self, other: "Planned") -> "Planned":
        return Planned(
            self.mandates + other.mandates,
            self.scheduled + other.scheduled,
            self.above_maximum + other.above_maximum,
            self.too_late + other.too_late,
            self.no_tariff + other.no_tariff,
        )


def next_chunk(work: Work, month: Month) -> Chunk | None:
    """An open chunk that no other process holds."""
    query = (
        select(Chunk)
        .where(Chunk.month == month, Chunk.planned_at.is_(None))
        .order_by(Chunk.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return work.db.scalars(query).one_or_none()


def plan_next(work: Work, month: Month) -> Planned | None:
    """Plan one open chunk of `month`, in one transaction; None where all are planned."""
    chunk = next_chunk(work, month)
    if chunk is None:
        return None
    done = plan_mandates(work, month, owing(work, month, chunk))
    plan_done(work, chunk, done)
    return done


def plan_done(work: Work, chunk: Chunk, done: Planned) -> None:
    chunk.planned_at = work.now
    chunk.scheduled, chunk.above_maximum, chunk.too_late = done.scheduled, done.above_maximum, done.too_late


def owing(work: Work, month: Month, chunk: Chunk) -> Sequence[int]:
    """Mandates of the chunk that may be debited for `month` and have no attempt for it through them yet."""
    read_by_key(work.db)
    query = (
        select(Mandate.id)
        .join(Membership, Membership.worker_id == Mandate.worker_id)
        .where(
            Mandate.bank_code == chunk.bank_code,
            Mandate.id.between(chunk.first_id, chunk.last_id),
            Mandate.state == MandateState.ACTIVE.value,
            Mandate.expires_on > work.today,
            # Nor is a month announced that begins after it.
            Mandate.expires_on >= month,
            (Mandate.paused_until.is_(None)) | (Mandate.paused_until <= month),
            Mandate.first_month <= month,
            Membership.state == MembershipState.VERIFIED.value,
            ~_taken(month),
        )
        .order_by(Mandate.id)
    )
    return work.db.scalars(query).all()


def _taken(month: Month) -> ColumnElement[bool]:
    """Whether the month is settled, a sponsor's, under way, or was sent through this very mandate.

    What the member asked for besides, or what was dropped unsent, leaves the month to the mandate.
    """
    settled = exists().where(
        CoverMonth.month == month,
        CoverMonth.worker_id == Mandate.worker_id,
        or_(
            CoverMonth.state.not_in([MonthState.OPEN.value, MonthState.MISSED.value]),
            CoverMonth.payer != PAYER_SELF,
        ),
    )
    tried = exists().where(
        Attempt.month == month,
        Attempt.worker_id == Mandate.worker_id,
        or_(
            and_(Attempt.mandate_id == Mandate.id, Attempt.asked_at.is_not(None), Attempt.why.not_in(ASKED_FOR)),
            Attempt.state.in_([state.value for state in OPEN_ATTEMPTS]),
        ),
    )
    return or_(settled, tried)


def plan_mandates(work: Work, month: Month, mandate_ids: Sequence[int]) -> Planned:
    """Schedule `month` for these mandates, held; what is not theirs any more by now is left out."""
    held = parties(work, mandate_ids, lock=True).values()
    active = [to for to in held if to.mandate_state == MandateState.ACTIVE.value]
    wanted = monthly(work, active, month)
    made = schedule_all(work, wanted)
    return Planned(
        len(mandate_ids),
        sum(isinstance(one, Try) for one in made),
        made.count(Unscheduled.ABOVE_MAXIMUM),
        made.count(Unscheduled.TOO_LATE),
        made.count(Unscheduled.NO_TARIFF),
    )


def finish(work: Work, month: Month, begun_at: datetime) -> None:
    """All chunks are planned; `begun_at` is where the next planning looks for changes from."""
    run = work.db.get_one(Run, month, with_for_update=True)
    open_chunks = select(Chunk.id).where(Chunk.month == month, Chunk.planned_at.is_(None)).limit(1)
    if run.state == RunState.PLANNING.value and work.db.execute(open_chunks).first() is None:
        _change(work, run, RunState.PLANNED, Cause("system", "planned"))
        run.planned_at = begun_at


# Lanes


def lane(work: Work, bank_code: str, *, lock: bool = False) -> Lane:
    found = work.db.get(Lane, bank_code, with_for_update=lock or None)
    if found is None:
        # Two processes may be the first at once, and neither may lose a bank's words over it.
        new = {"bank_code": bank_code, "drained": False, "drained_by": "", "failures": 0, "changed_at": work.now}
        work.db.execute(insert(Lane).values(new).on_conflict_do_nothing())
        found = work.db.get_one(Lane, bank_code, with_for_update=lock or None)
    return found


def is_open(work: Work, bank_code: str) -> bool:
    found = work.db.get(Lane, bank_code)
    return found is None or not (found.drained or (found.rests_until is not None and found.rests_until > work.now))


def drain(work: Work, bank_code: str, by: str, *, drained: bool) -> None:
    """Nothing new is sent to a drained bank; what is under way ends. `drained` False takes the lane up again."""
    found = lane(work, bank_code, lock=True)
    found.drained, found.drained_by, found.changed_at = drained, by, work.now
    if not drained:
        found.rests_until, found.failures = None, 0
    what = "drained" if drained else "open"
    record(work.db, ("lane", bank_code), by, "drain" if drained else "resume", "", "", what, work.now)


# A bank that does not answer is asked again after more and more time, and at once after a success.
_RESTS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))


def failing(work: Work, bank_code: str, code: str) -> None:
    """The lane rests: nothing is sent to this bank for a while, and other lanes do not notice."""
    found = lane(work, bank_code, lock=True)
    found.failures = min(found.failures + 1, 1000)
    found.rests_until = work.now + _RESTS[min(found.failures, len(_RESTS)) - 1]
    found.changed_at = work.now
    record(work.db, ("lane", bank_code), "system", "rest", code, "open", "resting", work.now)


def answering(work: Work, bank_code: str) -> None:
    work.db.execute(update(Lane).where(Lane.bank_code == bank_code, Lane.failures > 0).values(failures=0))
