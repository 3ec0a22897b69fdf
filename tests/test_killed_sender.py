"""A sender of receipts killed -9 again and again: each is sent once or held, and none is lost. All by `make chaos`."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace

import pytest

from gateways.africastalking import AfricasTalkingSms
from insurance.receipts import Owed, owe_all, recipient
from sms.outbox import CLAIMED_MAX
from sms.sender import drain, tidy
from tests.at_stand_in import FINE, bad_day
from tests.sandboxed import ROOT, wait_for
from tests.test_background import environment
from tests.world import World

OWED = int(os.environ.get("KILLED_TEXTS", "5000"))
KILLS = 3
FACTS = {"month": "Des 2026", "amount": "Rp28.400", "payer": "DESA SUKAMAJU", "date": "07-12-2026"}


def phone(number: int) -> str:
    return f"+62857{number:08d}"


def owe_receipts(world: World, count: int) -> None:
    with world.ports.transaction() as work:
        owe_all(
            work,
            [
                Owed(recipient(work, phone(n), "id"), "paid_sponsor", f"paid:{n}", {**FACTS, "ref": f"R{n:07d}"})
                for n in range(count)
            ],
        )


def states(world: World) -> dict[str, int]:
    return dict(tuple(row) for row in world.rows("SELECT state, count(*) FROM messages GROUP BY state"))


@pytest.mark.parametrize("owed", [400, pytest.param(OWED, marks=pytest.mark.slow)])
def test_receipts_whose_sender_is_killed_are_sent_once_or_held(
    world: World, owed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    owe_receipts(world, owed)

    def bring(told: Mapping[str, str]) -> None:
        """A third of the reports come before the answer to the sender has left, as they may."""
        assert world.app.test_client().post("/sms/africastalking/delivery", data=dict(told)).status_code == 200

    with bad_day(1, {FINE: 1}, bring) as (url, day):
        settings = environment(world.ports.settings) | {"AT_API_URL": url, "SMS_RATE_PER_S": "10000"}
        command = [sys.executable, "-m", "tests.killed_sender", world.clock.now.isoformat()]
        for kill in range(1, KILLS + 1):
            sender = subprocess.Popen(command, cwd=ROOT, env=settings)
            try:
                part = owed * kill // (KILLS + 1)
                wait_for(lambda: day.taken.total() > part, "a part of the texts", seconds=120)  # noqa: B023
            finally:
                sender.send_signal(signal.SIGKILL)
                sender.wait(10)
            assert sender.returncode == -signal.SIGKILL
        in_doubt = states(world)["sending"]
        assert 0 < in_doubt <= KILLS * CLAIMED_MAX, "it was killed in the act"

        own = AfricasTalkingSms("iuran", "sandbox", sender_id="IURAN", url=url)
        ports = replace(world.ports, sms={"africastalking": own})
        drain(ports)
        world.clock.forward(minutes=6)
        tidy(ports)
        drain(ports)
        after = states(world)
        doubles = sum(times - 1 for times in day.taken.values())
        assert after.keys() <= {"sent", "held", "delivered"}
        assert sum(after.values()) == owed, "none is lost"
        assert doubles == 0

        day.bring_all()
        world.clock.forward(minutes=3)
        tidy(ports)
        settled = states(world)
        unsent = owed - len(day.taken)
        assert settled == {"delivered": len(day.taken)} | ({"held": unsent} if unsent else {})
    with capsys.disabled():
        sys.stdout.write(
            f"\n{owed} receipts, {KILLS} kills: {doubles} doubles; {in_doubt} in doubt, {unsent} of them unsent\n"
        )
