"""Single fields of a SNAP body, read and written: each refusal names the field, and never its value."""

import json
import re
from datetime import datetime
from typing import Any

from sandbox.answers import SnapRefused
from units.clock import JAKARTA

# `value` is String(16,2) with two decimals; rupiah have no cents, so anything but ".00" is our client's mistake.
_VALUE = re.compile(r"([1-9]\d{0,12})\.00", re.ASCII)
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", re.ASCII)
Body = dict[str, Any]


def json_object(raw: bytes) -> Body:
    try:
        body = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise SnapRefused("40000") from None
    if not isinstance(body, dict):
        raise SnapRefused("40000")
    return body


def text(body: Body, name: str, length_max: int) -> str:
    value = body.get(name)
    if value is None or value == "":
        raise SnapRefused("40002", name)
    if not isinstance(value, str) or len(value) > length_max or not value.isprintable():
        raise SnapRefused("40001", name)
    return value


def optional(body: Body, name: str, length_max: int) -> str:
    """The text, or nothing where the field is not there."""
    return text(body, name, length_max) if body.get(name) not in (None, "") else ""


def check_bank_code(body: Body, expected: str) -> None:
    if text(body, "bankCode", 11) != expected:
        raise SnapRefused("40001", "bankCode")


def rupiah(body: Body, name: str) -> int:
    amount = body.get(name)
    if amount is None:
        raise SnapRefused("40002", name)
    if not isinstance(amount, dict):
        raise SnapRefused("40001", name)
    value = _VALUE.fullmatch(text(amount, "value", 16))
    if value is None or text(amount, "currency", 3) != "IDR":
        raise SnapRefused("40001", name)
    return int(value[1])


def moment(body: Body, name: str) -> datetime:
    value = text(body, name, 25)
    try:
        if _DATETIME.fullmatch(value):
            return datetime.fromisoformat(value)
    except ValueError:
        pass
    raise SnapRefused("40001", name)


def money(amount_rp: int) -> dict[str, str]:
    """`{"value": "36800.00", "currency": "IDR"}`."""
    return {"value": f"{amount_rp}.00", "currency": "IDR"}


def shown(at: datetime) -> str:
    """To the second, in Jakarta."""
    return at.astimezone(JAKARTA).isoformat(timespec="seconds")
