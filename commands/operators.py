"""`flask operators`: who may use the console; the first admin is made here, and a code lets each in once."""

from collections.abc import Callable
from typing import Any

import click

from commands.autodebit import by_a_person
from commands.ports import job_ports
from commands.tables import make_table, show_table
from insurance import operators as operators_of
from insurance.work import Work
from models import Role

_WORDS = {
    "name": "a name has 2 to 40 small letters, digits, dots and dashes, a letter first, and is no word of ours",
    "taken": "there is an operator of this name already",
    "role": "no such role",
    "regencies": "a branch officer, and nobody else, has --regency CODE, the first four digits of known villages",
    "unknown": "there is no operator of this name",
    "self": "nobody changes the own account",
    "last_admin": "this is the last admin: make another one first",
}


@click.group("operators")
def operators() -> None:
    """Operators of the console."""


_role = click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
_regencies = click.option("--regency", "regencies", multiple=True, help="Of a branch officer; as often as needed.")


@operators.command("add")
@click.argument("name")
@_role
@_regencies
@by_a_person
def add(name: str, role: str, regencies: tuple[str, ...], by: str) -> None:
    """Add NAME. Prints the one-time code for /login/first, good for 24 hours; it is kept nowhere."""
    _tell(_do(lambda work: operators_of.add(work, name, role, regencies, by)))


@operators.command("new-way-in")
@click.argument("name")
@by_a_person
def new_way_in(name: str, by: str) -> None:
    """A new code for who lost password or phone; both are gone, and open sessions end."""
    _tell(_do(lambda work: operators_of.new_way_in(work, name, by)))


@operators.command("role")
@click.argument("name")
@_role
@_regencies
@by_a_person
def role(name: str, role: str, regencies: tuple[str, ...], by: str) -> None:
    """Give NAME another role; open sessions end."""
    _do(lambda work: operators_of.set_role(work, name, role, regencies, by))
    click.echo(f"{name} is {role}.")


@operators.command("off")
@click.argument("name")
@by_a_person
def off(name: str, by: str) -> None:
    """Let NAME in no more; open sessions end."""
    _do(lambda work: operators_of.set_active(work, name, by, active=False))
    click.echo(f"{name} is off.")


@operators.command("on")
@click.argument("name")
@by_a_person
def on(name: str, by: str) -> None:
    """Let NAME in again, by the password and second factor from before."""
    _do(lambda work: operators_of.set_active(work, name, by, active=True))
    click.echo(f"{name} is on.")


@operators.command("list")
def show() -> None:
    """Everybody with an account."""
    with job_ports().transaction() as work:
        rows = operators_of.listed(work)
    table = make_table("Operators", "name", "role", "regencies", "state")
    for row in rows:
        state = "off" if not row.active else "on" if row.factor else "not in yet"
        table.add_row(row.name, row.role, " ".join(row.regencies), state)
    show_table(table)


def _do(change: Callable[[Work], Any]) -> Any:
    try:
        with job_ports().transaction() as work:
            return change(work)
    except operators_of.BadOperator as error:
        raise click.ClickException(_WORDS[str(error)]) from None


def _tell(code: str) -> None:
    # To the terminal alone: a code in an argument or a log would be read by others.
    click.echo(f"One-time code: {code}\nTo be typed within 24 hours at the console's /login/first; it is shown once.")
