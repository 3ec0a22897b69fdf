"""What screens say of a caller: rows turned into the short texts that fit; changes nothing."""

from collections.abc import Mapping

from insurance import enrolment, ledger, mandates
from insurance.contacts import held_until, main_tail
from insurance.cover import covers
from insurance.tariff import Quote, first_month, incomes_offered, price_list
from insurance.wording import cover_line
from models import Bank, Mandate, MandateState, Membership, Village
from models.membership import PROGRAMMES, SECTORS, terms_in
from texts import Facts
from texts.longest import FIRST_NAME_SHOWN_SEPTETS, NAME_SHOWN_SEPTETS, VILLAGE_SHOWN_SEPTETS
from units.gsm import shorten
from units.money import rupiah
from units.month import Month, day_text, month_name
from units.phone import masked_tail
from ussd import fields
from ussd.caller import Caller
from ussd.screens import Choice

OTHER_VILLAGE = "other"
HARVEST = "harvest"
MENU_ONLY = "menu"
# Days offered for the debit; those after DUE_DAY would fall into grace and are left out (rulings 2).
_DAYS = (1, 5, 10, 15, 20, 25)


def _millions(amount_rp: int) -> str:
    """Millions with one decimal: `1,1`."""
    return f"{amount_rp // 1_000_000},{amount_rp % 1_000_000 // 100_000}"


def sectors(caller: Caller) -> list[Choice]:
    return [Choice(sector, caller.word(f"sector.{sector}")) for sector in SECTORS]


def incomes(caller: Caller) -> list[Choice]:
    choices = []
    for band in incomes_offered(caller.work):
        low, high = _millions(band.low_rp), _millions(band.below_rp)
        label = (
            caller.line("income_band", low=low, high=high) if band.low_rp else caller.line("income_below", high=high)
        )
        choices.append(Choice(str(band.base_rp), label))
    return choices


def villages(caller: Caller) -> list[Choice]:
    """Villages of the NIK's district; the last choice is to type another one's code."""
    found = enrolment.villages_in_district(caller.work, caller.answers["nik"][:6])
    named = [Choice(village.code, shorten(village.name, VILLAGE_SHOWN_SEPTETS)) for village in found]
    return [*named, Choice(OTHER_VILLAGE, caller.line("village_other"))] if named else []


def _quotes(caller: Caller, programmes: str) -> tuple[Quote, tuple[Month, Quote] | None]:
    prices, month = price_list(caller.work, caller.answers["sector"]), first_month(caller.work.today)
    base = int(caller.answers["base_rp"])
    return prices.quote(month, base, programmes), prices.next_change(month, base, programmes)


def programmes(caller: Caller) -> list[Choice]:
    return [
        Choice(count, caller.line(f"programmes.{count}", amount=rupiah(_quotes(caller, count)[0].total_rp)))
        for count in PROGRAMMES
    ]


def change_line(caller: Caller, change: tuple[Month, Quote] | None, fee_rp: int = 0) -> str:
    if change is None:
        return ""
    month, quote = change
    amount = rupiah(quote.total_rp + fee_rp)
    return caller.line("change", month2=month_name(month, caller.language), amount2=amount)


def price(caller: Caller, programmes: str) -> Facts:
    now, change = _quotes(caller, programmes)
    return {"amount": rupiah(now.total_rp), "change": change_line(caller, change)}


def enrolment_terms(caller: Caller) -> Facts:
    village = caller.work.db.get_one(Village, village_code(caller.answers))
    return {
        "name": shorten(caller.answers["name"], NAME_SHOWN_SEPTETS),
        "village": shorten(village.name, VILLAGE_SHOWN_SEPTETS),
        **price(caller, caller.answers["programmes"]),
    }


def village_code(answers: Mapping[str, str]) -> str:
    """The village that was answered, or else the one that was dialled."""
    return answers.get("village") or answers["linked"]


def ages(caller: Caller) -> Facts:
    settings = caller.work.settings
    return {"age_min": str(settings.AGE_MIN), "age_max": str(settings.AGE_BELOW - 1)}


def phone_workers(caller: Caller) -> Facts:
    return {"count": str(caller.work.settings.PHONE_WORKERS_MAX)}


