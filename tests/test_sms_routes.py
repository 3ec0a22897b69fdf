"""Two gateways for texts: shares slide with how each does, one that refuses our account is still until it takes us."""

from collections import Counter
from dataclasses import replace

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from gateways.base import Accepted, GatewayStopped, Outcome, SendRefused, SendUnknown, SendUnreachable
from insurance.receipts import owe, recipient
from models import SmsRoute
from ports import Ports
from sms import numbers, routing
from sms.routing import BAD_PERCENT, PROBE_AFTER, QUIET, STEP, TEXTS_MIN, WEIGHT_FULL, WEIGHT_MIN, Count
from sms.sender import drain, tidy
from tests.people import SITI_PHONE, enrol
from tests.test_background import flask
from tests.world import World


class Gateway:
    """Takes texts as it is told to, the last outcome for ever, and remembers how many came."""

    def __init__(self, name: str, *outcomes: Exception | None) -> None:
        self.name, self.outcomes, self.sent, self.rests = name, list(outcomes) or [None], 0, 0

    def send(self, phone: str, text: str) -> Accepted:
        self.sent += 1
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if outcome is not None:
            raise outcome
        return Accepted(f"{self.name}-{self.sent}", "")

    def rest(self) -> None:
        self.rests += 1


def owe_texts(world: World, count: int, kind: str = "help_unknown", prefix: str = "text") -> None:
    with world.ports.transaction() as work:
        for number in range(count):
            to = recipient(work, f"+62857{number:08d}", "id")
            owe(work, to, kind, f"{prefix}:{number}", {})


def by(world: World, *gateways: Gateway) -> Ports:
    return replace(world.ports, sms={gateway.name: gateway for gateway in gateways})


def states(world: World) -> dict[str, int]:
    return dict(tuple(row) for row in world.rows("SELECT state, count(*) FROM messages GROUP BY state"))


def test_two_gateways_share_the_texts_by_weight_and_each_is_let_rest(world: World) -> None:
    owe_texts(world, 200)
    one, two = Gateway("one"), Gateway("two")
    with world.ports.transaction() as work:
        routing.routes(work, ("one", "two"))
        work.db.get_one(SmsRoute, "two").weight = 25
    assert drain(by(world, one, two)) == 200
    assert one.sent + two.sent == 200
    assert 25 <= two.sent <= 55, "a fifth of 200"
    assert (one.rests, two.rests) == (1, 1)


def test_a_gateway_that_refuses_our_account_gets_no_more_and_the_other_sends_all(world: World) -> None:
    owe_texts(world, 60)
    broke, good = Gateway("broke", GatewayStopped("405")), Gateway("good")
    drain(by(world, broke, good))
    assert states(world) == {"sent": 60}
    assert broke.sent == 1, "the first refusal is the last text it gets"
    assert world.one("SELECT code FROM work_items WHERE kind = 'gateway_stopped' AND state = 'open'") == "405"


def test_a_lone_gateway_that_refuses_us_is_asked_by_one_text_after_a_while_and_goes_on(world: World) -> None:
    owe_texts(world, 30)
    gateway = Gateway("only", GatewayStopped("402"), GatewayStopped("402"), None)
    ports = by(world, gateway)
    drain(ports)
    drain(ports)
    assert (gateway.sent, states(world)) == (1, {"created": 30})
    world.clock.forward(seconds=int(PROBE_AFTER.total_seconds()) + 1)
    drain(ports)
    drain(ports)
    assert gateway.sent == 2, "asked once more, and once only"
    world.clock.forward(seconds=int(PROBE_AFTER.total_seconds()) + 1)
    drain(ports)
    assert states(world) == {"sent": 30}
    assert world.rows("SELECT state FROM work_items WHERE kind = 'gateway_stopped'") == [("done",)]


def test_what_one_gateway_could_not_take_goes_by_the_other(world: World) -> None:
    owe_texts(world, 40)
    away, good = Gateway("away", SendUnreachable("connect")), Gateway("good")
    ports = by(world, away, good)
    drain(ports)
    world.clock.forward(seconds=11)
    drain(ports)
    assert states(world) == {"sent": 40}
    assert {row.route for row in world.rows("SELECT DISTINCT route FROM messages")} == {"good"}


def weights(ports: Ports, world: World, minutes: int) -> dict[str, int]:
    world.clock.forward(minutes=minutes)
    return dict(routing.weigh(ports))


