"""A new price of a programme from a month on: agreed to by two (rulings 15), and never for a month that is planned.

Members are told by what is there already: consents name coming prices, and a notice says what changed before a debit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from insurance.work import Work
from insurance.work_items import close, open_item
from models import Run, Tariff, WorkItem, WorkKind
from models.event import record
from models.machine import Cause
from units.month import Month, parse_month

PROGRAMMES, SECTOR_CLASSES, PAYERS = ("JKK", "JKM", "JHT"), ("transport", "other"), ("self", "village", "state")
DECISION = "new_price"
_RATE_PPM_MAX, _FLAT_RP_MAX, _SOURCE_MAX = 200_000, 1_000_000, 40


class NotAPrice(ValueError):
    """Says which part cannot be taken: `what`, `month`, `planned`, `amount`, `known` or `source`."""


@dataclass(frozen=True)
class NewPrice:
    programme: str
    sector_class: str
    payer: str
    valid_from: Month
    rate_ppm: int
    """Parts per million of the base."""
    flat_rp: int

    @property
    def about(self) -> str:
        """How its work item names it, and says all of it."""
        key = f"{self.programme} {self.sector_class} {self.payer} {self.valid_from:%Y-%m}"
        return f"{key} {self.rate_ppm}ppm Rp{self.flat_rp}"

    @property
    def key(self) -> tuple[str, str, str, date]:
        return (self.programme, self.sector_class, self.payer, self.valid_from)


def read(typed: Mapping[str, str]) -> NewPrice:
    """`month` as 2027-04; `rate_ppm` and `flat_rp` as whole numbers, empty for none. Raises NotAPrice."""
    programme, sector_class, payer = (typed.get(name, "") for name in ("programme", "sector_class", "payer"))
    if programme not in PROGRAMMES or sector_class not in SECTOR_CLASSES or payer not in PAYERS:
        raise NotAPrice("what")
    try:
        month = parse_month(typed.get("month", ""))
    except ValueError:
        raise NotAPrice("month") from None
    numbers = [typed.get(name, "").strip() or "0" for name in ("rate_ppm", "flat_rp")]
    if not all(one.isascii() and one.isdigit() and len(one) < 9 for one in numbers):
        raise NotAPrice("amount")
    rate_ppm, flat_rp = map(int, numbers)
    if rate_ppm > _RATE_PPM_MAX or flat_rp > _FLAT_RP_MAX or not rate_ppm + flat_rp:
        raise NotAPrice("amount")
    return NewPrice(programme, sector_class, payer, month, rate_ppm, flat_rp)


def propose(work: Work, price: NewPrice, source: str, by: str) -> WorkItem:
    """The matter that two people agree to; `source` is the rule that says so. Raises NotAPrice."""
    source = " ".join(source.split())
    if not 4 <= len(source) <= _SOURCE_MAX:
        raise NotAPrice("source")
    _check(work, price)
    item = open_item(work, WorkKind.TARIFF, price.about, code=source, amount_rp=price.flat_rp or None, days=3)
    record(work.db, item.subject, by, "proposed", price.about[:40], "", item.state, work.now)
    return item


def _check(work: Work, price: NewPrice) -> None:
    """Raises NotAPrice: notices of a planned month have named the old price, and a month that is over is past."""
    this = date(work.today.year, work.today.month, 1)
    latest_run = work.db.scalar(select(Run.month).order_by(Run.month.desc()).limit(1))
    if price.valid_from <= max(this, latest_run or this):
        raise NotAPrice("planned")
    if work.db.get(Tariff, price.key) is not None:
        raise NotAPrice("known")


def apply(work: Work, item: WorkItem) -> NewPrice:
    """Enough people agreed: it stands, unless the month was planned meanwhile. Raises NotAPrice."""
    price = _of(item)
    _check(work, price)
    programme, sector_class, payer, valid_from = price.key
    work.db.add(
        Tariff(
            programme=programme,
            sector_class=sector_class,
            payer=payer,
            valid_from=valid_from,
            rate_ppm=price.rate_ppm,
            flat_rp=price.flat_rp,
            source=f"{item.code} (item {item.id})",
        )
    )
    work.reference.clear()
    close(work, item, Cause("people", DECISION))
    return price


def _of(item: WorkItem) -> NewPrice:
    programme, sector_class, payer, month, rate, flat = item.about.split(" ")
    numbers = {"rate_ppm": rate.removesuffix("ppm"), "flat_rp": flat.removeprefix("Rp")}
    return read({"programme": programme, "sector_class": sector_class, "payer": payer, "month": month, **numbers})


def listed(work: Work) -> Sequence[Tariff]:
    """All there are, of each kind the newest first."""
    order = (Tariff.programme, Tariff.sector_class, Tariff.payer, Tariff.valid_from.desc())
    return work.db.scalars(select(Tariff).order_by(*order)).all()
