"""What the fields of the banks' files have in common; each raises `dayfiles.Wrong` for what makes no sense."""

import re
from datetime import datetime
from typing import Final

from dayfiles import Wrong, like, rupiah

# The longest `referenceNo` of SNAP (programme.md 3.4); files are taken to name debits and mandates likewise.
_THEIRS: Final = re.compile(r"[!-~]{1,64}")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", re.ASCII)


def their_reference(text: str) -> str:
    return like(_THEIRS, text, "the bank's reference")


def positive(text: str) -> int:
    """Whole rupiah above nothing."""
    if not (amount_rp := rupiah(text)):
        raise Wrong("amount")
    return amount_rp


def moment(text: str) -> datetime:
    """To the second, with its distance from UTC."""
    try:
        return datetime.fromisoformat(like(_MOMENT, text, "time"))
    except ValueError:
        raise Wrong("time") from None


def must_be_of(code: str, named: str) -> None:
    if named != code:
        raise Wrong("header: another bank")
