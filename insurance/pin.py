"""The member's PIN: six digits, three wrong lock it for a growing time, every lock and change told by SMS."""

from datetime import date, timedelta
from itertools import pairwise

from insurance.receipts import owe_worker
from insurance.work import Work
from models import Worker
from models.event import record

PIN_DIGITS = 6
# The hash of a worker who said yes by SMS and has set no PIN yet: no typed PIN ever has it.
NO_PIN = ""
PIN_WRONG_MAX = 3
_LOCKS = (timedelta(minutes=30), timedelta(hours=4), timedelta(hours=24))


class WrongPin(Exception):
    """Not this worker's PIN; the try was counted."""


class PinLocked(Exception):
    """Three wrong tries, now or before; `worker.pin_locked_until` says until when."""


class NoPin(Exception):
    """This worker has set none yet; until then nothing that asks for it can be done, and no try is counted."""


class WeakPin(ValueError):
    """`digits`, `easy`, `birth` or `numbers`: why this PIN is not taken."""


def is_shaped(pin: str) -> bool:
    """Whether it can be a PIN at all: what cannot is a slip of the finger and no guess."""
    return len(pin) == PIN_DIGITS and pin.isascii() and pin.isdigit()


def check_new(pin: str, birth: date | None, nik: str, phone: str) -> None:
    """Raises WeakPin for what others guess first: not six digits, a repeat, a run, the birth date, a part of the NIK or
    of the number that calls (`+62812...`, written `0812...` by everybody)."""
    if not is_shaped(pin):
        raise WeakPin("digits")
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    if len(steps) == 1 and steps <= {0, 1, 9}:
        raise WeakPin("easy")
    if pin[:3] == pin[3:] or pin[:2] * 3 == pin:
        raise WeakPin("easy")
    if birth and pin in {birth.strftime(form) for form in ("%d%m%y", "%y%m%d", "%m%d%y", "%m%Y", "%Y%m")}:
        raise WeakPin("birth")
    if pin in nik or pin in phone or pin in "0" + phone.removeprefix("+62"):
        raise WeakPin("numbers")


def check(work: Work, worker: Worker, pin: str) -> None:
    """Raises NoPin, WrongPin, PinLocked or PinChecksBusy. The caller commits either way: a wrong try must count."""
    # The row is held so that guesses through many calls at once are counted one after the other.
    work.db.refresh(worker, ["pin_wrong", "pin_locks", "pin_locked_until", "pin_hash"], with_for_update={"of": Worker})
    if worker.pin_hash == NO_PIN:
        raise NoPin
    if worker.is_locked(work.now):
        raise PinLocked
    if work.keys.is_pin(pin, worker.pin_hash):
        worker.pin_wrong, worker.pin_locks = 0, 0
        return
    worker.pin_wrong += 1
    if worker.pin_wrong < PIN_WRONG_MAX:
        raise WrongPin
    worker.pin_locked_until = work.now + _LOCKS[min(worker.pin_locks, len(_LOCKS) - 1)]
    worker.pin_wrong, worker.pin_locks = 0, worker.pin_locks + 1
    record(work.db, worker.subject, "member", "pin_wrong", "", "", "pin_locked", work.now)
    owe_worker(
        work,
        worker,
        "pin_locked",
        f"pin_locked:{worker.id}:{worker.pin_locked_until:%Y%m%d%H%M%S}",
        # Initials: three wrong tries may be a stranger's, on a number that was the member's once.
        {"initials": work.initials(worker), "time": work.local_time(worker.pin_locked_until, worker)},
    )
    raise PinLocked


def change(work: Work, worker: Worker, pin_hash: str) -> None:
    """Take a new PIN, already hashed by the call that asked for it twice."""
    worker.pin_hash, worker.pin_wrong, worker.pin_locks = pin_hash, 0, 0
    record(work.db, worker.subject, "member", "pin_change", "", "", "pin_changed", work.now)
    owe_worker(
        work,
        worker,
        "pin_changed",
        f"pin_changed:{worker.id}:{work.now:%Y%m%d%H%M%S%f}",
        {"name": work.name(worker), "time": work.local_time(work.now, worker)},
    )
