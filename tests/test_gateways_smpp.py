"""USSD's PDUs: fixtures by hand are read right; what is cut, doubled or unknown is refused, whatever the bytes."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.base import Malformed, Phase, Turn
from gateways.smpp import (
    PDU_BYTES_MAX,
    BadLength,
    Delivered,
    Dialog,
    NotACall,
    Pdu,
    Writer,
    cut,
    read_deliver,
    read_turn,
)
from tests.smsc import ABORTED, ANSWERED, DELIVER_SM, DIALLED, message, pdu, read_submit, tlv

CODE, WIRE = "*500*73#", "wire-1"
PHONE = "6281234567890"
# A dial as an SMSC sends it, written out: header, service type, +6281234567890 calls 500, `*500*73#`, op 1, dialog 5.
DIAL = bytes.fromhex(
    "00000048 00000005 00000000 00000007"
    "55535344 00 01 01 36323831323334353637383930 00 00 01 353030 00"
    "00 00 00 00 00 00 00 00 00 08 2a3530302a373323"
    "0501 0001 01 1383 0002 000a"
)


def one(raw: bytes) -> Pdu:
    (whole,) = cut(bytearray(raw))
    return whole


def deliver(octets: bytes = b"1", op: int | None = ANSWERED, info: int | None = 10, coding: int = 0) -> Delivered:
    return read_deliver(one(pdu(DELIVER_SM, 7, message(PHONE, "500", octets, op, info, coding))))


def turn(octets: bytes = b"1", op: int | None = ANSWERED, info: int | None = 10, coding: int = 0) -> Turn:
    return read_turn(deliver(octets, op, info, coding), CODE, WIRE)


def test_a_dial_written_out_is_a_turn() -> None:
    assert read_turn(read_deliver(one(DIAL)), CODE, WIRE) == Turn(
        session_id=f"smpp:+{PHONE}:5",
        phone=f"+{PHONE}",
        service_code=CODE,
        network_code="",
        text="",
        gateway="smpp",
        phase=Phase.BEGIN,
        cumulative=False,
        sequence=7,
        wire=WIRE,
    )


@pytest.mark.parametrize(
    ("op", "info", "phase"),
    [
        (DIALLED, 10, Phase.BEGIN),
        (ANSWERED, 10, Phase.CONTINUE),
        (ANSWERED, 11, Phase.CANCEL),
        (ABORTED, 10, Phase.CANCEL),
        (ABORTED, None, Phase.CANCEL),
        (DIALLED, 11, Phase.BEGIN),
    ],
)
def test_the_operation_and_the_end_bit_are_the_phase(op: int, info: int | None, phase: Phase) -> None:
    assert turn(b"*500*73#", op, info).phase is phase


@pytest.mark.parametrize("op", [None, 0, 2, 17, 19, 255])
def test_another_operation_is_no_call(op: int | None) -> None:
    with pytest.raises(NotACall):
        deliver(op=op)


@pytest.mark.parametrize(
    ("octets", "coding", "text"),
    [
        (b"1", 0, "1"),
        (b"1", 15, "1"),
        (b"\x00\x1b\x65", 0, "@€"),
        (b"\xe9", 3, "é"),
        ("１".encode("utf-16-be"), 8, "１"),
        (b"", 0, ""),
    ],
)
def test_what_was_typed_is_read_in_its_alphabet(octets: bytes, coding: int, text: str) -> None:
    assert turn(octets, coding=coding).text == text


@pytest.mark.parametrize(
    ("octets", "coding"),
    [(b"\x80", 0), (b"\x1b", 0), (b"\x1b\x41", 0), (b"1", 4), (b"1", 8), (b"\xd8\x00", 8), (b"1" * 183, 0), (b"\0", 3)],
)
def test_what_no_phone_types_is_malformed(octets: bytes, coding: int) -> None:
    with pytest.raises(Malformed) as caught:
        turn(octets, coding=coding)
    assert caught.value.args == ("short_message",)
    assert caught.value.__context__ is None


def test_the_dialled_string_may_stand_in_the_address_and_go_on_behind_the_code() -> None:
    dialled = read_deliver(one(pdu(DELIVER_SM, 7, message(PHONE, "*500*73*1#", b"", DIALLED, 2))))
    assert read_turn(dialled, CODE, WIRE).text == "1"
    answered = read_deliver(one(pdu(DELIVER_SM, 7, message(PHONE, "*500*73*1#", b"2", ANSWERED, 2))))
    assert (read_turn(answered, CODE, WIRE).service_code, read_turn(answered, CODE, WIRE).text) == (CODE, "2")
    other = read_deliver(one(pdu(DELIVER_SM, 7, message(PHONE, "501", b"*501#", DIALLED, 2))))
    assert read_turn(other, CODE, WIRE).service_code == "501"


@pytest.mark.parametrize("number", ["254700000001", "MTN", "", "A6281234567890"])
def test_a_number_that_is_not_indonesian_is_malformed_as_the_phone(number: str) -> None:
    came = read_deliver(one(pdu(DELIVER_SM, 7, message(number, "500", b"1", ANSWERED, 2))))
    with pytest.raises(Malformed) as caught:
        read_turn(came, CODE, WIRE)
    assert caught.value.args == ("phoneNumber",)


def test_a_dialog_is_named_by_its_number_or_by_the_message_reference_or_by_the_phone_alone() -> None:
    by_reference = message(PHONE, "500", b"1", ANSWERED, None) + tlv(0x0204, 77, 2)
    assert read_deliver(one(pdu(DELIVER_SM, 7, by_reference))).dialog.number == "77"
    assert deliver(info=0x0A).dialog.number == "5"
    assert deliver(info=None).dialog.number == ""


def test_a_pdu_that_is_cut_short_anywhere_is_malformed_or_no_call_and_never_a_hop() -> None:
    body = message(PHONE, "500", b"12", ANSWERED, 10)
    for size in range(len(body)):
        whole = one(pdu(DELIVER_SM, 7, body[:size]))
        try:
            came = read_deliver(whole)
        except (Malformed, NotACall):
            continue
        # Only the last parameter is missing: the dialog then has no number.
        assert (size, came.dialog.number) == (len(body) - 6, "")


def test_a_message_that_is_longer_than_its_pdu_is_malformed() -> None:
    body = message(PHONE, "500", b"12", ANSWERED, 10)
    longer = body.replace(b"\x0212", b"\xc812")
    assert longer != body
    with pytest.raises(Malformed, match="short_message"):
        read_deliver(one(pdu(DELIVER_SM, 7, longer)))


@pytest.mark.parametrize(
    "more",
    [
        tlv(0x0501, ANSWERED, 1),
        struct.pack(">HHB", 0x1383, 1, 4),
        struct.pack(">HHH", 0x0204, 4, 4),
        b"\x05",
        b"\x05\x01\x00",
        struct.pack(">HH", 0x9999, 0xFFFF),
    ],
)
def test_a_parameter_that_is_doubled_or_of_another_length_is_malformed(more: bytes) -> None:
    with pytest.raises(Malformed):
        read_deliver(one(pdu(DELIVER_SM, 7, message(PHONE, "500", b"1", ANSWERED, 10) + more)))


def test_an_unknown_parameter_is_passed_over() -> None:
    body = message(PHONE, "500", b"1", ANSWERED, None) + struct.pack(">HH2s", 0x2222, 2, b"??") + tlv(0x1383, 10, 2)
    assert read_deliver(one(pdu(DELIVER_SM, 7, body))).dialog.number == "5"


@pytest.mark.parametrize("length", [0, 15, PDU_BYTES_MAX + 1, 2**32 - 1])
def test_a_length_that_is_none_is_told_apart_from_a_pdu_that_is_still_coming(length: int) -> None:
    with pytest.raises(BadLength):
        cut(bytearray(struct.pack(">LLLL", length, 5, 0, 1)))
    half = bytearray(pdu(DELIVER_SM, 1, b"x" * 20)[:30])
    assert cut(half) == []
    assert len(half) == 30
    half += b"x" * 6 + pdu(DELIVER_SM, 2)[:3]
    assert [whole.sequence for whole in cut(half)] == [1]
    assert len(half) == 3


def test_an_answer_goes_back_to_where_the_turn_came_from() -> None:
    dialog = Dialog(PHONE, 1, 1, "500", 0, 1, 10, None)
    for end, op, info in ((False, 2, 10), (True, 17, 11)):
        made = Writer().answer(dialog, "1. Daftar [a]\n2. é", end=end)
        sent = read_submit(made.sequence, made.raw[16:])
        assert (sent.to, sent.sender, sent.op, sent.info) == (PHONE, "500", op, info)
        assert sent.octets == b"1. Daftar \x1b<a\x1b>\n2. \x05"
        assert struct.unpack(">L", made.raw[:4])[0] == len(made.raw)


def test_nothing_of_a_turn_is_shown_where_a_value_is_printed() -> None:
    came = deliver(b"274913")
    shown = f"{came} {came.dialog} {turn(b'274913')} {one(pdu(DELIVER_SM, 1, message(PHONE, '500', b'274913', 18, 2)))}"
    assert "274913" not in shown
    assert PHONE not in shown


@given(
    body=st.binary(max_size=120)
    | st.tuples(st.integers(0, 60), st.binary(min_size=1, max_size=4)).map(
        lambda at: (base := message(PHONE, "500", b"12", ANSWERED, 10))[: at[0]] + at[1] + base[at[0] + len(at[1]) :]
    )
)
def test_any_body_is_a_turn_or_refused_and_nothing_else(body: bytes) -> None:
    with suppress(Malformed, NotACall):
        read = read_turn(read_deliver(one(pdu(DELIVER_SM, 7, body))), CODE, WIRE)
        assert read.phone.startswith("+628")
        assert len(read.text) <= 182
