"""Months that were missed: paid one by one by a yes of their own, for three months, and never of a lapse."""

from datetime import date

import pytest

from handset.phone import Phone
from insurance import paying
from models import Why
from tests.people import PIN
from tests.test_autodebit import DEC, JAN, NOV
from tests.test_paying import FEB, MAR, choose, money, offered, paid_november, pay
from tests.world import World


def missed_two(world: World) -> Phone:
    """10 February: November is paid, December and January are not, and nothing was planned."""
    phone = paid_november(world)
    world.clock.forward(days=79)
    return phone


def test_missed_months_are_offered_one_by_one_the_newest_first(world: World) -> None:
    phone = missed_two(world)
    single = [(offer.why, offer.months) for offer in offered(world) if len(offer.months) == 1]
    assert single == [(Why.NOW, (FEB,)), (Why.ARREARS, (JAN,)), (Why.ARREARS, (DEC,))]
    assert "Rp36.800 untuk iuran Jan 2027" in choose(phone, "Tunggakan Jan 2027 Rp36.800")
    phone.press("1", PIN)
    world.collect()
    assert money(world) == [28400, 36800]
    assert [
        tuple(row) for row in world.rows("SELECT month, why, state FROM attempts WHERE month > :month", month=NOV)
    ] == [(JAN, "arrears", "confirmed")]
    assert [offer.months for offer in offered(world) if offer.why is Why.ARREARS] == [(DEC,)]


def test_arrears_and_this_month_in_one_yes_are_not_offered(world: World) -> None:
    missed_two(world)
    with pytest.raises(paying.NotOwed):
        pay(world, DEC, JAN, FEB)
    with pytest.raises(paying.NotOwed):
        pay(world, DEC, JAN)


def test_a_member_who_lapsed_owes_no_old_month_and_is_offered_none(world: World) -> None:
    missed_two(world)
    world.clock.forward(days=20)  # 2 March: three whole months are unpaid.
    assert [offer.why for offer in offered(world)].count(Why.ARREARS) == 0
    assert offered(world)[0].months == (MAR,)
    with pytest.raises(paying.NotOwed):
        pay(world, FEB)
    pay(world, MAR)
    world.collect()
    world.clock.forward(days=31)
    assert [offer.why for offer in offered(world)].count(Why.ARREARS) == 0, "what the lapse ended stays so"


def test_a_month_missed_between_two_paid_ones_may_be_caught_up_for_three_months(world: World) -> None:
    missed_two(world)
    pay(world, FEB)
    world.collect()
    assert [offer.months for offer in offered(world) if offer.why is Why.ARREARS] == [(JAN,), (DEC,)]
    world.clock.forward(days=20)
    assert [offer.months for offer in offered(world) if offer.why is Why.ARREARS] == [(JAN,), (DEC,)]
    world.clock.forward(days=31)
    assert [offer.months for offer in offered(world) if offer.why is Why.ARREARS] == [(MAR,), (JAN,)]


def test_months_before_the_first_payment_are_nobodys_arrears(world: World) -> None:
    paid_november(world)
    assert {offer.why for offer in offered(world)} == {Why.AHEAD}
    with pytest.raises(paying.NotOwed):
        pay(world, date(2026, 10, 1))
