"""Keeps the villages' counters: who was marked is counted anew, and the difference is added.

A worker is counted by facts that no calendar changes: a month is posted, or the last month paid was this one. What they
mean today is worked out where they are read (insurance/villages.py), so nothing has to run at midnight.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import TextClause, select, text

from insurance.cover import History, histories
from insurance.work import Work
from models import Membership, MembershipState, Standing, Worker
from models.bulk import read_by_key, update_rows
from models.standing import ENDLESS, CountKind
from units.clock import jakarta_day
from units.month import Month

MARKS_AT_ONCE = 1000
# Who joined on a day is asked for through a week (villages.WEEK_DAYS); what is older is neither kept nor proved.
JOINED_DAYS = 14


class Key(NamedTuple):
    """What is counted, in the order of the counters' own key."""

    village_code: str
    kind: str
    at: int
    until: int
    place: str


class Counted(NamedTuple):
    """How a worker counts: as a row of Standing has it, without whose it is."""

    village_code: str = ""
    rt_rw: str = ""
    group_code: str = ""
    joined: int = 0
    runs: tuple[int, ...] = ()


def month_number(month: Month) -> int:
    return month.year * 12 + month.month - 1


def runs_of(history: History) -> tuple[int, ...]:
    """First month, last month and whether they are posted of each unbroken run of months alike, oldest first."""
    runs = list[int]()
    for number, posted in sorted((month_number(month), int(month in history.posted)) for month in history.paid):
        if runs and runs[-2:] == [number - 1, posted]:
            runs[-2] = number
        else:
            runs += [number, number, posted]
    return tuple(runs)


def places_of(rt_rw: str, group_code: str) -> list[str]:
    """The whole village first; an RT is named with its RW, for every RW has its own first RT."""
    neighbourhood = [f"r{rt_rw}", f"w{rt_rw[-3:]}"] if rt_rw else []
    return ["", *neighbourhood, *([f"g{group_code}"] if group_code else [])]


def keys_of(counted: Counted) -> Iterator[Key]:
    """All counters that this worker is in."""
    if not counted.joined:
        return
    facts = [(CountKind.MEMBER.value, 0, 0), (CountKind.JOINED.value, counted.joined, 0), *_months(counted.runs)]
    for place in places_of(counted.rt_rw, counted.group_code):
        for kind, at, until in facts:
            yield Key(counted.village_code, kind, at, until, place)


def _months(runs: Sequence[int]) -> Iterator[tuple[str, int, int]]:
    for start in range(0, len(runs), 3):
        first, last, posted = runs[start : start + 3]
        if not posted:
            # While a paid month waits for the insurer nothing is promised and nothing is held against anyone.
            continue
        yield from ((CountKind.POSTED.value, month, 0) for month in range(first, last + 1))
        until = runs[start + 3] if start + 3 < len(runs) else ENDLESS
        if until > last + 1:
            yield (CountKind.IDLE.value, last, until)


def _take(where: str) -> TextClause:
    marks = f"SELECT id FROM standing_marks {where} ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED"  # noqa: S608
    return text(f"DELETE FROM standing_marks WHERE id IN ({marks}) RETURNING worker_id")  # noqa: S608


_TAKE_ANY, _TAKE_OF = _take(""), _take("WHERE village_code = ANY(CAST(:villages AS varchar[]))")
_NEW = text(
    "INSERT INTO standings (worker_id, village_code, rt_rw, group_code, joined, runs) "
    "SELECT id, '', '', '', 0, '' FROM unnest(CAST(:ids AS bigint[])) AS given(id) ORDER BY id ON CONFLICT DO NOTHING"
)
_ADD = text(
    "INSERT INTO village_counters AS known (village_code, kind, at, until, place, n) SELECT * FROM unnest("
    "CAST(:village_code AS varchar[]), CAST(:kind AS varchar[]), CAST(:at AS integer[]), "
    "CAST(:until AS integer[]), CAST(:place AS varchar[]), CAST(:n AS integer[])) "
    "ON CONFLICT (village_code, kind, at, until, place) DO UPDATE SET n = known.n + excluded.n"
)


_CLEAR = text(
    "DELETE FROM village_counters WHERE ctid IN (SELECT ctid FROM village_counters WHERE village_code = "
    "ANY(CAST(:villages AS varchar[])) AND kind = 'joined' AND at < :before FOR UPDATE SKIP LOCKED)"
)


# Whoever throws a village's counters away is alone; those who add to them are not in each other's way.
_BESIDE = text("SELECT pg_advisory_xact_lock_shared(1397768260)")
_ALONE = text("SELECT pg_advisory_xact_lock(1397768260)")


def count_marked(work: Work, village_codes: Collection[str] = (), most: int = MARKS_AT_ONCE) -> int:
    """Count anew those who were marked, of these villages or of all; how many marks were taken.

    Rows are locked in the order of their keys: two at once wait for each other and never deadlock, as long as each
    calls this once in a transaction.
    """
    work.db.execute(_BESIDE)
    given = {"most": most} | ({"villages": list(village_codes)} if village_codes else {})
    ids = work.db.scalars(_TAKE_OF if village_codes else _TAKE_ANY, given).all()
    if not ids:
        return 0
    worker_ids = sorted(set(ids))
    read_by_key(work.db)
    work.db.execute(_NEW, {"ids": worker_ids})
    before = counted_last(work, worker_ids, locked=True)
    # Read after the rows are ours: what commits later has a mark of its own.
    now = count_now(work, worker_ids)
    changed = {worker_id: one for worker_id, one in now.items() if one != before[worker_id]}
    rows = [{"worker_id": worker_id, **_row(one)} for worker_id, one in changed.items()]
    update_rows(work.db, Standing, ("worker_id",), rows)
    difference = Counter[Key]()
    for worker_id, one in changed.items():
        difference.update(keys_of(one))
        difference.subtract(keys_of(before[worker_id]))
    _add(work, {key: n for key, n in difference.items() if n})
    villages = sorted({key.village_code for key in difference})
    work.db.execute(_CLEAR, {"villages": villages, "before": work.today.toordinal() - JOINED_DAYS})
    return len(ids)


