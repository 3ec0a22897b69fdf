"""What people type, read leniently and checked strictly; each reader returns what is kept or says what to do."""

import re

from insurance import bank_codes, enrolment, pin
from units.nik import NotANik, parse_nik
from ussd.caller import Caller
from ussd.screens import Refused

ACCOUNT_DIGITS = range(8, 17)
# Whose money comes by harvest in more months than these has money in most months.
HARVEST_MONTHS_MAX = 6
# Shorter than any bank's code, so that they can be told from one.
OTHER_WISH, NEW_CODE = "1", "2"
CODE_PURPOSE = "journey.code"


class OtherWish(Exception):
    """The caller has no code to type and wants the menu behind the question."""


class NewCode(Exception):
    """The caller wants the bank to send another code."""


def nik(caller: Caller, typed: str) -> str:
    try:
        read = parse_nik(typed, caller.work.today)
    except NotANik as error:
        raise Refused(f"nik.{error}") from None
    enrolment.check_age(caller.work, read)
    return read.digits


def name(_caller: Caller, typed: str) -> str:
    try:
        return enrolment.read_name(typed)
    except enrolment.BadName as error:
        raise Refused(f"name.{error}") from None


def village(caller: Caller, typed: str) -> str:
    found = enrolment.village_by_short_code(caller.work, re.sub(r"[\s.\-]", "", typed))
    if found is None:
        raise Refused("village.unknown")
    return found.code


def village_stands(caller: Caller, code: str) -> bool:
    return enrolment.village_known(caller.work, code)


def account(_caller: Caller, typed: str) -> str:
    digits = re.sub(r"[\s.\-]", "", typed)
    if not (digits.isascii() and digits.isdigit() and len(digits) in ACCOUNT_DIGITS):
        raise Refused("account.digits")
    return digits


def harvest(_caller: Caller, typed: str) -> str:
    """Months of harvest, two digits each: `0308` is March and August. On a keypad blanks are hard to type."""
    digits = re.sub(r"[\s.,\-]", "", typed)
    if not (digits.isascii() and digits.isdigit() and len(digits) % 2 == 0):
        raise Refused("harvest.months")
    months = harvest_months(digits)
    if len(months) * 2 != len(digits) or not 1 <= len(months) <= HARVEST_MONTHS_MAX or not months <= set(range(1, 13)):
        raise Refused("harvest.months")
    return digits


def harvest_months(digits: str) -> set[int]:
    return {int(digits[i : i + 2]) for i in range(0, len(digits), 2)}


def bank_code(caller: Caller, typed: str) -> str:
    """The bank's code, sealed until the next step hands it on. Raises OtherWish or NewCode besides Refused."""
    digits = re.sub(r"[\s.\-]", "", typed)
    if digits == OTHER_WISH:
        raise OtherWish
    if digits == NEW_CODE:
        raise NewCode
    if not (digits.isascii() and digits.isdigit() and len(digits) in bank_codes.CODE_DIGITS):
        raise Refused("code.digits")
    return caller.work.box(caller.worker()).seal(digits, CODE_PURPOSE).hex()


def _hashed(caller: Caller, typed: str, nik_digits: str | None) -> str:
    birth = parse_nik(nik_digits, caller.work.today).birth if nik_digits else None
    try:
        pin.check_new(typed, birth, nik_digits or "", caller.phone)
    except pin.WeakPin as weak:
        raise Refused(f"pin.{weak}") from None
    # Kept as the hash it will be stored as: the digits themselves outlive this hop nowhere.
    return caller.keys.hash_pin(typed)


def new_pin(caller: Caller, typed: str) -> str:
    return _hashed(caller, typed, caller.answers.get("nik"))


def changed_pin(caller: Caller, typed: str) -> str:
    """A first PIN has no PIN before it: its code is the sign that it is the person."""
    worker = caller.picked()
    box = caller.work.box(worker)
    return _hashed(caller, typed, box.open(worker.nik_sealed, "worker.nik"))


def same_pin(caller: Caller, typed: str) -> str:
    if not caller.keys.is_pin(typed, caller.answers["pin"]):
        raise Refused("pin.differs")
    return ""


def own_pin(caller: Caller, typed: str) -> str:
    """The caller's PIN, checked and not kept; half a PIN is no try. Raises PinLocked or NoPin besides Refused."""
    worker = caller.picked()
    if not pin.is_shaped(typed) and worker.pin_hash != pin.NO_PIN:
        raise Refused("pin.digits")
    try:
        pin.check(caller.work, worker, typed)
    except pin.WrongPin:
        raise Refused("pin.wrong") from None
    caller.prove()
    return ""
