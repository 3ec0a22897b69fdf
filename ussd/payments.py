"""Paying by a yes of its own, pausing and going on, as a call shows and does them."""

from itertools import groupby

from insurance import mandates, paying
from models import Why
from models.machine import Cause
from texts import Facts
from units.money import rupiah
from units.month import Month, add_months, month_name, parse_month
from ussd.actions import check_shown, yes
from ussd.caller import Caller
from ussd.facts import live_mandate
from ussd.screens import Choice

PAYMENT_YES, PAUSE_SHOWN = "payment_yes", "pause_shown"


def payable(caller: Caller) -> list[Choice]:
    caller.check_hold()
    return [
        Choice(_value(offer.months), _label(caller, offer)) for offer in paying.offers(caller.work, caller.worker())
    ]


def _value(months: tuple[Month, ...]) -> str:
    """`2026-11/3`: three months from November on."""
    return f"{months[0]:%Y-%m}/{len(months)}"


def _picked(caller: Caller) -> tuple[Month, ...]:
    first, count = caller.answers["pay"].split("/")
    return tuple(add_months(parse_month(first), ahead) for ahead in range(int(count)))


def _label(caller: Caller, offer: paying.Offer) -> str:
    last, amount = month_name(offer.months[-1], caller.language), rupiah(offer.total_rp)
    if offer.why is Why.AHEAD:
        return caller.line("pay.ahead", count=str(len(offer.months)), month=last, total=amount)
    return caller.line(f"pay.{offer.why.value}", month=last, amount=amount)


def payment_terms(caller: Caller) -> Facts:
    """What is agreed to: which months, how many debits, each price; nothing of it changes after the yes."""
    mandate, months = live_mandate(caller), _picked(caller)
    prices = paying.prices(caller.work, caller.worker(), mandate, months)
    named = {"month": month_name(months[0], caller.language), "month2": month_name(months[-1], caller.language)}
    count, total = str(len(months)), rupiah(sum(prices))
    if len(months) == 1:
        what = caller.line("pay_one", month=named["month"], total=total)
    else:
        groups = [(rupiah(price), len(list(same))) for price, same in groupby(prices)]
        each = "+".join(f"{many}x{price}" for price, many in groups)
        what = caller.line("pay_many", count=count, total=total, each=each, **named)
    return {**mandates.bank_facts(mandate), "what_paid": what}


def pay(caller: Caller) -> None:
    """Raises StopOpen, NoMandate, MembershipRefused, NotOwed, TriedToday, TriesUsed, AboveMaximum or TermsChanged."""
    caller.check_hold()
    check_shown(caller, "mandate.pay_confirm", PAYMENT_YES, payment_terms)
    agreed = yes(caller, "payment", "mandate.pay_confirm", PAYMENT_YES)
    paying.pay(caller.work, caller.worker(), _picked(caller), agreed)


def pauses(caller: Caller) -> list[Choice]:
    caller.check_hold()
    return [Choice(str(count), caller.line("pause_months", count=str(count))) for count in mandates.PAUSE_MONTHS]


def pause_terms(caller: Caller) -> Facts:
    first, count = mandates.pause_from(caller.work, caller.worker()), int(caller.answers["pause"])
    return {
        **mandates.bank_facts(live_mandate(caller)),
        "month": month_name(first, caller.language),
        "month2": month_name(add_months(first, count), caller.language),
    }


def pause(caller: Caller) -> None:
    """Raises NoMandate or TermsChanged."""
    caller.check_hold()
    check_shown(caller, "mandate.pause_confirm", PAUSE_SHOWN, pause_terms)
    mandates.pause(caller.work, caller.worker(), int(caller.answers["pause"]))


def resume(caller: Caller) -> None:
    """Raises NoMandate or HeldBack."""
    caller.check_hold()
    mandates.resume(caller.work, caller.worker(), Cause("member", "ussd"))
