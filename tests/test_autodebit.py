"""Debits against the sandbox bank: one a month whatever happens, no receipt without money, no money without receipt."""

import threading
from dataclasses import replace
from datetime import date, timedelta

import pytest

from autodebit import plan
from autodebit.collect import collect
from banks.base import BankAnswer, BankUnreachable, CollectRequest, MandateRequest
from tests.people import (
    BUDI,
    BUDI_NIK,
    BUDI_PHONE,
    CLOSED,
    GOOD,
    NO_FUNDS,
    PIN,
    SILENT,
    SITI_PHONE,
    WRONG_NAME,
    authorise,
    enrol,
)
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
    world.clock.forward(days=9)  # 2 December: the chosen day, the 5th, is less than the notice away.
    assert world.plan(DEC).scheduled == 1
    assert "akan didebit 05-12-2026" in world.last_sms()
    world.clock.forward(days=3)  # 5 December, and the notice was never sent: the gateway was away.
    assert world.collect().by_state == {}
    assert world.one("SELECT due_on FROM attempts WHERE month = '2026-12-01'") == date(2026, 12, 8)
    assert "akan didebit 08-12-2026" in world.last_sms()
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
    assert "Iuran Jan 2027 Rp36.800 akan didebit 05-01-2027" in world.last_sms()


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
    assert attempt(world) == ("failed_soft", "4037114")
    assert "gagal: saldo tidak cukup" in world.last_sms()
    assert world.one("SELECT count(*) FROM transfers") == 0
    assert world.one("SELECT state FROM mandates") == "active"
    world.collect()
    assert len(world.rows("SELECT * FROM attempts")) == 1


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
    impatient = replace(world.ports, banks={"114": Impatient(world)})
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


class Impatient:
    """The real adapter with a short patience, so that a test need not wait out a bank's silence."""

    code = "114"

    def __init__(self, world: World) -> None:
        from banks.bifast import connect_banks
        from banks.settings import load_banks

        settings = load_banks(world.sandbox.folder / "banks.toml")["114"]
        self._bank = connect_banks({"114": replace(settings, read_timeout_s=0.5)})["114"]

    def ask(self, mandate: MandateRequest) -> BankAnswer:
        return self._bank.ask(mandate)

    def collect(self, debit: CollectRequest) -> BankAnswer:
        return self._bank.collect(debit)


class Away:
    """A bank that nobody can reach: a port swapped, not a mock of ours."""

    code = "114"

    def ask(self, mandate: MandateRequest) -> BankAnswer:
        raise BankUnreachable("away")

    def collect(self, debit: CollectRequest) -> BankAnswer:
        raise BankUnreachable("away")


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

    class Killed:
        code = "114"
        ask = Away.ask

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


def test_cancelling_is_effective_at_once(world: World) -> None:
    member(world)
    phone = world.phone()
    phone.dial()
    assert "Tidak ada debit baru" in phone.press("2", "1", "2", PIN)
    world.collect()
    assert debits(world) == []
    assert world.one("SELECT state FROM attempts") == "cancelled"
    assert "dibatalkan 23-11-2026" in world.last_sms()
    phone.dial()
    assert "Bank rekening" in phone.press("2")


