"""Africa's Talking's callbacks in and frames out: a form becomes one small value or Malformed, never anything else."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Protocol

from gateways.base import PHONE_FIELD, DeliveryReport, Malformed, Outcome, Phase, SmsIn, Turn
from units.phone import NotAPhone, canonical_phone

TEXT_MAX: Final = 2000
# Source: Africa's Talking, USSD, `at-ussd-hop-metadata`: at most 99 characters, `|` joins them (gateways.md 2.2).
HOP_LABEL_HEADER: Final = "at-ussd-hop-metadata"
_HOP_LABEL_MAX: Final = 99
_LABEL_MAX: Final = 80

Fits = Callable[[str], object]

# Shapes as captured and documented (gateways.md 2.1, 2.6, 3.1-3.3); a service code is `*384*70421#`.
_ID: Final[Fits] = re.compile(r"[A-Za-z0-9_.:-]{1,100}").fullmatch
_SERVICE_CODE: Final[Fits] = re.compile(r"[*#0-9]{1,32}").fullmatch
_NETWORK_CODE: Final[Fits] = re.compile(r"[A-Za-z0-9]{0,16}").fullmatch
_NAME: Final[Fits] = re.compile(r"\+?[A-Za-z0-9 ._-]{1,32}").fullmatch
_WORD: Final[Fits] = re.compile(r"[A-Za-z]{1,40}").fullmatch
_LABEL: Final[Fits] = re.compile(rf"[A-Za-z0-9 _.-]{{0,{_LABEL_MAX}}}").fullmatch
# Digits alone: letters around them would make a sender's name, which anyone may choose, into a member's number. An
# unencoded `+` arrives as a blank. `\d` would take digits of every script.
_PHONE: Final[Fits] = re.compile(r"[+ ]?[0-9]{6,19}").fullmatch
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_COST: Final = re.compile(r"(?:([A-Z]{3}) )?([0-9]{1,9}(?:\.[0-9]{1,6})?)")
_DATE: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})Z?")


# Source: Africa's Talking, SMS delivery reports (gateways.md 3.2). A failure without a reason we know may be of the
# network's making, and is tried again.
_REPORTED: Final[Mapping[str, Outcome]] = {
    "Sent": Outcome.ON_THE_WAY,
    "Submitted": Outcome.ON_THE_WAY,
    "Buffered": Outcome.ON_THE_WAY,
    "Success": Outcome.DELIVERED,
    "AbsentSubscriber": Outcome.UNREACHED,
    "Expired": Outcome.UNREACHED,
}
_FAILED: Final = frozenset({"Rejected", "Failed"})
_FAILURES: Final[Mapping[str, Outcome]] = {
    "NotNetworkSubcriber": Outcome.LOST,
    "NotNetworkSubscriber": Outcome.LOST,
    "UserDoesNotExist": Outcome.LOST,
    "UserAccountSuspended": Outcome.LOST,
    "UserInBlackList": Outcome.REFUSED,
    "DoNotDisturbRejection": Outcome.REFUSED,
}


class Form(Protocol):
    """What werkzeug's `request.form` is to us."""

    def getlist(self, key: str, /) -> list[str]: ...


@dataclass(frozen=True)
class SessionEnd:
    """The notice that a call is over. Best effort: nothing may depend on it.

    The form's `input`, `lastAppResponse` and `errorMessage` are never read: they may hold a PIN.
    """

    session_id: str
    phone: str
    service_code: str
    network_code: str
    status: str
    """`Success` (we ended it), `Incomplete` (the caller left) or `Failed` (our answer was bad); or empty."""
    ended_at: datetime | None
    duration_ms: int | None
    hops: int | None
    cost: Decimal | None
    currency: str
    """Empty where the gateway names none."""

    def __repr__(self) -> str:
        return f"SessionEnd({self.status})"


def read_turn(form: Form) -> Turn:
    """One hop of a USSD call. A missing text is the dial; digits of other scripts are left to the engine.

    Raises Malformed naming the field.
    """
    text = _text(form, "text", needed=False)
    return Turn(
        session_id=_shaped(form, "sessionId", _ID),
        phone=_phone(form, PHONE_FIELD),
        service_code=_shaped(form, "serviceCode", _SERVICE_CODE),
        network_code=_shaped(form, "networkCode", _NETWORK_CODE, needed=False),
        text=text,
        # An empty answer at the first menu looks like the dial: nothing is decided by this phase (gateways.md 2.3).
        phase=Phase.CONTINUE if text else Phase.BEGIN,
    )


