"""Debits against the sandbox bank: one a month whatever happens, no receipt without money, no money without receipt."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from autodebit.collect import collect
from autodebit.mandates import ask_banks
from banks.asked import CollectRequest
from banks.base import BankAnswer, BankRefused, Reason
from tests.people import (
    BUDI,
    BUDI_NIK,
    BUDI_PHONE,
    CLOSED,
    GOOD,
    NO_FUNDS,
    SILENT,
    WRONG_NAME,
    authorise,
    enrol,
)
from tests.stand_ins import Away, Refusing, impatient_bank
from tests.world import World

NOV, DEC, JAN = date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)


def member(world: World, account: str = GOOD) -> None:
    """Siti enrolled, verified by the insurer, and her mandate asked for."""
    phone = world.phone()
    enrol(phone)
    world.exchange()
    authorise(phone, account)
    world.ask_banks()


def debits(world: World) -> list[dict[str, object]]:
    return [debit for debit in world.sandbox.book("114")["debits"] if debit["status"] == "booked"]


def attempt(world: World) -> tuple[str, str]:
    row = world.rows("SELECT state, code FROM attempts ORDER BY month DESC, n DESC")[0]
    return row[0], row[1]


def test_the_first_month_is_debited_once_the_bank_said_yes_and_bpjs_verified(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    authorise(phone)
    world.ask_banks()
    world.collect()
    assert debits(world) == [], "before BPJS verified nothing is debited"
    assert "setelah BPJS menerima" in world.last_sms()
    world.exchange()
    assert "KPJ" in world.last_sms()
    assert "Iuran Nov 2026 Rp28.400 didebit segera" in world.last_sms()
    world.collect()
    assert [debit["amount_rp"] for debit in debits(world)] == [28400]


def test_paid_is_not_called_protected_before_the_insurer_posted_it(world: World) -> None:
    member(world)
    world.collect()
    assert "Menunggu pencatatan BPJS" in world.last_sms()
    phone = world.phone()
    phone.dial()
    assert "menunggu pencatatan BPJS" in phone.press("3")
    assert "erlindungi" not in phone.screen
    world.exchange()
    phone.dial()
    assert "terlindungi s.d. 30-11-2026" in phone.press("3")


def test_a_later_month_waits_for_its_notice_and_for_48_hours(world: World) -> None:
    member(world)
    world.collect()
    world.clock.forward(days=11)  # 4 December: the chosen day, the 5th, is a Saturday and would be the 7th.
    assert world.plan(DEC).scheduled == 1
    assert "akan didebit 07-12-2026" in world.last_sms()
    world.clock.forward(days=3)  # 7 December, and the notice was never sent: the gateway was away.
    assert world.collect().by_state == {}
    assert world.one("SELECT due_on FROM attempts WHERE month = '2026-12-01'") == date(2026, 12, 10)
    assert "akan didebit 10-12-2026" in world.last_sms()
    world.send_sms()
    world.clock.forward(days=1)
    assert world.collect().by_state == {}
    world.clock.forward(days=2)
    assert world.collect().by_state == {"confirmed": 1}
    assert [debit["amount_rp"] for debit in debits(world)] == [28400, 28400]


def test_january_costs_the_full_price_and_says_so_before(world: World) -> None:
    member(world)
    world.collect()
    world.clock.forward(days=33)  # 26 December
    world.plan(JAN)
    assert "Iuran Jan 2027 berubah: Rp36.800 (dulu Rp28.400), didebit 06-01-2027" in world.last_sms()
    world.send_sms()
    world.clock.forward(days=12)  # 7 January
    assert world.collect().by_state == {"confirmed": 1}
    assert [debit["amount_rp"] for debit in debits(world)] == [28400, 36800]


def test_a_month_that_costs_what_the_one_before_did_is_announced_in_plain_words(world: World) -> None:
    member(world)
    world.collect()
    world.clock.forward(days=65)  # 27 January
    world.plan(date(2027, 2, 1))
    assert "Iuran Feb 2027 Rp36.800 akan didebit" in world.last_sms()
    kinds = world.rows("SELECT kind FROM messages WHERE kind LIKE 'notice%'")
    assert kinds == [("notice",)]


def test_planning_and_collecting_again_changes_nothing(world: World) -> None:
    member(world)
    for _ in range(3):
        world.plan(NOV)
        world.collect()
    assert len(debits(world)) == 1
    assert world.one("SELECT count(*) FROM attempts") == 1


def test_many_workers_collecting_at_once_debit_once(world: World) -> None:
    member(world)
    threads = [threading.Thread(target=collect, args=(world.ports,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(debits(world)) == 1
    assert world.one("SELECT count(*) FROM messages WHERE kind = 'paid'") == 1


def test_no_funds_is_told_without_a_fine_and_books_nothing(world: World) -> None:
    member(world, NO_FUNDS)
    world.collect()
    assert world.one("SELECT state || code FROM attempts WHERE n = 1") == "failed_soft4037114"
    assert "gagal: saldo tidak cukup. Tidak ada debit." in world.last_sms()
    assert world.one("SELECT count(*) FROM transfers") == 0
    assert world.one("SELECT state FROM mandates") == "active"
    world.collect()
    assert len(world.rows("SELECT * FROM attempts WHERE asked_at IS NOT NULL")) == 1, "never twice on one day"


def test_a_closed_account_ends_the_mandate_and_says_so(world: World) -> None:
    member(world, CLOSED)
    world.collect()
    assert attempt(world)[0] == "failed_hard"
    assert world.one("SELECT state FROM mandates") == "rejected"
    assert "Autodebit berhenti" in world.last_sms()


def test_a_name_that_is_not_the_holders_never_becomes_active(world: World) -> None:
    member(world, WRONG_NAME)
    assert world.one("SELECT state FROM mandates") == "rejected"
    assert "nama beda dengan rekening" in world.last_sms()
    world.collect()
    assert debits(world) == []


def test_a_time_out_after_the_debit_is_unknown_and_blocks_the_month(world: World) -> None:
    impatient = replace(world.ports, banks={"114": impatient_bank(world)})
    member(world, SILENT)
    collect(impatient)
    assert attempt(world)[0] == "unknown"
    assert "Jangan bayar dua kali" in world.last_sms()
    for _ in range(3):
        world.clock.forward(hours=12)
        world.plan(NOV)
        collect(impatient)
    assert world.one("SELECT count(*) FROM attempts WHERE month = '2026-11-01'") == 1
    assert len(debits(world)) == 1


def test_a_bank_out_of_reach_is_asked_again_with_the_same_reference(world: World) -> None:
    member(world)
    collect(replace(world.ports, banks={"114": Away()}))
    reference = world.one("SELECT reference FROM attempts")
    assert attempt(world) == ("noticed", "unreachable")
    assert world.collect().by_state == {}, "not at once"
    world.clock.forward(minutes=11)
    assert world.collect().by_state == {"confirmed": 1}
    assert [debit["partnerReferenceNo"] for debit in debits(world)] == [reference]
    assert [kind for (kind,) in world.rows("SELECT kind FROM messages WHERE kind LIKE 'failed%'")] == []


def test_a_worker_killed_while_sending_leaves_an_unknown_and_no_second_debit(world: World) -> None:
    member(world)

    class Killed(Away):
        def collect(self, debit: CollectRequest) -> BankAnswer:
            raise SystemExit

    with pytest.raises(SystemExit):
        collect(replace(world.ports, banks={"114": Killed()}))
    assert attempt(world)[0] == "sent"
    assert world.collect().by_state == {}, "its lease still runs"
    world.clock.forward(minutes=16)
    world.collect()
    assert attempt(world) == ("unknown", "lease")
    assert debits(world) == []


def test_a_yes_that_came_in_a_later_month_is_noticed_and_not_debited_at_once(world: World) -> None:
    phone = world.phone()
    world.clock.now = datetime(2026, 12, 31, 3, 0, tzinfo=UTC)
    enrol(phone)
    authorise(phone, day="4")
    world.clock.forward(days=1)
    world.ask_banks()
    world.exchange()
    assert world.collect().by_state == {}
    assert debits(world) == []
    told = world.owed_to(phone.number)
    assert any("Iuran Jan 2027 berubah: Rp36.800 (dulu Rp28.400), didebit 15-01-2027" in sms for sms in told)
    assert not any("didebit segera" in sms for sms in told)


def test_a_month_too_short_for_its_notice_is_told_and_missed(world: World) -> None:
    member(world)
    world.collect()
    world.clock.forward(days=37)  # 30 December
    planned = world.plan(DEC)
    assert (planned.scheduled, planned.too_late) == (0, 1)


def test_a_month_whose_notice_never_left_is_told_and_missed(world: World) -> None:
    member(world)
    world.collect()
    world.clock.forward(days=32)  # 25 December: planned in time, and the notice is never sent.
    assert world.plan(DEC).scheduled == 1
    world.clock.forward(days=5)
    world.collect()
    assert attempt(world)[0] == "cancelled"
    assert "Iuran Des 2026 tidak sempat didebit" in world.last_sms()
    assert world.one("SELECT state FROM months WHERE month = '2026-12-01'") == "missed"


def test_our_own_wrong_credentials_burn_no_mandate_and_no_attempt(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    world.exchange()
    authorise(phone)
    refusing = replace(world.ports, banks={"114": Refusing("4017000")})
    ask_banks(refusing)
    assert world.one("SELECT state FROM mandates") == "consented"
    world.clock.forward(minutes=6)
    world.ask_banks()
    collect(refusing)
    assert attempt(world) == ("noticed", "4017000")
    world.clock.forward(minutes=11)
    assert world.collect().by_state == {"confirmed": 1}


def test_one_request_the_bank_finds_faulty_does_not_stop_the_others(world: World) -> None:
    member(world)
    budi = world.phone(BUDI_PHONE)
    enrol(budi, BUDI_NIK, BUDI)
    world.exchange()
    authorise(budi, "1140054321")
    world.ask_banks()
    faulty = world.one("SELECT reference FROM attempts ORDER BY due_on, reference LIMIT 1")

    class FaultyOnce(Away):
        def collect(self, debit: CollectRequest) -> BankAnswer:
            if debit.reference == faulty:
                raise BankRefused(Reason.OURS, "4007101")
            return world.ports.banks["114"].collect(debit)

    assert collect(replace(world.ports, banks={"114": FaultyOnce()})).by_state == {"noticed": 1, "confirmed": 1}