def test_a_yes_of_the_bank_after_the_member_cancelled_stays_cancelled(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    authorise(phone)
    late: list[str] = []

    class Slow:
        code = "114"
        collect = Away.collect

        def ask(self, mandate: MandateRequest) -> BankAnswer:
            phone.dial()
            late.append(phone.press("2", "1", "2", PIN))
            return world.ports.banks["114"].ask(mandate)

    from autodebit.mandates import ask_banks

    ask_banks(replace(world.ports, banks={"114": Slow()}))
    assert "dibatalkan" in late[0]
    assert world.one("SELECT state FROM mandates") == "cancelled"


def test_while_stop_is_asked_nothing_is_debited(world: World) -> None:
    member(world)
    world.phone().text("STOP")
    assert world.collect().by_state == {}
    world.clock.forward(hours=25)
    assert world.collect().by_state == {"confirmed": 1}


def test_an_amount_above_the_maximum_is_never_sent(world: World) -> None:
    member(world)
    world.collect()
    with world.ports.database.begin() as connection:
        from sqlalchemy import text

        connection.execute(text("UPDATE mandates SET max_amount_rp = 28399"))
    world.clock.forward(days=5)
    planned = world.plan(DEC)
    assert (planned.scheduled, planned.above_maximum) == (0, 1)
    world.clock.forward(days=10)
    world.collect()
    assert len(debits(world)) == 1


def test_a_month_outside_its_window_is_refused(world: World) -> None:
    for month in (date(2026, 10, 1), date(2027, 1, 1)):
        with pytest.raises(plan.OutsideWindow, match="is not 2026-11"):
            world.plan(month)


def test_an_unsent_attempt_of_a_month_that_is_over_is_dropped(world: World) -> None:
    member(world)
    world.clock.now += timedelta(days=10)
    world.collect()
    assert attempt(world)[0] == "cancelled"
    assert debits(world) == []


def test_an_account_serves_no_more_members_than_configured(world: World) -> None:
    member(world)
    settings = world.ports.settings.model_copy(update={"ACCOUNT_WORKERS_MAX": 1})
    from insurance import mandates
    from insurance.consent import Yes

    budi = world.phone(BUDI_PHONE)
    enrol(budi, BUDI_NIK, BUDI)
    with replace(world.ports, settings=settings).transaction() as work:
        worker = work.workers_at(work.keys.index("phone", BUDI_PHONE))[0]
        with pytest.raises(mandates.AccountFull):
            mandates.authorise(work, worker, "114", GOOD, 5, Yes("mandate", "v", "id", "yes", "s", BUDI_PHONE))


def test_a_worker_has_one_live_mandate_at_most(world: World) -> None:
    member(world)
    phone = world.phone()
    phone.dial()
    assert "Autodebit Bank Jatim ***2345: aktif" in phone.press("2")
    assert world.one("SELECT count(*) FROM mandates") == 1


def test_a_refused_membership_is_told_and_cancels_the_mandate(world: World) -> None:
    phone = world.phone()
    enrol(phone, "3599014503850404")
    authorise(phone)
    world.exchange()
    texts = world.owed_to(SITI_PHONE)
    assert any("NIK tidak ditemukan" in text for text in texts)
    assert world.one("SELECT state FROM mandates") == "cancelled"
    phone.dial()
    assert "ditolak BPJS" in phone.press("3")


def test_a_new_mandate_after_a_closed_account_collects_the_month_on_another_day(world: World) -> None:
    member(world, CLOSED)
    world.collect()
    authorise(world.phone(), GOOD)
    world.ask_banks()
    assert world.collect().by_state == {}, "one try a day"
    world.clock.forward(days=1)
    assert world.collect().by_state == {"confirmed": 1}
    assert [tuple(row) for row in world.rows("SELECT n, state FROM attempts ORDER BY n")] == [
        (1, "failed_hard"),
        (2, "confirmed"),
    ]


def test_a_mandate_cancelled_before_its_debit_leaves_the_month_to_the_next_one(world: World) -> None:
    member(world)
    phone = world.phone()
    phone.dial()
    phone.press("2", "1", "2", PIN)
    authorise(phone, "1140099999")
    world.ask_banks()
    assert world.collect().by_state == {"confirmed": 1}
    assert len(debits(world)) == 1


def test_who_paid_this_month_consents_to_the_next_one_first(world: World) -> None:
    member(world)
    world.collect()
    phone = world.phone()
    phone.dial()
    phone.press("2", "1", "2", PIN)
    phone.dial()
    phone.press("2", "1", "1140099999", "1", "3")
    words = phone.read_on().replace("\n", " ")
    assert "Rp28.400 tiap tgl 10 mulai iuran Des" in words
    phone.press("1", PIN)
    world.ask_banks()
    assert "Debit pertama untuk iuran Des 2026" in world.last_sms()
    world.collect()
    assert len(debits(world)) == 1