def languages(caller: Caller) -> list[Choice]:
    """Each by its own name: who cannot read the one on the screen finds the own one."""
    return [Choice(language, caller.texts.about(language).name) for language in caller.texts.offered]


def sms_for(caller: Caller) -> list[Choice]:
    """Whose SMS the chosen language is for; nobody's, where a member only lends the phone."""
    return [*who(caller), Choice(MENU_ONLY, caller.line("menu_only"))]


def who(caller: Caller) -> list[Choice]:
    """Those who share this number, by initials: a number is not a person."""
    return [Choice(str(worker.id), caller.work.initials(worker)) for worker in caller.workers()]


def banks(caller: Caller) -> list[Choice]:
    """The connected banks, that of the worker's own province first."""
    caller.check_hold()
    province = caller.worker().village.province
    rows = mandates.connected_banks(caller.work)
    ordered = sorted(rows, key=lambda bank: (bank.province != province, bank.name))
    return [Choice(bank.code, mandates.bank_name(bank)) for bank in ordered]


def chosen_bank(caller: Caller) -> Facts:
    caller.worker()
    return {"bank": mandates.bank_name(caller.work.db.get_one(Bank, caller.answers["bank"]))}


def own_name(caller: Caller) -> Facts:
    return {"name": caller.work.name(caller.worker())}


def days(caller: Caller) -> list[Choice]:
    latest = caller.work.settings.DUE_DAY
    return [Choice(str(day), caller.line("day", day=str(day))) for day in _DAYS if day <= latest]


def days_or_harvest(caller: Caller) -> list[Choice]:
    return [*days(caller), Choice(HARVEST, caller.line("day_harvest"))]


def chosen_days(caller: Caller) -> tuple[int, list[int] | None]:
    """One day for every month, and twelve where those of the harvest differ: January first."""
    answers = caller.answers
    if answers["when"] != HARVEST:
        return int(answers["when"]), None
    harvest, other = int(answers["harvest_day"]), int(answers["other_day"])
    months = fields.harvest_months(answers["harvest"])
    return other, [harvest if month in months else other for month in range(1, 13)]


def _harvest_line(caller: Caller) -> str:
    answers = caller.answers
    if answers["when"] != HARVEST:
        return ""
    months = ",".join(str(month) for month in sorted(fields.harvest_months(answers["harvest"])))
    return caller.line("harvest_days", months=months, day=answers["harvest_day"])


def replaced(caller: Caller) -> list[Choice]:
    """The mandate in force, by its number: a call that was left off replaces no other one."""
    return [Choice(str(live_mandate(caller).id), caller.line("replace_yes"))]


def is_replacing(caller: Caller) -> bool:
    mandate = mandates.live(caller.work, caller.worker().id)
    return mandate is not None and caller.answers.get("replaces") == str(mandate.id)


def mandate_terms(caller: Caller) -> Facts:
    terms = mandates.terms(caller.work, caller.worker(), replacing=is_replacing(caller))
    fee = caller.line("fee", amount2=rupiah(terms.fee_rp)) if terms.fee_rp else ""
    return {
        **chosen_bank(caller),
        "account": masked_tail(caller.answers["account"]),
        "plan": caller.line(
            "plan.now" if terms.at_once else "plan.later",
            amount=rupiah(terms.first.total_rp + terms.fee_rp),
            month=month_name(terms.month, caller.language),
            day=str(chosen_days(caller)[0]),
        ),
        "harvest": _harvest_line(caller),
        "change": change_line(caller, terms.change, terms.fee_rp),
        "max": rupiah(terms.max_rp),
        "fee": fee,
    }


def live_mandate(caller: Caller) -> Mandate:
    mandate = mandates.live(caller.work, caller.worker().id)
    if mandate is None:
        raise mandates.NoMandate
    return mandate


def mandate_facts(caller: Caller) -> Facts:
    mandate = live_mandate(caller)
    return {
        **mandates.bank_facts(mandate),
        "state": caller.word(f"mandate.{mandate.state}"),
        "max": rupiah(mandate.max_amount_rp),
    }


