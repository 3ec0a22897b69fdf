"""A mandate in its member's hands: paused, taken up, moved to another account, confirmed by the bank's code."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import text

from handset.phone import Phone
from models.machine import Cause
from tests.people import CLOSED, GOOD, PIN, SITI_PHONE, WRONG_NAME
from tests.test_autodebit import DEC, JAN, debits, member
from tests.world import World

OTHER = "1140099999"


def paid_november(world: World) -> Phone:
    member(world)
    world.collect()
    return world.phone()


def states(world: World) -> list[str]:
    return [state for (state,) in world.rows("SELECT state FROM mandates ORDER BY id")]


def pause(phone: Phone, months: str) -> str:
    """The words of what a pause means, before the yes to it."""
    phone.dial()
    phone.press("2", "3", months)
    return phone.read_on().replace("\n", " ")


def change_account(phone: Phone, account: str, *, day: str = "2") -> str:
    """The last screen; what was agreed to is in its transcript."""
    phone.dial()
    phone.press("2", "4", "1", "1", account, "1", day)
    phone.read_on()
    return phone.press("1", PIN)


# Pausing


def test_a_pause_says_what_it_means_and_leaves_its_months_undebited(world: World) -> None:
    phone = paid_november(world)
    words = pause(phone, "2")
    assert "Tidak ada debit Bank Jatim ***2345 mulai iuran Des 2026; jalan lagi Feb 2027." in words
    assert "tidak terlindungi" in words
    assert "dijeda" in phone.press("2", PIN)
    assert "dijeda dari iuran Des 2026, jalan lagi Feb 2027" in world.last_sms()
    for month, planned in ((DEC, 0), (JAN, 0), (date(2027, 2, 1), 1)):
        world.clock.now = world.clock.now.replace(year=month.year, month=month.month, day=2)
        assert world.plan(month).scheduled == planned
    assert "jalan lagi" in world.owed_to(SITI_PHONE)[-2]
    assert states(world) == ["active"]


def test_a_pause_drops_what_was_announced_and_not_sent(world: World) -> None:
    phone = paid_november(world)
    world.clock.forward(days=3)
    world.plan(DEC)
    assert "mulai iuran Des 2026; jalan lagi Jan 2027" in pause(phone, "1")
    phone.press("2", PIN)
    assert world.one("SELECT state FROM attempts WHERE month = :month", month=DEC) == "cancelled"
    world.send_sms()
    world.clock.forward(days=10)
    world.collect()
    assert len(debits(world)) == 1


def test_nobody_pauses_by_looking(world: World) -> None:
    phone = paid_november(world)
    pause(phone, "1")
    assert "aktif" in phone.press("1")
    phone.press("00")
    pause(phone, "1")
    assert "PIN salah" in phone.press("2", "918273")
    assert states(world) == ["active"]


def test_who_takes_up_a_pause_early_is_debited_for_the_month_that_was_dropped(world: World) -> None:
    phone = paid_november(world)
    world.clock.forward(days=3)
    world.plan(DEC)
    pause(phone, "3")
    phone.press("2", PIN)
    phone.dial()
    assert "dijeda" in phone.press("2")
    assert "Bayar" not in phone.screen
    assert "jalan lagi" in phone.press("2", PIN)
    assert "Kami SMS sebelum debit berikutnya" in world.last_sms()
    assert world.plan(DEC).scheduled == 1
    assert "Iuran Des 2026 Rp28.400 akan didebit" in world.last_sms()


def test_what_was_stopped_for_want_of_funds_is_taken_up_by_its_member(world: World) -> None:
    phone = paid_november(world)
    with world.ports.transaction() as work:
        from insurance import mandates
        from models import MandateState

        worker = work.workers_at(work.keys.index("phone", SITI_PHONE))[0]
        [mandate] = mandates.live_all(work, worker.id, lock=True)
        mandate.no_funds_months = 3
        mandates.change(work, mandate, MandateState.SUSPENDED, Cause("system", "no_funds"))
    phone.dial()
    assert "berhenti, saldo kurang" in phone.press("2")
    assert "jalan lagi" in phone.press("2", PIN)
    assert world.rows("SELECT state, no_funds_months FROM mandates") == [("active", 0)]


def test_a_paused_mandate_is_cancelled_like_any_other(world: World) -> None:
    phone = paid_november(world)
    pause(phone, "1")
    phone.press("2", PIN)
    phone.dial()
    assert "Tidak ada debit baru" in phone.press("2", "1", "2", PIN)
    assert states(world) == ["cancelled"]


# Another account


def test_the_old_account_is_used_until_the_bank_has_agreed_to_the_new_one(world: World) -> None:
    phone = paid_november(world)
    world.clock.forward(days=3)
    world.plan(DEC)
    assert "Permintaan dikirim ke Bank Jatim" in change_account(phone, OTHER)
    assert states(world) == ["active", "consented"]
    assert world.one("SELECT state FROM attempts WHERE month = :month", month=DEC) == "noticed"
    world.ask_banks()
    assert states(world) == ["replaced", "active"]
    assert world.one("SELECT state FROM attempts WHERE month = :month", month=DEC) == "cancelled"
    assert world.plan(DEC).scheduled == 1
    assert "akan didebit 07-12-2026 dari Bank Jatim ***9999" in world.last_sms()
    world.send_sms()
    world.clock.forward(days=11)
    world.collect()
    assert [debit["amount_rp"] for debit in debits(world)] == [28400, 28400]
    assert world.one("SELECT count(*) FROM months WHERE state = 'covered'") == 2


def test_a_month_the_old_account_has_not_paid_yet_is_in_the_new_consent(world: World) -> None:
    phone = paid_november(world)
    world.clock.forward(days=3)
    world.plan(DEC)
    world.clock.forward(days=6)  # 2 December: noticed, and to be debited from the old account on the 7th.
    phone.dial()
    phone.press("2", "4", "1", "1", OTHER, "1", "2")
    assert "Rp28.400 utk iuran Des 2026 begitu bank setuju" in phone.read_on().replace("\n", " ")
    phone.press("1", PIN)
    world.ask_banks()
    world.collect()
    assert [debit["amount_rp"] for debit in debits(world)] == [28400, 28400]
    assert world.one("SELECT count(*) FROM attempts WHERE month = :month AND state = 'confirmed'", month=DEC) == 1


@pytest.mark.parametrize("account", [WRONG_NAME])
def test_a_new_account_that_the_bank_refuses_leaves_the_old_one_as_it_was(world: World, account: str) -> None:
    phone = paid_november(world)
    world.clock.forward(days=3)
    world.plan(DEC)
    change_account(phone, account)
    world.ask_banks()
    assert states(world) == ["active", "rejected"]
    assert "menolak autodebit ***0010" in world.last_sms()
    assert world.one("SELECT state FROM attempts WHERE month = :month", month=DEC) == "noticed"


def test_one_change_at_a_time(world: World) -> None:
    phone = paid_november(world)
    change_account(phone, OTHER)
    assert "Autodebit Bank Jatim ***2345: aktif" in change_account(phone, CLOSED)
    assert states(world) == ["active", "consented"]


def test_cancelling_while_an_account_is_changed_ends_both(world: World) -> None:
    phone = paid_november(world)
    change_account(phone, OTHER)
    phone.dial()
    phone.press("2", "1", "2", PIN)
    world.ask_banks()
    assert states(world) == ["cancelled", "cancelled"]


def test_the_same_account_may_be_agreed_to_anew_for_a_higher_maximum(world: World) -> None:
    settings = world.ports.settings.model_copy(update={"ACCOUNT_WORKERS_MAX": 1})
    from app import create_app

    strict = World(
        create_app(settings, clock=world.clock), replace(world.ports, settings=settings), world.clock, world.sandbox
    )
    phone = paid_november(strict)
    assert "Permintaan dikirim" in change_account(phone, GOOD)
    strict.ask_banks()
    assert states(strict) == ["replaced", "active"]


def test_a_call_that_was_left_off_replaces_no_mandate_it_did_not_show(world: World) -> None:
    phone = paid_november(world)
    phone.dial()
    phone.press("2", "4", "1", "1", OTHER, "1", "2")
    phone.read_on()
    phone.press("1")
    with world.ports.transaction() as work:
        from insurance import mandates

        worker = work.workers_at(work.keys.index("phone", SITI_PHONE))[0]
        mandates.cancel(work, worker, Cause("member", "branch"))
        from insurance.consent import Yes

        mandates.authorise(work, worker, "114", CLOSED, 5, Yes("mandate", "v", "id", "yes", "s", SITI_PHONE))
    world.ask_banks()
    assert "Batalkan" in phone.press(PIN)
    assert states(world) == ["cancelled", "active"]


def test_the_banks_yes_and_a_cancelling_call_take_both_mandates_in_one_order(world: World) -> None:
    """Else each could hold what the other waits for, and the bank's yes would be lost to the deadlock."""
    change_account(paid_november(world), OTHER)
    held = text("SELECT 1 FROM mandates WHERE state = 'active' FOR UPDATE")
    with ThreadPoolExecutor(1) as threads, world.ports.database.connect() as calling:
        calling.execute(held)
        asking = threads.submit(world.ask_banks)
        world.until_one_waits()
        # The one on its way is free: whoever waits for the first does not hold the second.
        calling.execute(text("SELECT 1 FROM mandates WHERE state = 'submitted' FOR UPDATE NOWAIT"))
        calling.commit()
        assert asking.result(timeout=20) == 1
    assert states(world) == ["replaced", "active"]


def test_the_first_debit_that_is_announced_is_of_a_month_that_is_not_paid(world: World) -> None:
    """November was agreed to, and then paid from the old account while the bank was thinking."""
    member(world)
    change_account(world.phone(), OTHER)
    world.collect()
    world.ask_banks()
    assert states(world) == ["replaced", "active"]
    assert "***9999 aktif. Debit pertama untuk iuran Des 2026" in world.last_sms()
