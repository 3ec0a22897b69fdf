"""Africa's Talking's callbacks: captured forms read right, and any other form a value or Malformed, nothing else."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from gateways.africastalking import (
    SessionEnd,
    frame,
    hop_label,
    read_event,
    read_optout,
    read_report,
    read_sms,
    read_turn,
)
from gateways.base import DeliveryReport, Malformed, Outcome, Phase, SmsIn, Turn
from ussd.menu import MENU

# The wire of captures in gateways.md 2.1, 2.6 and 3.2, with Indonesian numbers.
HOP = "phoneNumber=%2B6281234567890&serviceCode=%2A384%2A70421%23&text=1%2A1%2A0&sessionId=ATUid_e9d0&networkCode=99999"
EVENT = (
    "durationInMillis=192&phoneNumber=%2B6281234567890&errorMessage=&serviceCode=%2A384%2A70421%23"
    "&lastAppResponse=CON+1.+778899%0A1.+x&hopsMetadata=&hopsCount=1&status=Incomplete&sessionId=ATUid_e9d0&cost=0.00"
    "&date=2026-10-09+12%3A17%3A37&networkCode=99999&input=1%2A778899"
)
REPORT = (
    "phoneNumber=%2B6281234567890&failureReason=DeliveryFailure&retryCount=0&id=ATXid_1&status=Failed&networkCode=63902"
)
SMS = (
    "date=2026-10-09+12%3A17%3A37&from=%2B6281234567890&id=b2c1&linkId=&text=SALDO+123456&to=12345&cost=0.00"
    "&networkCode=51010"
)
OPTOUT = "senderId=IURAN&phoneNumber=081234567890"

READERS: dict[Callable[[Any], object], str] = {
    read_turn: HOP,
    read_event: EVENT,
    read_report: REPORT,
    read_sms: SMS,
    read_optout: OPTOUT,
}


def form(wire: str, **changes: str | list[str] | None) -> MultiDict[str, str]:
    fields: dict[str, list[str]] = {name: [value] for name, value in parse_qsl(wire, keep_blank_values=True)}
    for name, value in changes.items():
        key = {"from_": "from"}.get(name, name)
        if value is None:
            fields.pop(key)
        else:
            fields[key] = value if isinstance(value, list) else [value]
    return MultiDict(fields)


def test_a_captured_hop_is_a_turn() -> None:
    assert read_turn(form(HOP)) == Turn("ATUid_e9d0", "+6281234567890", "*384*70421#", "99999", "1*1*0")


@pytest.mark.parametrize("changes", [{"text": None}, {"text": ""}])
def test_a_dial_has_no_text(changes: dict[str, Any]) -> None:
    assert (read_turn(form(HOP, **changes)).text, read_turn(form(HOP, **changes)).phase) == ("", Phase.BEGIN)


@pytest.mark.parametrize("changes", [{"networkCode": None}, {"networkCode": ""}])
def test_a_network_may_be_unnamed(changes: dict[str, Any]) -> None:
    assert read_turn(form(HOP, **changes)).network_code == ""


@pytest.mark.parametrize("typed", ["6281234567890", "081234567890", " 6281234567890", "006281234567890"])
def test_a_number_is_made_canonical(typed: str) -> None:
    assert read_turn(form(HOP, phoneNumber=typed)).phone == "+6281234567890"


@pytest.mark.parametrize("text", ["1**", "*", "1*#", "１*é", "x" * 2000])
def test_what_was_typed_is_left_as_it_came(text: str) -> None:
    assert read_turn(form(HOP, text=text)).text == text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sessionId", None),
        ("sessionId", ""),
        ("sessionId", "x" * 101),
        ("sessionId", "ATUid_1\n"),
        ("sessionId", "a b"),
        ("sessionId", ["a", "a"]),
        ("sessionId", "٣"),
        ("serviceCode", None),
        ("serviceCode", ""),
        ("serviceCode", "*384#\n"),
        ("serviceCode", "abc"),
        ("serviceCode", ["*1#", "*2#"]),
        ("phoneNumber", None),
        ("phoneNumber", ""),
        ("phoneNumber", "+254700000001"),
        ("phoneNumber", "+6281234567890\n"),
        ("phoneNumber", "+62８1234567890"),
        ("phoneNumber", "MTN"),
        ("phoneNumber", "A081234567890"),
        ("phoneNumber", "0" * 5000),
        ("phoneNumber", ["+6281234567890", "+6281234567891"]),
        ("networkCode", "99 999"),
        ("networkCode", "9" * 17),
        ("networkCode", ["1", "2"]),
        ("text", "a\0b"),
        ("text", "x" * 2001),
        ("text", "\ud800"),
        ("text", ["1", "2"]),
    ],
)
def test_a_bad_hop_is_malformed_by_its_field(field: str, value: Any) -> None:
    with pytest.raises(Malformed) as caught:
        read_turn(form(HOP, **{field: value}))
    assert caught.value.args == (field,)
    assert caught.value.__context__ is None


def test_frames_begin_with_con_or_end() -> None:
    assert frame("1. Daftar\n2. Cek", end=False) == "CON 1. Daftar\n2. Cek"
    assert frame("Terima kasih", end=True) == "END Terima kasih"


def test_a_screens_label_is_a_header_that_the_company_takes() -> None:
    assert hop_label("enrol.nik") == {"at-ussd-hop-metadata": "enrol.nik"}
    assert hop_label("x" * 99) == {"at-ussd-hop-metadata": "x" * 99}
    assert hop_label("x" * 100) == hop_label("a|b") == {}
    assert all(hop_label(screen) for screen in MENU)


def test_a_captured_event_is_read_without_what_was_typed_or_shown() -> None:
    end = read_event(form(EVENT))
    assert end == SessionEnd(
        session_id="ATUid_e9d0",
        phone="+6281234567890",
        service_code="*384*70421#",
        network_code="99999",
        status="Incomplete",
        ended_at=datetime(2026, 10, 9, 12, 17, 37, tzinfo=UTC),
        duration_ms=192,
        hops=1,
        cost=Decimal("0.00"),
        currency="",
    )
    assert "778899" not in str(vars(end))
    assert "81234" not in repr(end)


@pytest.mark.parametrize(
    ("changes", "name", "expected"),
    [
        ({"cost": "KES 0.10"}, "cost", Decimal("0.10")),
        ({"cost": "KES 0.10"}, "currency", "KES"),
        ({"cost": ""}, "cost", None),
        ({"cost": "-1"}, "cost", None),
        ({"cost": "NaN"}, "cost", None),
        ({"cost": "1e999"}, "cost", None),
        ({"durationInMillis": ""}, "duration_ms", None),
        ({"durationInMillis": "٣"}, "duration_ms", None),
        ({"durationInMillis": "9" * 5000}, "duration_ms", None),
        ({"hopsCount": None}, "hops", None),
        ({"date": "2026-10-09T12:17:37Z"}, "ended_at", datetime(2026, 10, 9, 12, 17, 37, tzinfo=UTC)),
        ({"date": ""}, "ended_at", None),
        ({"date": "2026-13-09 12:17:37"}, "ended_at", None),
        ({"status": ""}, "status", ""),
    ],
)
def test_an_event_is_read_as_far_as_it_can_be(changes: dict[str, Any], name: str, expected: object) -> None:
    assert getattr(read_event(form(EVENT, **changes)), name) == expected


def test_a_captured_report_is_read() -> None:
    assert read_report(form(REPORT)) == DeliveryReport(
        "ATXid_1", "Failed", "DeliveryFailure", Outcome.UNREACHED, "+6281234567890"
    )
    assert read_report(form(REPORT, status="Success", failureReason=None)).failure == ""


def test_a_text_that_came_in_is_read() -> None:
    assert read_sms(form(SMS)) == SmsIn("b2c1", "+6281234567890", "12345", "SALDO 123456", "51010")
    assert read_sms(form(SMS, text="")).text == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("id", None),
        ("from_", "MTN"),
        ("from_", "A081234567890"),
        ("to", ""),
        ("to", "x" * 40),
        ("text", None),
        ("text", ["YA", "TIDAK"]),
        ("text", "\0"),
    ],
)
def test_a_bad_text_is_malformed_by_its_field(field: str, value: Any) -> None:
    with pytest.raises(Malformed) as caught:
        read_sms(form(SMS, **{field: value}))
    assert caught.value.args == (field.rstrip("_"),)


def test_an_opt_out_is_read() -> None:
    assert read_optout(form(OPTOUT)) == ("IURAN", "+6281234567890")


# --- anything at all ---------------------------------------------------------------------------------------------

_NAMES = sorted({name for wire in READERS.values() for name, _ in parse_qsl(wire, keep_blank_values=True)})
_GOOD = [value for wire in READERS.values() for _, value in parse_qsl(wire, keep_blank_values=True)]
_VALUES = st.sampled_from(_GOOD) | st.text(max_size=30) | st.text(alphabet="+0123456789*#\0\n .٣\ud800", max_size=30)


@pytest.mark.parametrize("reader", READERS)
@settings(deadline=None)
@given(changes=st.dictionaries(st.sampled_from(_NAMES), st.lists(_VALUES, max_size=2), max_size=5))
def test_a_form_is_a_value_or_malformed_and_nothing_else(
    reader: Callable[[Any], object], changes: dict[str, list[str]]
) -> None:
    fields: dict[str, list[str]] = {n: [v] for n, v in parse_qsl(READERS[reader], keep_blank_values=True)} | changes
    value: object = None
    with suppress(Malformed):
        value = reader(MultiDict(fields))
    if isinstance(value, Turn):
        assert value.session_id.isascii()
        assert len(value.text.encode()) <= 4 * 2000
        assert value.phone.startswith("+628")
