"""Answers over SMPP: paced, throttled, never sent twice or too late; a stop answers what was taken; the command."""

import subprocess
import sys
import threading
import time

import pytest

from gateways import smpp_link
from gateways.base import Turn
from gateways.smpp_link import Link
from gateways.smpp_wire import Smsc as Operator
from tests.gateway_phones import QUICK, linked
from tests.people import BUDI_PHONE
from tests.smsc import ANSWERED, DELIVER_SM, DIALLED, OK, Smsc, message, pdu
from tests.test_smpp_link import DELIVERED, bound, phone, smsc
from tests.world import World

__all__ = ["smsc"]


class Echo:
    """A callee that says what it heard, as slowly as it is told to."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.delay_s, self.heard = delay_s, list[Turn]()

    @property
    def text(self) -> str:
        return "1. Daftar"

    @property
    def end(self) -> bool:
        return False

    def hear(self, asked: Turn) -> "Echo":
        time.sleep(self.delay_s)
        self.heard.append(asked)
        return self

    def unread(self, field: str) -> "Echo":
        return self


def run(smsc: Smsc, callee: Echo, rate_per_s: int = 1000) -> tuple[Link, threading.Thread]:
    link = Link(Operator("127.0.0.1", smsc.port, "iuran", "hush"), "*500*73#", rate_per_s, callee, QUICK)
    thread = threading.Thread(target=link.run, daemon=True)
    thread.start()
    bound(smsc, 1)
    return link, thread


def calls(smsc: Smsc, count: int) -> list[str]:
    """As many numbers that dial at once."""
    numbers = [f"62812345{i:05}" for i in range(count)]
    smsc.send(
        b"".join(
            pdu(DELIVER_SM, smsc.next_sequence(), message(number, "500", b"*500*73#", DIALLED, 2)) for number in numbers
        )
    )
    return numbers


def test_answers_go_no_faster_than_the_operator_allows(smsc: Smsc) -> None:
    link, thread = run(smsc, Echo(), rate_per_s=20)
    numbers = calls(smsc, 12)
    smsc.wait(lambda: len(smsc.submitted) == len(numbers), "all answers")
    at = [answer.at for answer in smsc.submitted]
    assert at[-1] - at[0] > 0.5, "eleven pauses of 50 ms"
    link.stop()
    thread.join(5)
    assert not thread.is_alive()


def test_a_throttled_answer_is_sent_once_more_and_shown_once(world: World, smsc: Smsc) -> None:
    with linked(world, smsc):
        smsc.throttle = 2
        siti = phone(world, smsc)
        assert "1. Daftar" in siti.dial()
        assert "Ketik NIK" in siti.press("1")
        assert (smsc.refused, len(smsc.submitted)) == (2, 2)


def test_what_may_have_been_shown_is_never_sent_again(smsc: Smsc) -> None:
    smsc.acknowledges = False
    link, thread = run(smsc, Echo())
    calls(smsc, 1)
    smsc.wait(lambda: len(smsc.submitted) == 1, "the answer")
    bound(smsc, 2)
    smsc.acknowledges = True
    time.sleep(1.5)
    assert (len(smsc.submitted), len(smsc.binds)) == (1, 2), "neither sent again nor waited for any more"
    link.stop()
    thread.join(5)


def test_more_turns_than_can_be_answered_in_time_are_refused_for_now(
    smsc: Smsc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smpp_link, "TURNS_MAX", 4)
    echo = Echo(delay_s=0.5)
    link, thread = run(smsc, echo)
    calls(smsc, 10)
    smsc.wait(lambda: sum(command == DELIVERED for command, _, _ in smsc.responses) == 10, "ten responses")
    statuses = [status for command, _, status in smsc.responses if command == DELIVERED]
    assert statuses == [OK] * 4 + [0x64] * 6
    smsc.wait(lambda: len(smsc.submitted) == 4, "the answers to those that were taken")
    link.stop()
    thread.join(5)


def test_an_answer_to_a_screen_that_was_not_sent_yet_is_the_hop_before_once_more(smsc: Smsc) -> None:
    """Whatever number it comes under: a phone shows one screen before it takes the next answer."""
    echo = Echo(delay_s=0.3)
    link, thread = run(smsc, echo)

    def bring(key: bytes) -> None:
        body = message("6281234567890", "500", key, ANSWERED, 10)
        smsc.send(pdu(DELIVER_SM, smsc.next_sequence(), body))

    bring(b"1")
    bring(b"1")
    smsc.wait(lambda: smsc.responses.count((DELIVERED, 2, OK)), "both responses")
    smsc.wait(lambda: smsc.submitted, "the answer")
    bring(b"1")
    smsc.wait(lambda: len(smsc.submitted) == 2, "the answer to the next")
    assert [(turn.text, turn.sequence) for turn in echo.heard] == [("1", 1), ("1", 3)]
    link.stop()
    thread.join(5)


def test_a_stop_answers_what_was_taken_and_takes_no_more(smsc: Smsc) -> None:
    link, thread = run(smsc, Echo(delay_s=0.5))
    calls(smsc, 3)
    smsc.wait(lambda: sum(command == DELIVERED for command, _, _ in smsc.responses) == 3, "three responses")
    link.stop()
    calls(smsc, 1)
    thread.join(5)
    assert not thread.is_alive()
    assert (len(smsc.submitted), smsc.unbinds) == (3, 1)


def test_an_answer_that_nobody_awaits_any_more_is_not_sent(smsc: Smsc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateways.smpp_outbox.ANSWER_AGE_MAX_S", 0.2)
    link, thread = run(smsc, Echo(delay_s=0.4))
    calls(smsc, 1)
    smsc.wait(lambda: smsc.responses, "the response")
    time.sleep(0.8)
    assert smsc.submitted == []
    link.stop()
    thread.join(5)


def test_the_command_answers_calls_and_stops_in_order(world: World, smsc: Smsc) -> None:
    settings = world.ports.settings
    names = ("IURAN_MODE", "SANDBOX_URL", "BANKS_FILE", "INSURER_OUT_DIR", "INSURER_IN_DIR")
    env = {name: str(getattr(settings, name)) for name in names}
    env["DATABASE_URL"] = settings.DATABASE_URL.get_secret_value()
    env["REDIS_URL"] = settings.REDIS_URL.get_secret_value()
    env |= {"USSD_GATEWAYS": "smpp", "SMPP_HOST": "127.0.0.1", "SMPP_PORT": str(smsc.port), "SMPP_TLS": "false"}
    env |= {"SMPP_SYSTEM_ID": "iuran", "SMPP_PASSWORD": "hush", "FLASK_APP": "app"}
    command = subprocess.Popen(
        [sys.executable, "-m", "flask", "ussd", "smpp"], env=env, stderr=subprocess.PIPE, text=True
    )
    try:
        smsc.wait(lambda: smsc.binds == [OK], "the bind", 60.0)
        assert "1. Daftar" in phone(world, smsc).dial()
        assert "Ketik NIK" in phone(world, smsc, BUDI_PHONE).dial("*500*73*1#")
        command.terminate()
        _, said = command.communicate(timeout=20)
    finally:
        command.kill()
    assert (command.returncode, smsc.unbinds) == (0, 1)
    assert "Traceback" not in said
    assert not any(secret in said for secret in ("hush", "6281234567890", "6285700000002"))


def test_the_command_is_told_when_its_gateway_is_not_named(world: World) -> None:
    with world.app.app_context():
        result = world.app.test_cli_runner().invoke(args=["ussd", "smpp"])
    assert result.exit_code == 1
    assert "USSD_GATEWAYS does not name smpp" in result.output
