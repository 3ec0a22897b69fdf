"""The connection to an SMSC over real TCP: bound again after every loss, paced; no byte that comes makes it fall."""

import ssl
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gateways.smpp_wire import Lost, Wire
from gateways.smpp_wire import Smsc as Operator
from tests.gateway_phones import QUICK, SmppHandset, handset, linked
from tests.people import SITI, SITI_NIK, SITI_PHONE, SUKAMAJU
from tests.smsc import (
    BAD_COMMAND,
    BAD_LENGTH,
    DELIVER_SM,
    DIALLED,
    ENQUIRE_LINK,
    GENERIC_NACK,
    OK,
    RESPONSE,
    UNBIND,
    WRONG_PASSWORD,
    Smsc,
    message,
    pdu,
)
from tests.test_banks_tls import certificate
from tests.world import World

DELIVERED = RESPONSE | DELIVER_SM


@pytest.fixture
def smsc() -> Iterator[Smsc]:
    smsc = Smsc()
    yield smsc
    smsc.close()


def phone(world: World, smsc: Smsc, number: str = SITI_PHONE) -> SmppHandset:
    made = handset(world, "smpp", number, smsc)
    assert isinstance(made, SmppHandset)
    return made


def bound(smsc: Smsc, times: int) -> None:
    smsc.wait(lambda: smsc.binds.count(OK) >= times, f"bind {times}")


def test_it_binds_again_after_each_loss_and_the_call_goes_on(world: World, smsc: Smsc) -> None:
    with linked(world, smsc):
        siti = phone(world, smsc)
        siti.dial()
        siti.press("1")
        smsc.cut()
        bound(smsc, 2)
        assert "nama lengkap" in siti.press(SITI_NIK)
        smsc.send(pdu(UNBIND, 99))
        bound(smsc, 3)
        assert (RESPONSE | UNBIND, 99, OK) in smsc.responses
        assert "Desa/kelurahan" in siti.press(SITI)


def test_the_key_pressed_last_is_shown_again_after_a_new_bind_and_counts_when_pressed_once_more(
    world: World, smsc: Smsc
) -> None:
    """Whether the SMSC repeats it or the caller pressed it cannot be told: nothing is answered in his place."""
    with linked(world, smsc):
        siti = phone(world, smsc)
        siti.dial()
        shown = siti.press("1", SITI_NIK, SITI, "4", SUKAMAJU, "1")
        smsc.cut()
        bound(smsc, 2)
        assert siti.press("1") == shown
        assert siti.press("1") != shown


def test_a_wrong_password_is_tried_again_and_again_and_never_falls(world: World) -> None:
    smsc = Smsc(password="another")
    with linked(world, smsc):
        smsc.wait(lambda: smsc.binds.count(WRONG_PASSWORD) >= 3, "three tries")
    smsc.close()


def test_nobody_at_the_address_is_waited_for_ever_longer(world: World) -> None:
    gone = Smsc()
    gone.close()
    began = time.monotonic()
    with linked(world, gone):
        time.sleep(0.3)
    assert time.monotonic() - began < 3, "a stop does not wait for the SMSC"


def test_an_smsc_that_says_nothing_any_more_is_asked_and_then_left(world: World, smsc: Smsc) -> None:
    smsc.says_it_lives = False
    with linked(world, smsc):
        bound(smsc, 1)
        smsc.wait(lambda: smsc.enquiries, "an enquiry")
        bound(smsc, 2)
        smsc.says_it_lives = True
        seen = len(smsc.binds)
        time.sleep(1.5)
        assert len(smsc.binds) <= seen + 1, "one that answers is kept"


def test_an_enquiry_is_answered(world: World, smsc: Smsc) -> None:
    with linked(world, smsc):
        smsc.send(pdu(ENQUIRE_LINK, 41))
        smsc.wait(lambda: (RESPONSE | ENQUIRE_LINK, 41, OK) in smsc.responses, "the answer")


