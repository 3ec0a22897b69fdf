"""What a village head may know of the village: counts, never a name, a balance, a NIK or a small group."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from insurance.cover import MONTHS_BACK, Cover, CoverState, covers
from insurance.work import Work
from models import Head, Membership, MembershipState, Village, Worker
from units.month import add_months, month_of

# The order in which a head reads them; `other` is what small groups were merged into.
GROUPS = ("protected", "grace", "lapsed", "waiting")
OTHER = "other"


@dataclass(frozen=True)
class VillageCount:
    """How many workers of a village are enrolled, and how many of those in each of GROUPS."""

    enrolled: int
    groups: Mapping[str, int]


def headed_by(work: Work, phone_index: bytes) -> list[Village]:
    """The villages this number heads today; after the term it heads none."""
    query = (
        select(Village)
        .join(Head, Head.village_code == Village.code)
        .where(Head.phone_index == phone_index, Head.term_from <= work.today, Head.term_until >= work.today)
        .order_by(Village.code)
    )
    return list(work.db.scalars(query).unique())


def _group(cover: Cover) -> str:
    if cover.state is CoverState.PROTECTED:
        return "protected"
    if cover.in_grace:
        return "grace"
    return "lapsed" if cover.state is CoverState.LAPSED else "waiting"


def count(work: Work, village_code: str) -> VillageCount:
    # Who joined again has a KPJ from before, and no cover until the insurer says so (Membership.is_uncovered).
    submitted = Membership.state == MembershipState.SUBMITTED.value
    query = (
        select(Worker.id, submitted & Membership.kpj_sealed.is_not(None))
        .join(Membership)
        .where(Worker.village_code == village_code, submitted | (Membership.state == MembershipState.VERIFIED.value))
    )
    waiting = dict(work.db.execute(query).tuples().all())
    since = add_months(month_of(work.today), -MONTHS_BACK)
    found = covers(work.db, list(waiting), work.today, work.settings.DUE_DAY, since)
    states = Counter("waiting" if waiting[worker_id] else _group(cover) for worker_id, cover in found.items())
    return VillageCount(len(waiting), {group: states[group] for group in GROUPS})


def merge_small(counted: VillageCount, small_cell_min: int) -> Mapping[str, int]:
    """The groups as they may be shown: small ones are merged into OTHER, always two at least (rulings 12).

    A single hidden group could be had by subtraction; an empty answer means that nothing but the whole may be shown.
    """
    shown = dict(counted.groups)
    hidden = [group for group in GROUPS if 0 < shown[group] < small_cell_min]
    if not hidden:
        return shown
    other = sum(shown.pop(group) for group in hidden)
    merged = len(hidden)
    while shown and (other < small_cell_min or merged < 2):
        smallest = min(shown, key=lambda group: (shown[group] == 0, shown[group]))
        other, merged = other + shown.pop(smallest), merged + 1
    return {**shown, OTHER: other} if any(shown.values()) else {}
