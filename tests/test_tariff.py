"""What a month costs, from the rows that ship: by month, sector, programme, base and payer."""

import csv
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from data import load_reference
from insurance.tariff import MONTHS_AHEAD, NoTariff, PriceList, incomes_offered
from models import Bracket
from models.membership import SECTORS
from tests.world import World
from units.month import add_months

BRACKETS = Path(__file__).parent.parent / "data" / "brackets.csv"
NOV, DEC, JAN, MAR, APR = (date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1), date(2027, 3, 1), date(2027, 4, 1))
FULL_PRICE = date(2027, 6, 1)
LOWEST = 1_000_000
PAYERS = ("self", "village", "state")

# programme.md 1.2: base, 2 programmes, 3 programmes, 3 programmes while PP 50/2025 runs.
PRINTED = [
    (1_000_000, 16_800, 36_800, 28_400),
    (1_200_000, 18_800, 42_800, 33_400),
    (1_400_000, 20_800, 48_800, 38_400),
    (1_600_000, 22_800, 54_800, 43_400),
    (1_800_000, 24_800, 60_800, 48_400),
    (2_000_000, 26_800, 66_800, 53_400),
    (2_200_000, 28_800, 72_800, 58_400),
    (2_400_000, 30_800, 78_800, 63_400),
    (2_600_000, 32_800, 84_800, 68_400),
    (2_950_000, 36_300, 95_300, 77_150),
    (3_450_000, 41_300, 110_300, 89_650),
    (3_950_000, 46_300, 125_300, 102_150),
    (4_450_000, 51_300, 140_300, 114_650),
    (4_950_000, 56_300, 155_300, 127_150),
]


@pytest.fixture
def db(world: World) -> Iterator[Session]:
    with Session(world.ports.database) as session, session.begin():
        load_reference(session, connected=world.ports.settings.BANKS_FILE)
        yield session


def total(db: Session, month: date, programmes: str = "3", sector: str = "farmer", payer: str = "self") -> int:
    return PriceList(db, sector, payer).quote(month, LOWEST, programmes).total_rp


def test_a_farmer_owes_28400_until_december_and_36800_from_january(db: Session) -> None:
    assert [total(db, month) for month in (date(2026, 3, 1), date(2026, 4, 1), NOV, DEC, JAN)] == [
        *(36_800, 28_400, 28_400, 28_400, 36_800)
    ]
    assert [total(db, month, "2") for month in (NOV, DEC, JAN)] == [8_400, 8_400, 16_800]


def test_a_rider_owes_28400_until_march_and_36800_from_april(db: Session) -> None:
    months = (date(2025, 12, 1), date(2026, 1, 1), NOV, JAN, MAR, APR)
    assert [total(db, month, sector="transport") for month in months] == [
        *(36_800, 28_400, 28_400, 28_400, 28_400, 36_800)
    ]


def test_the_discount_is_on_accident_and_death_and_never_on_savings(db: Session) -> None:
    prices = PriceList(db, "farmer")
    assert prices.quote(NOV, LOWEST, "3").by_programme == {"JKK": 5_000, "JKM": 3_400, "JHT": 20_000}
    assert prices.quote(JAN, LOWEST, "3").by_programme == {"JKK": 10_000, "JKM": 6_800, "JHT": 20_000}
    assert prices.quote(NOV, LOWEST, "2").by_programme == {"JKK": 5_000, "JKM": 3_400}


@pytest.mark.parametrize("sector", ["farmer", "transport"])
def test_what_the_state_pays_gets_no_discount_and_what_a_village_pays_does(db: Session, sector: str) -> None:
    assert total(db, NOV, sector=sector, payer="state") == 36_800
    assert total(db, NOV, "2", sector=sector, payer="state") == 16_800
    assert total(db, NOV, sector=sector, payer="village") == 28_400
    assert PriceList(db, sector, "state").next_change(NOV, LOWEST, "3") is None


@pytest.mark.parametrize(("base", "two", "three", "discounted"), PRINTED)
def test_every_printed_price_is_ours(db: Session, base: int, two: int, three: int, discounted: int) -> None:
    prices = PriceList(db, "farmer")
    assert prices.quote(FULL_PRICE, base, "2").total_rp == two
    assert prices.quote(FULL_PRICE, base, "3").total_rp == three
    assert prices.quote(NOV, base, "3").total_rp == discounted


