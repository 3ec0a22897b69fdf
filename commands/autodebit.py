"""`flask autodebit`: plan, run, status, drain, resume, and what two people decide; each leaves a code that tells."""

import dataclasses
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

import click

from autodebit import collect as collecting
from autodebit import files as filing
from autodebit import plan as planning
from autodebit.decide import OUTCOMES, decide
from autodebit.overview import Overview, overview
from commands.ports import job_ports
from commands.tables import make_table, show_table
from insurance import runs, work_items
from insurance.open_items import open_items
from models.partitions import MONTHS_AHEAD, MONTHS_BACK
from ports import Ports
from sms import sender
from units.clock import JAKARTA, jakarta_day, system_clock
from units.money import rupiah
from units.month import add_months, month_of, parse_month

if TYPE_CHECKING:
    from rich.table import Table

UNCLEAR, HELD = 2, 3
"""Exit codes: something waits for an answer or a person; the run waits for two people."""
_month = click.option("--month", "month_text", required=True, help="The contribution month, YYYY-MM.")
_as_of = click.option("--as-of", default=None, help="Sandbox only: as if it were noon on this day, YYYY-MM-DD.")


def _named(_context: click.Context, _option: click.Parameter, by: str) -> str:
    """Spaces make no other person of somebody, and nobody signs as the timetable, which needs no approval."""
    name = " ".join(by.split())
    if len(name) > work_items.NAME_LETTERS_MAX:
        raise click.BadParameter(f"a name of at most {work_items.NAME_LETTERS_MAX} letters")
    if name.casefold() in (runs.TIMETABLE, "system", "bank"):
        raise click.BadParameter(f"{name!r} is no person's name")
    return name


def _person(_context: click.Context, _option: click.Parameter, by: str) -> str:
    if not by.strip():
        raise click.BadParameter("your name")
    return _named(_context, _option, by)


by_a_person = click.option("--by", required=True, callback=_person, help="Your name.")
_by = click.option(
    "--by",
    default="",
    callback=_named,
    help="Who starts or approves it; two people are needed where money may move.",
)
_bank = click.option("--bank", required=True, help="The bank's three digits.")


@click.group("autodebit")
def autodebit() -> None:
    """The monthly run."""


class Progress:
    """What plan and lanes have done so far, drawn while they run; where nobody looks on, only at the end."""

    def __init__(self, month_text: str) -> None:
        self._title, self._lock = f"Autodebit {month_text}", threading.Lock()
        self.planned = planning.Planned()
        self.lanes: dict[str, collecting.Collected] = {}
        self._draw: Callable[[], None] = lambda: None

    def plan(self, planned: planning.Planned) -> None:
        self.planned = planned
        self._draw()

    def lane(self, bank: str, sums: collecting.Collected) -> None:
        with self._lock:
            self.lanes[bank] = sums
        self._draw()

    def table(self) -> "Table":
        table = make_table(self._title, "what", "count")
        table.columns[1].justify = "right"
        table.add_row("scheduled, notice owed", str(self.planned.scheduled))
        table.add_row("above the mandate's maximum, not scheduled", str(self.planned.above_maximum))
        table.add_row("no day left for notice and debit", str(self.planned.too_late))
        if self.planned.broken:
            table.add_row("not planned by a fault of ours, see the log", str(self.planned.broken))
        with self._lock:
            lanes = sorted(self.lanes.items())
        for bank, sums in lanes:
            for state, count in sorted(sums.by_state.items()):
                table.add_row(f"bank {bank}: {state}", str(count))
            if sums.waiting:
                table.add_row(f"bank {bank}: waits for the bank's file", str(sums.waiting))
            if sums.not_taken:
                table.add_row(f"bank {bank}: result files not taken, see flask autodebit status", str(sums.not_taken))
        return table

    @contextmanager
    def shown(self) -> Iterator[None]:
        from rich.console import Console
        from rich.live import Live

        console = Console(width=100)
        if not console.is_terminal:
            yield
            return
        with Live(self.table(), console=console, refresh_per_second=4, transient=True) as live:
            self._draw = lambda: live.update(self.table())
            yield


@autodebit.command("plan")
@_month
@_as_of
@_by
def plan(month_text: str, as_of: str | None, by: str) -> None:
    """Plan the month and owe its notices; nothing is sent to a bank. Leaves with 3 where two people have to agree."""
    ports, progress = _as_of_ports(as_of), Progress(month_text)
    with progress.shown():
        _plan(ports, month_text, by, progress)
    show_table(progress.table())


def _plan(ports: Ports, month_text: str, by: str, progress: Progress) -> None:
    try:
        month = parse_month(month_text)
        planned = planning.plan(ports, month, by or _starter(ports), progress.plan, at=system_clock())
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    progress.plan(planned)
    if planned.held:
        click.echo(f"The run of {month_text} is {planned.held}: flask autodebit status shows what has to be approved.")
        raise click.exceptions.Exit(HELD)


def _starter(ports: Ports) -> str:
    """In the sandbox nobody has to give a name; in production a run by hand has somebody behind it."""
    if ports.settings.APPROVALS_MIN == 0:
        return runs.TIMETABLE
    raise click.ClickException("--by NAME: a run that is started by hand needs to say by whom")


