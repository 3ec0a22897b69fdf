"""What the gateways that send only the latest input share: a hop's shapes, and what was dialled beyond the code."""

import re
from collections.abc import Callable
from typing import Final

from gateways.base import PHONE_FIELD, Malformed
from units.phone import NotAPhone, canonical_phone

# A phone lets 182 septets be typed (3GPP TS 23.038 6.1.2.3).
INPUT_MAX: Final = 182
SESSION_ID: Final[Callable[[str], object]] = re.compile(r"[A-Za-z0-9_.:-]{1,100}").fullmatch
_DIALLED: Final[Callable[[str], object]] = re.compile(r"[*#0-9]{1,182}").fullmatch
# Digits alone, as at Africa's Talking: letters would make a name that anyone may choose into a member's number.
_PHONE: Final[Callable[[str], object]] = re.compile(r"[+]?[0-9]{6,19}").fullmatch


def caller_number(value: str) -> str:
    """Raises Malformed naming PHONE_FIELD."""
    try:
        if _PHONE(value):
            return canonical_phone(value)
    except NotAPhone:
        pass
    raise Malformed(PHONE_FIELD)


def typed_text(value: str, field: str) -> str:
    """Raises Malformed for what no phone can type: too long, NUL, half of a surrogate pair."""
    if len(value) > INPUT_MAX or "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise Malformed(field)
    return value


def _stem(code: str) -> str:
    return code.strip("*#")


def beyond_code(code: str, dialled: str) -> str | None:
    """What was dialled beyond our `code`, joined by stars; None where another code was dialled.

    `*500*73#` and `500*73` are nothing beyond `*500*73#`; `*500*73*35013#` is `35013`: gateways differ in the signs.
    """
    if not _DIALLED(dialled):
        return None
    rest = _stem(dialled).removeprefix(_stem(code))
    if rest == _stem(dialled) or (rest and not rest.startswith("*")):
        return None
    return rest.removeprefix("*")


def is_our_code(code: str, service_code: str) -> bool:
    """Whether a service code is ours or the beginning of ours up to a star: `500` is how some name `*500*73#`."""
    stem = _stem(service_code)
    return bool(stem) and f"{_stem(code)}*".startswith(f"{stem}*")
