"""What a member may do with the membership itself: heirs, other terms, another number, leaving and joining again."""

import re

from insurance import heirs as heirs_named
from insurance import leaving, numbers, outlook, terms
from insurance.cover import covers
from insurance.tariff import first_month, price_list
from models import Membership
from models.heir import HEIRS_MAX, RELATIONS
from models.membership import PROGRAMMES, terms_in
from texts import Facts
from texts.longest import NAME_SHOWN_SEPTETS
from units.gsm import shorten
from units.money import rupiah
from units.month import day_text, month_name
from units.phone import NotAPhone, canonical_phone
from ussd import facts
from ussd.actions import check_shown, yes
from ussd.caller import Caller
from ussd.screens import Choice, Refused

TERMS_YES, LEAVE_YES, REJOIN_YES = "terms_yes", "leave_yes", "rejoin_yes"
_CODE_PURPOSE = "journey.number_code"


# Cover: what comes next, what was last.
def next_debit(caller: Caller) -> Facts:
    found = outlook.next_debit(caller.work, caller.worker())
    if found is None:
        return {"next": caller.line("next.none")}
    month = month_name(found.month, caller.language)
    closed = caller.line("next_closed", day=str(found.closed_on)) if found.closed_on else ""
    said = {"month": month, "amount": rupiah(found.amount_rp), "date": day_text(found.day), "closed": closed}
    return {"next": caller.line("next.announced" if found.announced else "next.planned", **said)}


def last_paid(caller: Caller) -> Facts:
    paid = outlook.last_paid(caller.work, caller.worker())
    lines = [
        f"{day_text(one.on)} {month_name(one.month, caller.language)} "
        + (rupiah(one.amount_rp) if one.payer == "self" else caller.word(f"payer.{one.payer}"))
        for one in paid
    ]
    return {"payments": "\n".join(lines) if lines else "-"}


# Heirs.
def heirs(caller: Caller) -> list[Choice]:
    """Both places, each with who is named there."""
    named = {heir.place: heir for heir in heirs_named.heirs_of(caller.work, caller.worker())}
    choices = []
    for place in range(1, HEIRS_MAX + 1):
        heir = named.get(place)
        label = f"{heir.name}, {caller.word(f'relation.{heir.relation}')}" if heir else caller.line("heir_none")
        choices.append(Choice(str(place), label))
    return choices


def relations(caller: Caller) -> list[Choice]:
    return [Choice(relation, caller.word(f"relation.{relation}")) for relation in RELATIONS]


def heir_facts(caller: Caller) -> Facts:
    return {
        "name": shorten(caller.answers["heir_name"], NAME_SHOWN_SEPTETS),
        "relation": caller.word(f"relation.{caller.answers['relation']}"),
    }


def name_heir(caller: Caller) -> None:
    """Raises NotAMember."""
    caller.check_hold()
    answers = caller.answers
    heirs_named.name_heir(caller.work, caller.worker(), int(answers["heir"]), answers["heir_name"], answers["relation"])


# Other terms.
def programmes(caller: Caller) -> list[Choice]:
    work, base = caller.work, int(caller.answers["base_rp"])
    member = work.db.get_one(Membership, caller.worker().id)
    listed, month = price_list(work, member.sector), terms.begins(work, member.worker_id)
    return [
        Choice(count, caller.line(f"programmes.{count}", amount=rupiah(listed.quote(month, base, count).total_rp)))
        for count in PROGRAMMES
    ]


def terms_facts(caller: Caller) -> Facts:
    answers = caller.answers
    new = terms.offer(caller.work, caller.worker(), answers["programmes"], int(answers["base_rp"]))
    above = caller.line("terms_above", max=rupiah(new.above.max_amount_rp)) if new.above else ""
    return {
        "programmes": "+".join(PROGRAMMES[answers["programmes"]]),
        "month": month_name(new.month, caller.language),
        "amount": rupiah(new.quote.total_rp + new.fee_rp),
        "amount2": rupiah(new.before.total_rp + new.fee_rp),
        "change": facts.change_line(caller, new.change, new.fee_rp),
        "above": above,
    }


