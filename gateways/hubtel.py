"""Hubtel's USSD in JSON, the latest input only: a body becomes a Turn or Malformed, never anything else.

Shape: gateways.md 4.1, and Hubtel's page of its programmable services, read November 2026, which writes types in small
letters and numbers as texts where older examples do not. Both are read.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Final

from gateways.base import Malformed, Phase, Turn, screen_token
from gateways.latest import SESSION_ID, beyond_code, caller_number, is_our_code, typed_text

NAME: Final = "hubtel"
_PHASES: Final = {
    "initiation": Phase.BEGIN,
    "response": Phase.CONTINUE,
    "release": Phase.CANCEL,
    "timeout": Phase.TIMEOUT,
}
_SERVICE_CODE: Final[Callable[[str], object]] = re.compile(r"[*#0-9]{1,32}").fullmatch
_OPERATOR: Final[Callable[[str], object]] = re.compile(r"[A-Za-z0-9 _-]{0,16}").fullmatch
_SEQUENCE: Final[Callable[[str], object]] = re.compile(r"[0-9]{1,9}").fullmatch
_CLIENT_STATE: Final[Callable[[str], object]] = re.compile(r"[0-9a-f]{0,16}").fullmatch


def read_turn(body: bytes, code: str) -> Turn:
    """One hop; `code` is what members dial. Raises Malformed naming the field, or `body` where it is no such JSON.

    A sequence is needed: without it a repeat cannot be told from the same key pressed again.
    """
    fields = _fields(body)
    phase = _PHASES.get(_text(fields, "Type").lower())
    if phase is None:
        raise Malformed("Type")
    service_code = _shaped(fields, "ServiceCode", _SERVICE_CODE)
    text = typed_text(_text(fields, "Message", needed=False), "Message")
    ours = is_our_code(code, service_code)
    if phase is Phase.BEGIN:
        # The first message is what was dialled, our code with what stands behind it.
        beyond = beyond_code(code, text or service_code)
        ours, text = ours and beyond is not None, beyond or ""
    return Turn(
        session_id=f"{NAME}:{_shaped(fields, 'SessionId', SESSION_ID)}",
        phone=caller_number(_text(fields, "Mobile")),
        service_code=code if ours else service_code,
        network_code=_shaped(fields, "Operator", _OPERATOR, needed=False),
        text=text,
        phase=phase,
        cumulative=False,
        gateway=NAME,
        sequence=int(_shaped(fields, "Sequence", _SEQUENCE)),
        answers=_shaped(fields, "ClientState", _CLIENT_STATE, needed=False) if phase is Phase.CONTINUE else "",
    )


def frame(text: str, *, end: bool) -> dict[str, str]:
    """The answer's JSON; its state comes back with the answer to this very screen."""
    return {"Type": "Release" if end else "Response", "Message": text, "ClientState": "" if end else screen_token(text)}


def _fields(body: bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        # Names come as `ServiceCode` and as `serviceCode`; one that stands twice could be read in two ways.
        found = {name.lower(): value for name, value in pairs}
        if len(found) != len(pairs):
            raise ValueError
        return found

    try:
        fields = json.loads(body, object_pairs_hook=once)
    except (ValueError, RecursionError):
        # Made outside the handler: its own words would show what was typed.
        fields = None
    if not isinstance(fields, dict):
        raise Malformed("body")
    return fields


def _text(fields: dict[str, Any], name: str, *, needed: bool = True) -> str:
    value = fields.get(name.lower())
    if value is None and not needed:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**19 else ""
    if not isinstance(value, str):
        raise Malformed(name)
    return value


def _shaped(fields: dict[str, Any], name: str, fits: Callable[[str], object], *, needed: bool = True) -> str:
    value = _text(fields, name, needed=needed)
    if not fits(value) and (needed or value):
        raise Malformed(name)
    return value
