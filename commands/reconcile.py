"""`flask reconcile`: take the banks' day files, show the number of a day; each leaves a code that tells."""

from datetime import date, timedelta

import click

from autodebit.settle import settle
from commands.autodebit import UNCLEAR
from commands.ports import job_ports
from commands.tables import make_table, show_table
from insurance import reconcile as days
from ports import Ports
from units.money import rupiah


@click.group("reconcile")
def reconcile() -> None:
    """Bank, ledger and insurer, compared day by day."""


@reconcile.command("take")
def take() -> None:
    """Take every file that waits. Leaves with 2 where one was refused or its day is not explained."""
    ports = job_ports()
    taken = settle(ports)
    table = make_table("Settlement files", "bank", "file", "found")
    for one in taken:
        found = ", ".join(f"{what} {count}" for what, count in sorted(one.found.items()))
        table.add_row(one.bank_code, one.name, one.refused or found or "nothing new")
    show_table(table)
    clear = [_show_day(ports, day) for day in sorted({one.day for one in taken if one.day})]
    if any(one.refused for one in taken) or not all(clear):
        raise click.exceptions.Exit(UNCLEAR)


@reconcile.command("show")
@click.option("--day", "day_text", default=None, help="YYYY-MM-DD on Jakarta's calendar; yesterday if none is named.")
def show(day_text: str | None) -> None:
    """Count the day anew and print its number for each bank and programme.

    Leaves with 2 where a number is neither 0 nor explained, or a bank's file is missing.
    """
    ports = job_ports()
    if not _show_day(ports, _day(ports, day_text)):
        raise click.exceptions.Exit(UNCLEAR)


def _day(ports: Ports, day_text: str | None) -> date:
    with ports.transaction() as work:
        yesterday = work.today - timedelta(days=1)
    try:
        return date.fromisoformat(day_text) if day_text else yesterday
    except ValueError:
        raise click.ClickException(f"a day is written YYYY-MM-DD, like 2026-12-07, not {day_text!r}") from None


def _show_day(ports: Ports, day: date) -> bool:
    """Whether everything is 0 or explained."""
    with ports.transaction() as work:
        banks = days.taken_banks(work, day)
    for bank_code in banks:
        with ports.transaction() as work:
            days.count(work, bank_code, day)
    with ports.transaction() as work:
        found, unfiled = days.numbers(work, day), days.unfiled(work, day)
    table = make_table(
        f"Day {day}", "bank", "programme", "bank Rp", "ledger Rp", "BPJS Rp", "difference", "explained", "open"
    )
    for column in table.columns[2:]:
        column.justify = "right"
    for one in found:
        amounts = (one.bank_rp, one.ledger_rp, one.insurer_rp, one.difference_rp, one.explained_rp, one.open_rp)
        if any(amounts):
            table.add_row(one.bank_code, one.programme, *(rupiah(rp) for rp in amounts))
    show_table(table)
    for bank_code in unfiled:
        click.echo(f"Bank {bank_code} moved money on {day} and its file was not taken.")
    left = sum(one.open_rp for one in found)
    said = f"{rupiah(left)} is neither 0 nor explained" if left else "everything is 0 or explained"
    click.echo(f"{len(banks)} files of the day were taken; {said}.")
    return not left and not unfiled
