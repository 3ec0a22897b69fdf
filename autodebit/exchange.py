"""Hands the day's registrations and contributions to the insurer and takes its answers, file by file."""

import structlog

from dayfiles import BadFile
from insurance import handover
from insurance.work_items import open_item
from models import WorkKind
from ports import Ports

log = structlog.get_logger()


def exchange(ports: Ports) -> None:
    """Name the file and commit, write it, mark it; then take every result. A crash between any two repeats safely."""
    with ports.transaction() as work:
        handover.prepare(work)
    with ports.transaction() as work:
        names = list(handover.unwritten(work))
    for name in names:
        with ports.transaction() as work:
            registrations, contributions, changes = handover.content(work, name)
        ports.insurer.hand_over(name, registrations, contributions, changes)
        with ports.transaction() as work:
            handover.written(work, name)
    for name in list(ports.insurer.waiting()):
        _take(ports, name)


def _take(ports: Ports, name: str) -> None:
    try:
        result = ports.insurer.read(name)
        with ports.transaction() as work:
            handover.apply(work, result)
    except (BadFile, handover.UnknownReference) as error:
        # Refused whole: nothing was booked, and a person has to look at it.
        log.error("insurer_file_refused", file=name, kind=type(error).__name__, why=str(error))
        with ports.transaction() as work:
            open_item(work, WorkKind.BAD_FILE, f"BPJS {name}"[:120], code=str(error)[-40:])
        ports.insurer.refuse(name)
    except Exception as error:
        # A fault of ours: the file waits for the next pass, and holds up no other.
        log.error("insurer_file_broken", file=name, kind=type(error).__name__)
        with ports.transaction() as work:
            open_item(work, WorkKind.BAD_FILE, f"BPJS {name}"[:120], code="fault of ours")
    else:
        ports.insurer.take(name)
