"""Texts and reports that an SMSC brings: read strictly, kept before they are acknowledged, brought again where not."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from gateways.base import DeliveryReport, Malformed, Outcome
from gateways.base import SmsIn as TextIn
from gateways.smpp import Pdu
from gateways.smpp_inbox import Inbox, Keep
from gateways.smpp_sms import gateway_id, read_text
from insurance.receipts import owe, recipient
from ports import Ports
from sms import taking
from sms.sender import drain
from tests.gateway_phones import QUICK
from tests.people import SITI_PHONE, enrol
from tests.smsc import (
    BIND_RECEIVER,
    DELIVER_SM,
    ENQUIRE_LINK,
    OK,
    RESPONSE,
    UNBIND,
    Smsc,
    pdu,
    text_in,
)
from tests.test_sms_routes import states
from tests.test_sms_smpp import BARE, NUMBER, gateway, operator, smsc
from tests.world import World

PERMANENT, LATER = 0x66, 0x64


__all__ = ["smsc"]


# Reports and texts that come in

RECEIPT = b"id:0000000B sub:001 dlvrd:001 submit date:2611260900 done date:2611260901 stat:%s err:000 text:Iuran"


def read(body: bytes, *, decimal_ids: bool = False) -> TextIn | DeliveryReport:
    raw = pdu(DELIVER_SM, 5, body)
    return read_text(Pdu(DELIVER_SM, 0, 5, raw), "wire", decimal_ids=decimal_ids)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("DELIVRD", Outcome.DELIVERED),
        ("ACCEPTD", Outcome.ON_THE_WAY),
        ("EXPIRED", Outcome.UNREACHED),
        ("UNDELIV", Outcome.UNREACHED),
        ("REJECTD", Outcome.UNREACHED),
        ("UNKNOWN", Outcome.UNKNOWN),
        ("MAGIC", Outcome.UNKNOWN),
    ],
)
def test_a_report_says_by_its_words_what_became_of_a_text(status: str, outcome: Outcome) -> None:
    said = read(text_in(BARE, "IURAN", RECEIPT % status.encode(), esm_class=4))
    assert said == DeliveryReport("smpp:b", status, "err 000", outcome, NUMBER)


def test_a_report_is_read_by_its_parameters_first() -> None:
    said = read(text_in(BARE, "IURAN", b"whatever", esm_class=4, message_id="00000c", state=2))
    assert said == DeliveryReport("smpp:c", "DELIVRD", "", Outcome.DELIVERED, NUMBER)


@pytest.mark.parametrize(
    ("named", "decimal", "kept"),
    [
        ("0000000B", False, "smpp:b"),
        ("11", True, "smpp:b"),
        ("11", False, "smpp:11"),
        ("0", False, "smpp:0"),
        ("", True, ""),
    ],
)
def test_an_id_is_one_however_the_smsc_spells_it(named: str, decimal: bool, kept: str) -> None:
    assert gateway_id(named, decimal=decimal) == kept


@pytest.mark.parametrize(
    "body",
    [
        text_in(BARE, "73500", b"CEK", esm_class=0x40),
        text_in("IURAN", "73500", b"CEK"),
        text_in(BARE, "73500", b"CEK\xff\xff", coding=0),
        text_in(BARE, "73500", b"C", coding=8),
        text_in(BARE, "IURAN", b"no id at all", esm_class=4),
        text_in(BARE, "73500", b"CEK")[:-2],
        text_in(BARE, "73500", b"CEK\0", coding=3),
        text_in(BARE, "IURAN", b"stat:DELIVRD", esm_class=4, message_id="ab\0cd"),
        b"",
    ],
)
def test_what_cannot_be_read_names_a_field_and_no_content(body: bytes) -> None:
    with pytest.raises(Malformed) as raised:
        read(body)
    assert "CEK" not in str(raised.value)
    assert BARE not in str(raised.value)


@contextmanager
def inbox(smsc: Smsc, keep: Keep, *, decimal_ids: bool = False) -> Iterator[Inbox]:
    made = Inbox(operator(smsc), keep, decimal_ids=decimal_ids, patience=QUICK)
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    try:
        smsc.wait(lambda: smsc.binds, "the bind")
        yield made
    finally:
        made.stop()
        thread.join(10)
        assert not thread.is_alive()


def answered(smsc: Smsc, sequence: int) -> int:
    """The status that a deliver_sm was answered with."""
    smsc.wait(lambda: any(one[:2] == (RESPONSE | DELIVER_SM, sequence) for one in smsc.responses), "the answer")
    return next(
        status for command, number, status in smsc.responses if (command, number) == (RESPONSE | DELIVER_SM, sequence)
    )


def bring(smsc: Smsc, body: bytes) -> int:
    sequence = smsc.next_sequence()
    smsc.send(pdu(DELIVER_SM, sequence, body))
    return answered(smsc, sequence)


def test_a_members_text_is_stored_answered_and_then_acknowledged(world: World, smsc: Smsc) -> None:
    enrol(world.phone())
    with inbox(smsc, lambda came: taking.keep(world.ports, came)):
        assert bring(smsc, text_in(SITI_PHONE[1:], "73500", b"status")) == OK
        assert "S.R." in world.last_sms()
        before = len(world.owed_to(SITI_PHONE))
        assert bring(smsc, text_in(SITI_PHONE[1:], "73500", b"status")) == OK
        assert len(world.owed_to(SITI_PHONE)) == before, "brought again within seconds is answered once"
        assert bring(smsc, text_in(SITI_PHONE[1:], "73500", b"C", coding=8)) == PERMANENT
    assert smsc.bound_as == [BIND_RECEIVER]
    assert smsc.unbinds == 1


def test_what_could_not_be_stored_is_to_be_brought_again(smsc: Smsc) -> None:
    came = list[object]()

    def keep(one: object) -> bool:
        came.append(one)
        return len(came) > 1

    with inbox(smsc, keep):
        assert bring(smsc, text_in(BARE, "73500", b"STATUS")) == LATER
        assert bring(smsc, text_in(BARE, "73500", b"STATUS")) == OK


def test_the_inbox_lives_through_a_lost_connection_and_answers_questions(smsc: Smsc) -> None:
    with inbox(smsc, lambda _: True):
        smsc.send(pdu(ENQUIRE_LINK, 9))
        smsc.wait(lambda: (RESPONSE | ENQUIRE_LINK, 9, OK) in smsc.responses, "the answer")
        smsc.cut()
        smsc.wait(lambda: len(smsc.binds) == 2, "another bind")
        smsc.send(pdu(UNBIND, 10))
        smsc.wait(lambda: len(smsc.binds) == 3, "another bind after it was sent away")
        assert bring(smsc, text_in(BARE, "73500", b"STATUS")) == OK


@pytest.mark.parametrize("decimal", [False, True])
def test_a_text_goes_out_by_smpp_and_its_report_moves_it(world: World, smsc: Smsc, decimal: bool) -> None:
    with world.ports.transaction() as work:
        owe(work, recipient(work, NUMBER, "id"), "help_unknown", "text:1", {})
    with gateway(smsc) as sms, inbox(smsc, lambda one: taking.keep(world.ports, one), decimal_ids=decimal):
        assert drain(replace(world.ports, sms={"smpp": sms})) == 1
        assert states(world) == {"sent": 1}
        named = b"11" if decimal else b"0000000B"
        receipt = (RECEIPT % b"DELIVRD").replace(b"0000000B", named)
        smsc.wait(lambda: BIND_RECEIVER in smsc.bound_as, "the receiver's bind")
        raw = pdu(DELIVER_SM, 40, text_in(BARE, "IURAN", receipt, esm_class=4))
        smsc.send_to_receiver(raw)
        answered(smsc, 40)
    assert states(world) == {"delivered": 1}


def environ(ports: Ports, smsc: Smsc) -> dict[str, str]:
    names = ("IURAN_MODE", "SANDBOX_URL", "BANKS_FILE", "INSURER_OUT_DIR", "INSURER_IN_DIR")
    env = {name: str(getattr(ports.settings, name)) for name in names}
    env["DATABASE_URL"] = ports.settings.DATABASE_URL.get_secret_value()
    env["REDIS_URL"] = ports.settings.REDIS_URL.get_secret_value()
    env |= {"SMS_ROUTES": "africastalking,smpp", "SMS_SMPP_HOST": "127.0.0.1", "SMS_SMPP_PORT": str(smsc.port)}
    return env | {"SMPP_TLS": "false", "SMS_SMPP_SYSTEM_ID": "iuran", "SMS_SMPP_PASSWORD": "hush", "FLASK_APP": "app"}


def test_the_command_takes_texts_and_stops_in_order(world: World, smsc: Smsc) -> None:
    command = subprocess.Popen(
        [sys.executable, "-m", "flask", "sms", "smpp"],
        env=environ(world.ports, smsc),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        smsc.wait(lambda: smsc.binds == [OK], "the bind", 60.0)
        assert bring(smsc, text_in(BARE, "73500", b"BANTUAN")) == OK
        assert "belum terdaftar" in world.last_sms(NUMBER)
        command.terminate()
        _, said = command.communicate(timeout=20)
    finally:
        command.kill()
    assert (command.returncode, smsc.unbinds) == (0, 1)
    assert not any(secret in said for secret in ("hush", BARE, "BANTUAN", "Traceback"))


def test_the_command_is_told_when_its_route_is_not_named(world: World) -> None:
    with world.app.app_context():
        result = world.app.test_cli_runner().invoke(args=["sms", "smpp"])
    assert result.exit_code == 1
    assert "SMS_ROUTES does not name smpp" in result.output
