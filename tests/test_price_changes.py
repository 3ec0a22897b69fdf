"""A new price: proposed by one of finance, standing once two agreed, and never for a month that is planned."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from autodebit.decide import decide
from insurance import price_changes
from insurance.price_changes import NewPrice, NotAPrice
from jobs import count_standings, plan_months
from models import Role
from tests.console_desk import Console, Desk, paid_member
from tests.heard import item
from tests.people import enrol
from tests.world import World

GOOD = {
    "programme": "JKM",
    "sector_class": "other",
    "payer": "self",
    "month": "2027-02",
    "rate_ppm": "",
    "flat_rp": "9000",
    "source": "PP 99/2026 art. 1",
}


def propose(desk: Desk, **typed: str) -> str:
    desk.post("/prices/propose", page="/prices/", **{**GOOD, **typed})
    return desk.get("/prices/").get_data(as_text=True)


def prices(world: World) -> list[tuple[str, int]]:
    rows = world.rows("SELECT source, flat_rp FROM tariffs WHERE programme = 'JKM' AND valid_from = '2027-02-01'")
    return [tuple(row) for row in rows]


@pytest.fixture(autouse=True)
def no_new_price_left(console: Console) -> Iterator[None]:
    yield
    with console.world.ports.database.begin() as db:
        db.execute(text("DELETE FROM tariffs WHERE source LIKE '%(item %'"))
    console.ports.reference.clear()


def test_two_people_make_it_stand_and_one_does_not(strict: Console) -> None:
    one, two = strict.desk(Role.FINANCE), strict.desk(Role.FINANCE, name="finance.two")
    propose(one)
    number = item(strict.world, "tariff")
    page = f"/matters/{number}"
    assert "JKM other self 2027-02 0ppm Rp9000" in one.get(page).get_data(as_text=True)
    for desk in (one, one):
        desk.post(f"{page}/decision", page=page, decision="new_price")
        assert prices(strict.world) == []
    two.post(f"{page}/decision", page=page, decision="new_price")
    assert prices(strict.world) == [(f"PP 99/2026 art. 1 (item {number})", 9000)]
    assert "Rp9.000" in one.get("/prices/").get_data(as_text=True)
    assert strict.world.one("SELECT state FROM work_items WHERE kind = 'tariff'") == "done"


def test_a_consent_names_the_price_that_is_to_come(console: Console) -> None:
    propose(console.desk(Role.FINANCE))
    decide(console.world.ports, item(console.world, "tariff"), "ani", "new_price")
    phone = console.world.phone()
    enrol(phone)
    phone.dial()
    phone.press("2", "1", "1140012345", "1", "2")
    assert "Rp39.000" in phone.read_on(), "20.000 and 10.000 by rate, 9.000 now"


def test_a_month_that_is_planned_or_begun_keeps_its_price(console: Console) -> None:
    world = console.world
    paid_member(world)
    desk = console.desk(Role.FINANCE)
    for month in ("2026-10", "2026-11"):
        assert "sudah lewat, berjalan, atau sudah disusun" in propose(desk, month=month)
    propose(desk, month="2026-12")
    number = item(world, "tariff")
    world.clock.forward(days=3)
    plan_months(world.ports)
    with pytest.raises(NotAPrice, match="planned"):
        decide(world.ports, number, "ani", "new_price")
    assert world.one("SELECT state FROM work_items WHERE kind = 'tariff'") == "open"
    assert world.rows("SELECT 1 FROM tariffs WHERE source LIKE '%(item %'") == []


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"programme": "JKP"}, "tidak ada"),
        ({"sector_class": "sea"}, "tidak ada"),
        ({"payer": "me"}, "tidak ada"),
        ({"month": "2027-13"}, "2027-04"),
        ({"month": ""}, "2027-04"),
        ({"flat_rp": "0"}, "di atas nol"),
        ({"flat_rp": "-1"}, "di atas nol"),
        ({"flat_rp": "9.000"}, "bilangan bulat"),
        ({"rate_ppm": "999999"}, "di atas nol"),
        ({"source": " x "}, "dasar hukumnya"),
        ({"month": "2027-01", "programme": "JKM"}, "sudah ada tarif"),
    ],
)
def test_what_is_no_price_is_said_and_nothing_is_opened(console: Console, typed: dict[str, str], said: str) -> None:
    assert said in propose(console.desk(Role.FINANCE), **typed)
    assert console.world.rows("SELECT 1 FROM work_items WHERE kind = 'tariff'") == []


def test_the_matter_says_all_of_it_and_is_read_back_whole() -> None:
    price = NewPrice("JKK", "transport", "village", date(2027, 4, 1), 5000, 0)
    assert price.about == "JKK transport village 2027-04 5000ppm Rp0"
    words = price.about.split(" ")
    numbers = {"rate_ppm": words[4].removesuffix("ppm"), "flat_rp": words[5].removeprefix("Rp")}
    named = dict(zip(("programme", "sector_class", "payer", "month"), words, strict=False))
    assert price_changes.read({**named, **numbers}) == price


def test_targets_are_loaded_and_coverage_is_shown(console: Console, tmp_path: Path) -> None:
    paid_member(console.world)
    world = console.world
    file = tmp_path / "targets.csv"
    file.write_text("code,workers,source\n35,400,RPJMD\n")
    with world.app.app_context():
        runner = world.app.test_cli_runner()
        assert "1 targets loaded" in runner.invoke(args=["villages", "targets", str(file)]).output
        assert runner.invoke(args=["villages", "verify"]).exit_code == 0
    count_standings(world.ports)
    assert "0 % dari sasaran 400" in console.desk(Role.ADMIN).get("/villages/").get_data(as_text=True)
    file.write_text("code,workers,source\n35,50,RPJMD\n351,5,x\n35,0,x\n35,5,\n")
    with world.app.app_context():
        said = world.app.test_cli_runner().invoke(args=["villages", "targets", str(file)])
    assert said.exit_code == 1
    for line in ("line 3: code", "line 4: workers", "line 5: source"):
        assert line in said.output
    assert world.one("SELECT workers FROM targets") == 400, "nothing of it was loaded"
