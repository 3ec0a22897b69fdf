"""The `flask holidays` command: days that overrule the library's. Debit days that were announced stay as they are."""

from pathlib import Path

import click

from commands.ports import job_ports
from data import BadHolidays, load_holidays


@click.group("holidays")
def holidays() -> None:
    """Holidays as the decrees have them, over those that the library knows or estimates."""


@holidays.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_holidays(file: Path) -> None:
    """Load days from a CSV: day,name,is_holiday (true adds a holiday, false takes one back). All lines or none."""
    ports = job_ports()
    try:
        with ports.transaction() as work:
            count = load_holidays(work, file)
    except BadHolidays as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{count} days loaded.")
