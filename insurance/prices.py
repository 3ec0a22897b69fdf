"""What an attempt costs, and whether its notice has to say that the sum has changed; it changes nothing."""

from collections.abc import Callable, Mapping

import structlog

from insurance.attempts import Try
from insurance.party import Party
from insurance.tariff import NoTariff, Quote, price_list
from insurance.work import Work
from models import Membership, Why
from models.membership import terms_in
from units.money import rupiah
from units.month import Month, add_months

log = structlog.get_logger()

Quotes = dict[tuple[str, Month, int, str], Quote | None]
"""By sector, month, base and programmes: once for all who pay alike."""


def words(
    work: Work, new: Try, to: Party, says: str, facts: Mapping[str, str], quotes: Quotes
) -> tuple[str, Mapping[str, str]]:
    """The text that gives the notice and what more it says; one that costs another sum than the month before says so.

    The month before is priced for the same mandate, from the list that is in memory.
    """
    if new.why != Why.MONTHLY.value or says != "notice":
        return says, facts
    previous = add_months(new.month, -1)
    key = (to.sector, previous, *terms_in(to, previous))
    if key not in quotes:
        quotes[key] = quoted(work, *key)
    before = quotes[key]
    if before is None or before.total_rp + new.fee_rp == new.total_rp:
        return says, facts
    return "notice_changed", {**facts, "amount2": rupiah(before.total_rp + new.fee_rp)}


def quotes_of(work: Work, member: Membership) -> Callable[[Month], Quote]:
    """What each month costs this member, other terms chosen for later months included. The result raises NoTariff."""
    listed = price_list(work, member.sector)
    return lambda month: listed.quote(month, *terms_in(member, month))


def quoted(work: Work, sector: str, month: Month, base_rp: int, programmes: str) -> Quote | None:
    try:
        return price_list(work, sector).quote(month, base_rp, programmes)
    except NoTariff:
        # A fault of the data that one look at the log shows; no member is charged by guess.
        log.error("no_tariff", sector=sector, month=f"{month:%Y-%m}")
        return None
