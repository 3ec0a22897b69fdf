"""Who may be an operator, who may change one, and the commands that do it without the console."""

import re

import pytest

from insurance import operators
from insurance.operators import BadOperator
from models import Role
from tests.console_desk import Console


@pytest.mark.parametrize(
    ("name", "role", "regencies", "why"),
    [
        ("R", "viewer", (), "name"),
        ("Rina", "viewer", (), "name"),
        ("timetable", "viewer", (), "name"),
        ("rina", "boss", (), "role"),
        ("rina", "branch", (), "regencies"),
        ("rina", "branch", ("1111",), "regencies"),
        ("rina", "branch", ("35%",), "regencies"),
        ("rina", "viewer", ("3599",), "regencies"),
    ],
)
def test_an_operator_that_makes_no_sense_is_refused(
    console: Console, name: str, role: str, regencies: tuple[str, ...], why: str
) -> None:
    with pytest.raises(BadOperator, match=f"^{why}$"), console.ports.transaction() as work:
        operators.add(work, name, role, regencies, "tests")


def test_nobody_changes_the_own_account_and_an_admin_is_always_left(console: Console) -> None:
    console.add("rina", Role.ADMIN)
    console.add("dewi", Role.VIEWER)
    for change in (
        lambda work: operators.set_role(work, "dewi", "admin", (), "dewi"),
        lambda work: operators.set_active(work, "dewi", "dewi", active=False),
        lambda work: operators.new_way_in(work, "dewi", "dewi"),
    ):
        with pytest.raises(BadOperator, match=r"^self$"), console.ports.transaction() as work:
            change(work)
    for change in (
        lambda work: operators.set_role(work, "rina", "viewer", (), "dewi"),
        lambda work: operators.set_active(work, "rina", "dewi", active=False),
    ):
        with pytest.raises(BadOperator, match=r"^last_admin$"), console.ports.transaction() as work:
            change(work)


def test_the_command_adds_operators_and_prints_the_code_once(console: Console) -> None:
    def command(*args: str) -> str:
        with console.world.app.app_context():
            done = console.world.app.test_cli_runner().invoke(args=["operators", *args])
        return f"{done.exit_code} {done.output}"

    said = command("add", "rina", "--role", "admin", "--by", "Pak Bowo")
    found = re.search(r"([A-Z2-9]{4}-){3}[A-Z2-9]{4}", said)
    assert said.startswith("0 ")
    assert found
    assert console.browser("rina").first_way(found[0]).location == "/login"
    assert "there is an operator" in command("add", "rina", "--role", "admin", "--by", "Pak Bowo")
    assert command("add", "adi", "--role", "branch", "--regency", "3599", "--by", "rina").startswith("0 ")
    assert "adi" in command("list")
    assert command("role", "adi", "--role", "finance", "--by", "rina").startswith("0 ")
    assert command("off", "adi", "--by", "rina").startswith("0 ")
    assert "off" in command("list")
    assert command("on", "adi", "--by", "rina").startswith("0 ")
    assert "One-time code" in command("new-way-in", "adi", "--by", "rina")
    assert "last admin" in command("off", "rina", "--by", "adi")
    assert console.events("added")[0][2] == "Pak Bowo"
