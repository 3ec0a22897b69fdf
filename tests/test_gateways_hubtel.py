"""Hubtel's JSON: both spellings that are documented are read, and any other body is a value or Malformed."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.base import Malformed, Phase, Turn, screen_token
from gateways.hubtel import frame, read_turn

CODE = "*500*73#"
# Older examples' spelling (gateways.md 4.1), and that of Hubtel's own page of November 2026; Indonesian numbers.
ANSWER = {
    "Mobile": "6281234567890",
    "SessionId": "8d440a43a98b4614b9df22b79c8190b8",
    "ServiceCode": "500*73",
    "Type": "Response",
    "Message": "1",
    "Operator": "telkomsel",
    "Sequence": 2,
    "ClientState": "",
}
DIAL = {**ANSWER, "Type": "initiation", "Message": "*500*73#", "Sequence": "1", "serviceCode": "500"}
del DIAL["ServiceCode"]


def read(fields: dict[str, Any], **changes: Any) -> Turn:
    return read_turn(json.dumps({**fields, **changes}).encode(), CODE)


def test_an_answer_is_a_turn_with_the_latest_input_alone() -> None:
    assert read(ANSWER) == Turn(
        session_id="hubtel:8d440a43a98b4614b9df22b79c8190b8",
        phone="+6281234567890",
        service_code=CODE,
        network_code="telkomsel",
        text="1",
        gateway="hubtel",
        phase=Phase.CONTINUE,
        cumulative=False,
        sequence=2,
    )


def test_a_dial_in_the_newer_spelling_begins_a_call() -> None:
    turn = read(DIAL)
    assert (turn.phase, turn.text, turn.sequence, turn.service_code) == (Phase.BEGIN, "", 1, CODE)


@pytest.mark.parametrize(
    ("dialled", "beyond"),
    [("*500*73*1#", "1"), ("*500*73*35013*2#", "35013*2"), ("500*73", ""), ("", ""), ("*500*73*#", "")],
)
def test_what_was_dialled_beyond_the_code_is_the_text(dialled: str, beyond: str) -> None:
    turn = read(DIAL, Message=dialled, serviceCode="500*73")
    assert (turn.service_code, turn.text) == (CODE, beyond)


@pytest.mark.parametrize("changes", [{"Message": "*500*7#"}, {"Message": "*500*731#"}, {"serviceCode": "50"}])
def test_another_code_is_named_as_it_came(changes: dict[str, str]) -> None:
    assert read(DIAL, **changes).service_code != CODE


@pytest.mark.parametrize(
    ("kind", "phase"),
    [("Initiation", Phase.BEGIN), ("response", Phase.CONTINUE), ("Release", Phase.CANCEL), ("TIMEOUT", Phase.TIMEOUT)],
)
def test_the_types_are_phases(kind: str, phase: Phase) -> None:
    assert read(ANSWER, Type=kind, Message="*500*73#").phase is phase


def test_the_state_comes_back_as_the_name_of_the_screen() -> None:
    state = frame("1. Daftar", end=False)["ClientState"]
    assert read(ANSWER, ClientState=state).answers == screen_token("1. Daftar")
    assert read(ANSWER, Type="Initiation", ClientState=state).answers == ""
    assert frame("Terima kasih", end=True) == {"Type": "Release", "Message": "Terima kasih", "ClientState": ""}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Type", "AddToCart"),
        ("Type", None),
        ("Type", 1.5),
        ("SessionId", ""),
        ("SessionId", None),
        ("SessionId", "x" * 101),
        ("SessionId", "a b"),
        ("ServiceCode", "b230733cd56b4a0fad820e39f66bc27c"),
        ("ServiceCode", None),
        ("Message", "x" * 183),
        ("Message", "a\0b"),
        ("Message", "\ud800"),
        ("Message", True),
        ("Message", ["1"]),
        ("Operator", "tel|komsel"),
        ("Sequence", None),
        ("Sequence", 0.5),
        ("Sequence", -1),
        ("Sequence", "٣"),
        ("Sequence", 10**9),
        ("Sequence", 10**25),
        ("ClientState", "x"),
    ],
)
def test_a_bad_field_is_malformed_by_its_name(field: str, value: Any) -> None:
    with pytest.raises(Malformed) as caught:
        read(ANSWER, **{field: value})
    assert caught.value.args == (field,)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("number", ["233246912184", "MTN", "", "A6281234567890", 6, None])
def test_a_number_that_is_not_indonesian_is_malformed_as_the_phone(number: object) -> None:
    with pytest.raises(Malformed) as caught:
        read(ANSWER, Mobile=number)
    assert caught.value.args == ("Mobile" if number is None else "phoneNumber",)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"1",
        b'{"Type": "Response"',
        b"\xff\xfe",
        b"[" * 15_000,
        b'{"Message": ' + b"9" * 5000 + b"}",
        b'{"Message": "1", "message": "2"}',
        b'{"Message": "1", "Message": "2"}',
    ],
)
def test_a_body_that_is_no_such_json_is_malformed_whole(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read_turn(body, CODE)
    assert caught.value.args == ("body",)
    assert caught.value.__context__ is None


_VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet="+0123456789*#\0\n .٣é\ud800", max_size=30)
    | st.sampled_from([*ANSWER.values(), "Initiation", "*500*73*1#"])
)


@given(changes=st.dictionaries(st.sampled_from(sorted(ANSWER)), _VALUES, max_size=4), body=st.binary(max_size=60))
def test_a_body_is_a_turn_or_malformed_and_nothing_else(changes: dict[str, Any], body: bytes) -> None:
    for raw in (json.dumps({**ANSWER, **changes}).encode(), body):
        with suppress(Malformed):
            turn = read_turn(raw, CODE)
            assert turn.phone.startswith("+628")
            assert not turn.cumulative
            assert 0 <= turn.sequence < 10**9
