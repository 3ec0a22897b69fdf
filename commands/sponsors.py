"""`flask sponsors`: what a village fund or the state promises and pays, from CSV files; all lines or none."""

import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click
from sqlalchemy import select

from commands.ports import job_ports
from insurance import sponsors as sponsoring
from insurance.attempts import Try
from insurance.fund_receipts import tell_villages
from insurance.mandates import MembershipRefused
from insurance.tariff import NoTariff
from insurance.work import Work
from models import Membership
from units.month import parse_month

# All lines are one transaction, and a call of one of their members waits for its end.
LINES_MAX = 2_000
PROMISED = ("member", "payer", "from_month", "months")
RECEIVED = ("reference", "month", "amount_rp")
Line = Mapping[str, str]
_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group("sponsors")
def sponsors() -> None:
    """Contributions that somebody else pays for members."""


@sponsors.command("promise")
@_file
def promise(file: Path) -> None:
    """Take promises from a CSV: member,payer,from_month,months; all lines or none.

    `member` is our reference of the membership, `payer` is village or state, a month is YYYY-MM. Prints the reference
    of each promise, by which its payments have to come.
    """
    for member, reference in _take(file, PROMISED, _promise):
        click.echo(f"{member},{reference}")


@sponsors.command("receive")
@_file
def receive(file: Path) -> None:
    """Take payments from a CSV: reference,month,amount_rp; all lines or none.

    `reference` is that of the promise. Prints our reference of each payment. A village's heads get one receipt for all.
    """
    paid = list[Try]()

    def receive_one(work: Work, line: Line) -> str:
        paid.append(_receive(work, line))
        return paid[-1].reference

    for promised, reference in _take(file, RECEIVED, receive_one, lambda work: tell_villages(work, paid)):
        click.echo(f"{promised},{reference}")


def _take(
    file: Path,
    columns: tuple[str, ...],
    take: Callable[[Work, Line], str],
    then: Callable[[Work], None] = lambda _: None,
) -> list[tuple[str, str]]:
    """Each line's first column and what `take` made of it. Raises ClickException with every line that cannot be."""
    faults: list[str] = []
    taken: list[tuple[str, str]] = []
    ports = job_ports()

    class Refused(Exception):
        """Rolls all of it back."""

    try:
        with ports.transaction() as work:
            for number, line in _lines(file, columns):
                try:
                    taken.append((line[columns[0]], take(work, line)))
                except (ValueError, MembershipRefused, NoTariff) as error:
                    faults.append(f"line {number}: {error or 'the insurer refused this member'}")
            if faults:
                raise Refused
            then(work)
    except Refused:
        raise click.ClickException("\n".join(["nothing was taken", *faults])) from None
    return taken


def _lines(file: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, Line]]:
    try:
        with file.open(newline="", encoding="utf-8") as text:
            reader = csv.DictReader(text)
            if tuple(reader.fieldnames or ()) != columns:
                raise click.ClickException(f"the first line has to be {','.join(columns)}")
            rows = list(reader)
    except UnicodeDecodeError:
        raise click.ClickException("not UTF-8") from None
    if not 1 <= len(rows) <= LINES_MAX:
        raise click.ClickException(f"{len(rows)} lines, 1 to {LINES_MAX} can be taken")
    for number, row in enumerate(rows, 2):
        yield number, {name: (row.get(name) or "").strip() for name in columns}


def _number(typed: str) -> int:
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 9):
        raise ValueError("a number is written in digits alone")
    return int(typed)


def _promise(work: Work, line: Line) -> str:
    query = select(Membership).where(Membership.reference == line["member"])
    member = work.db.scalars(query).unique().one_or_none()
    if member is None:
        raise ValueError("no member has this reference")
    months, from_month = _number(line["months"]), parse_month(line["from_month"])
    return sponsoring.promise(work, member.worker, line["payer"], from_month, months).reference


def _receive(work: Work, line: Line) -> Try:
    return sponsoring.receive(work, line["reference"], parse_month(line["month"]), _number(line["amount_rp"]))
