"""The own yes to what others prepared: a code where the NIK is asked for, and the first PIN after a yes by SMS."""

import re
from collections.abc import Mapping

from insurance import own_yes, pin, pin_resets
from insurance.enrolment import Enrolment
from insurance.invitations import CODE_DIGITS
from ussd import fields
from ussd.caller import Caller
from ussd.screens import Refused

# A slip's number and code together are shorter than a NIK, and no shorter than a number, its check digit and a code.
_SLIP_DIGITS = range(2 + CODE_DIGITS, 16)


def nik_or_code(caller: Caller, typed: str) -> str | Mapping[str, str]:
    """A NIK; or all that an invitation holds, against its one-time code. Raises AgeOutside or AlreadyEnrolledHere."""
    digits = re.sub(r"[\s.\-]", "", typed)
    if digits.isascii() and digits.isdigit():
        if len(digits) == CODE_DIGITS or (len(digits) in _SLIP_DIGITS and own_yes.is_slip(digits)):
            return _by_code(caller, digits)
        if len(digits) in _SLIP_DIGITS:
            raise Refused("nik.or_code")
    nik = fields.nik(caller, typed)
    # Who opened an invitation, went back and typed a NIK is enrolling that NIK, and not the one invited.
    return {"nik": nik, "invitation": ""} if caller.answers.get("invitation") else nik


def _by_code(caller: Caller, digits: str) -> Mapping[str, str]:
    try:
        opened = own_yes.open_with(caller.work, caller.phone_index, digits)
    except own_yes.OfficialsNumber:
        raise Refused("code.officer") from None
    except own_yes.CodesTomorrow:
        raise Refused("code.tomorrow") from None
    except own_yes.WrongCode:
        raise Refused("code.wrong") from None
    person = opened.person
    return {
        "invitation": str(opened.row.id),
        "nik": person.nik,
        "name": person.name,
        "village": person.village_code,
        "sector": person.sector,
        "base_rp": str(person.base_rp or ""),
        "programmes": person.programmes,
    }


def is_invited(caller: Caller) -> str:
    """How much of what a price needs was prepared; "no" where the NIK is the caller's own typing."""
    answers = caller.answers
    if not answers.get("invitation"):
        return "no"
    if not (answers["sector"] and answers["base_rp"]):
        return "asks"
    return "priced" if answers["programmes"] else "unpriced"


def confirm(caller: Caller, asked: Enrolment) -> None:
    """Raises own_yes.InvitationOver, own_yes.OfficialsNumber and what `enrolment.enrol` raises."""
    own_yes.confirm(caller.work, int(caller.answers["invitation"]), asked)


def has_pin(caller: Caller) -> str:
    return "no" if caller.picked().pin_hash == pin.NO_PIN else "yes"


def may_change_pin(caller: Caller) -> str:
    caller.check_hold()
    return has_pin(caller)


def first_code(caller: Caller, typed: str) -> str:
    """Which worker may set a first PIN in this call, or one after a reset. Raises own_yes.CodeSpent besides Refused."""
    caller.check_hold()
    worker = caller.picked()
    digits = re.sub(r"[\s.\-]", "", typed)
    if not (digits.isascii() and digits.isdigit() and len(digits) == CODE_DIGITS):
        # Half a code is a slip of the finger and no guess.
        raise Refused("code.six")
    try:
        if not pin_resets.check_code(caller.work, worker, digits):
            own_yes.check_first_code(caller.work, worker, digits)
    except own_yes.WrongCode:
        raise Refused("code.wrong") from None
    return str(worker.id)


def set_first_pin(caller: Caller) -> None:
    """Raises own_yes.CodeSpent where this call has not shown the code of this very worker."""
    caller.check_hold()
    worker = caller.picked()
    if caller.answers.get("first") != str(worker.id):
        raise own_yes.CodeSpent
    own_yes.set_first_pin(caller.work, worker, caller.answers["pin"])
    pin_resets.finish(caller.work, worker)
    caller.prove()
