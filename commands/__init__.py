"""The `flask` commands: migrate, worker, villages, settings; those of debits and of banks' days are beside this.

What only a command needs (Alembic, Procrastinate, rich) is imported inside it: the web process pays neither their
start-up time nor their memory.
"""

import asyncio
from pathlib import Path

import click
from flask import Flask
from sqlalchemy.orm import Session

import config
from commands import desk
from commands.autodebit import autodebit
from commands.backup import backup, restore
from commands.calendar import holidays
from commands.handset import handset
from commands.keys import keys
from commands.ledger import ledger
from commands.operators import operators
from commands.ports import job_connections, job_ports, spare_collector
from commands.privacy import privacy
from commands.reconcile import reconcile
from commands.roster import helpers, roster
from commands.sms import sms
from commands.sponsors import sponsors
from commands.tickets import tickets
from commands.ussd import ussd
from commands.workers import workers
from data import BadVillages, load_reference, load_village, load_villages
from models.partitions import ensure_partitions
from units.clock import jakarta_day


@click.command("migrate")
@click.option("--seed", "with_seed", is_flag=True, help="Sandbox only: load its small fictional village too.")
@click.option("--app-role", default="", help="The role of web, worker and console: gets what they need, no more.")
def migrate(with_seed: bool, app_role: str) -> None:
    """Bring the database to the newest shape and load the reference data; as the owner of the tables."""
    import migrations
    from migrations import rights

    ports = job_ports()
    if with_seed and not ports.settings.sandbox:
        raise click.ClickException("the fictional village is for the sandbox only")
    migrations.upgrade(ports.database)
    with Session(ports.database) as db, db.begin():
        ensure_partitions(db.connection(), jakarta_day(ports.clock()))
        load_reference(db, connected=ports.settings.BANKS_FILE)
        try:
            if app_role:
                rights.grant(db.connection(), app_role)
        except rights.NoSuchRole:
            raise click.ClickException(f"no role {app_role}: CREATE ROLE {app_role} LOGIN PASSWORD '...'") from None
    if with_seed:
        with ports.transaction() as work:
            load_village(work)


@click.command("worker")
def worker() -> None:
    """Run the background worker until it is told to stop."""
    import jobs

    ports = job_ports()
    app = jobs.make_engine_app(ports)
    spare_collector()

    async def run() -> None:
        async with app.open_async():
            await app.run_worker_async(
                concurrency=job_connections(ports),
                name="iuran",
                delete_jobs="successful",
                update_heartbeat_interval=jobs.BEAT_S,
                stalled_worker_timeout=jobs.STALLED_AFTER_S,
            )

    asyncio.run(run())


@click.group("villages")
def villages() -> None:
    """The villages that members can name, and their heads."""


@villages.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_villages(file: Path) -> None:
    """Load villages from a CSV: code,short,name,district,regency,zone and optionally head_phone. All lines or none."""
    ports = job_ports()
    try:
        with ports.transaction() as work:
            count = load_villages(work, file)
    except BadVillages as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{count} villages loaded.")


for part in (desk.groups, desk.heads, desk.targets, desk.verify, helpers, roster):
    villages.add_command(part)


@click.command("settings")
def settings() -> None:
    """Print the table of settings as the README has it."""
    click.echo("| name | default | meaning |\n|---|---|---|")
    for name, default, meaning in config.described():
        click.echo(f"| `{name}` | {default} | {meaning} |")


def add_to(app: Flask) -> None:
    for command in (
        migrate,
        worker,
        autodebit,
        backup,
        restore,
        handset,
        holidays,
        keys,
        ledger,
        operators,
        privacy,
        reconcile,
        sms,
        sponsors,
        tickets,
        ussd,
        villages,
        workers,
        settings,
    ):
        app.cli.add_command(command)
