"""The `flask` commands: migrate, worker, the monthly run, the table of settings.

What only a command needs (Alembic, Procrastinate, rich) is imported inside it: the web process pays neither their
start-up time nor their memory.
"""

import asyncio
import dataclasses
from datetime import UTC, date, datetime, time
from pathlib import Path

import click
import structlog
from flask import Flask, current_app
from sqlalchemy.orm import Session

import config
from autodebit import collect, plan
from data import BadVillages, load_reference, load_village, load_villages
from database import JOB_ANSWER_TIMEOUT_S, make_engine
from insurance.open_items import open_items
from models.partitions import ensure_partitions
from ports import Ports
from sms import sender
from units.clock import JAKARTA, jakarta_day
from units.money import rupiah
from units.month import parse_month

log = structlog.get_logger()
JOB_CONNECTIONS = 4


def _ports() -> Ports:
    """The web's ports with a database that may take its time: a job or a migration is no call."""
    ports: Ports = current_app.extensions["ports"]
    url = ports.settings.DATABASE_URL.get_secret_value()
    engine = make_engine(url, answer_timeout_s=JOB_ANSWER_TIMEOUT_S, connections_max=JOB_CONNECTIONS)
    return dataclasses.replace(ports, database=engine)


@click.command("migrate")
@click.option("--seed", "with_seed", is_flag=True, help="Sandbox only: load its small fictional village too.")
def migrate(with_seed: bool) -> None:
    """Bring the database to the newest shape and load the reference data."""
    import migrations

    ports = _ports()
    if with_seed and not ports.settings.sandbox:
        raise click.ClickException("the fictional village is for the sandbox only")
    migrations.upgrade(ports.database)
    with Session(ports.database) as db, db.begin():
        ensure_partitions(db.connection(), jakarta_day(ports.clock()))
        load_reference(db, connected=ports.settings.BANKS_FILE)
    if with_seed:
        with ports.transaction() as work:
            load_village(work)


@click.command("worker")
def worker() -> None:
    """Run the background worker until it is told to stop."""
    import jobs

    ports = _ports()
    app = jobs.make_engine_app(ports)

    async def run() -> None:
        async with app.open_async():
            await app.run_worker_async(concurrency=JOB_CONNECTIONS, name="iuran", delete_jobs="successful")

    asyncio.run(run())


@click.group("autodebit")
def autodebit() -> None:
    """The monthly run."""


@autodebit.command("status")
def status() -> None:
    """What waits for a person: no clear answer, held texts, money that is not posted. References, no personal data.

    Leaves with 2 when there is anything.
    """
    from rich.console import Console
    from rich.table import Table

    ports = _ports()
    with ports.transaction() as work:
        items = open_items(work)
    table = Table(title="Waits for a person")
    for column in ("what", "which", "since"):
        table.add_column(column)
    for item in items:
        table.add_row(item.what, item.which, f"{item.since:%d-%m-%Y}")
    Console(width=100).print(table if items else "Nothing waits for a person.")
    if items:
        raise click.exceptions.Exit(2)


@autodebit.command("run")
@click.option("--month", "month_text", required=True, help="The contribution month, YYYY-MM.")
@click.option("--as-of", "as_of", default=None, help="Sandbox only: run as if it were noon on this day, YYYY-MM-DD.")
def run(month_text: str, as_of: str | None) -> None:
    """Plan the month, give the notices that are missing, and collect what is due.

    Leaves with 0 when every attempt that was sent has a clear outcome, 2 when one is unknown.
    """
    from rich.console import Console
    from rich.table import Table

    ports = _ports()
    try:
        month = parse_month(month_text)
        if as_of is not None:
            ports = _at_noon(ports, as_of)
        planned = plan.plan(ports, month)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    collected = collect.collect(ports, month)
    if as_of is not None:
        # The worker's clock is not there yet: what is owed on that day is sent by this command.
        sender.drain(ports)
    table = Table(title=f"Autodebit {month:%Y-%m}")
    table.add_column("what")
    table.add_column("count", justify="right")
    table.add_row("scheduled, notice owed", str(planned.scheduled))
    table.add_row("above the mandate's maximum, not scheduled", str(planned.above_maximum))
    table.add_row("no day left for notice and debit", str(planned.too_late))
    for state, count in sorted(collected.by_state.items()):
        table.add_row(f"sent: {state}", str(count))
    table.add_row("unknown, their sender had died", str(collected.lost))
    table.add_row("collected", rupiah(collected.collected_rp))
    Console().print(table)
    if collected.by_state.get("unknown") or collected.lost:
        raise click.exceptions.Exit(2)


def _at_noon(ports: Ports, day_text: str) -> Ports:
    if not ports.settings.sandbox:
        raise click.ClickException("--as-of is for the sandbox only: time is real in production")
    try:
        day = date.fromisoformat(day_text)
    except ValueError:
        raise ValueError(f"a day is written YYYY-MM-DD, like 2026-12-07, not {day_text!r}") from None
    noon = datetime.combine(day, time(12), JAKARTA).astimezone(UTC)
    return dataclasses.replace(ports, clock=lambda: noon)


@click.group("villages")
def villages() -> None:
    """The villages that members can name, and their heads."""


@villages.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_villages(file: Path) -> None:
    """Load villages from a CSV: code,short,name,district,regency,zone and optionally head_phone. All lines or none."""
    ports = _ports()
    try:
        with ports.transaction() as work:
            count = load_villages(work, file)
    except BadVillages as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{count} villages loaded.")


@click.command("settings")
def settings() -> None:
    """Print the table of settings as the README has it."""
    click.echo("| name | default | meaning |\n|---|---|---|")
    for name, default, meaning in config.described():
        click.echo(f"| `{name}` | {default} | {meaning} |")


def add_to(app: Flask) -> None:
    for command in (migrate, worker, autodebit, villages, settings):
        app.cli.add_command(command)