@autodebit.command("run")
@_month
@_as_of
@_by
def run(month_text: str, as_of: str | None, by: str) -> None:
    """Plan the month, give the notices that are missing, and collect what is due.

    Leaves with 0 when every attempt that was sent has a clear outcome or waits for the file of a bank without an API, 2
    when one is unknown, a bank does not answer, or its files are no good, 3 when the run waits for two people.
    """
    ports, progress = _as_of_ports(as_of), Progress(month_text)
    with progress.shown():
        _plan(ports, month_text, by, progress)
        month = parse_month(month_text)
        collected = collecting.collect(ports, month, progress.lane)
        collected.add(filing.exchange_all(ports, month, progress.lane))
        if as_of is not None:
            # The worker's clock is not there yet: what is owed on that day is sent by this command.
            sender.drain(ports)
    table = progress.table()
    table.add_row("unknown, their sender had died", str(collected.lost))
    table.add_row("collected", rupiah(collected.collected_rp))
    for bank, why in sorted(collected.sick.items()):
        table.add_row(f"bank {bank} stopped: {why}", "")
    show_table(table)
    if collected.by_state.get("unknown") or collected.lost or collected.sick or collected.not_taken:
        raise click.exceptions.Exit(UNCLEAR)


@autodebit.command("status")
@click.option("--month", "month_text", default=None, help="The contribution month; this one if none is named.")
def status(month_text: str | None) -> None:
    """How far the month is at each bank, and what waits for a person. References, no personal data.

    Leaves with 2 when anything waits.
    """
    ports = job_ports()
    try:
        wanted = parse_month(month_text) if month_text else None
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    with ports.transaction() as work:
        month = wanted or work.today.replace(day=1)
        seen = overview(work, month)
        items = open_items(work)
    show_table(_overview_table(seen))
    table = make_table("Waits for a person", "item", "what", "which", "since")
    for item in items:
        since = f"{item.since:%d-%m-%Y}"
        table.add_row(item.number, item.what, item.which, f"{since} OVERDUE" if item.overdue else since)
    if items:
        show_table(table)
        click.echo(f"{len(items)} wait for a person: docs/operations.md says what each needs. Leaves with {UNCLEAR}.")
        raise click.exceptions.Exit(UNCLEAR)
    click.echo("Nothing waits for a person.")


def _overview_table(seen: Overview) -> "Table":
    table = make_table(
        f"{seen.month:%Y-%m}, run {seen.run}, {seen.chunks_open} chunks open", "bank", "lane", "attempts"
    )
    for bank in seen.banks:
        states = ", ".join(f"{state} {count}" for state, count in bank.by_state.items())
        table.add_row(bank.code, bank.lane, states)
    return table


@autodebit.command("drain")
@_bank
@_by
def drain(bank: str, by: str) -> None:
    """Send nothing new to this bank; what is under way ends. `resume` takes it up again."""
    _set_drained(bank, by, drained=True)
    click.echo(f"Bank {bank} is drained.")


@autodebit.command("resume")
@click.option("--bank", default="", help="The bank's three digits; its lane is opened and its rest ends.")
@click.option("--month", "month_text", default="", help="Plan what a crash left open of this month.")
@_by
def resume(bank: str, month_text: str, by: str) -> None:
    """Go on after a drain, a rest or a crash."""
    if not bank and not month_text:
        raise click.ClickException("--bank CODE or --month YYYY-MM: what is to go on?")
    if bank:
        _set_drained(bank, by, drained=False)
        click.echo(f"Bank {bank} is open.")
    if month_text:
        progress = Progress(month_text)
        with progress.shown():
            _plan(job_ports(), month_text, by, progress)
        show_table(progress.table())


def _set_drained(bank: str, by: str, *, drained: bool) -> None:
    ports = job_ports()
    if bank not in ports.banks and bank not in ports.batches:
        raise click.ClickException(f"no bank {bank} is connected")
    with ports.transaction() as work:
        runs.drain(work, bank, by or "cli", drained=drained)


@autodebit.command("approve")
@click.argument("item", type=int)
@click.option("--decision", required=True, type=click.Choice(sorted(OUTCOMES)), help="What you agree to.")
@click.option("--reference", default="", help="With `agreed`, and `returned` by hand: the bank's own reference of it.")
@by_a_person
def approve(item: int, decision: str, reference: str, by: str) -> None:
    """Agree to a work item: `run`, `refund`, `dead`, or what became of a debit. Done once enough people agree."""
    ports = job_ports()
    try:
        done = decide(ports, item, by, decision, reference)
    except (LookupError, work_items.NotOpen, work_items.Disagreed, ValueError) as error:
        raise click.ClickException(f"item {item}: {error}") from None
    click.echo(done)


@autodebit.command("refuse")
@click.argument("item", type=int)
@by_a_person
def refuse(item: int, by: str) -> None:
    """Nothing is to be done about this work item."""
    ports = job_ports()
    try:
        with ports.transaction() as work:
            work_items.refuse(work, item, by)
    except (LookupError, work_items.NotOpen, work_items.NeedsOutcome) as error:
        raise click.ClickException(f"item {item}: {error}") from None
    click.echo(f"Item {item} is refused.")


def _as_of_ports(day_text: str | None) -> Ports:
    ports = job_ports()
    if day_text is None:
        return ports
    if not ports.settings.sandbox:
        raise click.ClickException("--as-of is for the sandbox only: time is real in production")
    try:
        day = date.fromisoformat(day_text)
    except ValueError:
        raise click.ClickException(f"a day is written YYYY-MM-DD, like 2026-12-07, not {day_text!r}") from None
    this = month_of(jakarta_day(ports.clock()))
    if not add_months(this, -MONTHS_BACK) <= month_of(day) <= add_months(this, MONTHS_AHEAD):
        raise click.ClickException(f"--as-of reaches {MONTHS_BACK} months back and {MONTHS_AHEAD} ahead, not to {day}")
    noon = datetime.combine(day, time(12), JAKARTA).astimezone(UTC)
    return dataclasses.replace(ports, clock=lambda: noon)
