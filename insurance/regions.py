"""Counts of members by province, regency, district or village, for operators; it only reads what villages count."""

from collections import Counter
from collections.abc import Collection, Mapping

from sqlalchemy import select, text

from insurance.operators import Sight, between
from insurance.small_cells import VillageCount
from insurance.standings import month_number
from insurance.villages import WEEK_DAYS, as_counted, group_of
from insurance.work import Work
from models import Target

PROVINCE, REGENCY, DISTRICT, VILLAGE = 2, 4, 6, 10
"""How many of a village code's digits name each (Kepmendagri 300.2.2-2430/2025)."""

# Of whole villages alone, each kind from its own stretch of their index. What each means today is worked out as for a
# single village (insurance/villages.py).
_WHICH = (
    "kind = 'member'",
    "kind = 'joined' AND at > :since",
    "kind = 'posted' AND at = :this",
    "kind = 'idle' AND at < :this AND until > :this",
)
_READ = text(
    " UNION ALL ".join(
        "SELECT left(village_code, :digits), kind, at, sum(n) FROM village_counters "  # noqa: S608
        f"WHERE place = '' AND village_code BETWEEN :first AND :last AND {which} GROUP BY 1, 2, 3"
        for which in _WHICH
    )
)


def counts_by(work: Work, digits: int, within: str, sight: Sight) -> Mapping[str, VillageCount]:
    """By the first `digits` digits of the code, of what begins with `within` and may be seen; as counted last."""
    this, since = month_number(work.today), work.today.toordinal() - WEEK_DAYS
    found = dict[str, Counter[str]]()
    for first, last in _ranges(within, sight):
        given = {"digits": digits, "first": first, "last": last, "this": this, "since": since}
        for code, kind, at, n in work.db.execute(_READ, given):
            found.setdefault(code, Counter())[group_of(work, kind, this - at)] += int(n)
    return {code: as_counted(counted) for code, counted in sorted(found.items())}


def total(work: Work, sight: Sight) -> VillageCount:
    """Of all that may be seen; a minute old at most, for one country is many villages."""
    return work.reference.get(("total", sight), work.now, lambda: added(counts_by(work, PROVINCE, "", sight)))


def added(counts: Mapping[str, VillageCount]) -> VillageCount:
    groups, enrolled, joined = Counter[str](), 0, 0
    for one in counts.values():
        groups.update(one.groups)
        enrolled, joined = enrolled + one.enrolled, joined + one.joined
    return VillageCount(
        enrolled, {group: groups[group] for group in ("protected", "grace", "lapsed", "waiting")}, joined
    )


def _ranges(within: str, sight: Sight) -> list[tuple[str, str]]:
    """First and last code, both included; of two prefixes that overlap the narrower."""
    if sight.regencies is None:
        return [between(within)]
    narrower = {max(within, regency, key=len) for regency in sight.regencies if _overlap(within, regency)}
    return [between(prefix) for prefix in sorted(narrower)]


def _overlap(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def targets(work: Work, codes: Collection[str]) -> Mapping[str, int]:
    """How many members these regions are to have, where somebody said so (`flask villages targets`)."""
    query = select(Target.code, Target.workers).where(Target.code.in_(codes))
    return {row.code: row.workers for row in work.db.execute(query)}