def counted_last(work: Work, worker_ids: Sequence[int], *, locked: bool = False) -> dict[int, Counted]:
    query = select(
        *(Standing.worker_id, Standing.village_code, Standing.rt_rw, Standing.group_code),
        *(Standing.joined, Standing.runs),
    ).where(Standing.worker_id.in_(worker_ids))
    if locked:
        query = query.order_by(Standing.worker_id).with_for_update()
    return {
        worker_id: Counted(village_code, rt_rw, group_code, joined, _read(runs))
        for worker_id, village_code, rt_rw, group_code, joined, runs in work.db.execute(query)
    }


def count_now(work: Work, worker_ids: Sequence[int]) -> dict[int, Counted]:
    """By the rows as they are: who is submitted or verified counts, and the others do not."""
    # Who joined again has a KPJ from before, and no cover until the insurer says so (Membership.is_uncovered).
    submitted = Membership.state == MembershipState.SUBMITTED.value
    query = (
        select(
            *(Worker.id, Worker.village_code, Worker.rt_rw, Worker.group_code, Worker.enrolled_at),
            submitted & Membership.kpj_sealed.is_not(None),
        )
        .join(Membership, Membership.worker_id == Worker.id)
        .where(Worker.id.in_(worker_ids), submitted | (Membership.state == MembershipState.VERIFIED.value))
    )
    found, paid = work.db.execute(query).all(), histories(work.db, worker_ids)
    now = dict.fromkeys(worker_ids, Counted())
    for worker_id, village_code, rt_rw, group_code, enrolled_at, waits in found:
        runs = () if waits else runs_of(paid[worker_id])
        now[worker_id] = Counted(village_code, rt_rw, group_code, jakarta_day(enrolled_at).toordinal(), runs)
    return now


def _row(one: Counted) -> dict[str, object]:
    return {**one._asdict(), "runs": " ".join(map(str, one.runs))}


def _read(runs: str) -> tuple[int, ...]:
    return tuple(map(int, runs.split()))


def _is_kept(work: Work, key: Key) -> bool:
    return key.kind != CountKind.JOINED.value or key.at >= work.today.toordinal() - JOINED_DAYS


def _add(work: Work, difference: Mapping[Key, int]) -> None:
    if difference:
        rows = sorted((*key, n) for key, n in difference.items())
        columns = zip((*Key._fields, "n"), zip(*rows, strict=True), strict=True)
        work.db.execute(_ADD, {name: list(values) for name, values in columns})


# Proving

_COUNTERS = text(
    "SELECT village_code, kind, at, until, place, n FROM village_counters WHERE village_code = :village AND n <> 0"
)
_FORGET = tuple(
    map(
        text,
        (
            "DELETE FROM village_counters WHERE village_code = :village",
            "INSERT INTO standing_marks (worker_id, village_code) SELECT worker_id, village_code FROM standings "
            "WHERE village_code = :village UNION SELECT id, village_code FROM workers WHERE village_code = :village",
            "UPDATE standings SET village_code = '', rt_rw = '', group_code = '', joined = 0, runs = '' "
            "WHERE village_code = :village",
        ),
    )
)
_MARKED = text("SELECT DISTINCT worker_id FROM standing_marks WHERE village_code = :village")


@dataclass(frozen=True)
class Proof:
    """Of one village: members counted, counters that differ from the sum of their members, members counted wrongly."""

    members: int
    counters: tuple[Key, ...]
    workers: tuple[int, ...]

    @property
    def is_right(self) -> bool:
        return not self.counters and not self.workers


def prove(work: Work, village_code: str) -> Proof:
    """Counters against members, and members against their months; the caller's transaction is of one moment.

    Who is marked and waits to be counted anew may differ, and is left out of the second.
    """
    here = work.db.scalars(
        select(Standing.worker_id)
        .where(Standing.village_code == village_code)
        .union(select(Worker.id).where(Worker.village_code == village_code))
    ).all()
    marked = set(work.db.scalars(_MARKED, {"village": village_code}))
    summed, wrong, members = Counter[Key](), list[int](), 0
    for start in range(0, len(here), MARKS_AT_ONCE):
        ids = here[start : start + MARKS_AT_ONCE]
        last, now = counted_last(work, ids), count_now(work, ids)
        for worker_id in ids:
            counted = last.get(worker_id, Counted())
            if counted.village_code == village_code:
                members += bool(counted.joined)
                summed.update(keys_of(counted))
            if counted != now[worker_id] and worker_id not in marked:
                wrong.append(worker_id)
    rows = work.db.execute(_COUNTERS, {"village": village_code})
    kept = {Key(village, kind, at, until, place): n for village, kind, at, until, place, n in rows}
    known = [key for key in kept.keys() | summed.keys() if _is_kept(work, key)]
    differ = sorted(key for key in known if kept.get(key, 0) != summed[key])
    return Proof(members, tuple(differ), tuple(wrong))


def count_anew(work: Work, village_code: str) -> None:
    """Throw the village's counters away and mark everybody of it, whatever is wrong with them."""
    work.db.execute(_ALONE)
    given = {"village": village_code}
    for statement in _FORGET:
        work.db.execute(statement, given)
