"""Texts between two hands: a sender that dies, a report that comes meanwhile, a gateway that stops in a full turn."""

from datetime import timedelta

from sqlalchemy import text

from gateways.base import Accepted, DeliveryReport, GatewayStopped, Outcome, SendUnknown
from sms import routing, taking
from sms.routing import PROBE_AFTER
from sms.sender import drain, tidy
from tests.people import enrol
from tests.test_delivery import report
from tests.test_sms_routes import Gateway, by, owe_texts, states
from tests.world import World


class Killed(BaseException):
    """The process, in the act."""


class Dying(Gateway):
    def send(self, phone: str, text: str) -> Accepted:
        raise Killed


def killed_in_the_act(world: World) -> None:
    try:
        drain(by(world, Dying("one")))
    except Killed:
        assert states(world) == {"sending": 1}


def half_minutes(world: World, count: int) -> None:
    for _ in range(count):
        world.clock.forward(seconds=30)
        tidy(world.ports)


def test_a_gateway_that_stops_in_a_full_turn_loses_nothing_of_what_it_took(world: World) -> None:
    """The other one is stopped too and due to be asked by one text: there is none left for the next text."""
    refusing = Gateway("b", GatewayStopped("405"))
    owe_texts(world, 10)
    drain(by(world, Gateway("a"), refusing))
    world.clock.forward(seconds=int(PROBE_AFTER.total_seconds()) - 5)
    owe_texts(world, 300, prefix="more")

    class StopsLate(Gateway):
        def send(self, phone: str, text: str) -> Accepted:
            if self.sent == 150:
                world.clock.forward(seconds=10)
                raise GatewayStopped("402")
            return super().send(phone, text)

    stopping = StopsLate("a")
    drain(by(world, stopping, refusing))
    assert states(world) == {"sent": 10 + 150, "created": 150}
    assert world.one("SELECT count(*) FROM work_items WHERE kind = 'gateway_stopped' AND state = 'open'") == 2


def test_texts_claimed_before_a_gateway_stopped_do_not_close_its_alarm(world: World) -> None:
    owe_texts(world, 30)

    class Refused(Gateway):
        """In the middle of this lane's turn another lane is refused."""

        def send(self, phone: str, text: str) -> Accepted:
            took = super().send(phone, text)
            if self.sent == 20:
                with world.ports.transaction() as work:
                    routing.stopped(work, "one", "402")
            return took

    with world.ports.transaction() as work:
        routing.routes(work, ["one"])
    drain(by(world, Refused("one")))
    assert world.one("SELECT stopped_code FROM sms_routes") == "402"
    assert world.one("SELECT state FROM work_items WHERE kind = 'gateway_stopped'") == "open"


def test_a_report_that_comes_while_a_dead_sender_holds_its_text_is_heard_once_it_lets_go(world: World) -> None:
    enrol(world.phone())
    killed_in_the_act(world)
    report(world, "Success", gateway_id="ATXid_never_heard")
    half_minutes(world, 12)
    assert states(world) == {"delivered": 1}


def test_a_report_of_nothing_we_hold_is_looked_at_for_a_while_and_then_left(world: World) -> None:
    report(world, "Success", gateway_id="ATXid_of_nobody")
    half_minutes(world, 4)
    assert world.one("SELECT heard FROM gateway_reports") is False
    half_minutes(world, 20)
    assert world.one("SELECT heard FROM gateway_reports") is True


def test_what_was_delivered_counts_also_while_it_is_sent_again(world: World) -> None:
    enrol(world.phone())
    drain(by(world, Gateway("one")))
    first = str(world.one("SELECT gateway_id FROM messages"))
    report(world, "AbsentSubscriber")
    world.clock.forward(hours=24)

    class Late(Gateway):
        def send(self, phone: str, text: str) -> Accepted:
            report(world, "Success", gateway_id=first)
            raise SendUnknown("timeout")

    drain(by(world, Late("one")))
    assert states(world) == {"held": 1}
    half_minutes(world, 6)
    assert states(world) == {"delivered": 1}


def test_no_receipt_goes_again_on_the_word_of_a_report_that_may_be_anothers(world: World) -> None:
    enrol(world.phone())
    drain(by(world, Gateway("one", SendUnknown("x"))))
    report(world, "AbsentSubscriber", gateway_id="ATXid_of_another_text")
    half_minutes(world, 6)
    world.clock.forward(hours=24)
    gateway = Gateway("one")
    drain(by(world, gateway))
    assert (states(world), gateway.sent) == ({"held": 1}, 0)


def test_what_goes_again_does_not_ring_by_night(world: World) -> None:
    """A receipt of 20.30 is told at once, and six hours later not."""
    world.clock.forward(hours=11, minutes=30)
    enrol(world.phone())
    ports = by(world, Gateway("one"))
    drain(ports)
    report(world, "AbsentSubscriber")
    for _ in range(10):
        world.clock.forward(hours=1)
        drain(ports)
        assert states(world) == {"created": 1}, "between 21.30 and 06.30"
    world.clock.forward(hours=2)
    drain(ports)
    assert states(world) == {"sent": 1}


def test_what_the_database_will_never_take_is_not_asked_for_again(world: World) -> None:
    """A repeat would bring the same for ever."""
    bad = DeliveryReport("smpp:\0", "DELIVRD", "", Outcome.DELIVERED, "")
    assert taking.keep(world.ports, bad) is True
    assert world.one("SELECT count(*) FROM gateway_reports") == 0


def test_a_text_that_ends_before_its_hour_has_come_is_never_sent_and_expires_then(world: World) -> None:
    enrol(world.phone())
    with world.ports.transaction() as work:
        hours = {"later": work.now + timedelta(hours=9), "soon": work.now + timedelta(hours=1)}
        work.db.execute(text("UPDATE messages SET not_before = :later, expires_at = :soon"), hours)
    gateway = Gateway("one")
    for hours_on, state in ((2, "created"), (8, "expired")):
        world.clock.forward(hours=hours_on)
        tidy(world.ports)
        drain(by(world, gateway))
        assert states(world) == {state: 1}
    assert gateway.sent == 0
