"""Nobody is rung at night by a run, debited long after the day that was named, or left without the end of a debit."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from autodebit.collect import collect
from banks.asked import CollectRequest
from banks.base import BankAnswer, BankRefused, BankUnreachable, Reason
from gateways.base import SendUnreachable
from insurance import contributions, mandates
from insurance.consent import Yes
from insurance.notices import NOTICE_HOLDS_DAYS
from insurance.receipts import owe_worker
from models import Worker
from models.machine import Cause
from ports import Ports
from sms.outbox import CLAIMED_MAX
from sms.sender import drain
from tests.crew import with_bank
from tests.people import SITI_PHONE, authorise, enrol
from tests.stand_ins import Away
from tests.test_autodebit import DEC, NOV, attempt, debits, member
from tests.test_lanes import Failing
from tests.test_paying import pay
from tests.test_review import change
from tests.test_sms import Gateway
from tests.world import World
from units.clock import jakarta_day

# 19.55 and 20.10 in Jakarta, and 08.00 on the next morning.
EVENING, NIGHT = datetime(2026, 11, 23, 12, 55, tzinfo=UTC), datetime(2026, 11, 23, 13, 10, tzinfo=UTC)
MORNING = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


def owe(world: World, key: str, *, told_at_once: bool) -> None:
    with world.ports.transaction() as work:
        worker = work.db.query(Worker).one()
        owe_worker(work, worker, "pin_changed", key, {"name": "SITI", "time": "08.00"}, told_at_once=told_at_once)


# By day


@pytest.mark.parametrize(("zone", "earlier_h"), [("Asia/Jakarta", 0), ("Asia/Jayapura", 2)])
def test_what_the_gateway_could_not_take_by_day_is_not_sent_by_night(world: World, zone: str, earlier_h: int) -> None:
    enrol(world.phone())
    world.send_sms()
    change(world, "UPDATE villages SET zone = :zone", zone=zone)
    try:
        earlier = timedelta(hours=earlier_h)
        world.clock.now = EVENING - earlier
        owe(world, "of-a-run", told_at_once=False)
        owe(world, "of-a-call", told_at_once=True)
        drain(replace(world.ports, sms={"told": Gateway(SendUnreachable("away"), SendUnreachable("away"))}))
        world.clock.now = NIGHT - earlier
        night, morning = Gateway(), Gateway()
        drain(replace(world.ports, sms={"told": night}))
        assert len(night.sent) == 1, "what she did herself is told at once"
        world.clock.now = MORNING - earlier
        drain(replace(world.ports, sms={"told": morning}))
        assert len(morning.sent) == 1
    finally:
        change(world, "UPDATE villages SET zone = 'Asia/Jakarta'")


@pytest.mark.parametrize(("account", "kind"), [("1140012345", "mandate_active%"), ("1140010005", "mandate_rejected")])
def test_a_banks_word_that_comes_by_night_hours_after_the_call_is_told_in_the_morning(
    world: World, account: str, kind: str
) -> None:
    world.clock.now = EVENING
    enrol(world.phone())
    authorise(world.phone(), account)
    world.clock.forward(hours=1)
    world.ask_banks()
    assert world.one("SELECT not_before FROM messages WHERE kind LIKE :kind", kind=kind) == MORNING


def test_a_queue_of_the_day_that_reaches_into_the_night_waits_whole_and_holds_up_nothing(world: World) -> None:
    enrol(world.phone())
    world.send_sms()
    world.clock.now = EVENING
    for number in range(CLAIMED_MAX + 5):
        owe(world, f"run {number}", told_at_once=False)
    world.clock.now = NIGHT
    assert world.send_sms() == 0
    assert {row[0] for row in world.rows("SELECT not_before FROM messages WHERE state = 'created'")} == {MORNING}
    world.clock.now = MORNING
    assert world.send_sms() == CLAIMED_MAX + 5


# The end of a debit


@pytest.mark.parametrize("does", ["cancel", "pause"])
@pytest.mark.parametrize("answer", [BankUnreachable("cut"), BankRefused(Reason.NOT_NOW, "4035406")])
def test_a_debit_under_way_that_comes_to_nothing_after_a_cancel_or_a_pause_is_told_once(
    world: World, does: str, answer: Exception
) -> None:
    member(world)

    class Slow(Away):
        def collect(self, debit: CollectRequest) -> BankAnswer:
            with world.ports.transaction() as work:
                worker = work.db.query(Worker).one()
                if does == "cancel":
                    mandates.cancel(work, worker, Cause("member", "ussd"))
                else:
                    mandates.pause(work, worker, 1)
            raise answer

    collect(replace(world.ports, banks={"114": Slow()}))
    assert attempt(world)[0] == "cancelled"
    assert "Iuran Nov 2026 Rp28.400 tidak jadi didebit dari Bank Jatim ***2345" in world.last_sms()
    told = len(world.owed_to(SITI_PHONE))
    world.clock.forward(days=10)
    world.collect()
    assert debits(world) == []
    assert sum("tidak jadi didebit" in sms for sms in world.owed_to(SITI_PHONE)) == 1
    assert len(world.owed_to(SITI_PHONE)) == told


def test_what_lies_unsent_under_a_mandate_that_rests_is_told_too_when_its_month_is_over(world: World) -> None:
    member(world)
    change(world, "UPDATE mandates SET state = 'paused', paused_until = '2027-01-01'")
    world.clock.forward(days=10)
    world.collect()
    assert attempt(world)[0] == "cancelled"
    assert "Iuran Nov 2026 Rp28.400 tidak jadi didebit" in world.last_sms()


def test_a_month_whose_old_account_gave_nothing_is_planned_through_the_new_one(world: World) -> None:
    world.clock.forward(days=-19)  # 4 November, so that there are days left.
    member(world)
    with world.ports.transaction() as work:
        yes = Yes("mandate", "v", "id", "ya", "session", SITI_PHONE)
        mandates.authorise(work, work.db.query(Worker).one(), "114", "1140022345", 5, yes, replacing=True)

    class Slow(Away):
        def collect(self, debit: CollectRequest) -> BankAnswer:
            world.ask_banks()
            for _ in range(2):
                assert world.plan(NOV).scheduled == 0, "it is at the bank"
                world.clock.forward(hours=3)
            raise BankUnreachable("cut")

    collect(replace(world.ports, banks={"114": Slow()}))
    assert "tidak jadi didebit dari Bank Jatim ***2345" in world.last_sms()
    assert world.plan(NOV).scheduled == 1


# What was announced for a day


def noticed_december(world: World) -> date:
    """December's debit, announced in time; the day that was named, and it is that day."""
    member(world)
    world.collect()
    world.clock.forward(days=11)
    world.plan(DEC)
    world.send_sms()
    due: date = world.one("SELECT due_on FROM attempts WHERE month = :month", month=DEC)
    while jakarta_day(world.clock.now) < due:
        world.clock.forward(days=1)
    return due


