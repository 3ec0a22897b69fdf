"""What a member pays by a yes of its own: each month once, at its price, never by guess and never again by itself."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from app import create_app
from autodebit.collect import collect
from config import ConfigError, load
from handset.phone import Phone
from insurance import mandates, paying
from insurance.consent import Yes
from insurance.paying import Offer
from tests.people import GOOD, NO_FUNDS, PIN, SITI_PHONE, authorise, enrol
from tests.stand_ins import Poor
from tests.test_autodebit import DEC, JAN, NOV, debits, member
from tests.world import World

FEB, MAR = date(2027, 2, 1), date(2027, 3, 1)


def paid_november(world: World) -> Phone:
    member(world)
    world.collect()
    return world.phone()


def offered(world: World) -> list[Offer]:
    with world.ports.transaction() as work:
        return paying.offers(work, work.workers_at(work.keys.index("phone", SITI_PHONE))[0])


def pay(world: World, *months: date) -> None:
    with world.ports.transaction() as work:
        worker = work.workers_at(work.keys.index("phone", SITI_PHONE))[0]
        paying.pay(work, worker, months, Yes("payment", "v", "id", "yes", "s", SITI_PHONE))


def choose(phone: Phone, what: str) -> str:
    """Autodebit, pay now, the choice that reads `what`; the words to be agreed to, whole."""
    phone.dial()
    phone.press("2", "2")
    lines = phone.read_on().replace("LATIHAN ", "").splitlines()
    [number] = [line.split(".")[0] for line in lines if what in line]
    phone.press(number)
    return words(phone)


def words(phone: Phone) -> str:
    """All pages of a screen as one sentence, without the lines that lead on."""
    pages = phone.read_on().replace("LATIHAN ", "").splitlines()
    return " ".join(line for line in pages if not line.startswith("0 Kembali"))


def money(world: World) -> list[object]:
    return [debit["amount_rp"] for debit in debits(world)]


def counts(world: World) -> Sequence[object]:
    query = (
        "SELECT (SELECT count(*) FROM attempts), (SELECT count(*) FROM consents), (SELECT count(*) FROM messages), "
        "(SELECT count(*) FROM events)"
    )
    return tuple(world.rows(query)[0])


def test_months_ahead_are_paid_by_one_yes_that_names_each_price(world: World) -> None:
    phone = paid_november(world)
    shown = choose(phone, "3 bulan s.d. Feb 2027 Rp102.000")
    assert "Saya setuju Bank Jatim ***2345 segera didebit 3 kali, jumlah Rp102.000" in shown
    assert "(1xRp28.400+2xRp36.800), iuran Des 2026 s.d. Feb 2027." in shown
    assert "Hasilnya lewat SMS" in phone.press("1", PIN)
    assert money(world) == [28400], "a call asks no bank"
    world.collect()
    assert sorted(map(str, money(world))) == ["28400", "28400", "36800", "36800"]
    paid = world.rows("SELECT month, state, paid_on FROM months ORDER BY month")
    assert [(month, state) for month, state, _ in paid] == [(month, "covered") for month in (NOV, DEC, JAN, FEB)]
    assert sum("diterima 23-11-2026 dari" in sms for sms in world.owed_to(SITI_PHONE)) == 4
    assert [offer.months[0] for offer in offered(world)] == [MAR] * 4, "twelve months ahead is the last to be paid"


def test_the_yes_is_kept_with_the_words_and_with_what_it_paid(world: World) -> None:
    phone = paid_november(world)
    shown = choose(phone, "1 bulan s.d. Des 2026 Rp28.400")
    phone.press("1", PIN)
    with world.ports.transaction() as work:
        worker = work.workers_at(work.keys.index("phone", SITI_PHONE))[0]
        [(consent, sealed)] = world.rows("SELECT id, text_sealed FROM consents WHERE kind = 'payment'")
        kept = work.box(worker).open(bytes(sealed), "consent.text")
    assert kept == "Saya setuju Bank Jatim ***2345 segera didebit Rp28.400 untuk iuran Des 2026. " + (
        "Satu debit per bulan; yang gagal tidak diulang."
    )
    assert "Rp28.400 untuk iuran Des 2026" in shown
    reference = world.one("SELECT reference FROM attempts WHERE month = '2026-12-01'")
    assert world.one("SELECT code FROM events WHERE subject = 'consent' AND subject_id = :id", id=str(consent)) == (
        reference
    )


def test_no_yes_or_a_wrong_pin_pays_nothing(world: World) -> None:
    phone = paid_november(world)
    choose(phone, "1 bulan")
    assert "Tidak ada uang diambil" in phone.press("2")
    choose(phone, "1 bulan")
    assert "PIN salah" in phone.press("1", "918273")
    assert world.one("SELECT count(*) FROM attempts") == 1


def test_two_calls_at_once_pay_a_month_once(world: World) -> None:
    phones = [paid_november(world)]
    choose(phones[0], "1 bulan")
    phones[0].press("1")
    barrier = threading.Barrier(3)
    refused: list[type[Exception]] = []

    def also() -> None:
        barrier.wait()
        try:
            pay(world, DEC)
        except paying.NotOwed as error:
            refused.append(type(error))

    threads = [threading.Thread(target=also) for _ in range(2)]
    for thread in threads:
        thread.start()
    barrier.wait()
    shown = phones[0].press(PIN)
    for thread in threads:
        thread.join()
    assert len(refused) + ("Tidak didebit dua kali" in shown) == 2
    world.collect()
    assert money(world) == [28400, 28400]


def test_a_planned_debit_is_under_way_and_not_paid_beside(world: World) -> None:
    paid_november(world)
    world.clock.forward(days=3)
    world.plan(DEC)
    assert [offer.months[0] for offer in offered(world)] == [JAN] * 4
    with pytest.raises(paying.NotOwed):
        pay(world, DEC)


def test_a_payment_that_fails_is_not_tried_again_by_itself_and_promises_nothing(world: World) -> None:
    world.clock.forward(days=5)  # 28 November: too late in the month for another try of the first debit.
    member(world, NO_FUNDS)
    world.collect()
    phone = world.phone()
    choose(phone, "Iuran Nov 2026 Rp28.400")
    assert "sudah dicoba hari ini" in phone.press("1", PIN)
    world.clock.forward(days=1)
    choose(phone, "Iuran Nov 2026 Rp28.400")
    phone.press("1", PIN)
    assert world.collect().by_state == {"failed_soft": 1}
    assert "gagal: saldo tidak cukup" in world.last_sms()
    assert "dicoba lagi" not in world.last_sms()
    assert world.one("SELECT count(*) FROM attempts WHERE why = 'retry'") == 0
    assert world.one("SELECT no_funds_months FROM mandates") == 1, "what was asked for says nothing of the standing one"
    world.clock.forward(days=1)
    pay(world, NOV)
    world.collect()
    with pytest.raises(paying.TriesUsed):
        pay(world, NOV)
    choose(phone, "Iuran Nov 2026 Rp28.400")
    assert "sudah tiga kali dicoba" in phone.press("1", PIN)
    assert world.one("SELECT count(*) FROM attempts") == 3


def test_no_funds_for_a_month_ahead_make_no_retry_where_days_are_left(world: World) -> None:
    paid_november(world)
    pay(world, DEC)
    poor = replace(world.ports, banks={"114": Poor()})
    assert collect(poor).by_state == {"failed_soft": 1}
    assert world.one("SELECT count(*) FROM attempts WHERE month = :month", month=DEC) == 1


def test_a_month_that_could_not_be_paid_ahead_is_left_to_the_mandate(world: World) -> None:
    paid_november(world)
    world.clock.forward(days=2)
    pay(world, DEC)
    assert world.plan(DEC).scheduled == 0, "it is under way"
    world.clock.forward(hours=3)
    collect(replace(world.ports, banks={"114": Poor()}))
    assert world.plan(DEC).scheduled == 1
    assert "Iuran Des 2026 Rp28.400 akan didebit 07-12-2026" in world.last_sms()


def test_a_payment_that_its_bank_could_not_take_for_two_days_is_dropped_and_left_to_the_mandate(world: World) -> None:
    paid_november(world)
    world.clock.forward(days=2)
    pay(world, DEC)
    world.plan(DEC)
    world.clock.forward(days=3)
    assert world.collect().by_state == {}
    assert money(world) == [28400]
    assert "Iuran Des 2026 tidak sempat didebit" in world.last_sms()
    assert world.plan(DEC).scheduled == 1


def test_while_stop_is_open_nothing_can_be_paid(world: World) -> None:
    phone = paid_november(world)
    phone.text("STOP")
    before = counts(world)
    with pytest.raises(paying.StopOpen):
        pay(world, DEC)
    assert counts(world) == before
    choose(phone, "1 bulan")
    assert "STOP" in phone.press("1", PIN)


def test_one_month_above_the_maximum_refuses_all_of_them_and_writes_nothing(world: World) -> None:
    phone = paid_november(world)
    with world.ports.database.begin() as connection:
        from sqlalchemy import text

        connection.execute(text("UPDATE mandates SET max_amount_rp = 30000"))
    before = counts(world)
    with pytest.raises(paying.AboveMaximum):
        pay(world, DEC, JAN)
    assert counts(world) == before
    choose(phone, ". 2 bulan")
    assert "di atas batas" in phone.press("1", PIN)
    assert counts(world) == before


def test_only_an_active_mandate_of_a_verified_member_pays(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    authorise(phone)
    assert offered(world) == []
    with pytest.raises(mandates.NoMandate):
        pay(world, NOV)
    world.ask_banks()
    with pytest.raises(mandates.MembershipRefused):
        pay(world, NOV)
    world.exchange()
    with world.ports.transaction() as work:
        mandates.pause(work, work.workers_at(work.keys.index("phone", SITI_PHONE))[0], 1)
    with pytest.raises(mandates.NoMandate):
        pay(world, NOV)
    world.collect()
    assert debits(world) == []


def test_who_has_paid_as_far_as_can_be_is_told_that_there_is_nothing(world: World) -> None:
    phone = paid_november(world)
    choose(phone, "12 bulan s.d. Nov 2027")
    phone.press("1", PIN)
    world.collect()
    phone.dial()
    assert "Tidak ada yang bisa dibayar sekarang" in phone.press("2", "2")
    assert world.one("SELECT count(*) FROM months WHERE state = 'covered'") == 13


def test_a_fee_that_was_agreed_to_is_in_the_price_of_each_month(world: World) -> None:
    settings = world.ports.settings.model_copy(update={"BANK_FEE_RP": 2500})
    dear = World(
        create_app(settings, clock=world.clock), replace(world.ports, settings=settings), world.clock, world.sandbox
    )
    paid_november(dear)
    # What the bank takes from whom joins later changes nothing that was agreed to.
    assert offered(world)[1].prices_rp == (30900, 39300)
    pay(world, DEC, JAN)
    world.collect()
    assert sorted(map(str, money(world))) == ["30900", "30900", "39300"]


@pytest.mark.parametrize("months", ["0", "13", "1,,2", "a", "1;2", "-1"])
def test_months_ahead_that_cannot_be_are_refused_at_the_start(world: World, months: str) -> None:
    given = {"IURAN_MODE": "sandbox", "PAY_AHEAD_MONTHS": months}
    with pytest.raises(ConfigError, match=r"PAY_AHEAD_MONTHS: .*from 1 to 12"):
        load(given)


def test_the_account_that_pays_is_the_one_that_was_shown(world: World) -> None:
    phone = paid_november(world)
    choose(phone, "1 bulan")
    phone.press("1")
    with world.ports.database.begin() as connection:
        from sqlalchemy import text

        connection.execute(text("UPDATE mandates SET account_tail = '9999'"))
    assert "***9999" in phone.press(PIN)
    assert world.one("SELECT count(*) FROM attempts") == 1
    assert GOOD.endswith("2345")
