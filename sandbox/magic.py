"""The account numbers that make the sandbox bank misbehave, by their last four digits; README.md has the same table."""

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    HANG = "hang"
    """Debited, then no answer: the connection stays open for a while and is closed."""
    ERROR = "error"
    """Debited, then 5007100."""
    GARBAGE = "garbage"
    """Debited, then HTTP 200 with JSON that breaks off."""
    DROP = "drop"
    """Nothing debited: the connection is closed without an answer."""
    PENDING = "pending"
    """2027100 at every send; never debited."""


class Once(StrEnum):
    A_DAY = "a day"
    EVER = "ever"


@dataclass(frozen=True)
class Magic:
    """`mandate` and `payment` are cases that are answered instead of yes; `once` limits the latter."""

    meaning: str
    mandate: str = ""
    payment: str = ""
    once: Once | None = None
    fault: Fault | None = None


# The endings are ours; the cases are SNAP's (programme.md 3.5). 40411 for a name that does not match and 40404 for a
# holder who declines are the sandbox's choice: the standard has no case of its own for either.
MAGIC = {
    "0005": Magic("the holder declines at the mandate", mandate="40404"),
    "0009": Magic("dormant: the mandate is given, every payment refused", payment="40309"),
    "0010": Magic("the name does not match at the mandate", mandate="40411"),
    "0014": Magic("no funds", payment="40314"),
    "0018": Magic("closed or inactive: the mandate is given, every payment refused", payment="40318"),
    "0202": Magic("in progress for ever, never debited", fault=Fault.PENDING),
    "0302": Magic("above a limit of the account", payment="40302"),
    "0406": Magic("cut-off at the account's first payment, then as usual", payment="40306", once=Once.EVER),
    "0429": Magic("too many requests at the first payment of a Jakarta day, then as usual", "", "42900", Once.A_DAY),
    "0500": Magic("error 500 after debiting", fault=Fault.ERROR),
    "0503": Magic("connection closed, nothing debited", fault=Fault.DROP),
    "0504": Magic("time-out after debiting", fault=Fault.HANG),
    "0999": Magic("broken JSON after debiting", fault=Fault.GARBAGE),
}
_ORDINARY = Magic("an open account with enough money")


def magic_of(account_no: str) -> Magic:
    return MAGIC.get(account_no[-4:], _ORDINARY)
