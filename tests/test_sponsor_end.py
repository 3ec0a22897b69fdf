"""A sponsor that is late, and a sponsorship that ends: told in time, and the member pays from then on."""

from datetime import date, datetime, timedelta

import pytest

from insurance import leaving, mandates, paying, sponsors
from insurance.consent import Yes
from insurance.sponsors import NotReceivable
from models import Sponsorship
from tests.people import GOOD, PIN, SITI_PHONE
from tests.test_autodebit import DEC, JAN, NOV, debits, member
from tests.test_review import change
from tests.test_sponsors import FEB, months, promise, receive, told, villager
from tests.world import World
from units.clock import JAKARTA


def day(world: World, year: int, month: int, day_of_month: int) -> None:
    """The morning of that day, and its daily round."""
    world.clock.now = datetime(year, month, day_of_month, 9, 0, tzinfo=JAKARTA)
    daily(world)


def daily(world: World) -> None:
    with world.ports.transaction() as work:
        seen = sponsors.daily(work, 0)
        assert seen is None or sponsors.daily(work, seen) is None


def test_a_month_the_sponsor_does_not_pay_by_its_due_day_is_the_members_again(world: World) -> None:
    member(world)
    world.collect()
    reference = promise(world, first=DEC)
    day(world, 2026, 12, 15)
    assert told(world, "belum dibayar") == []
    day(world, 2026, 12, 16)
    daily(world)
    [sms] = told(world, "Iuran Des 2026 belum dibayar dana desa")
    assert "Anda boleh bayar sendiri" in sms
    assert months(world)[1:3] == [(DEC, "open", "self"), (JAN, "open", "village")]
    [(about, count)] = world.rows("SELECT about, count(*) FROM work_items WHERE kind = 'sponsor_unpaid' GROUP BY 1")
    assert about.endswith("2026-12")
    assert count == 1
    with world.ports.transaction() as work:
        worker = work.workers_at(work.keys.index("phone", SITI_PHONE))[0]
        paying.pay(work, worker, [DEC], Yes("payment", "v", "id", "yes", "s", SITI_PHONE))
    world.collect()
    assert len(debits(world)) == 2
    with pytest.raises(NotReceivable, match="paid already"):
        receive(world, reference, DEC)


def test_a_sponsor_that_pays_late_still_covers_what_the_member_has_not_paid(world: World) -> None:
    villager(world)
    reference = promise(world)
    day(world, 2026, 12, 20)
    assert months(world)[:2] == [(NOV, "open", "self"), (DEC, "open", "self")]
    receive(world, reference, DEC)
    assert months(world)[1] == (DEC, "covered", "village")


def test_a_member_without_autodebit_is_told_before_the_sponsor_ends_and_when_it_has(world: World) -> None:
    villager(world)
    reference = promise(world)
    for month, amount in ((NOV, 28400), (DEC, 28400), (JAN, 36800)):
        receive(world, reference, month, amount)
    day(world, 2027, 1, 1)
    assert told(world, "bayar sendiri") == []
    for day_of_month in (2, 3, 31):
        day(world, 2027, 1, day_of_month)
    [before] = told(world, "bayar sendiri")
    assert "Iuran dibayar dana desa sampai Jan 2027. Mulai Feb 2027 bayar sendiri: pasang autodebit" in before
    day(world, 2027, 2, 1)
    day(world, 2027, 2, 2)
    assert len(told(world, "bayar sendiri")) == 2
    assert "Mulai iuran Feb 2027 bayar sendiri, tidak lagi oleh dana desa" in world.last_sms()
    assert world.one("SELECT ended_on FROM sponsorships") == date(2027, 2, 1)


def test_a_member_with_autodebit_is_told_once_and_then_noticed_as_usual(world: World) -> None:
    member(world)
    world.collect()
    reference = promise(world, first=DEC, months=2)
    for month, amount in ((DEC, 28400), (JAN, 36800)):
        receive(world, reference, month, amount)
    day(world, 2027, 1, 10)
    [before] = told(world, "sampai Jan 2027")
    assert "Mulai Feb 2027 didebit dari Bank Jatim ***2345" in before
    day(world, 2027, 2, 1)
    assert len(told(world, "dana desa sampai")) == 1
    assert told(world, "tidak lagi oleh") == []
    assert world.plan(FEB).scheduled == 1
    assert "Iuran Feb 2027 Rp36.800 akan didebit" in world.last_sms()


