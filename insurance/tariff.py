"""What a month costs: dated rows by month, sector, programme, base and payer; the rates are never in code."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.reference import detached
from insurance.work import Work
from models import Bracket, Tariff
from models.membership import PROGRAMMES
from units.month import Month, add_months

PAYER_SELF = "self"
# How far ahead a coming change of price is looked for and told in a consent.
MONTHS_AHEAD = 12
# Ruling 21: income is a pick of four; who earns more is served by a branch.
INCOMES_OFFERED = 4


class NoTariff(Exception):
    """No row says what this month costs: a fault of the data, never guessed."""


@dataclass(frozen=True)
class Quote:
    """Rupiah by programme for one month of one worker."""

    by_programme: dict[str, int]

    @property
    def total_rp(self) -> int:
        return sum(self.by_programme.values())


def sector_class(sector: str) -> str:
    return "transport" if sector == "transport" else "other"


class PriceList:
    """The tariff rows of one payer and sector class, read once and asked for many months."""

    def __init__(self, db: Session, sector: str, payer: str = PAYER_SELF) -> None:
        query = (
            select(Tariff)
            .where(Tariff.sector_class == sector_class(sector), Tariff.payer == payer)
            .order_by(Tariff.valid_from)
        )
        self._rows = detached(db, db.scalars(query).all())

    def quote(self, month: Month, base_rp: int, programmes: str) -> Quote:
        """What `month` costs. `quote(date(2026, 11, 1), 1_000_000, "3").total_rp` is 28400. Raises NoTariff."""
        prices: dict[str, int] = {}
        for programme in PROGRAMMES[programmes]:
            rows = [row for row in self._rows if row.programme == programme and row.valid_from <= month]
            if not rows:
                raise NoTariff(f"{programme} {month:%Y-%m}")
            prices[programme] = rows[-1].flat_rp + base_rp * rows[-1].rate_ppm // 1_000_000
        return Quote(prices)

    def next_change(self, month: Month, base_rp: int, programmes: str) -> tuple[Month, Quote] | None:
        """The first coming month that costs something else, within MONTHS_AHEAD."""
        return next_change(lambda later: self.quote(later, base_rp, programmes), month)

    def highest_rp(self, month: Month, base_rp: int, programmes: str) -> int:
        """The dearest month within MONTHS_AHEAD."""
        return highest_rp(lambda later: self.quote(later, base_rp, programmes), month)


def next_change(quoted: Callable[[Month], Quote], month: Month) -> tuple[Month, Quote] | None:
    """The first month after `month` that costs something else, within MONTHS_AHEAD."""
    now = quoted(month)
    later = ((add_months(month, ahead), quoted(add_months(month, ahead))) for ahead in range(1, MONTHS_AHEAD + 1))
    return next(((one, quote) for one, quote in later if quote != now), None)


def highest_rp(quoted: Callable[[Month], Quote], month: Month) -> int:
    """The dearest month within MONTHS_AHEAD: what a mandate's maximum has to allow, and no more."""
    return max(quoted(add_months(month, ahead)).total_rp for ahead in range(MONTHS_AHEAD + 1))


def price_list(work: Work, sector: str, payer: str = PAYER_SELF) -> PriceList:
    """The list of a sector for one payer."""
    key = ("prices", sector_class(sector), payer)
    return work.reference.get(key, work.now, lambda: PriceList(work.db, sector, payer))


@dataclass(frozen=True)
class Income:
    """An income band: from `low_rp` to below `below_rp`, contributing on `base_rp`."""

    low_rp: int
    below_rp: int
    base_rp: int


def incomes_offered(work: Work) -> list[Income]:
    """The lowest bands, by lower bounds alone so that no income falls between two."""
    return work.reference.get("incomes", work.now, lambda: _incomes(work.db))


def _incomes(db: Session) -> list[Income]:
    rows = db.scalars(select(Bracket).order_by(Bracket.low_rp).limit(INCOMES_OFFERED + 1)).all()
    return [Income(row.low_rp, above.low_rp, row.base_rp) for row, above in pairwise(rows)]


def first_month(today: date) -> Month:
    """The month a contribution paid today is for."""
    return today.replace(day=1)
