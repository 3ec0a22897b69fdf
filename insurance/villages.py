"""What a village head may know of the village: counts, never a name, a balance, a NIK or a small group."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from insurance.cover import GRACE_MONTHS
from insurance.small_cells import NOBODY, OTHER, VillageCount, is_small, may_say_behind, merge_small, open_cells
from insurance.standings import MARKS_AT_ONCE, count_marked, month_number, places_of
from insurance.work import Work
from models import CountKind, Head, Lookup, Worker
from models.event import record

WEEK_DAYS = 7
LOOKS_DAYS = 90
REFRESHED_MAX = 2 * MARKS_AT_ONCE
HEAD, LEADER = "head", "leader"


class StillCounting(Exception):
    """So many members wait to be counted anew that a number would be false; the job has them in a few minutes."""


def heads_at(work: Work, phone_index: bytes) -> list[Head]:
    """Whom this number speaks for today, in villages and parts of them; after the term for none."""
    query = (
        select(Head)
        .where(Head.phone_index == phone_index, Head.term_from <= work.today, Head.term_until >= work.today)
        .order_by(Head.village_code, Head.place)
    )
    return list(work.db.scalars(query).unique())


def headed_by(work: Work, phone_index: bytes) -> set[str]:
    """The codes of the villages, not of parts of them, that this number heads today."""
    return {head.village_code for head in heads_at(work, phone_index) if not head.place}


def looked(work: Work, head: Head, place: str, why: str) -> None:
    """Who looked at what is kept for the auditor, and counted for the members (`SIAPA`)."""
    record(work.db, ("village", head.village_code), f"head {head.id}", why, place, "", "counted", work.now)
    role = LEADER if head.place else HEAD
    first = insert(Lookup).values(village_code=head.village_code, day=work.today, place=place, role=role, times=1)
    key = ["village_code", "day", "place", "role"]
    work.db.execute(first.on_conflict_do_update(index_elements=key, set_={"times": Lookup.times + 1}))


def looks_at(work: Work, worker: Worker) -> tuple[Mapping[str, int], date | None]:
    """How often this member was among those counted in the last LOOKS_DAYS days, by role, and when last."""
    since = work.today - timedelta(days=LOOKS_DAYS)
    query = (
        select(Lookup.role, func.sum(Lookup.times), func.max(Lookup.day))
        .where(
            Lookup.village_code == worker.village_code,
            Lookup.day > since,
            Lookup.place.in_(places_of(worker.rt_rw, worker.group_code)),
        )
        .group_by(Lookup.role)
    )
    found = work.db.execute(query).all()
    return {role: int(times) for role, times, _ in found}, max((last for _, _, last in found), default=None)


@dataclass(frozen=True)
class Shown:
    """What may be said of a place; where `is_hidden` nothing but that it, or the rest without it, has few people."""

    enrolled: int
    groups: Mapping[str, int]
    joined: int
    behind: int | None
    """How many owe a month; None where it may not be said."""
    is_hidden: bool


_HIDDEN = Shown(0, {}, 0, None, True)


@dataclass(frozen=True)
class VillageCounts:
    """One village in one moment, by place as the counters name them: '' for all, `r003/005`, `w005`, `gTANI1`."""

    by_place: Mapping[str, VillageCount]
    few: int
    """Fewer than so many are not told."""

    def of(self, place: str) -> VillageCount:
        return self.by_place.get(place, NOBODY)

    @cached_property
    def neighbourhoods(self) -> Mapping[str, VillageCount]:
        """By `003/005`, for those whose members said where they live."""
        return {place[1:]: counted for place, counted in sorted(self.by_place.items()) if place.startswith("r")}

    @cached_property
    def _open(self) -> set[str]:
        cells = {name: counted.enrolled for name, counted in self.neighbourhoods.items()}
        return open_cells(cells, self.of("").enrolled - sum(cells.values()), self.few)

    def shown(self, place: str) -> Shown:
        """Counts of which nobody can be made out, in the place, in its village without it, or among its neighbours."""
        counted, whole = self.of(place), self.of("") if place else None
        rest = whole.enrolled - counted.enrolled if whole else 0
        closed = place.startswith("r") and counted.enrolled and place[1:] not in self._open
        if closed or is_small(counted.enrolled, self.few) or is_small(rest, self.few):
            return _HIDDEN
        groups = merge_small(counted, self.few, whole)
        joined = counted.joined if self._may_say(counted.joined, whole.joined if whole else None) else 0
        behind = may_say_behind(counted, groups, self.few) and self._may_say(
            counted.behind, whole.behind if whole else None
        )
        return Shown(counted.enrolled, groups, joined, counted.behind if behind else None, False)

    def _may_say(self, number: int, whole: int | None) -> bool:
        return not is_small(number, self.few) and not (whole is not None and is_small(whole - number, self.few))

    def behind_by_neighbourhood(self) -> Mapping[str, int]:
        """Who owes a month, by RT; in OTHER those of small ones and who never said where they live, few in none."""
        listed = {name: self.of(f"r{name}").behind for name in sorted(self._open)}
        listed = {name: number for name, number in listed.items() if number >= self.few}
        other = self.of("").behind - sum(listed.values())
        while listed and is_small(other, self.few):
            fewest = min(listed, key=lambda name: (listed[name], name))
            other += listed.pop(fewest)
        return {**listed, OTHER: other} if listed and other else listed


# All of a village in one statement, so that a part and the whole are of one moment. By the key's order (village, kind,
# month) its rows are those of this month, whatever the village's size and age: a few for each part of it.
_READ = text(
    "SELECT place, kind, at, sum(n) FROM village_counters WHERE village_code = :village AND ("
    "kind = 'member' OR kind = 'joined' AND at > :since OR kind = 'posted' AND at = :this "
    "OR kind = 'idle' AND at < :this AND until > :this) GROUP BY place, kind, at"
)
_NAMED = {CountKind.MEMBER.value: "member", CountKind.JOINED.value: "joined", CountKind.POSTED.value: "protected"}


def refresh(work: Work, village_codes: Collection[str]) -> None:
    """Count anew who waits for it in these villages, once in a transaction. Raises StillCounting.

    Those that a transaction still open changes are counted when it is over.
    """
    if village_codes and count_marked(work, village_codes, REFRESHED_MAX) == REFRESHED_MAX:
        raise StillCounting


def counts(work: Work, village_code: str) -> VillageCounts:
    """As they were counted last; `refresh` first."""
    this, since = month_number(work.today), work.today.toordinal() - WEEK_DAYS
    found = dict[str, Counter[str]]()
    for place, kind, at, n in work.db.execute(_READ, {"village": village_code, "this": this, "since": since}):
        found.setdefault(place, Counter())[group_of(work, kind, this - at)] += int(n)
    by_place = {place: as_counted(counted) for place, counted in found.items()}
    return VillageCounts(by_place, work.settings.SMALL_CELL_MIN)


def group_of(work: Work, kind: str, months_ago: int) -> str:
    """What a counter means today; of an idle member the last month paid, and posted, lies `months_ago` (cover.py)."""
    if kind != CountKind.IDLE.value:
        return _NAMED[kind]
    whole_months_unpaid = months_ago - 1
    if whole_months_unpaid >= GRACE_MONTHS:
        return "lapsed"
    return "grace" if whole_months_unpaid or work.today.day > work.settings.DUE_DAY else "waiting"


def as_counted(counted: Counter[str]) -> VillageCount:
    groups = {group: counted[group] for group in ("protected", "grace", "lapsed")}
    # All others: nothing is paid yet, or what is paid waits for the insurer, or this month is not due.
    waiting = counted["member"] - sum(groups.values())
    return VillageCount(counted["member"], {**groups, "waiting": waiting}, counted["joined"])