@pytest.mark.parametrize("days", [NOTICE_HOLDS_DAYS, NOTICE_HOLDS_DAYS + 1])
def test_a_debit_whose_day_is_long_past_gets_a_new_day_and_a_new_notice(world: World, days: int) -> None:
    due = noticed_december(world)
    world.clock.forward(days=days)
    if days <= NOTICE_HOLDS_DAYS:
        assert world.collect().by_state == {"confirmed": 1}
        return
    assert world.collect().by_state == {}
    moved: date = world.one("SELECT due_on FROM attempts WHERE month = :month", month=DEC)
    assert moved > due
    assert f"Iuran Des 2026 Rp28.400 akan didebit {moved:%d-%m-%Y}" in world.last_sms()
    world.send_sms()
    world.clock.forward(days=1)
    assert world.collect().by_state == {}, "48 hours for the new notice too"
    while jakarta_day(world.clock.now) < moved:
        world.clock.forward(days=1)
    assert world.collect().by_state == {"confirmed": 1}
    assert len(debits(world)) == 2


def test_a_first_month_promised_at_once_and_held_up_for_days_is_noticed_before_it_goes(world: World) -> None:
    world.clock.forward(days=-19)  # 4 November, so that there are days left.
    member(world)
    world.clock.forward(days=NOTICE_HOLDS_DAYS + 1)
    assert world.collect().by_state == {}
    moved: date = world.one("SELECT due_on FROM attempts WHERE needs_notice")
    assert f"akan didebit {moved:%d-%m-%Y}" in world.last_sms()
    world.send_sms()
    while jakarta_day(world.clock.now) < moved:
        world.clock.forward(days=1)
    assert world.collect().by_state == {"confirmed": 1}
    assert len(debits(world)) == 1


def test_where_the_month_has_no_room_for_a_new_notice_it_is_dropped_and_told(world: World) -> None:
    noticed_december(world)
    world.clock.now = datetime(2026, 12, 30, 3, 0, tzinfo=UTC)
    assert world.collect().by_state == {}
    assert attempt(world) == ("cancelled", "")
    assert "Iuran Des 2026 tidak sempat didebit dan belum dibayar" in world.last_sms()
    assert "bulan depan" not in world.last_sms()
    assert world.one("SELECT state FROM months WHERE month = :month", month=DEC) == "missed"


def test_a_retry_whose_day_is_long_past_is_announced_anew(world: World) -> None:
    world.clock.forward(days=-19)
    member(world)
    no_funds = Failing(BankRefused(Reason.NO_FUNDS, "4037114"))
    collect(with_bank(world.ports, no_funds))
    world.send_sms()
    due: date = world.one("SELECT due_on FROM attempts WHERE n = 2")
    while jakarta_day(world.clock.now) < due:
        world.clock.forward(days=1)
    world.clock.forward(days=NOTICE_HOLDS_DAYS + 1)
    assert world.collect().by_state == {}
    assert world.one("SELECT due_on FROM attempts WHERE n = 2") > due
    assert "Iuran Nov 2026 Rp28.400 akan didebit" in world.last_sms()


def test_a_resend_keeps_its_reference_and_waits_for_a_new_notice_only_past_the_limit(world: World) -> None:
    noticed_december(world)
    later: Ports = with_bank(world.ports, Failing(BankRefused(Reason.NOT_NOW, "4035406")))
    assert collect(later).by_state == {"noticed": 1}
    reference, asked_at = world.rows("SELECT reference, asked_at FROM attempts WHERE month = :m", m=DEC)[0]
    world.clock.forward(minutes=11)
    assert collect(later).by_state == {"noticed": 1}, "the same day, again, without a word"
    world.clock.forward(days=NOTICE_HOLDS_DAYS + 1)
    assert collect(later).by_state == {}
    assert world.rows("SELECT reference, asked_at FROM attempts WHERE month = :m", m=DEC) == [(reference, asked_at)]
    assert "Iuran Des 2026 Rp28.400 akan didebit" in world.last_sms()


def test_what_the_member_wanted_days_ago_is_not_debited_by_a_lane_that_was_not_tidied(world: World) -> None:
    member(world)
    world.collect()
    world.clock.forward(days=2)
    pay(world, DEC)
    world.clock.forward(days=NOTICE_HOLDS_DAYS + 1)
    with world.ports.transaction() as work:
        assert contributions.claim(work, "114", timedelta(0), 10) == []
    assert attempt(world)[0] == "cancelled"
    assert "Jika masih mau bayar: tekan *500*73#, pilih Autodebit" in world.last_sms()
