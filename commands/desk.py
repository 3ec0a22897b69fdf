"""`flask villages groups|heads|verify`: parts of villages, who leads them, and the proof of their counters."""

from collections.abc import Callable
from pathlib import Path

import click
from sqlalchemy import select, text

from commands.autodebit import UNCLEAR
from commands.ports import job_ports
from commands.tables import make_table, show_table
from data.desk import BadDesk, load_groups, load_heads, load_targets
from insurance.standings import count_anew, prove
from insurance.work import Work
from models import Village

_FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.command("groups")
@_FILE
def groups(file: Path) -> None:
    """Load farmers', fishers' and other groups from a CSV: village,code,kind,name. All lines or none."""
    _load(load_groups, file, "groups")


@click.command("heads")
@_FILE
def heads(file: Path) -> None:
    """Say who leads a village or a part of it from a CSV: village,place,phone,from,until. All lines or none.

    `place` is empty for the village's head, else RT 003/005, RW 005 or a group's code; days are YYYY-MM-DD.
    """
    _load(load_heads, file, "heads")


@click.command("targets")
@_FILE
def targets(file: Path) -> None:
    """Say how many members regions are to have from a CSV: code,workers,source. All lines or none.

    `code` has two, four, six or ten digits; the console shows how much of it there is.
    """
    _load(load_targets, file, "targets")


def _load(load: Callable[[Work, Path], int], file: Path, what: str) -> None:
    try:
        with job_ports().transaction() as work:
            count = load(work, file)
    except BadDesk as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{count} {what} loaded.")


@click.command("verify")
@click.option("--village", "only", default="", help="Ten digits; without it every village.")
@click.option("--mend", is_flag=True, help="Count those anew that are wrong.")
def verify(only: str, mend: bool) -> None:
    """Prove the villages' counters against the members' rows. Leaves with 2 where a village's are wrong."""
    ports, after, seen, members = job_ports(), "", 0, 0
    table, wrong = make_table("Counted wrongly", "village", "counters", "members"), list[str]()
    while True:
        with ports.transaction() as work:
            # Of one moment: what changes meanwhile is in none of what is compared.
            work.db.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            query = select(Village.code).where(Village.code > after).order_by(Village.code).limit(1)
            code = work.db.scalar(query.where(Village.code == only) if only else query)
            if code is None:
                break
            proof = prove(work, code)
        after, seen, members = code, seen + 1, members + proof.members
        if not proof.is_right:
            wrong.append(code)
            table.add_row(code, str(len(proof.counters)), str(len(proof.workers)))
    if only and not seen:
        raise click.ClickException(f"there is no village {only!r}")
    click.echo(f"{seen} villages, {members} members counted, {len(wrong)} villages wrong.")
    if not wrong:
        return
    show_table(table)
    for code in wrong if mend else ():
        with ports.transaction() as work:
            count_anew(work, code)
    click.echo("They are counted anew within a minute." if mend else "Count them anew: flask villages verify --mend")
    raise click.exceptions.Exit(UNCLEAR)
