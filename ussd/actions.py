"""What a call may do, each one use case of insurance; a repeat of any of them changes nothing."""

from insurance import bank_codes, enrolment, mandates, pin
from insurance.consent import Yes
from insurance.contacts import is_doubted
from models import MandateState, Membership, MembershipState
from models.machine import Cause
from units.nik import parse_nik
from ussd import facts, fields, invited
from ussd.caller import Caller
from ussd.screens import FactsOf

ENROL_YES, MANDATE_YES = "enrol_yes", "mandate_yes"


class TermsChanged(Exception):
    """The price, the month or the maximum is not what was shown any more: shown anew, agreed anew."""


def yes(caller: Caller, kind: str, screen: str, answer: str) -> Yes:
    """What was shown, in the language it was shown in: the caller's own only where a native reader signed it."""
    language = caller.texts.binding(caller.language)
    version = caller.texts.version(screen, language)
    return Yes(kind, version, language, caller.answers[answer], caller.session, caller.phone)


def check_shown(caller: Caller, screen: str, answer: str, terms: FactsOf) -> None:
    """Raises TermsChanged where `screen` would not say now what it said."""
    with caller.binding():
        words = caller.texts.screen(screen, caller.language, {"code": caller.code, **terms(caller)})
    if caller.answers.get(answer) != words.text:
        raise TermsChanged


def enrol(caller: Caller) -> None:
    """Raises TermsChanged, what `enrolment.enrol` raises, and for an invitation what `invited.confirm` raises."""
    answers = caller.answers
    check_shown(caller, "enrol.confirm", ENROL_YES, facts.enrolment_terms)
    asked = enrolment.Enrolment(
        nik=parse_nik(answers["nik"], caller.work.today),
        name=answers["name"],
        village_code=facts.village_code(answers),
        sector=answers["sector"],
        base_rp=int(answers["base_rp"]),
        programmes=answers["programmes"],
        language=caller.language,
        phone=caller.phone,
        pin_hash=answers["pin"],
        yes=yes(caller, "enrolment", "enrol.confirm", ENROL_YES),
    )
    if answers.get("invitation"):
        invited.confirm(caller, asked)
    else:
        enrolment.enrol(caller.work, asked)


def knows_village(caller: Caller) -> str:
    """A dialled village is not asked for; who saw the terms and wants to change something is asked after all."""
    return "yes" if "linked" in caller.answers and ENROL_YES not in caller.answers else "no"


def authorise(caller: Caller) -> None:
    """Raises MembershipRefused, AlreadyMandated, AccountFull or TermsChanged."""
    caller.check_hold()
    answers, worker = caller.answers, caller.worker()
    replacing = facts.is_replacing(caller)
    check_shown(caller, "mandate.consent", MANDATE_YES, facts.mandate_terms)
    agreed = yes(caller, "mandate", "mandate.consent", MANDATE_YES)
    day, days = facts.chosen_days(caller)
    mandates.authorise(
        caller.work, worker, answers["bank"], answers["account"], day, agreed, days=days, replacing=replacing
    )


def give_code(caller: Caller) -> None:
    """Raises NoMandate where no code is waited for any more."""
    caller.check_hold()
    worker = caller.worker()
    sealed = bytes.fromhex(caller.answers["bank_code"])
    bank_codes.typed(caller.work, worker, caller.work.box(worker).open(sealed, fields.CODE_PURPOSE))


def want_new_code(caller: Caller) -> None:
    """Raises NoMandate where no code is waited for any more, or NoNewCode."""
    caller.check_hold()
    bank_codes.want_new(caller.work, caller.worker())


def cancel_mandate(caller: Caller) -> None:
    """Raises NoMandate."""
    mandates.cancel(caller.work, caller.worker(), Cause("member", "ussd"))


def change_pin(caller: Caller) -> None:
    caller.check_hold()
    pin.change(caller.work, caller.worker(), caller.answers["pin"])


def set_language(caller: Caller) -> None:
    """The call goes on in it; SMS follow for the person alone on this number, on a shared one for who was picked."""
    caller.language = caller.texts.spoken(caller.answers["language"])
    workers = caller.workers()
    picked = caller.answers.get("sms_for")
    if len(workers) == 1 and is_doubted(caller.work, caller.contact()):
        # Somebody else may hold this number by now: the person's own SMS stay as they were.
        return
    for worker in workers:
        if len(workers) == 1 or str(worker.id) == picked:
            worker.language = caller.language


def how_many(caller: Caller) -> str:
    return ("none", "one", "many")[min(len(caller.workers()), 2)]


def waits_for_code(caller: Caller) -> str:
    return "yes" if facts.waiting_for_code(caller) else "no"


def membership_stands(caller: Caller) -> str:
    member = caller.work.db.get_one(Membership, caller.worker().id)
    return "ended" if member.state == MembershipState.ENDED.value else "stands"


def mandate_stands(caller: Caller) -> str:
    """What may be done with it depends on how it stands: not there, asked for, debited, or resting; or on who left."""
    if membership_stands(caller) == "ended":
        return "ended"
    mandate = mandates.live(caller.work, caller.worker().id)
    if mandate is None:
        return "none"
    if mandate.state == MandateState.ACTIVE.value:
        return "active"
    return "held" if mandate.state in (MandateState.PAUSED.value, MandateState.SUSPENDED.value) else "asked"
