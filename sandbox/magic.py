"""The account numbers that make the sandbox bank misbehave, by their last four digits; README.md has the same table."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from sandbox.store import added, faults
from units.clock import jakarta_day

LATER = timedelta(seconds=60)
"""How long after its request a debit turns: 0600 fails, 0601 is told of, 0605 succeeds."""
_EVER = date(1970, 1, 1)
_DRY_DAYS = timedelta(days=3)


class Fault(StrEnum):
    HANG = "hang"
    """Debited, then no answer: the connection stays open for a while and is closed."""
    SLOW = "slow"
    """Debited, and answered late."""
    SILENT = "silent"
    """Nothing debited; otherwise as HANG."""
    ERROR = "error"
    """Debited, then 500xx00."""
    GARBAGE = "garbage"
    """Debited, then HTTP 200 with JSON that breaks off."""
    DROP = "drop"
    """Nothing debited: the connection is closed without an answer."""
    PENDING = "pending"
    """202xx00 at every send; never debited."""
    LATER = "later"
    """202xx00, then debited and told so by notice."""
    RETURNED = "returned"
    """Debited and said so, then given back: a late failure, told by notice."""
    DENIED = "denied"
    """Debited, but answered with no funds: a late success, told by notice."""
    TWICE = "twice"
    """Debited, and the notice of it comes twice."""
    EARLY = "early"
    """Debited, and the notice comes before the answer."""
    REVERSED = "reversed"
    """Debited, and after the notice of success comes an older one that says pending."""
    OTHER_AMOUNT = "other amount"
    """Debited as asked, but the answer names another amount."""
    OTHER_REFERENCE = "other reference"
    """Debited as asked, but the answer names another reference of ours."""


class Limit(StrEnum):
    """At which of an account's payments the magic works; it works at all of them where there is none."""

    A_DAY = "the first of a Jakarta day"
    EVER = "the first"
    DRY = "those before the third Jakarta day after the first of them"


@dataclass(frozen=True)
class Magic:
    """`mandate` and `payment` are cases that are answered instead of yes; `limit` is of `payment` and `fault`."""

    meaning: str
    mandate: str = ""
    payment: str = ""
    limit: Limit | None = None
    fault: Fault | None = None


# The endings are ours; the cases are SNAP's (programme.md 3.5). 40411 for a name that does not match and 40404 for a
# holder who declines are the sandbox's choice: the standard has no case of its own for either.
MAGIC = {
    "0005": Magic("the holder declines at the mandate", mandate="40404"),
    "0009": Magic("dormant: the mandate is given, every payment refused", payment="40309"),
    "0010": Magic("the name does not match at the mandate", mandate="40411"),
    "0014": Magic("no funds", payment="40314"),
    "0018": Magic("closed or inactive: the mandate is given, every payment refused", payment="40318"),
    "0114": Magic("no funds until the third Jakarta day after the first refusal", payment="40314", limit=Limit.DRY),
    "0202": Magic("in progress for ever, never debited", fault=Fault.PENDING),
    "0302": Magic("above a limit of the account", payment="40302"),
    "0406": Magic("cut-off at the account's first payment, then as usual", payment="40306", limit=Limit.EVER),
    "0408": Magic("slow: debited, and answered late", fault=Fault.SLOW),
    "0429": Magic("too many requests at the first payment of a Jakarta day", payment="42900", limit=Limit.A_DAY),
    "0500": Magic("error 500 after debiting", fault=Fault.ERROR),
    "0502": Magic("time-out before debiting", fault=Fault.SILENT),
    "0503": Magic("connection closed, nothing debited", fault=Fault.DROP),
    "0504": Magic("time-out after debiting", fault=Fault.HANG),
    "0600": Magic("late failure: success, given back later", fault=Fault.RETURNED),
    "0601": Magic(
        "late success: the first payment is debited, but answered with no funds", "", "", Limit.EVER, Fault.DENIED
    ),
    "0602": Magic("the notice comes twice", fault=Fault.TWICE),
    "0603": Magic("the notice comes before the answer", fault=Fault.EARLY),
    "0604": Magic("notices in the wrong order", fault=Fault.REVERSED),
    "0605": Magic("in progress, then a notice of success", fault=Fault.LATER),
    "0606": Magic("inconsistent request, never debited", payment="40418"),
    "0607": Magic("the answer names another amount", fault=Fault.OTHER_AMOUNT),
    "0608": Magic("the answer names another reference", fault=Fault.OTHER_REFERENCE),
    "0999": Magic("broken JSON after debiting", fault=Fault.GARBAGE),
}
ORDINARY = Magic("an open account with enough money")


def magic_of(account_no: str) -> Magic:
    return MAGIC.get(account_no[-4:], ORDINARY)


def magic_now(db: Connection, bank: str, account_no: str, now: datetime) -> Magic:
    """The magic of one new payment; one that does not work at all of them is written down for the next."""
    magic, today = magic_of(account_no), jakarta_day(now)
    if magic.limit is None:
        return magic
    mark = insert(faults).values(bank=bank, account_no=account_no, day=_EVER if magic.limit is Limit.EVER else today)
    if magic.limit is not Limit.DRY:
        return magic if added(db, mark) else ORDINARY
    first = select(func.min(faults.c.day)).where(faults.c.bank == bank, faults.c.account_no == account_no)
    dry_since = db.execute(first).scalar_one()
    if dry_since is None:
        added(db, mark)
    return magic if dry_since is None or today < dry_since + _DRY_DAYS else ORDINARY
