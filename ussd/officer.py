"""The menu of those who help others to join: what they type waits for the own yes, and shows them nothing back."""

from insurance import invitations
from insurance.helpers import helped_by, is_official
from models import Village
from texts import Facts
from texts.longest import NAME_SHOWN_SEPTETS, VILLAGE_SHOWN_SEPTETS
from units.gsm import shorten
from units.phone import NotAPhone, canonical_phone
from ussd import facts
from ussd.caller import Caller
from ussd.screens import Choice, Refused


def how_many_villages(caller: Caller) -> str:
    return ("none", "one", "many")[min(len(helped_by(caller.work, caller.phone_index)), 2)]


def villages(caller: Caller) -> list[Choice]:
    found = helped_by(caller.work, caller.phone_index)
    return [Choice(village.code, shorten(village.name, VILLAGE_SHOWN_SEPTETS)) for village in found]


def _village(caller: Caller) -> Village:
    """The one that was picked, or the only one. Raises invitations.NotHelping, also where the term ended meanwhile."""
    for village in helped_by(caller.work, caller.phone_index):
        if caller.answers.get("village", village.code) == village.code:
            return village
    raise invitations.NotHelping


def member_phone(caller: Caller, typed: str) -> str:
    try:
        phone = canonical_phone(typed)
    except NotAPhone:
        raise Refused("phone.wrong") from None
    if is_official(caller.work, caller.keys.index("phone", phone)):
        raise Refused("phone.officer")
    return phone


def terms(caller: Caller) -> Facts:
    """What the helper is about to send; the number is shown whole, so that a wrong digit is seen."""
    answers = caller.answers
    return {
        "name": shorten(answers["name"], NAME_SHOWN_SEPTETS),
        "phone": answers["member_phone"],
        "count": str(invitations.LIFE.days),
        **facts.price(caller, answers["programmes"]),
    }


def daily_limit(_caller: Caller) -> Facts:
    return {"count": str(invitations.HELPED_A_DAY_MAX)}


def days(_caller: Caller) -> Facts:
    return {"count": str(invitations.LIFE.days)}


def send(caller: Caller) -> None:
    """Raises invitations.NotHelping, AlreadyInvited or TooManyInvited."""
    answers = caller.answers
    person = invitations.Person(
        nik=answers["nik"],
        name=answers["name"],
        village_code=_village(caller).code,
        phone=answers["member_phone"],
        sector=answers["sector"],
        base_rp=int(answers["base_rp"]),
        programmes=answers["programmes"],
    )
    invitations.invite(caller.work, caller.phone_index, person)
