"""What somebody else pays for a member: each month once and by one of both, told, and handed over in time."""

from datetime import date

import pytest

from banks.base import Became
from insurance import bank_words, sponsors
from insurance.attempts import key_of
from insurance.mandates import MembershipRefused
from insurance.proving import prove
from insurance.sponsors import NotReceivable, NotSponsorable
from tests.people import PIN, SITI_PHONE, authorise, enrol
from tests.stand_ins import impatient_bank
from tests.test_autodebit import DEC, JAN, NOV, debits, member
from tests.world import World

FEB, MAR = date(2027, 2, 1), date(2027, 3, 1)


def villager(world: World) -> None:
    """Siti, verified by the insurer, without an autodebit."""
    enrol(world.phone())
    world.exchange()


def promise(world: World, payer: str = "village", first: date = NOV, months: int = 3) -> str:
    with world.ports.transaction() as work:
        worker = work.workers_at(work.keys.index("phone", SITI_PHONE))[0]
        return sponsors.promise(work, worker, payer, first, months).reference


def receive(world: World, reference: str, month: date, amount_rp: int = 28400) -> None:
    with world.ports.transaction() as work:
        sponsors.receive(work, reference, month, amount_rp)


def books_hold(world: World) -> None:
    """Books, cover and attempts agree; that nothing is sealed yet is another matter."""
    with world.ports.transaction() as work:
        found = prove(work).differences
    assert [one for one in found if "seal" not in one.what] == []


def told(world: World, part: str) -> list[str]:
    return [sms for sms in world.owed_to(SITI_PHONE) if part in sms]


def months(world: World) -> list[tuple[date, str, str]]:
    return [tuple(row) for row in world.rows("SELECT month, state, payer FROM months ORDER BY month")]


def test_promised_months_are_the_sponsors_and_told(world: World) -> None:
    villager(world)
    promise(world)
    assert months(world) == [(NOV, "open", "village"), (DEC, "open", "village"), (JAN, "open", "village")]
    [sms] = told(world, "akan dibayar dana desa")
    assert "Iuran Nov 2026 s.d. Jan 2027 untuk SITI RAHMAWATI" in sms
    assert "Anda tidak didebit" in sms


def test_a_promised_month_is_not_debited_and_what_was_announced_is_dropped(world: World) -> None:
    member(world)
    world.collect()
    world.clock.forward(days=3)
    world.plan(DEC)
    promise(world, first=DEC)
    assert world.one("SELECT state FROM attempts WHERE month = :month", month=DEC) == "cancelled"
    world.send_sms()
    world.clock.forward(days=12)
    assert world.plan(DEC).scheduled == 0
    world.collect()
    assert len(debits(world)) == 1


def test_the_sponsors_money_covers_the_month_and_reaches_the_insurer(world: World) -> None:
    villager(world)
    reference = promise(world)
    receive(world, reference, NOV)
    assert months(world)[0] == (NOV, "covered", "village")
    assert "Iuran Nov 2026 Rp28.400 dibayar dana desa 23-11-2026. Menunggu pencatatan BPJS" in world.last_sms()
    attempt = world.rows("SELECT state, why, mandate_id, bank_code, fee_rp FROM attempts")
    assert attempt == [("confirmed", "sponsor", None, "", 0)]
    posted = world.rows("SELECT programme, debit_account, credit_account, amount_rp FROM transfers ORDER BY 1")
    assert [tuple(row) for row in posted] == [
        ("JHT", "sponsor:village", "due:JHT", 20000),
        ("JKK", "sponsor:village", "due:JKK", 5000),
        ("JKM", "sponsor:village", "due:JKM", 3400),
    ]
    world.exchange()
    assert world.one("SELECT count(*) FROM months WHERE posted_on IS NOT NULL") == 1
    books_hold(world)
    phone = world.phone()
    phone.dial()
    assert "terlindungi s.d. 30-11-2026" in phone.press("3")


def test_the_state_pays_without_the_discount(world: World) -> None:
    villager(world)
    reference = promise(world, "state")
    with pytest.raises(NotReceivable, match=r"costs Rp36\.800"):
        receive(world, reference, NOV, 28400)
    receive(world, reference, NOV, 36800)
    assert world.one("SELECT sum(amount_rp) FROM transfers") == 36800
    assert "dibayar pemerintah" in world.last_sms()