@pytest.mark.parametrize(
    ("state", "word"),
    [("paused", "dijeda"), ("suspended", "berhenti, saldo kurang"), ("unknown", "belum dijawab bank")],
)
def test_a_member_whose_autodebit_rests_is_told_so_when_the_sponsor_ends(world: World, state: str, word: str) -> None:
    member(world)
    world.collect()
    receive(world, promise(world, first=DEC, months=1), DEC)
    change(world, "UPDATE mandates SET state = :state, paused_until = '2027-04-01'", state=state)
    day(world, 2026, 12, 10)
    assert f"Mulai Jan 2027 bayar sendiri. Autodebit ***2345 ({word}): tekan *500*73#" in world.last_sms()
    day(world, 2027, 1, 1)
    day(world, 2027, 1, 2)
    assert len(told(world, "bayar sendiri")) == 2
    assert f"tidak lagi oleh dana desa. Autodebit ***2345 ({word}): tekan" in world.last_sms()


def test_a_pause_that_ends_with_the_sponsor_is_no_matter_for_the_member(world: World) -> None:
    member(world)
    world.collect()
    receive(world, promise(world, first=DEC, months=1), DEC)
    change(world, "UPDATE mandates SET state = 'paused', paused_until = '2027-01-01'")
    day(world, 2026, 12, 10)
    assert "Mulai Jan 2027 didebit dari Bank Jatim ***2345" in world.last_sms()
    day(world, 2027, 1, 1)
    assert told(world, "bayar sendiri") == []


def test_an_autodebit_set_up_while_a_sponsor_pays_begins_after_it(world: World) -> None:
    villager(world)
    promise(world)
    phone = world.phone()
    phone.dial()
    phone.press("2", "1", GOOD, "1", "2")
    assert "mulai iuran Feb 2027" in phone.read_on().replace("\n", " ")
    phone.press("1", PIN)
    world.ask_banks()
    world.collect()
    assert debits(world) == []
    with world.ports.transaction() as work:
        worker = work.workers_at(work.keys.index("phone", SITI_PHONE))[0]
        assert paying.offers(work, worker)[0].months == (FEB,)
        assert mandates.terms(work, worker).month == FEB


def test_one_sponsor_after_the_other_is_no_end(world: World) -> None:
    villager(world)
    promise(world, months=1)
    promise(world, "state", DEC, 2)
    day(world, 2026, 12, 1)
    assert told(world, "tidak lagi oleh") == told(world, "pasang autodebit, tekan") == []
    assert [bool(row[0]) for row in world.rows("SELECT ended_on FROM sponsorships ORDER BY id")] == [True, False]


def test_who_left_and_joined_again_waits_for_no_sponsor(world: World) -> None:
    member(world)
    promise(world, first=DEC)
    with world.ports.transaction() as work:
        worker = work.workers_at(work.keys.index("phone", SITI_PHONE))[0]
        leaving.leave(work, worker, Yes("leave", "v", "id", "ya", "s", SITI_PHONE))
    daily(world)
    with world.ports.transaction() as work:
        worker = work.workers_at(work.keys.index("phone", SITI_PHONE))[0]
        leaving.rejoin(work, worker, Yes("rejoin", "v", "id", "ya", "s", SITI_PHONE))
    assert {payer for month, state, payer in months(world) if month >= DEC} == {"self"}


def test_many_promises_are_all_seen_in_rounds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import jobs

    villager(world)
    promise(world, months=1)
    promise(world, first=DEC, months=1)
    promise(world, first=JAN, months=1)
    monkeypatch.setattr(sponsors, "DAILY_MAX", 1)
    world.clock.now += timedelta(days=100)
    jobs.see_sponsors(world.ports)
    assert world.one("SELECT count(*) FROM sponsorships WHERE ended_on IS NOT NULL") == 3
    with world.ports.transaction() as work:
        assert work.db.query(Sponsorship).count() == 3
