"""Takes the day files that banks have put before us, counts each day, frees what no bank has; it debits nothing."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

import structlog

from banks.base import AsksStatus
from banks.settlement import SettlementFile, SettlementFiles
from dayfiles import BadFile
from insurance import absence, reconcile, settlements
from insurance.bank_words import free_absent
from insurance.calendar import is_open
from models import Attempt
from models.bulk import update_rows
from ports import Ports

log = structlog.get_logger()

# What one pass asks after or frees at one bank; the next pass takes the rest.
ABSENT_MAX = 1000


@dataclass
class Taken:
    """What became of one file: how many lines were found to be what, or why it was refused."""

    bank_code: str
    name: str
    day: date | None = None
    found: Counter[str] = field(default_factory=Counter)
    refused: str = ""


def settle(ports: Ports) -> list[Taken]:
    """Every waiting file of every bank; then what had been in doubt. A crash anywhere is made good by the next pass."""
    taken = list[Taken]()
    for code, files in ports.settlements.items():
        mine = [_take(ports, files, name) for name in files.waiting()]
        taken += mine
        _count_again(ports, code, at_once=any(one.day for one in mine))
        _let_go(ports, code, anew=any(one.day for one in mine))
    with ports.transaction() as work:
        reconcile.watch_files(work)
    return taken


def _take(ports: Ports, files: SettlementFiles, name: str) -> Taken:
    result = Taken(files.code, name)
    try:
        file = files.read(name)
        _book(ports, file, result)
    except BadFile as error:
        result.refused = str(error)
        log.error("settlement_refused", bank=files.code, why=result.refused)
        with ports.transaction() as work:
            settlements.bad_file(work, files.code, name, result.refused)
        files.refuse(name)
    except Exception as error:
        # It stays where it is, and goes on from its last whole batch; one bank's file holds up no other's.
        result.refused = f"{name}: not taken to the end: {type(error).__name__}"
        log.error("settlement_broken", bank=files.code, file=name, kind=type(error).__name__)
        if not isinstance(error, settlements.Busy):
            with ports.transaction() as work:
                settlements.bad_file(work, files.code, name, f"{name}: fault of ours")
    else:
        result.day = file.day
        files.take(name)
    return result


def _book(ports: Ports, file: SettlementFile, result: Taken) -> None:
    what = settlements.content(file.lines)
    with ports.transaction() as work:
        done = settlements.begin(work, file, what)
    if done is None:
        log.info("settlement_known", bank=file.bank_code, day=file.day.isoformat())
        return
    for batch in settlements.batches(file.lines, done):
        with ports.transaction() as work:
            result.found += settlements.take(work, file.bank_code, file.day, done, batch)
        done += len(batch)
    with ports.transaction() as work:
        reconcile.whole(work, file.bank_code, file.day)
    log.info("settlement_taken", bank=file.bank_code, day=file.day.isoformat(), **result.found)


def _count_again(ports: Ports, bank_code: str, *, at_once: bool) -> None:
    with ports.transaction() as work:
        days = reconcile.in_doubt(work, bank_code, at_once=at_once)
    for day in days:
        with ports.transaction() as work:
            reconcile.count(work, bank_code, day)
            left = sum(one.open_rp for one in reconcile.numbers(work, day) if one.bank_code == bank_code)
        if left:
            log.error("day_not_explained", bank=bank_code, day=day.isoformat(), open_rp=left)


def _let_go(ports: Ports, bank_code: str, *, anew: bool) -> None:
    """Debits of unknown outcome that the files lack: the bank is asked once more if it can be, else they are freed."""
    bank = ports.banks.get(bank_code)
    if bank is not None and not is_open(bank.rules.cut_off, ports.clock()):
        return
    if isinstance(bank, AsksStatus):
        if anew:
            with ports.transaction() as work:
                keys = absence.absent(work, bank_code, 0, ABSENT_MAX)
                rows = [
                    {"month": month, "worker_id": worker_id, "n": n, "ask_at": work.now} for month, worker_id, n in keys
                ]
                update_rows(work.db, Attempt, ("month", "worker_id", "n"), rows)
        return
    with ports.transaction() as work:
        keys = [
            *absence.absent(work, bank_code, absence.DAYS_MORE_UNASKED, ABSENT_MAX),
            *absence.absent_by_hand(work, bank_code, absence.DAYS_MORE_UNASKED, ABSENT_MAX),
        ]
    for key in keys:
        with ports.transaction() as work:
            free_absent(work, key, "absent")