def frame(text: str, *, end: bool) -> str:
    """The body of the answer: `CON ` keeps the call, `END ` hangs up; nothing may stand before it (gateways.md 2.2)."""
    return f"{'END' if end else 'CON'} {text}"


def hop_label(screen: str) -> dict[str, str]:
    """The header that names the screen in the company's own reports: static names only, never a word of a caller."""
    return {HOP_LABEL_HEADER: screen} if len(screen) <= _HOP_LABEL_MAX and "|" not in screen else {}


def read_sms(form: Form) -> SmsIn:
    """A text that came in. One from a name (`MTN`) or a foreign number is Malformed: there is nobody to answer."""
    return SmsIn(
        gateway_id=_shaped(form, "id", _ID),
        sender=_phone(form, "from"),
        to=_shaped(form, "to", _NAME),
        text=_text(form, "text"),
        network_code=_shaped(form, "networkCode", _NETWORK_CODE, needed=False),
    )


def read_report(form: Form) -> DeliveryReport:
    """What became of a text we sent. A word that is not in the list decides nothing."""
    status = _shaped(form, "status", _WORD)
    failure = _shaped(form, "failureReason", _LABEL, needed=False)
    try:
        phone = _phone(form, PHONE_FIELD)
    except Malformed:
        # It only helps to find texts whose id we never got.
        phone = ""
    return DeliveryReport(_shaped(form, "id", _ID), status, failure, _outcome(status, failure), phone)


def _outcome(status: str, failure: str) -> Outcome:
    if status in _FAILED:
        return _FAILURES.get(failure, Outcome.UNREACHED)
    return _REPORTED.get(status, Outcome.UNKNOWN)


def read_optout(form: Form) -> tuple[str, str]:
    """`(sender id, phone)` of one who wants no more texts from that sender."""
    return _shaped(form, "senderId", _NAME), _phone(form, "phoneNumber")


def read_event(form: Form) -> SessionEnd:
    """The notice of a call's end. Who and which call must be right; a figure that is not one is left out."""
    cost = _COST.fullmatch(_one(form, "cost", needed=False))
    return SessionEnd(
        session_id=_shaped(form, "sessionId", _ID),
        phone=_phone(form, "phoneNumber"),
        service_code=_shaped(form, "serviceCode", _SERVICE_CODE),
        network_code=_shaped(form, "networkCode", _NETWORK_CODE, needed=False),
        status=_shaped(form, "status", _LABEL, needed=False),
        ended_at=_moment(_one(form, "date", needed=False)),
        duration_ms=_figure(_one(form, "durationInMillis", needed=False)),
        hops=_figure(_one(form, "hopsCount", needed=False)),
        cost=Decimal(cost[2]) if cost else None,
        currency=(cost[1] or "") if cost else "",
    )


def _one(form: Form, name: str, *, needed: bool = True) -> str:
    values = form.getlist(name)
    if len(values) > 1 or (needed and not values):
        raise Malformed(name)
    return values[0] if values else ""


def _shaped(form: Form, name: str, fits: Fits, *, needed: bool = True) -> str:
    value = _one(form, name, needed=needed)
    if not fits(value) and (needed or value):
        raise Malformed(name)
    return value


def _text(form: Form, name: str, *, needed: bool = True) -> str:
    value = _one(form, name, needed=needed)
    if len(value) > TEXT_MAX or "\0" in value or not _encodes(value):
        raise Malformed(name)
    return value


def _encodes(value: str) -> bool:
    """Half of a surrogate pair is no text: neither a key nor a row could be made of it."""
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)


def _phone(form: Form, name: str) -> str:
    value = _shaped(form, name, _PHONE)
    try:
        return canonical_phone(value)
    except NotAPhone:
        bad = Malformed(name)
    raise bad


def _figure(value: str) -> int | None:
    return int(value) if _NUMBER.fullmatch(value) else None


def _moment(value: str) -> datetime | None:
    """UTC, in either of the two ways it comes: `2026-10-09 12:17:37` or `2026-10-09T12:17:37Z`."""
    match = _DATE.fullmatch(value)
    if not match:
        return None
    try:
        return datetime.fromisoformat(f"{match[1]}T{match[2]}").replace(tzinfo=UTC)
    except ValueError:
        return None
