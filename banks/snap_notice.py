"""Reads what a bank tells us unasked, SNAP 56 and 72: believed only if signed, fresh and whole; it books nothing."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from banks.base import UNTIMED, BadNotice, Became, Notice, NoticeCall, NoticeReply
from banks.codes import FAST_NOTICE, NOTICE, STATUSES
from banks.settings import BankSettings
from banks.snap import asymmetric_text, minify, verify_rsa
from banks.snap_fields import BANK_REFERENCE_MAX, text_of

BODY_BYTES_MAX: Final = 64 * 1024
# Either side. Ours, since the standard names none: SMS codes of the bank's live as long (programme.md 3.3).
WINDOW: Final = timedelta(seconds=300)
_OUR_REFERENCE_MAX: Final = 64
# X-TIMESTAMP and the times in bodies: to the second, with milliseconds in v1.0.2 (programme.md 3.3).
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
# `value` is String(16,2), and rupiah have no cents (programme.md 3.4).
_VALUE: Final = re.compile(r"([1-9]\d{0,12})\.00", re.ASCII)
# X-EXTERNAL-ID is String(36), numeric in one version of the standard and alphanumeric in another (programme.md 3.3).
_EXTERNAL_ID: Final = re.compile(r"[!-~]{1,36}", re.ASCII)

# Case: HTTP status, words. Source: ASPI SNAP, response codes (programme.md 3.5).
_WORDS: Final = {
    "20000": "Successful",
    "40000": "Bad Request",
    "40001": "Invalid Field Format",
    "40002": "Invalid Mandatory Field",
    "40100": "Unauthorized.",
}


@dataclass(frozen=True)
class _Form:
    """How one service writes what the others write too."""

    service: str
    status: str


# Source: ASPI SNAP, paths of 56 and 72 and the names of their fields (programme.md 3.2, 3.4).
_FORMS: Final = {
    "/debit/notify": _Form(NOTICE, "latestTransactionStatus"),
    "/debit/fast-notify": _Form(FAST_NOTICE, "transactionStatus"),
}


class _Wrong(Exception):
    """`case` as in `_WORDS`, `about` a header's or field's name, never its value."""

    def __init__(self, case: str, about: str = "") -> None:
        super().__init__(case, about)
        self.case, self.about = case, about


def noticed(call: NoticeCall) -> NoticeReply:
    """The yes to a notice: 2005600, or 2007200 by the path."""
    return _reply(_form(call).service, "20000", "")


def read_notice(settings: BankSettings, call: NoticeCall, now: datetime) -> Notice:
    """Raises BadNotice with the answer in SNAP's form, and nothing else."""
    form = _form(call)
    try:
        _believe(settings, call, now)
        return _notice(form, settings.code, call, now)
    except _Wrong as wrong:
        case, about = wrong.case, wrong.about
    raise BadNotice(f"{case} {about}".rstrip(), _reply(form.service, case, about))


def _form(call: NoticeCall) -> _Form:
    path = call.path.partition("?")[0]
    return next((form for ending, form in _FORMS.items() if path.endswith(ending)), _FORMS["/debit/notify"])


def _reply(service: str, case: str, about: str) -> NoticeReply:
    message = f"{_WORDS[case]} {about}".rstrip()
    return NoticeReply(int(case[:3]), {"responseCode": case[:3] + service + case[3:], "responseMessage": message})


def _believe(settings: BankSettings, call: NoticeCall, now: datetime) -> None:
    """The signature covers method, raw path, body and time; X-EXTERNAL-ID is under none in SNAP."""
    if len(call.body) > BODY_BYTES_MAX:
        raise _Wrong("40000", "body")
    if settings.notice_key is None:
        raise _Wrong("40100", "no key of this bank is set")
    stamp = call.headers.get("x-timestamp", "")
    sent_at = _moment(stamp)
    if sent_at is None or abs(sent_at - now) > WINDOW:
        raise _Wrong("40100", "X-TIMESTAMP")
    signature = call.headers.get("x-signature", "")
    if not (call.method.isascii() and call.path.isascii()):
        raise _Wrong("40100", "X-SIGNATURE")
    text = asymmetric_text(call.method, call.path, call.body, stamp)
    if not verify_rsa(settings.notice_key, text, signature, settings.signature_encoding):
        raise _Wrong("40100", "X-SIGNATURE")


def _notice(form: _Form, bank: str, call: NoticeCall, now: datetime) -> Notice:
    external_id = call.headers.get("x-external-id", "")
    if not _EXTERNAL_ID.fullmatch(external_id):
        raise _Wrong("40001" if external_id else "40002", "X-EXTERNAL-ID")
    body = _object(call.body)
    reference = _reference(body, "originalPartnerReferenceNo", _OUR_REFERENCE_MAX)
    bank_reference = _reference(body, "originalReferenceNo", BANK_REFERENCE_MAX)
    if not reference and not bank_reference:
        raise _Wrong("40002", "originalReferenceNo")
    status = body.get(form.status)
    if status is None:
        raise _Wrong("40002", form.status)
    if not isinstance(status, str) or status not in STATUSES:
        raise _Wrong("40001", form.status)
    return Notice(
        became=STATUSES[status],
        reference=reference,
        bank_reference=bank_reference,
        amount_rp=_rupiah(body.get("amount")),
        code=status,
        at=_when(body, UNTIMED if STATUSES[status] is Became.FAILED else now, now),
        replay_key=_replay_key(bank, form, external_id, call.body),
    )


def _replay_key(bank: str, form: _Form, external_id: str, body: bytes) -> str:
    parts = (bank.encode(), form.service.encode(), external_id.encode(), minify(body))
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _object(body: bytes) -> dict[str, Any]:
    """One JSON object in UTF-8 in which no key stands twice: two readers of it read the same."""
    try:
        got = json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        got = None
    if not isinstance(got, dict):
        raise _Wrong("40000", "body")
    return got


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) != len(pairs):
        raise ValueError("a key twice")
    return whole


def _no_number(word: str) -> None:
    raise ValueError(word)


def _reference(body: Mapping[str, Any], name: str, longest: int) -> str:
    if body.get(name) in (None, ""):
        return ""
    reference = text_of(body, name, longest)
    if reference is None:
        raise _Wrong("40001", name)
    return reference


def _rupiah(amount: object) -> int | None:
    """Whole rupiah; None where the bank names no amount."""
    if amount is None:
        return None
    value = amount.get("value") if isinstance(amount, dict) and amount.get("currency") == "IDR" else None
    found = _VALUE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise _Wrong("40001", "amount")
    return int(found[1])


def _when(body: Mapping[str, Any], untimed: datetime, now: datetime) -> datetime:
    """When it became so: its end, its beginning, or `untimed`; never the future, which would outlive the truth."""
    for name in ("finishedTime", "createdTime"):
        if body.get(name) in (None, ""):
            continue
        at = _moment(body[name])
        if at is None or at > now + WINDOW:
            raise _Wrong("40001", name)
        return at
    return untimed


def _moment(text: object) -> datetime | None:
    if not isinstance(text, str) or not _MOMENT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