def asked_bank(caller: Caller) -> Facts:
    """Of the mandate on its way, where one in force stands beside it until the bank agrees."""
    return mandates.bank_facts(mandates.live_all(caller.work, caller.worker().id)[-1])


def waiting_for_code(caller: Caller) -> Mandate | None:
    found = mandates.live_all(caller.work, caller.worker().id)
    return next((mandate for mandate in found if mandate.state == MandateState.CODE_NEEDED.value), None)


def code_bank(caller: Caller) -> Facts:
    mandate = waiting_for_code(caller)
    return mandates.bank_facts(mandate or live_mandate(caller))


def cover_facts(caller: Caller) -> Facts:
    worker, work = caller.known(), caller.work
    member = work.db.get_one(Membership, worker.id)
    name = work.name(worker)
    if member.is_uncovered:
        return {"name": name, "status": caller.line(f"status.{member.state}")}
    cover = covers(work.db, [worker.id], work.today, work.settings.DUE_DAY)[worker.id]
    return {"name": name, "status": cover_line(caller.line, cover, caller.language, work.settings.DUE_DAY)}


def amounts(caller: Caller) -> Facts:
    """Contributions paid through us, and JHT only as the insurer told it; never the bank balance (rulings 6)."""
    worker, work = caller.worker(), caller.work
    member = work.db.get_one(Membership, worker.id)
    cover = covers(work.db, [worker.id], work.today, work.settings.DUE_DAY)[worker.id]
    if member.jht_balance_rp is not None and member.jht_as_of is not None:
        savings = caller.line("jht_known", jht=rupiah(member.jht_balance_rp), as_of=day_text(member.jht_as_of))
    else:
        has_jht = "JHT" in PROGRAMMES[terms_in(member, first_month(work.today))[1]]
        savings = caller.line("jht_unknown" if has_jht else "jht_none")
    return {"total": rupiah(ledger.paid_total_rp(work, worker.id)), "count": str(cover.months_paid), "savings": savings}


def own_data(caller: Caller) -> Facts:
    worker, work = caller.known(), caller.work
    member = work.db.get_one(Membership, worker.id)
    return {
        "name": work.name(worker),
        "village": work.village(worker),
        "programmes": "+".join(PROGRAMMES[terms_in(member, first_month(work.today))[1]]),
        "state": caller.word(f"membership.{member.state}"),
        "tail": main_tail(work, worker),
    }


def locked_until(caller: Caller) -> Facts:
    """The reference is what a branch resets the PIN by: no secret, and nobody's data."""
    worker, work = caller.picked(), caller.work
    until = worker.pin_locked_until or work.now
    return {"time": work.local_time(until, worker), "ref": work.db.get_one(Membership, worker.id).reference}


def hold_ends(caller: Caller) -> Facts:
    until = held_until(caller.work, caller.contact()) or caller.work.now
    return {"time": caller.work.local_time(until, caller.picked())}


def left_off(caller: Caller) -> Facts:
    """What a dropped call was about, and whose it was as far as whoever holds the phone may know."""
    flow = caller.left.split(".")[0]
    whose = _enrolling(caller) if flow == "enrol" else _picked(caller)
    return {
        "what": caller.word(f"resume.{flow}"),
        "whose": f" {whose}" if whose else "",
        "retype": caller.line("resume_pin") if caller.retype else "",
    }


def _enrolling(caller: Caller) -> str:
    """The first name that was typed; initials where others are known to share this phone.

    Before a name the end of the NIK, which is no secret (rulings 11): two who share a phone must not take each
    other's enrolment up.
    """
    words = caller.answers.get("name", "").split()
    if not words:
        return f"NIK {masked_tail(caller.answers['nik'])}" if "nik" in caller.answers else ""
    if caller.workers():
        return "".join(f"{word[0]}." for word in words[:2])
    return shorten(words[0].capitalize(), FIRST_NAME_SHOWN_SEPTETS)


def _picked(caller: Caller) -> str:
    """The initials of the worker who was picked from those who share this phone."""
    picked = caller.answers.get("worker")
    return next((caller.work.initials(worker) for worker in caller.workers() if str(worker.id) == picked), "")