def test_what_was_paid_is_not_paid_again_by_anybody(world: World) -> None:
    villager(world)
    reference = promise(world)
    receive(world, reference, NOV)
    for month, amount, why in (
        (NOV, 28400, "paid already"),
        (FEB, 36800, "not promised"),
        (DEC, 28399, "costs"),
        (date(2026, 10, 1), 28400, "not promised"),
    ):
        with pytest.raises(NotReceivable, match=why):
            receive(world, reference, month, amount)
    with pytest.raises(NotReceivable, match="no promise"):
        receive(world, "NEVERGIVEN00", DEC)
    assert world.one("SELECT count(*) FROM attempts") == 1
    assert world.one("SELECT count(*) FROM transfers") == 3


@pytest.mark.parametrize(
    ("payer", "first", "count", "why"),
    [
        ("friend", DEC, 1, "payer"),
        ("self", DEC, 1, "payer"),
        ("village", DEC, 0, "1 to 12"),
        ("village", DEC, 13, "1 to 12"),
        ("village", date(2026, 10, 1), 1, "from 2026-11"),
        ("village", date(2027, 11, 1), 12, "not after"),
        ("village", NOV, 2, "2026-11 is paid already"),
    ],
)
def test_a_promise_that_cannot_be_kept_is_refused(world: World, payer: str, first: date, count: int, why: str) -> None:
    member(world)
    world.collect()
    with pytest.raises(NotSponsorable, match=why):
        promise(world, payer, first, count)
    assert world.one("SELECT count(*) FROM sponsorships") == 0


def test_two_sponsors_do_not_pay_one_month(world: World) -> None:
    villager(world)
    promise(world)
    with pytest.raises(NotSponsorable, match="2027-01 is sponsored already"):
        promise(world, "state", JAN)
    promise(world, "state", FEB, 1)


def test_a_month_that_may_be_at_the_bank_in_this_moment_is_neither_promised_nor_received(world: World) -> None:
    member(world, "1140010504")
    from dataclasses import replace

    from autodebit.collect import collect

    collect(replace(world.ports, banks={"114": impatient_bank(world)}))
    with pytest.raises(NotSponsorable, match="may be debited"):
        promise(world)


def test_who_is_refused_by_the_insurer_is_sponsored_by_nobody_and_money_waits_for_its_yes(world: World) -> None:
    enrol(world.phone())
    reference = promise(world)
    with pytest.raises(NotReceivable, match="not accepted"):
        receive(world, reference, NOV)
    world.exchange()
    receive(world, reference, NOV)
    with world.ports.database.begin() as connection:
        from sqlalchemy import text

        connection.execute(text("UPDATE memberships SET state = 'refused'"))
    with pytest.raises(MembershipRefused):
        promise(world, first=FEB)


def test_a_debit_that_succeeds_late_for_a_sponsored_and_paid_month_is_given_back(world: World) -> None:
    member(world, "1140010014")
    world.collect()
    reference = world.one("SELECT reference FROM attempts WHERE n = 1")
    receive(world, promise(world), NOV)
    assert world.one("SELECT state FROM attempts WHERE n = 2") == "cancelled"
    with world.ports.transaction() as work:
        key = key_of(work, reference)
        assert key is not None
        bank_words.hear(work, key, bank_words.Word(Became.DONE, "notice", "LATE1", amount_rp=28400))
    assert world.one("SELECT count(*) FROM refunds") == 1
    assert "ternyata terdebit dua kali" in world.last_sms()
    assert world.one("SELECT sum(amount_rp) FROM transfers WHERE kind = 'collected'") == 28400
    books_hold(world)
    assert months(world)[0] == (NOV, "covered", "village")


def test_a_call_shows_what_a_sponsor_paid(world: World) -> None:
    villager(world)
    receive(world, promise(world), NOV)
    authorise(world.phone())
    phone = world.phone()
    phone.dial()
    assert "Rp28.400, 1 bulan" in phone.press("3", PIN)