def change_terms(caller: Caller) -> None:
    """Raises NotAMember, Unchanged or TermsChanged."""
    caller.check_hold()
    answers, base_rp = caller.answers, int(caller.answers["base_rp"])
    worker = caller.worker()
    if terms.stand_already(caller.work, worker, answers["programmes"], base_rp):
        raise terms.Unchanged
    check_shown(caller, "terms.confirm", TERMS_YES, terms_facts)
    agreed = yes(caller, "terms", "terms.confirm", TERMS_YES)
    terms.change(caller.work, worker, answers["programmes"], base_rp, agreed)


def above_maximum(caller: Caller) -> str:
    """Whether what was just agreed to is more than the mandate allows."""
    work, worker = caller.work, caller.worker()
    member = work.db.get_one(Membership, worker.id)
    month = terms.begins(work, worker.id)
    base_rp, chosen = terms_in(member, month)
    return "yes" if terms.offer(work, worker, chosen, base_rp).above else "no"


# Another number.
def new_number(caller: Caller, typed: str) -> str:
    try:
        phone = canonical_phone(typed)
    except NotAPhone:
        raise Refused("number.phone") from None
    if phone == caller.phone:
        raise Refused("number.same")
    return phone


def number_facts(caller: Caller) -> Facts:
    return {"phone": "0" + caller.answers["phone"].removeprefix("+62")}


def ask_number(caller: Caller) -> None:
    """Raises NotAMember, SameNumber, NumberLeft, PhoneFull, OfficialsOthers or AskedAlready."""
    caller.check_hold()
    numbers.ask(caller.work, caller.worker(), caller.phone, caller.answers["phone"])


def add_number(caller: Caller) -> None:
    """Raises NotAMember, SameNumber, NumbersFull, PhoneFull, OfficialsOthers or AskedAlready."""
    caller.check_hold()
    numbers.ask(caller.work, caller.worker(), caller.phone, caller.answers["phone"], beside=True)


def number_code(caller: Caller, typed: str) -> str:
    """The code that came to this number, sealed until the next step tries it."""
    code = re.sub(r"[\s.\-]", "", typed)
    if not (code.isascii() and code.isdigit() and len(code) == numbers.CODE_DIGITS):
        raise Refused("number.code")
    return caller.keys.shared.seal(code, _CODE_PURPOSE).hex()


def confirm_number(caller: Caller) -> None:
    """Raises WrongCode."""
    code = caller.keys.shared.open(bytes.fromhex(caller.answers["number_code"]), _CODE_PURPOSE)
    numbers.confirm(caller.work, caller.phone, code)


# Leaving and joining again.
def leave_facts(caller: Caller) -> Facts:
    work, worker = caller.work, caller.worker()
    cover = covers(work.db, [worker.id], work.today, work.settings.DUE_DAY)[worker.id]
    posted = caller.line("leave_posted", until=day_text(cover.until)) if cover.until else ""
    return {"name": work.name(worker), "posted": posted}


def leave(caller: Caller) -> None:
    """Raises NotAMember or TermsChanged."""
    caller.check_hold()
    check_shown(caller, "leave.confirm", LEAVE_YES, leave_facts)
    leaving.leave(caller.work, caller.worker(), yes(caller, "leave", "leave.confirm", LEAVE_YES))


def rejoin_facts(caller: Caller) -> Facts:
    work, worker = caller.work, caller.worker()
    member = work.db.get_one(Membership, worker.id)
    month = first_month(work.today)
    base_rp, chosen = terms_in(member, month)
    listed = price_list(work, member.sector)
    return {
        "name": work.name(worker),
        "programmes": "+".join(PROGRAMMES[chosen]),
        "amount": rupiah(listed.quote(month, base_rp, chosen).total_rp),
        "change": facts.change_line(caller, listed.next_change(month, base_rp, chosen)),
    }


def rejoin(caller: Caller) -> None:
    """Raises NotLeft, HeldBack or TermsChanged."""
    caller.check_hold()
    check_shown(caller, "rejoin.confirm", REJOIN_YES, rejoin_facts)
    leaving.rejoin(caller.work, caller.worker(), yes(caller, "rejoin", "rejoin.confirm", REJOIN_YES))