def test_every_bracket_of_the_appendix_is_loaded_and_costs_what_it_says(db: Session) -> None:
    prices = PriceList(db, "farmer")
    with BRACKETS.open(newline="") as file:
        rows = [{name: int(value) for name, value in row.items()} for row in csv.DictReader(file)]
    assert len(rows) == 32
    for row in rows:
        assert db.get_one(Bracket, row["low"]).base_rp == row["base"]
        full = prices.quote(FULL_PRICE, row["base"], "3")
        assert full.by_programme == {"JKK": row["jkk"], "JKM": 6_800, "JHT": row["jht"]}
        assert full.total_rp == row["three_programmes"]
        assert prices.quote(FULL_PRICE, row["base"], "2").total_rp == row["two_programmes"]


def test_every_sector_and_payer_has_a_price_in_every_month_to_come(db: Session) -> None:
    for sector in SECTORS:
        for payer in PAYERS:
            prices = PriceList(db, sector, payer)
            for ahead in range(36):
                month = add_months(date(2026, 1, 1), ahead)
                assert 8_400 <= prices.quote(month, LOWEST, "2").total_rp <= 16_800
                assert 28_400 <= prices.quote(month, LOWEST, "3").total_rp <= 36_800


def test_before_the_first_row_nothing_is_guessed(db: Session) -> None:
    with pytest.raises(NoTariff, match="JKK 2015-06"):
        total(db, date(2015, 6, 1))
    assert total(db, date(2015, 7, 1)) == 36_800
    with pytest.raises(NoTariff):
        total(db, NOV, payer="nobody")


def change(db: Session, sector: str, month: date) -> tuple[date, int] | None:
    found = PriceList(db, sector).next_change(month, LOWEST, "3")
    return (found[0], found[1].total_rp) if found else None


def test_the_next_change_is_told_from_a_year_before_it_and_no_earlier(db: Session) -> None:
    assert change(db, "farmer", NOV) == (JAN, 36_800)
    assert change(db, "transport", NOV) == (APR, 36_800)
    assert change(db, "farmer", date(2026, 3, 1)) == (date(2026, 4, 1), 28_400)
    assert change(db, "transport", add_months(APR, -MONTHS_AHEAD)) == (APR, 36_800)
    assert change(db, "transport", add_months(APR, -MONTHS_AHEAD - 1)) is None
    assert change(db, "farmer", JAN) is None


def test_a_mandates_maximum_is_the_dearest_month_of_the_year_to_come(db: Session) -> None:
    farmer, rider = PriceList(db, "farmer"), PriceList(db, "transport")
    assert farmer.highest_rp(NOV, LOWEST, "3") == 36_800
    assert farmer.highest_rp(NOV, LOWEST, "2") == 16_800
    assert farmer.highest_rp(date(2026, 3, 1), LOWEST, "3") == 36_800, "the month of today counts too"
    assert rider.highest_rp(add_months(APR, -MONTHS_AHEAD - 1), LOWEST, "3") == 28_400


def test_the_incomes_offered_leave_no_hole_and_start_at_nothing(world: World) -> None:
    with world.ports.transaction() as work:
        bands = incomes_offered(work)
    assert [(band.low_rp, band.base_rp) for band in bands] == [
        *((0, 1_000_000), (1_100_000, 1_200_000), (1_300_000, 1_400_000), (1_500_000, 1_600_000))
    ]
    for band, above in pairwise(bands):
        assert band.below_rp == above.low_rp
    assert bands[-1].below_rp == 1_700_000
    assert all(band.low_rp <= band.base_rp < band.below_rp for band in bands)


def test_loading_the_reference_again_changes_nothing(world: World) -> None:
    tables = ("tariffs", "brackets", "banks")
    before = [sorted(map(str, world.rows(f"SELECT * FROM {table}"))) for table in tables]
    with world.ports.transaction() as work:
        load_reference(work.db, connected=world.ports.settings.BANKS_FILE)
    assert [sorted(map(str, world.rows(f"SELECT * FROM {table}"))) for table in tables] == before
    assert [len(rows) for rows in before] == [34, 32, 27]
