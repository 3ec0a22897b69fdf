"""One village's roster as an operator uploads it: looked through in one transaction, loaded whole or not at all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from data.roster import BadRoster, read_roster
from insurance.roster import AT_ONCE, Fault, Line, Roster
from ports import Ports
from ussd.dialled import straight_to
from ussd.menu import MENU

# What is longer is for the command, which holds no browser waiting.
LINES_MAX, FAULTS_SHOWN_MAX = 5_000, 200


@dataclass
class Looked:
    """What was found; `invited` is None where nobody was, `bad` says why the file as a whole cannot be taken."""

    lines: int = 0
    faults: list[Fault] = field(default_factory=list)
    faulty: int = 0
    bad: str = ""
    invited: int | None = None
    slips: list[tuple[str, str, str, str]] = field(default_factory=list)


class _Nothing(Exception):
    """Rolls everything back: a preview, or a roster with faults."""


def look_through(ports: Ports, path: Path, village_code: str, *, load: bool) -> Looked:
    """Lines of another village are faults: who sees one village must not invite in all of them."""
    looked = Looked()
    dial = straight_to(MENU, ports.settings.USSD_CODE, "enrol")
    try:
        with ports.transaction() as work:
            taking = Roster(work, load=load)
            for lines in _chunks(read_roster(path, LINES_MAX)):
                faults, invited = taking.take(lines)
                faults = sorted([*faults, *_elsewhere(lines, village_code)], key=lambda fault: fault.line)
                looked.lines += len(lines)
                looked.faulty += len({fault.line for fault in faults})
                looked.faults += faults[: FAULTS_SHOWN_MAX - len(looked.faults)]
                people = [(one.slip, one.person) for one in invited]
                looked.slips += [(slip, dial, who.name, who.village_code) for slip, who in people if not who.phone]
            if not load or looked.faulty or not looked.lines:
                raise _Nothing
        looked.invited = looked.lines
    except BadRoster as error:
        looked.bad, looked.slips = str(error), []
    except _Nothing:
        looked.slips = []
    return looked


def _elsewhere(lines: Sequence[Line], village_code: str) -> list[Fault]:
    others = [number for number, line in lines if not isinstance(line, str) and line["village"] != village_code]
    return [Fault(number, "another village than this page's") for number in others]


def _chunks(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while chunk := list(islice(lines, AT_ONCE)):
        yield chunk
