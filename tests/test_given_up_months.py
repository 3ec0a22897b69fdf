"""What becomes of a month whose money went back: nothing is debited for it by itself, each other month stays paid."""

from datetime import date

import pytest

from autodebit.decide import decide
from autodebit.refunds import send_refunds
from insurance import handover, paying, schedule, sponsors
from insurance.ledger import paid_total_rp
from insurance.party import party
from insurance.proving import prove
from insurer.base import ContributionResult, ResultFile
from models import Why
from tests.test_autodebit import DEC, JAN, NOV, debits, member
from tests.test_paying import FEB, offered, paid_november, pay
from tests.test_sponsors import books_hold, months, promise, receive, told, villager
from tests.world import World


def given_up(world: World, month: date = NOV) -> None:
    """BPJS refuses the month, and it is decided to give it back; nobody has sent that to the bank yet."""
    reference = str(world.one("SELECT paid_reference FROM months WHERE month = :month", month=month))
    said = ContributionResult(reference, "REFUSED", "kpj_unknown", None, date(2026, 11, 24))
    with world.ports.transaction() as work:
        handover.apply(work, ResultFile("result-x.csv", [], [said]))
    decide(world.ports, int(world.one("SELECT id FROM work_items WHERE kind = 'not_posted'")), "ani", "refund")


def made_by_hand(world: World) -> None:
    send_refunds(world.ports)
    decide(world.ports, int(world.one("SELECT id FROM work_items WHERE kind = 'refund'")), "ani", "returned", "BR-1")


def test_a_month_paid_by_a_yes_of_its_own_and_given_back_is_not_the_mandates_again(world: World) -> None:
    paid_november(world)
    pay(world, DEC)
    world.collect()
    given_up(world, DEC)
    world.clock.forward(days=3)
    assert world.plan(DEC).scheduled == 0
    made_by_hand(world)
    assert world.plan(DEC).scheduled == 0
    world.collect()
    assert len(debits(world)) == 2


def test_while_the_money_is_on_its_way_back_not_even_a_yes_debits_the_month_and_then_it_does(world: World) -> None:
    paid_november(world)
    given_up(world)
    with world.ports.transaction() as work:
        worker = int(world.one("SELECT id FROM workers"))
        assert schedule.first_unpaid(work, worker, NOV) == DEC
        assert paid_total_rp(work, worker) == 0
        to = party(work, int(world.one("SELECT id FROM mandates")))
        wanted = schedule.Wanted(to, NOV, work.today, Why.FIRST, needs_notice=False)
        assert schedule.schedule_all(work, [wanted]) == [schedule.Unscheduled.NOT_OWED]
    assert all(NOV not in offer.months for offer in offered(world))
    with pytest.raises(paying.NotOwed):
        pay(world, NOV)
    made_by_hand(world)
    assert offered(world)[0].months == (NOV,)
    world.clock.forward(days=1)
    pay(world, NOV)
    world.collect()
    assert world.one("SELECT state FROM months WHERE month = :month", month=NOV) == "covered"
    assert len(debits(world)) == 2
    books_hold(world)


def test_of_months_paid_ahead_only_the_refused_one_goes_back(world: World) -> None:
    paid_november(world)
    pay(world, DEC, JAN, FEB)
    world.collect()
    given_up(world, JAN)
    assert [state for _, state, _ in months(world)] == ["covered", "covered", "open", "covered"]
    refund = world.rows("SELECT month, amount_rp FROM refunds")
    assert [tuple(row) for row in refund] == [(JAN, 36800)]
    world.exchange()
    phone = world.phone()
    phone.dial()
    assert "terlindungi s.d. 31-12-2026" in phone.press("3")
    books_hold(world)


def test_a_sponsors_money_goes_back_to_the_sponsor_and_the_member_is_told_of_no_account(world: World) -> None:
    villager(world)
    receive(world, promise(world), NOV)
    given_up(world)
    assert months(world)[0] == (NOV, "open", "self")
    [sms] = told(world, "BPJS menolak iuran Nov 2026")
    assert "Uangnya kembali ke yang membayar" in sms
    assert world.one("SELECT sum(amount_rp) FROM transfers WHERE credit_account = 'refund:village'") == 28400
    books_hold(world)
    made_by_hand(world)
    back = world.rows("SELECT debit_account, credit_account, amount_rp FROM transfers WHERE kind = 'refunded'")
    assert [tuple(row) for row in back] == [("refund:village", "sponsor:village", 28400)]
    assert told(world, "dikembalikan") == []
    with world.ports.transaction() as work:
        accounts = {one.account: one.into_rp - one.out_of_rp for one in prove(work).balances}
    assert set(accounts.values()) == {0}
    books_hold(world)
    world.clock.forward(days=30)
    with world.ports.transaction() as work:
        sponsors.daily(work, 0)
    assert told(world, "Iuran Nov 2026 belum dibayar dana desa") == [], "it has paid, and nobody is told otherwise"


def test_a_member_with_a_mandate_is_not_debited_for_what_a_sponsor_paid_and_bpjs_refused(world: World) -> None:
    member(world)
    world.collect()
    receive(world, promise(world, first=DEC), DEC)
    given_up(world, DEC)
    made_by_hand(world)
    world.clock.forward(days=3)
    assert world.plan(DEC).scheduled == 0
