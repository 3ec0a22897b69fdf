"""Texts over SMPP: each word of the SMSC means one thing, and nothing unsure is sent twice."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from gateways.base import GatewayStopped, Outcome, SendRefused, SendUnknown, SendUnreachable
from gateways.smpp_sms import SmppSms
from gateways.smpp_wire import Smsc as Operator
from local.process import free_port
from tests.smsc import (
    BIND_TRANSMITTER,
    ENQUIRE_LINK,
    OK,
    RESPONSE,
    Smsc,
)

NUMBER, BARE = "+6285712345678", "6285712345678"


@pytest.fixture
def smsc() -> Iterator[Smsc]:
    smsc = Smsc()
    yield smsc
    smsc.close()


def operator(smsc: Smsc, password: str = "hush") -> Operator:
    return Operator("127.0.0.1", smsc.port, "iuran", password)


@contextmanager
def gateway(smsc: Smsc, password: str = "hush") -> Iterator[SmppSms]:
    made = SmppSms(operator(smsc, password), "IURAN", connect_s=1.0, response_s=0.3)
    yield made
    made.rest()


def test_a_text_is_submitted_by_the_registered_name_and_its_delivery_is_asked_for(smsc: Smsc) -> None:
    with gateway(smsc) as sms:
        assert sms.send(NUMBER, "Iuran @ Rp28.400").gateway_id == "smpp:b"
        assert sms.send(NUMBER, "Lagi").gateway_id == "smpp:c"
    first, _ = smsc.answers(BARE)
    assert (first.sender, first.octets, first.reported) == ("IURAN", b"Iuran \x00 Rp28.400", True)
    assert (smsc.bound_as, smsc.binds, smsc.unbinds) == ([BIND_TRANSMITTER], [OK], 1)


@pytest.mark.parametrize(
    ("status", "kind", "of"),
    [
        (0x58, SendUnreachable, None),
        (0x14, SendUnreachable, None),
        (0x45, SendUnreachable, None),
        (0x0B, SendRefused, Outcome.LOST),
        (0x01, SendRefused, None),
        (0x0A, GatewayStopped, None),
        (0x53, GatewayStopped, None),
        (0x08, SendUnknown, None),
    ],
)
def test_each_status_means_one_thing(smsc: Smsc, status: int, kind: type[Exception], of: Outcome | None) -> None:
    smsc.refuses_with = status
    with gateway(smsc) as sms, pytest.raises(kind) as raised:
        sms.send(NUMBER, "Halo")
    assert type(raised.value) is kind
    assert getattr(raised.value, "of", None) is of
    assert BARE not in str(raised.value)
    assert "Halo" not in repr(raised.value.__context__)


def test_without_an_answer_it_is_unknown_and_the_next_text_goes_by_a_new_connection(smsc: Smsc) -> None:
    smsc.acknowledges = False
    with gateway(smsc) as sms:
        with pytest.raises(SendUnknown, match="timeout"):
            sms.send(NUMBER, "Halo")
        smsc.acknowledges = True
        assert sms.send(NUMBER, "Halo").gateway_id
    assert smsc.binds == [OK, OK]
    assert smsc.count(BARE) == 2


def test_a_connection_cut_while_idle_costs_no_text(smsc: Smsc) -> None:
    """What was never written is not in doubt; what was, is."""
    with gateway(smsc) as sms:
        sms.send(NUMBER, "Halo")
        smsc.cut()
        with pytest.raises((SendUnknown, SendUnreachable)):
            sms.send(NUMBER, "Halo")
        assert sms.send(NUMBER, "Halo").gateway_id


def test_the_smscs_own_question_is_answered_while_a_text_waits(smsc: Smsc) -> None:
    smsc.enquires = True
    with gateway(smsc) as sms:
        assert sms.send(NUMBER, "Halo").gateway_id
    smsc.wait(lambda: smsc.responses, "the answer")
    assert smsc.responses == [(RESPONSE | ENQUIRE_LINK, 77, OK)]


def test_a_wrong_password_stops_the_account_and_a_closed_door_is_unreachable(smsc: Smsc) -> None:
    with gateway(smsc, "wrong") as sms, pytest.raises(GatewayStopped, match="bind-14"):
        sms.send(NUMBER, "Halo")
    nobody = SmppSms(replace(operator(smsc), port=free_port()), "IURAN", connect_s=1.0, response_s=0.3)
    with pytest.raises(SendUnreachable, match="connect"):
        nobody.send(NUMBER, "Halo")


def test_each_lane_has_a_connection_of_its_own(smsc: Smsc) -> None:
    with gateway(smsc) as sms:

        def lane() -> None:
            for _ in range(20):
                sms.send(NUMBER, "Halo")
            sms.rest()

        threads = [threading.Thread(target=lane) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert smsc.count(BARE) == 60
    assert smsc.binds == [OK] * 3
