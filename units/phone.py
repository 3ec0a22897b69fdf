"""One canonical form of an Indonesian mobile number, and the form that may be shown."""

import re

import phonenumbers

# Mobile national numbers are 8[1-35-9] and 9-12 digits in all: phonenumbers 9.0.43, region ID (November 2026).
_CANONICAL = re.compile(r"\+628[1-35-9][0-9]{7,10}")
# Digits and what people put between them; letters would be dropped and make another number of it.
_WRITTEN = re.compile(r"[0-9+ ().\-]{6,24}")


class NotAPhone(ValueError):
    """The digits are no Indonesian mobile number."""


def canonical_phone(typed: str) -> str:
    """E.164: `0812-3456-7890`, `62812...`, `812...` and `0062812...` all become `+62812...`.

    Raises NotAPhone. Gateways differ in the `+` and in the country code (gateways.md 2.1).
    """
    typed = typed.strip()
    if _CANONICAL.fullmatch(typed):
        return typed
    if not _WRITTEN.fullmatch(typed):
        raise NotAPhone("not a phone number")
    digits = re.sub(r"[^0-9+]", "", typed)
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    elif digits.startswith("62"):
        digits = "+" + digits
    try:
        number = phonenumbers.parse(digits, "ID")
    except phonenumbers.NumberParseException:
        raise NotAPhone("not a phone number") from None
    text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not _CANONICAL.fullmatch(text):
        raise NotAPhone("not an Indonesian mobile number")
    return text


def masked_tail(digits: str) -> str:
    """The last four behind stars, for a screen: `"***4321"`."""
    return "***" + digits[-4:]
