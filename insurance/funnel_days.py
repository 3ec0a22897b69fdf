"""What callers did on each screen over some days, for an operator; sums of counts by day, which hold nobody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select

from insurance.work import Work
from models import FunnelDay

DAYS = 7


@dataclass(frozen=True)
class ScreenSeen:
    screen: str
    entered: int
    answered: int
    wrong: int
    dropped: int


def since(work: Work) -> date:
    return work.today - timedelta(days=DAYS - 1)


def screens(work: Work, language: str = "", gateway: str = "") -> Sequence[ScreenSeen]:
    """Of the last DAYS days, the most entered first; of one language and one gateway where they are given."""
    counts = [func.sum(getattr(FunnelDay, name)) for name in ("entered", "answered", "wrong", "dropped")]
    query = select(FunnelDay.screen, *counts).where(FunnelDay.day >= since(work)).group_by(FunnelDay.screen)
    query = query.where(FunnelDay.language == language) if language else query
    query = query.where(FunnelDay.gateway == gateway) if gateway else query
    rows = work.db.execute(query.order_by(counts[0].desc(), FunnelDay.screen))
    return [ScreenSeen(screen, *map(int, sums)) for screen, *sums in rows]


def ways(work: Work) -> tuple[Sequence[str], Sequence[str]]:
    """The languages and gateways there were."""
    here = FunnelDay.day >= since(work)
    languages = work.db.scalars(select(FunnelDay.language).where(here).distinct().order_by(FunnelDay.language))
    gateways = work.db.scalars(select(FunnelDay.gateway).where(here).distinct().order_by(FunnelDay.gateway))
    return languages.all(), gateways.all()
