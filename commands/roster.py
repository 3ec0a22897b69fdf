"""`flask villages roster` and `helpers`: whom a village invites, and who may invite by phone; all lines or none."""

import csv
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TextIO

import click

from commands.ports import job_ports
from commands.tables import make_table, show_table
from data.helpers import BadHelpers, load_helpers
from data.roster import BadRoster, read_roster
from insurance.invitations import LIFE, Invited
from insurance.roster import AT_ONCE, Fault, Line, Roster
from ports import Ports
from ussd.dialled import straight_to
from ussd.menu import MENU

# A table that somebody reads; the kinds of all the others are counted.
FAULTS_SHOWN_MAX = 100
# Codes let whoever holds them say yes for somebody: for the one who prints the slips alone.
_SLIPS_MODE = 0o600


class _Nothing(Exception):
    """Rolls everything back: a preview, or a roster with faults."""


@click.command("roster")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--load", is_flag=True, help="Invite them, where no line has a fault.")
@click.option("--slips", type=click.Path(dir_okay=False, path_type=Path), help="New file for the slips, with --load.")
def roster(file: Path, load: bool, slips: Path | None) -> None:
    """Look through a CSV of people to invite: nik,name,village[,phone,sector,base,programmes].

    `village` is its ten digits, `base` the bracket's in rupiah. Without --load nothing is written. With it who has a
    phone gets an SMS, all others a slip in the file of --slips; all lines or none. Leaves with 1 if a line has a fault.
    """
    if load and slips is None:
        raise click.ClickException("--load needs --slips FILE: who has no phone is given a printed code")
    seen = _Seen()
    try:
        _go_through(job_ports(), file, seen, slips if load else None)
    except BadRoster as error:
        raise click.ClickException(f"nothing was loaded: {error}") from None
    except OSError as error:
        raise click.ClickException(f"nothing was loaded: {error.filename}: {error.strerror}") from None
    except _Nothing:
        seen.show()
        if seen.faulty or not seen.lines:
            raise click.ClickException(f"nothing was loaded: {seen.lines} lines, {seen.faulty} with faults") from None
        click.echo(f"{seen.lines} lines, none with faults; nothing was loaded, --load does it.")
        return
    click.echo(f"{seen.lines} people invited for {LIFE.days} days, {seen.slips} of them by slips in {slips}.")


class _Seen:
    """What a file was found to hold: counts, and the first faults."""

    def __init__(self) -> None:
        self.lines = self.faulty = self.slips = 0
        self.faults: list[Fault] = []
        self._kinds: Counter[str] = Counter()

    def add(self, lines: int, faults: Sequence[Fault]) -> None:
        self.lines += lines
        self.faulty += len({fault.line for fault in faults})
        self.faults += faults[: FAULTS_SHOWN_MAX - len(self.faults)]
        # Without the numbers in them: "the NIK of line 7 again" is one kind.
        self._kinds.update(" ".join(w for w in fault.why.split() if not w.isdigit()) for fault in faults)

    def show(self) -> None:
        if not self.faults:
            return
        table = make_table("What is wrong", "line", "what")
        for fault in self.faults:
            table.add_row(str(fault.line), fault.why)
        show_table(table)
        if self._kinds.total() > len(self.faults):
            counted = make_table("All of it", "lines", "what")
            for why, count in self._kinds.most_common():
                counted.add_row(str(count), why)
            show_table(counted)


def _go_through(ports: Ports, file: Path, seen: _Seen, slips: Path | None) -> None:
    """Every line in one transaction. Raises _Nothing, BadRoster or FileExistsError; then nothing is left behind."""
    out = _open_slips(slips) if slips is not None else None
    # Straight to the question that a slip answers.
    dial = straight_to(MENU, ports.settings.USSD_CODE, "enrol")
    try:
        with ports.transaction() as work:
            taking = Roster(work, load=out is not None)
            for lines in _chunks(read_roster(file)):
                faults, invited = taking.take(lines)
                seen.add(len(lines), faults)
                if out is not None:
                    seen.slips += _write(out, invited, dial)
            if out is None or seen.faulty or not seen.lines:
                raise _Nothing
            # On the disk before the commit: a code in no file is lost, one that was never committed opens nothing.
            out.flush()
            os.fsync(out.fileno())
    except BaseException:
        if slips is not None:
            slips.unlink()
        raise
    finally:
        if out is not None:
            out.close()


def _chunks(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while chunk := list(islice(lines, AT_ONCE)):
        yield chunk


def _open_slips(file: Path) -> TextIO:
    out = os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _SLIPS_MODE), "w", encoding="utf-8", newline="")
    csv.writer(out).writerow(("slip", "dial", "name", "village"))
    return out


def _write(out: TextIO, invited: Sequence[Invited], dial: str) -> int:
    """The slips of those without a phone; whoever has one gets the code by SMS, and nobody else sees it."""
    rows = [(one.slip, dial, one.person.name, one.person.village_code) for one in invited if not one.person.phone]
    csv.writer(out).writerows(rows)
    return len(rows)


@click.command("helpers")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def helpers(file: Path) -> None:
    """Say who may help from a CSV: village,phone,name,role,until; role is officer or perisai. All lines or none.

    A repeat changes name, role and last day (YYYY-MM-DD); a day that is past ends it.
    """
    ports = job_ports()
    try:
        with ports.transaction() as work:
            count = load_helpers(work, file)
    except BadHelpers as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{count} helpers loaded.")
