"""A gateway's worst day, end to end: every receipt is taken once or held, none is lost, and all is known in the end."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from gateways.africastalking import AfricasTalkingSms
from insurance.receipts import owe, recipient
from models import MessageState
from sms.sender import drain, tidy
from tests.at_stand_in import BROKEN, EMPTY, FINE, HANGS, INTERNAL, THROTTLED, bad_day
from tests.test_sms_routes import states
from tests.world import World

RECEIPTS = 60
IMPATIENT_S = (1.0, 0.3)
WORST = {FINE: 10, THROTTLED: 3, HANGS: 1, BROKEN: 2, INTERNAL: 2, EMPTY: 1}


def numbers(count: int) -> list[str]:
    return [f"+62857{serial:08d}" for serial in range(count)]


def owe_each(world: World, kind: str, facts: Mapping[str, str]) -> None:
    with world.ports.transaction() as work:
        for number in numbers(RECEIPTS):
            owe(work, recipient(work, number, "id"), kind, f"{kind}:{number}", facts)


@pytest.mark.parametrize("seed", range(3))
def test_receipts_come_once_through_the_worst_day(world: World, seed: int) -> None:
    owe_each(world, "number_done", {"name": "SITI"})
    client = world.app.test_client()

    def bring(report: Mapping[str, str]) -> None:
        assert client.post("/sms/africastalking/delivery", data=dict(report)).status_code == 200

    with bad_day(seed, WORST, bring) as (url, day):
        gateway = AfricasTalkingSms("iuran", "key", sender_id="IURAN", url=url, timeout_s=IMPATIENT_S)
        ports = replace(world.ports, sms={gateway.name: gateway})
        for _ in range(40):
            drain(ports)
            tidy(ports)
            day.bring_all()
            world.clock.forward(minutes=11)
        assert all(day.done[what] for what in WORST), f"a quiet day: {dict(day.done)}"
        assert max(day.taken.values()) == 1, "no receipt twice"
        assert set(day.taken) == set(numbers(RECEIPTS)), "none lost, and none in doubt that was not taken"
        # A time-out brings no id, and reports of unknown ones settle what was held for that number.
        assert states(world) == {MessageState.DELIVERED.value: RECEIPTS}
        assert world.one("SELECT count(*) FROM work_items WHERE state = 'open'") == 0, "it takes us again"


def test_without_any_report_what_is_in_doubt_is_never_sent_again_and_said_so(world: World) -> None:
    owe_each(world, "number_done", {"name": "SITI"})
    with bad_day(7, {HANGS: 1, FINE: 3}, lambda _: None) as (url, day):
        gateway = AfricasTalkingSms("iuran", "key", sender_id="IURAN", url=url, timeout_s=IMPATIENT_S)
        ports = replace(world.ports, sms={gateway.name: gateway})
        for _ in range(80):
            drain(ports)
            tidy(ports)
            world.clock.forward(hours=1)
        assert set(day.taken.values()) == {1}
        assert len(day.taken) == RECEIPTS
    assert states(world) == {MessageState.UNCONFIRMED.value: RECEIPTS}


def test_a_reminder_of_which_nobody_knows_goes_again_and_a_receipt_does_not(world: World) -> None:
    owe_each(world, "help_unknown", {})
    with bad_day(7, {HANGS: 1}, lambda _: None) as (url, day):
        gateway = AfricasTalkingSms("iuran", "key", sender_id="IURAN", url=url, timeout_s=(1.0, 0.02))
        ports = replace(world.ports, sms={gateway.name: gateway})
        drain(ports)
        world.clock.forward(minutes=16)
        tidy(ports)
        day.calm()
        drain(replace(world.ports, sms={"a": AfricasTalkingSms("i", "k", sender_id="IURAN", url=url)}))
    assert set(day.taken.values()) == {2}
