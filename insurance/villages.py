"""What a village head may know of the village: counts, never a name, a balance, a NIK or a small group."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from insurance.cover import GRACE_MONTHS
from insurance.standings import MARKS_AT_ONCE, count_marked, month_number, places_of
from insurance.work import Work
from models import CountKind, Head, Lookup, VillageGroup, Worker
from models.event import record

# The order in which a head reads them; `other` is what small groups were merged into.
GROUPS = ("protected", "grace", "lapsed", "waiting")
OTHER = "other"
WEEK_DAYS = 7
LOOKS_DAYS = 90


@dataclass(frozen=True)
class VillageCount:
    """How many workers of a village are enrolled, and how many of those in each of GROUPS."""

    enrolled: int
    groups: Mapping[str, int]
    joined: int = 0
    """Of those, how many in the last seven days."""

    @property
    def behind(self) -> int:
        """In arrears, the term of the field: *menunggak*."""
        return self.groups["grace"] + self.groups["lapsed"]


_RT_RW = re.compile(r"(?:RT)?0*([0-9]{1,3})[/.\-](?:RW)?0*([0-9]{1,3})")


def read_rt_rw(typed: str) -> str:
    """`003/005` of `3/5`, `RT 003 / RW 005` and the like; empty where it is none."""
    found = _RT_RW.fullmatch(re.sub(r"\s", "", typed.upper()))
    return f"{int(found[1]):03}/{int(found[2]):03}" if found and int(found[1]) and int(found[2]) else ""


_RW = re.compile(r"RW0*([0-9]{1,3})")


def read_place(typed: str) -> str | None:
    """`RT 3/5`, `RW 5` or a group's code as the counters name them, `r003/005`; empty for the whole village.

    None where it is neither; whether there is such a group is not asked.
    """
    words = re.sub(r"\s", "", typed.upper())
    if rt_rw := read_rt_rw(words):
        return f"r{rt_rw}"
    if found := _RW.fullmatch(words):
        return f"w{int(found[1]):03}"
    if not words:
        return ""
    return f"g{words}" if re.fullmatch(r"[A-Z][A-Z0-9]{1,6}", words) else None


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
    """That somebody looked is kept for the auditor, and counted for the members (`SIAPA`)."""
    record(work.db, ("village", head.village_code), "head", why, place, "", "counted", work.now)
    first = insert(Lookup).values(village_code=head.village_code, day=work.today, place=place, times=1)
    once_more = {"times": Lookup.times + 1}
    work.db.execute(first.on_conflict_do_update(index_elements=["village_code", "day", "place"], set_=once_more))


def looks_at(work: Work, worker: Worker) -> tuple[int, date | None]:
    """How often this member was among those counted in the last LOOKS_DAYS days, and when last."""
    places = places_of(worker.rt_rw, worker.group_code)
    since = work.today - timedelta(days=LOOKS_DAYS)
    query = select(func.coalesce(func.sum(Lookup.times), 0), func.max(Lookup.day)).where(
        Lookup.village_code == worker.village_code, Lookup.day > since, Lookup.place.in_(places)
    )
    times, last = work.db.execute(query).one()
    return int(times), last


# What the counters say of this month: one statement, and rows in the number of months, whatever a village's size.
_READ = text(
    "SELECT place, kind, at, sum(n) FROM village_counters WHERE village_code = :village AND place LIKE :places AND ("
    "kind = 'member' OR kind = 'joined' AND at > :since OR kind = 'posted' AND at = :this "
    "OR kind = 'idle' AND at < :this AND until > :this) GROUP BY place, kind, at"
)


def count(work: Work, village_code: str, place: str = "") -> VillageCount:
    """Of the village, or of one place of it as `standings.places_of` names them."""
    return _counts(work, village_code, place).get(place, VillageCount(0, dict.fromkeys(GROUPS, 0)))


def count_neighbourhoods(work: Work, village_code: str) -> Mapping[str, VillageCount]:
    """By `003/005`, for those whose members said where they live."""
    return {place[1:]: counted for place, counted in sorted(_counts(work, village_code, "r%").items())}


def _counts(work: Work, village_code: str, places: str) -> dict[str, VillageCount]:
    # Those that an open transaction changes are counted when it is over; of a big run's the job does the rest in time.
    if count_marked(work, village_code) == MARKS_AT_ONCE:
        count_marked(work, village_code)
    this, since = month_number(work.today), work.today.toordinal() - WEEK_DAYS
    given = {"village": village_code, "places": places, "this": this, "since": since}
    found = dict[str, Counter[str]]()
    for place, kind, at, n in work.db.execute(_READ, given):
        group = _group(this - at, work) if kind == CountKind.IDLE.value else _NAMED[kind]
        found.setdefault(place, Counter())[group] += int(n)
    return {place: _village_count(counts) for place, counts in found.items()}


_NAMED = {CountKind.MEMBER.value: "member", CountKind.JOINED.value: "joined", CountKind.POSTED.value: "protected"}


def _group(months_ago: int, work: Work) -> str:
    """Where the last month that was paid, and is posted, lies `months_ago` (insurance/cover.py)."""
    whole_months_unpaid = months_ago - 1
    if whole_months_unpaid >= GRACE_MONTHS:
        return "lapsed"
    return "grace" if whole_months_unpaid or work.today.day > work.settings.DUE_DAY else "waiting"


def _village_count(counts: Counter[str]) -> VillageCount:
    groups = {group: counts[group] for group in ("protected", "grace", "lapsed")}
    # All others: nothing is paid yet, or what is paid waits for the insurer, or this month is not due.
    return VillageCount(
        counts["member"], {**groups, "waiting": counts["member"] - sum(groups.values())}, counts["joined"]
    )


def is_small(number: int, small_cell_min: int) -> bool:
    return 0 < number < small_cell_min


def merge_small(counted: VillageCount, small_cell_min: int, whole: VillageCount | None = None) -> Mapping[str, int]:
    """The groups as they may be shown: small ones are merged into OTHER, always two at least (rulings 12).

    A single hidden group could be had by subtraction; an empty answer means that nothing but the whole may be shown.
    Of a part of a village, `whole` is what the village has: a group is small too where the rest of the village is.
    """
    shown = dict(counted.groups)

    def small(group: str) -> bool:
        rest = whole.groups[group] - shown[group] if whole else 0
        return is_small(shown[group], small_cell_min) or is_small(rest, small_cell_min)

    hidden = [group for group in GROUPS if small(group)]
    if not hidden:
        return shown
    other = sum(shown.pop(group) for group in hidden)
    merged = len(hidden)
    while shown and (other < small_cell_min or merged < 2):
        smallest = min(shown, key=lambda group: (shown[group] == 0, shown[group]))
        other, merged = other + shown.pop(smallest), merged + 1
    return {**shown, OTHER: other} if any(shown.values()) else {}


@dataclass(frozen=True)
class Shown:
    """What may be said of a place; where `is_hidden` nothing but that it has few members."""

    enrolled: int
    groups: Mapping[str, int]
    joined: int
    is_hidden: bool


def shown(work: Work, village_code: str, place: str = "") -> Shown:
    """The counts of a place, of which nobody can be made out, neither in it nor in the rest of the village."""
    small = work.settings.SMALL_CELL_MIN
    counted = count(work, village_code, place)
    whole = count(work, village_code) if place else None
    rest = whole.enrolled - counted.enrolled if whole else 0
    joined = 0 if is_small(counted.joined, small) else counted.joined
    if whole and is_small(whole.joined - counted.joined, small):
        joined = 0
    hidden = is_small(counted.enrolled, small) or is_small(rest, small)
    return Shown(counted.enrolled, merge_small(counted, small, whole), joined, hidden)


def behind_by_neighbourhood(work: Work, village_code: str, total: VillageCount) -> Mapping[str, int]:
    """Who owes a month, by RT; in OTHER those of small ones and who never said where they live, few in none."""
    small = work.settings.SMALL_CELL_MIN
    counted = count_neighbourhoods(work, village_code)
    listed = {name: one.behind for name, one in counted.items() if one.behind >= small}
    other = total.behind - sum(listed.values())
    while listed and is_small(other, small):
        fewest = min(listed, key=lambda name: (listed[name], name))
        other += listed.pop(fewest)
    return {**listed, OTHER: other} if listed and other else listed


def has_group(work: Work, village_code: str, code: str) -> bool:
    return work.db.get(VillageGroup, (village_code, code)) is not None
