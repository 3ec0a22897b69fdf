"""What became of a text: reports in any order, twice, early, without an id, unknown; the state only moves forward."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateways.base import Accepted, SendUnknown
from insurance import manners
from insurance.receipts import owe, recipient
from ports import Ports
from sms.delivery import UNREACHED_MAX
from sms.sender import drain, tidy
from tests.people import SITI_PHONE, enrol
from tests.test_sms_routes import Gateway, states
from tests.world import World


@pytest.fixture
def ports(world: World) -> Ports:
    """One receipt, owed to Siti, and two gateways that take all."""
    enrol(world.phone())
    return replace(world.ports, sms={name: Gateway(name) for name in ("one", "two")})


def report(world: World, status: str, failure: str = "", gateway_id: str = "", phone: str = SITI_PHONE) -> None:
    form = {"id": gateway_id or sent_id(world), "status": status, "phoneNumber": phone, "networkCode": "51010"}
    form |= {"failureReason": failure} if failure else {}
    assert world.app.test_client().post("/sms/africastalking/delivery", data=form).status_code == 200


def sent_id(world: World) -> str:
    return str(world.one("SELECT gateway_id FROM messages"))


@pytest.mark.parametrize(
    ("reports", "state"),
    [
        (["Sent"], "sent"),
        (["Success"], "delivered"),
        (["Success", "Sent"], "delivered"),
        (["Sent", "Success", "Success"], "delivered"),
        (["Success", "Failed"], "delivered"),
        (["Rejected:UserDoesNotExist"], "undelivered"),
        (["Rejected:UserDoesNotExist", "Success"], "undelivered"),
        (["Rejected:UserInBlackList"], "undelivered"),
        (["AbsentSubscriber"], "created"),
        (["Failed:DeliveryFailure"], "created"),
        (["Failed:DeliveryFailure", "Failed:DeliveryFailure"], "created"),
        (["AbsentSubscriber", "Success"], "delivered"),
        (["Vanished"], "sent"),
    ],
)
def test_reports_move_a_text_forward_and_what_is_final_stays(
    world: World, ports: Ports, reports: list[str], state: str
) -> None:
    drain(ports)
    for said in reports:
        report(world, *said.split(":"))
    assert states(world) == {state: 1}
    assert world.one("SELECT count(*) FROM gateway_reports WHERE known") == len(reports), "each is kept"


def test_a_report_that_beats_our_own_commit_is_heard_when_the_id_is_known(world: World, ports: Ports) -> None:
    class Hasty(Gateway):
        def send(self, phone: str, text: str) -> Accepted:
            accepted = super().send(phone, text)
            report(world, "Success", gateway_id=accepted.gateway_id)
            return accepted

    drain(replace(ports, sms={"one": Hasty("one")}))
    assert states(world) == {"delivered": 1}


def test_a_report_that_crossed_the_commit_unseen_is_heard_by_the_net(world: World, ports: Ports) -> None:
    drain(ports)
    with world.ports.database.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO gateway_reports (kind, gateway_id, status, detail, outcome, known, heard, received_at) "
            "SELECT 'delivery', gateway_id, 'Success', '', 'delivered', false, false, accepted_at FROM messages"
        )
    tidy(ports)
    assert states(world) == {"sent": 1}, "the other transaction may still come"
    world.clock.forward(minutes=3)
    tidy(ports)
    assert states(world) == {"delivered": 1}


def test_who_cannot_be_reached_is_tried_twice_more_through_the_other_gateway(world: World, ports: Ports) -> None:
    routes = []
    for later_h in (24, 34, 34)[: UNREACHED_MAX + 1]:
        drain(ports)
        routes.append(world.one("SELECT route FROM messages"))
        assert states(world) == {"sent": 1}
        report(world, "AbsentSubscriber")
        drain(ports)
        assert states(world) != {"sent": 1}, "not at once"
        # By day, for it does not ring at night.
        world.clock.forward(hours=later_h)
    assert states(world) == {"undelivered": 1}
    assert routes[0] != routes[1] != routes[2]
    assert world.one("SELECT tries FROM messages") == UNREACHED_MAX + 1
    assert world.one("SELECT lost FROM number_marks") == 0, "a phone that is off is nobody's lost number"


def test_three_times_out_of_reach_is_enough_however_soon_it_was(world: World, ports: Ports) -> None:
    drain(ports)
    # Of such ids the pauses are the shortest, and a fourth time would fall into the text's own life.
    world.one(
        "SELECT setval(pg_get_serial_sequence('messages', 'id'), (SELECT max(id) / 21 + 1 FROM messages) * 21 - 1)"
    )
    with world.ports.transaction() as work:
        to = recipient(work, "+6285700000099", "id")
        owe(work, to, "help", "soon", {}, expires_at=work.now + timedelta(hours=72))
    for later_h in (0, 6, 28):
        world.clock.forward(hours=later_h)
        drain(ports)
        gateway_id = str(world.one("SELECT gateway_id FROM messages WHERE kind = 'help' AND state = 'sent'"))
        report(world, "AbsentSubscriber", gateway_id=gateway_id, phone="+6285700000099")
    assert world.rows("SELECT state, tries FROM messages WHERE kind = 'help'") == [("undelivered", 3)]


def test_a_code_that_was_not_delivered_in_time_is_not_sent_days_later(world: World, ports: Ports) -> None:
    drain(ports)
    facts = {"initials": "S.R.", "number_code": "123456", "time": "08.00"}
    with world.ports.transaction() as work:
        to = recipient(work, "+6285700000099", "id")
        owe(work, to, "number_code", "code", facts, expires_at=work.now + timedelta(minutes=10))
    drain(ports)
    code = str(world.one("SELECT gateway_id FROM messages WHERE kind = 'number_code'"))
    report(world, "AbsentSubscriber", gateway_id=code, phone="+6285700000099")
    assert world.one("SELECT state FROM messages WHERE kind = 'number_code'") == "undelivered"


def test_two_texts_in_a_row_that_nobody_has_put_the_member_on_the_visit_list(world: World, ports: Ports) -> None:
    drain(ports)
    report(world, "Failed", "UserDoesNotExist")
    assert world.one("SELECT count(*) FROM visits") == 0
    with world.ports.transaction() as work:
        owe(work, recipient(work, SITI_PHONE, "id"), "help", "again", {})
    drain(ports)
    report(world, "Failed", "UserDoesNotExist", str(world.one("SELECT gateway_id FROM messages WHERE kind = 'help'")))
    assert world.rows("SELECT village_code FROM visits WHERE done_at IS NULL")
    assert world.one("SELECT bad_since IS NOT NULL FROM number_marks")


def test_a_receipt_that_timed_out_after_it_was_taken_is_settled_by_its_report(world: World, ports: Ports) -> None:
    drain(replace(ports, sms={"one": Gateway("one", SendUnknown("time-out"))}))
    assert states(world) == {"held": 1}
    report(world, "Success", gateway_id="ATXid_never_heard")
    tidy(ports)
    assert states(world) == {"held": 1}
    world.clock.forward(minutes=3)
    tidy(ports)
    assert states(world) == {"delivered": 1}


def test_of_two_held_texts_a_report_without_a_known_id_settles_none(world: World, ports: Ports) -> None:
    facts = {"month": "Des 2026", "amount": "Rp1", "payer": "DESA", "date": "07-12-2026", "ref": "R1"}
    with world.ports.transaction() as work:
        owe(work, recipient(work, SITI_PHONE, "id"), "paid_sponsor", "paid:1", facts)
    drain(replace(ports, sms={"one": Gateway("one", SendUnknown("time-out"))}))
    report(world, "Success", gateway_id="ATXid_never_heard")
    world.clock.forward(minutes=3)
    tidy(ports)
    assert states(world) == {"held": 2}


def test_three_days_without_a_report_are_unconfirmed_and_a_late_one_still_tells(world: World, ports: Ports) -> None:
    drain(ports)
    world.clock.forward(hours=71)
    tidy(ports)
    assert states(world) == {"sent": 1}
    world.clock.forward(hours=2)
    tidy(ports)
    assert states(world) == {"unconfirmed": 1}
    report(world, "Success")
    assert states(world) == {"delivered": 1}


def test_every_kind_that_is_treated_otherwise_than_a_receipt_is_a_kind(world: World) -> None:
    named = manners.CODES | manners.OPTIONAL | manners.REPEATABLE | manners.CAPPED
    assert named <= world.ports.texts.kinds
    receipts = {
        "paid",
        "posted",
        "paid_sponsor",
        "refunded",
        "reversed",
        "enrolled",
        "mandate_active",
        "mandate_cancelled",
    }
    assert not receipts & manners.REPEATABLE, "never twice by itself"


def test_a_late_word_of_an_earlier_sending_does_not_undo_the_one_after_it(world: World, ports: Ports) -> None:
    drain(ports)
    first = sent_id(world)
    report(world, "AbsentSubscriber")
    world.clock.forward(hours=8)
    drain(ports)
    report(world, "AbsentSubscriber", gateway_id=first)
    report(world, "Failed", "UserDoesNotExist", gateway_id=first)
    assert states(world) == {"sent": 1}