def test_what_comes_in_one_packet_with_the_bind_is_not_lost(world: World, smsc: Smsc) -> None:
    smsc.with_the_bind = pdu(DELIVER_SM, 9, message("6281234567890", "500", b"*500*73#", DIALLED, 2))
    with linked(world, smsc):
        smsc.wait(lambda: smsc.count("6281234567890") == 1, "the menu")


def test_what_came_whole_before_a_length_that_is_none_is_taken(world: World, smsc: Smsc) -> None:
    with linked(world, smsc):
        dial = pdu(DELIVER_SM, 9, message("6281234567890", "500", b"*500*73#", DIALLED, 2))
        smsc.send(dial + struct.pack(">LLLL", 1, DELIVER_SM, 0, 10))
        smsc.wait(lambda: (DELIVERED, 9, OK) in smsc.responses, "its response")
        bound(smsc, 2)
        smsc.wait(lambda: smsc.count("6281234567890") == 1, "the menu")


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        (pdu(0x00000103, 5, b"x"), (GENERIC_NACK, 5, BAD_COMMAND)),
        (pdu(0x0000BEEF, 6), (GENERIC_NACK, 6, BAD_COMMAND)),
        (pdu(DELIVER_SM, 7, b"USSD"), (GENERIC_NACK, 7, BAD_LENGTH)),
        (pdu(DELIVER_SM, 8), (GENERIC_NACK, 8, BAD_LENGTH)),
        (pdu(DELIVER_SM, 9, message("62812", "500", b"1", None, 2)), (DELIVERED, 9, 0x66)),
        (struct.pack(">LLLL", 8, DELIVER_SM, 0, 10), (GENERIC_NACK, 0, BAD_LENGTH)),
        (struct.pack(">LLLL", 2**31, DELIVER_SM, 0, 11), (GENERIC_NACK, 0, BAD_LENGTH)),
    ],
)
def test_a_pdu_that_is_none_is_refused_and_calls_go_on(
    world: World, smsc: Smsc, raw: bytes, answer: tuple[int, int, int]
) -> None:
    with linked(world, smsc):
        smsc.send(raw)
        smsc.wait(lambda: answer in smsc.responses, "the refusal")
        if answer[1] == 0:
            bound(smsc, 2)
        assert "1. Daftar" in phone(world, smsc).dial()


@pytest.mark.parametrize("raw", [pdu(0x8000BEEF, 1), pdu(GENERIC_NACK, 77, status=3), pdu(RESPONSE | 4, 78, b"id\0")])
def test_a_response_to_nothing_is_passed_over(world: World, smsc: Smsc, raw: bytes) -> None:
    with linked(world, smsc):
        smsc.send(raw)
        assert "1. Daftar" in phone(world, smsc).dial()
        assert smsc.binds == [OK]


def test_half_a_pdu_and_silence_are_left_behind(world: World, smsc: Smsc) -> None:
    with linked(world, smsc, replace(QUICK, quiet_s=60.0)):
        smsc.send(pdu(DELIVER_SM, 1, b"x" * 40)[:30])
        bound(smsc, 2)
        assert "1. Daftar" in phone(world, smsc).dial()


@pytest.mark.parametrize(("trusted", "spoken"), [(True, True), (False, False)])
def test_tls_is_spoken_with_who_can_be_trusted_only(world: World, tmp_path: Path, trusted: bool, spoken: bool) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    cert = certificate(key, tmp_path)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(cert, tmp_path / "key.pem")
    smsc = Smsc(tls=theirs)
    ours = ssl.create_default_context(cafile=str(cert) if trusted else None)
    operator = Operator("localhost", smsc.port, "iuran", "hush", tls=ours)
    if spoken:
        wire = Wire.bound(operator, 2.0, 2.0)
        smsc.send(pdu(ENQUIRE_LINK, 1) * 3)
        assert [came.sequence for came in wire.receive((), 2.0)] == [1, 1, 1]
        wire.close()
    else:
        with pytest.raises(Lost, match="bind-SSLCertVerificationError"):
            Wire.bound(operator, 2.0, 2.0)
    assert smsc.binds == [OK] * spoken
    smsc.close()