def busy(ports: Ports, name: str, *, bad: bool) -> None:
    texts = 10 * TEXTS_MIN
    routing.note(ports.redis, ports.clock(), name, Count(texts, texts * BAD_PERCENT // 100 if bad else 0))


def test_a_share_slides_down_while_its_gateway_does_badly_and_back_when_it_is_well(world: World) -> None:
    ports = by(world, Gateway("one"), Gateway("two"))
    assert weights(ports, world, 0) == {"one": WEIGHT_FULL, "two": WEIGHT_FULL}
    world.clock.forward(minutes=6)
    busy(ports, "one", bad=True)
    busy(ports, "two", bad=False)
    assert weights(ports, world, 0)["one"] == WEIGHT_FULL - STEP
    assert weights(ports, world, 1)["one"] == WEIGHT_FULL - STEP, "not again within five minutes"
    for _ in range(12):
        world.clock.forward(minutes=6)
        busy(ports, "one", bad=True)
        routing.weigh(ports)
    assert weights(ports, world, 0) == {"one": WEIGHT_MIN, "two": WEIGHT_FULL}, "it keeps a share, to be seen mending"
    assert weights(ports, world, int(QUIET.total_seconds() // 60) - 2)["one"] == WEIGHT_MIN
    assert weights(ports, world, 3)["one"] == WEIGHT_MIN + STEP


def test_no_share_slides_while_all_do_badly_or_too_few_texts_say_so(world: World) -> None:
    ports = by(world, Gateway("one"), Gateway("two"))
    routing.weigh(ports)
    world.clock.forward(minutes=6)
    for name in ("one", "two"):
        busy(ports, name, bad=True)
    assert set(weights(ports, world, 0).values()) == {WEIGHT_FULL}
    world.clock.forward(minutes=6)
    routing.note(ports.redis, ports.clock(), "one", Count(TEXTS_MIN - 1, TEXTS_MIN - 1))
    assert set(weights(ports, world, 0).values()) == {WEIGHT_FULL}


def test_without_the_store_texts_go_and_shares_stay(world: World) -> None:
    owe_texts(world, 3)
    # Nobody listens there.
    ports = replace(by(world, Gateway("one")), redis=Redis(port=1, retry=Retry(NoBackoff(), 0)))
    assert drain(ports) == 3
    assert routing.weigh(ports) == {"one": WEIGHT_FULL}


def mark(world: World) -> tuple[int, bool, bool]:
    row = world.rows("SELECT lost, bad_since IS NOT NULL, refuses_since IS NOT NULL FROM number_marks")[0]
    return tuple(row)


@pytest.mark.parametrize(
    ("of", "seen"), [(Outcome.LOST, (1, False, False)), (Outcome.REFUSED, (0, False, True)), (None, (0, False, False))]
)
def test_a_refused_number_is_marked_and_its_text_is_over(
    world: World, of: Outcome | None, seen: tuple[int, bool, bool]
) -> None:
    enrol(world.phone())
    drain(by(world, Gateway("one", SendRefused("403", of))))
    assert states(world) == {"refused": 1}
    assert mark(world) == seen


def test_two_losses_in_a_row_put_the_member_on_the_visit_list_and_a_call_takes_them_off(world: World) -> None:
    enrol(world.phone())
    with world.ports.transaction() as work:
        index = work.keys.index("phone", SITI_PHONE)
        for _ in range(2):
            numbers.heard(work, index, Outcome.LOST)
    assert world.one("SELECT count(*) FROM visits WHERE done_at IS NULL") == 1
    world.phone().text("STATUS")
    assert world.one("SELECT count(*) FROM visits WHERE done_at IS NULL") == 0
    assert mark(world) == (0, False, False)


def invited(world: World) -> None:
    with world.ports.transaction() as work:
        owe(work, recipient(work, SITI_PHONE, "id"), "invite", "invite:1", {})


@pytest.mark.parametrize("why", ["opted out", "bad number"])
def test_who_wants_no_reminders_or_cannot_get_them_is_sent_receipts_alone(world: World, why: str) -> None:
    enrol(world.phone())
    invited(world)
    client = world.app.test_client()
    if why == "opted out":
        client.post("/sms/africastalking/optout", data={"senderId": "IURAN", "phoneNumber": SITI_PHONE})
    else:
        with world.ports.transaction() as work:
            for _ in range(2):
                numbers.heard(work, work.keys.index("phone", SITI_PHONE), Outcome.LOST)
    gateway = Gateway("one")
    drain(by(world, gateway))
    assert [tuple(row) for row in world.rows("SELECT kind, state, code FROM messages ORDER BY id")] == [
        ("enrolled", "sent", ""),
        ("invite", "refused", why),
    ]


def test_a_number_gets_no_more_than_its_days_texts_but_every_receipt(world: World) -> None:
    most = world.ports.settings.SMS_DAY_MAX
    with world.ports.transaction() as work:
        to = recipient(work, SITI_PHONE, "id")
        for number in range(most + 3):
            owe(work, to, "help", f"help:{number}", {})
    gateway = Gateway("one")
    for _ in range(3):
        drain(by(world, gateway))
    late = world.one("SELECT count(*) FROM messages WHERE state = 'created' AND not_before > :now", now=world.clock.now)
    assert (gateway.sent, late) == (most, 3)
    enrol(world.phone())
    drain(by(world, gateway))
    assert world.one("SELECT state FROM messages WHERE kind = 'enrolled'") == "sent"


@pytest.mark.parametrize(
    ("kind", "minutes", "state"),
    [
        ("help", 16, "created"),
        ("number_code", 3, "created"),
        ("paid_sponsor", 16, "held"),
        ("paid_sponsor", 4330, "unconfirmed"),
    ],
)
def test_what_may_go_twice_goes_again_and_a_receipt_waits_for_its_report(
    world: World, kind: str, minutes: int, state: str
) -> None:
    facts = dict.fromkeys(("initials", "number_code", "time", "month", "amount", "payer", "date", "ref"), "1")
    with world.ports.transaction() as work:
        owe(work, recipient(work, SITI_PHONE, "id"), kind, "one", facts)
    drain(by(world, Gateway("one", SendUnknown("time-out"))))
    assert states(world) == {"held": 1}
    world.clock.forward(minutes=minutes)
    tidy(world.ports)
    assert states(world) == {state: 1}


def test_codes_go_before_receipts_and_those_before_reminders(world: World) -> None:
    order: list[str] = []

    class Notes(Gateway):
        def send(self, phone: str, text: str) -> Accepted:
            order.append(phone)
            return super().send(phone, text)

    facts = dict.fromkeys(("initials", "number_code", "time"), "1")
    with world.ports.transaction() as work:
        for at, (kind, at_once) in enumerate((("invite", False), ("help", True), ("number_code", True))):
            owe(work, recipient(work, f"+62857000000{at}0", "id"), kind, kind, facts, told_at_once=at_once)
    drain(by(world, Notes("one")))
    assert [phone[-2] for phone in order] == ["2", "1", "0"]


def test_lanes_send_each_their_own_numbers_and_all_of_them_everything(world: World) -> None:
    owe_texts(world, 50)
    gateway = Gateway("one")
    ports = replace(by(world, gateway), settings=world.ports.settings.model_copy(update={"SMS_LANES": 4}))
    counts = Counter({lane: drain(ports, lane) for lane in range(4)})
    assert sum(counts.values()) == 50
    assert min(counts.values()) > 0
    assert states(world) == {"sent": 50}


def test_a_gateway_whose_texts_get_no_clear_answer_loses_weight(world: World) -> None:
    vague, good = Gateway("vague", SendUnknown("time-out")), Gateway("good")
    ports = by(world, vague, good)
    routing.weigh(ports)
    world.clock.forward(minutes=6)
    owe_texts(world, 60)
    drain(ports)
    assert routing.weigh(ports) == {"vague": WEIGHT_FULL - STEP, "good": WEIGHT_FULL}


def test_a_stopped_gateway_is_shown_and_taken_up_again_by_hand(world: World) -> None:
    owe_texts(world, 5)
    drain(by(world, Gateway("africastalking", GatewayStopped("405"))))
    shown = flask(world.ports.settings, "sms", "status")
    assert (shown.returncode, "stopped 405" in shown.stdout) == (2, True)
    assert flask(world.ports.settings, "sms", "resume", "africastalking", "--by", "ani").returncode == 0
    assert flask(world.ports.settings, "sms", "resume", "africastalking", "--by", "ani").returncode == 1
    assert world.rows("SELECT state FROM work_items WHERE kind = 'gateway_stopped'") == [("done",)]
    shown = flask(world.ports.settings, "sms", "status")
    assert (shown.returncode, "stopped" in shown.stdout) == (0, False)


def test_of_a_stopped_gateway_one_text_asks_and_the_next_no_sooner_than_ten_minutes_later(world: World) -> None:
    """Also where nothing is heard of the first: a gateway that refuses an account is not tried with all that is due."""
    now = world.clock.now
    row = SmsRoute(name="one", weight=100, changed_at=now, stopped_at=now, stopped_code="402")
    asked_at = now + PROBE_AFTER
    assert routing.Routes([row], asked_at).choose(1) == "one"
    assert not routing.Routes([row], asked_at)
    assert routing.Routes([row], asked_at + PROBE_AFTER).choose(2) == "one"
