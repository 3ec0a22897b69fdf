"""`flask workers`: what a branch officer and a telco tell us of a member; by reference or number, and never by name."""

import csv
from collections.abc import Iterator
from datetime import datetime
from typing import TextIO

import click

from commands.ports import job_ports
from insurance import contacts, name_words, pin_resets
from units.phone import NotAPhone, canonical_phone

LINES_MAX = 100_000


@click.group("workers")
def workers() -> None:
    """A member's forgotten PIN, and numbers whose SIM was changed."""


@workers.command("pin-reset")
@click.argument("reference")
@click.option("--number-ends", required=True, help="Last four digits of the own number, as the member says them.")
@click.option("--by", required=True, help="The branch officer who saw the member and the KTP.")
def pin_reset(reference: str, number_ends: str, by: str) -> None:
    """Begin to reset a PIN, by the membership's REFERENCE; the member's number is told and may stop it."""
    ports = job_ports()
    try:
        with ports.transaction() as work:
            row = pin_resets.begin(work, reference, number_ends, by)
            opens = work.local_time(row.opens_at, row.worker)
    except pin_resets.NoSuchMember:
        raise click.ClickException("no membership has this reference") from None
    except pin_resets.OtherNumber:
        raise click.ClickException("the number on file ends otherwise: the code would reach somebody else") from None
    except pin_resets.ResetWaits:
        raise click.ClickException("a reset was begun already and waits") from None
    click.echo(f"Begun. The member was told by SMS and may stop it; the code for a new PIN follows {opens}.")


@workers.command("index")
def index() -> None:
    """Index names and KPJ of all members anew, for the console's search: once for those from before it had one."""
    ports, after, seen = job_ports(), 0, 0
    while True:
        with ports.transaction() as work:
            last, count = name_words.index_some(work, after)
        seen += count
        if last is None:
            break
        after = last
    click.echo(f"{seen} members indexed.")


class _BadLine(Exception):
    """Which line cannot be read, and why; never what it holds."""


@workers.command("sim-changed")
@click.argument("file", type=click.File("r", encoding="utf-8"), default="-")
def sim_changed(file: TextIO) -> None:
    """Take a telco's list from FILE or standard input: number,when (ISO 8601 with zone). All lines or none.

    For 72 hours nothing can be changed from these numbers, and each is asked its PIN; debits and receipts go on.
    """
    ports = job_ports()
    try:
        changes = list(_read(file, ports.clock()))
    except (_BadLine, UnicodeDecodeError, csv.Error) as error:
        why = error if isinstance(error, _BadLine) else "no readable CSV"
        raise click.ClickException(f"nothing was taken: {why}") from None
    with ports.transaction() as work:
        known = contacts.sim_changed(work, changes)
    click.echo(f"{len(changes)} numbers, {known} of them members'.")


def _read(file: TextIO, now: datetime) -> Iterator[tuple[str, datetime]]:
    """Each line's number and moment. Raises _BadLine."""
    for number, line in enumerate(csv.reader(file), 1):
        if not line:
            continue
        if number > LINES_MAX:
            raise _BadLine(f"more than {LINES_MAX} lines")
        if len(line) != 2:
            raise _BadLine(f"line {number}: not number,when")
        try:
            phone, when = canonical_phone(line[0]), datetime.fromisoformat(line[1].strip())
        except NotAPhone:
            raise _BadLine(f"line {number}: not an Indonesian mobile number") from None
        except ValueError:
            raise _BadLine(f"line {number}: not a moment") from None
        if when.tzinfo is None or when > now:
            raise _BadLine(f"line {number}: a moment without its zone, or to come")
        yield phone, when
