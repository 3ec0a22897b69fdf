"""How many of those who begin to enrol finish, with resume and without it: virtual callers against the real product.

`python -m bench.callers` starts a PostgreSQL and a Valkey of its own; turns go through `ussd.calls`, as from the route.
"""

import argparse
import dataclasses
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.orm import Session

import migrations
from bench.caller_model import (
    PROFILES,
    REDIAL,
    SEED,
    Person,
    Shown,
    call,
    drops_that_lose,
    people,
)
from bench.errors import BenchError
from bench.month import make_ports
from bench.running import PROJECT, own_folder
from data import load_reference, load_village
from gateways.base import Turn
from local.postgres import start_postgres
from local.process import LocalError
from local.valkey import start_valkey
from models.partitions import ensure_partitions
from ports import WEB_THREADS, Ports, make_redis
from sealing import Keyring
from units.nik import parse_nik
from ussd.calls import Calls
from ussd.journeys import Journeys

# On a quiet machine it takes about one minute.
_ALL_WITHIN_S = 290
_CALLERS, _CALLERS_BESIDE = 1_000, 200
_REDIALS_BESIDE = (0.3, 0.4, 0.6, 0.7)
_RESULTS = PROJECT / "var" / "bench" / "callers.json"
_NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
_FIRST_BIRTH = date(1975, 1, 1)
_SERIALS = 9_999


class QuickPins(Keyring):
    """PINs hashed in microseconds: what is simulated is who finishes, and 30 ms a caller would be most of the run."""

    def hash_pin(self, pin: str) -> str:
        return hashlib.sha256(pin.encode()).hexdigest()

    def is_pin(self, pin: str, pin_hash: str) -> bool:
        return self.hash_pin(pin) == pin_hash


class PhoneLine:
    """One call to the product, in the words of its gateway."""

    def __init__(self, calls: Calls, code: str, phone: str, session: str) -> None:
        self._calls, self._code, self._phone, self._session, self._typed = calls, code, phone, session, ""

    def press(self, key: str | None) -> Shown:
        if key is not None:
            self._typed = f"{self._typed}*{key}" if self._typed else key
        return self.repeat()

    def repeat(self) -> Shown:
        reply = self._calls.answer(Turn(self._session, self._phone, self._code, "99999", self._typed))
        return Shown(reply.screen, reply.text, reply.end)


@dataclass(frozen=True)
class Ran:
    """One run: how many began and finished of each profile."""

    redial: float
    resume: bool
    started: dict[str, int]
    finished: dict[str, int]
    gave_up: int
    """Cut off in the first call, and never dialled again: no resume reaches them."""
    calls: int
    hops: int
    seconds: float

    @property
    def part(self) -> float:
        return sum(self.finished.values()) / sum(self.started.values())


@dataclass
class Bench:
    ports: Ports
    until: float = float("inf")
    """When to stop, by `time.monotonic`; a signal's exception would end in a hop as trouble like any other."""
    begun: int = 0
    """Callers so far: each has a number and a NIK that nobody had."""

    def run(self, count: int, drops: float, redial: float, *, resume: bool) -> Ran:
        """The same callers with the same luck, call after call; without resume nothing is kept between calls."""
        begun, calls, everyone = time.perf_counter(), Calls(self.ports), people(count, drops)
        before = self._workers()
        for person in everyone:
            self._name(person)
        self.begun += count
        waiting = everyone
        with ThreadPoolExecutor(WEB_THREADS) as pool:
            while waiting:
                # Who shares a phone calls one after the other; nobody else has to do with another's calls.
                by_phone = [list(group) for _, group in groupby(waiting, key=lambda person: person.phone)]
                for _ in pool.map(lambda group: self._round(group, calls, redial, resume=resume), by_phone):
                    pass
                waiting = [person for person in waiting if not person.over]
        finished = [person for person in everyone if person.finished]
        if self._workers() - before != len(finished):
            raise BenchError(f"{len(finished)} callers finished, {self._workers() - before} workers were enrolled")
        return Ran(
            redial,
            resume,
            started=_by_profile(everyone),
            finished=_by_profile(finished),
            gave_up=sum(person.calls == 1 and not person.finished for person in everyone),
            calls=sum(person.calls for person in everyone),
            hops=sum(person.hops for person in everyone),
            seconds=time.perf_counter() - begun,
        )

    def _round(self, sharing: Sequence[Person], calls: Calls, redial: float, *, resume: bool) -> None:
        for person in sharing:
            if time.monotonic() > self.until:
                raise BenchError("not done in time; --callers and --beside make it shorter")
            if not resume:
                self._forget(person)
            session = f"ATUid_{person.phone[3:]}_{person.index}_{person.calls}"
            call(person, PhoneLine(calls, self.ports.settings.USSD_CODE, person.phone, session), redial)

    def _name(self, person: Person) -> None:
        number = self.begun + person.index
        birth = _FIRST_BIRTH + timedelta(days=number // _SERIALS)
        person.nik = f"359901{birth:%d%m%y}{number % _SERIALS + 1:04}"
        parse_nik(person.nik, _NOW.date())
        # The second of two who share a phone calls from the first one's number.
        shared = person.profile == "shared phone" and person.index % 2
        person.phone = f"+6285{number - shared:09d}"

    def _forget(self, person: Person) -> None:
        """As if an earlier call had never been: its place and its secrets are gone, and nothing else is."""
        journey_key, _, _, secrets_key = Journeys._keys(self.ports.keys.index("phone", person.phone).hex())
        self.ports.redis.delete(journey_key, secrets_key)

    def _workers(self) -> int:
        with self.ports.database.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM workers")).scalar_one())


def _by_profile(persons: Sequence[Person]) -> dict[str, int]:
    return {profile: sum(person.profile == profile for person in persons) for profile in PROFILES}


@contextmanager
def running(folder: Path, *, durable: bool = False) -> Iterator[Ports]:
    """The product on servers of its own, with its reference data and nobody in it."""
    postgres = start_postgres(folder / "pg", durable=durable)
    try:
        valkey = start_valkey(folder / "valkey", durable=durable)
        try:
            yield _ports(postgres.url, valkey.url)
        finally:
            valkey.stop()
    finally:
        postgres.stop()


def _ports(postgres_url: str, valkey_url: str) -> Ports:
    ports = make_ports(postgres_url)
    settings = ports.settings
    keys = QuickPins(settings.key("DATA_KEY"), settings.key("INDEX_KEY"), settings.key("PIN_PEPPER"))
    ports = dataclasses.replace(ports, redis=make_redis(valkey_url), keys=keys, clock=lambda: _NOW)
    migrations.upgrade(ports.database)
    with Session(ports.database) as db, db.begin():
        ensure_partitions(db.connection(), _NOW.date())
    with ports.transaction() as work:
        load_reference(work.db, connected=None)
        load_village(work)
    return ports


def measure(bench: Bench, count: int, beside: int) -> list[Ran]:
    ran = list[Ran]()
    drops = drops_that_lose(count)
    print(f"{drops:.2%} of hops are cut off for all but those with a weak signal; seed {SEED}", file=sys.stderr)
    for redial in (REDIAL, *_REDIALS_BESIDE):
        for resume in (False, True):
            one = bench.run(count if redial == REDIAL else beside, drops, redial, resume=resume)
            ran.append(one)
            print(
                f"redial {redial}, resume {'on ' if resume else 'off'}: {one.part:.1%} of {sum(one.started.values())} "
                f"finished, {one.calls} calls, {one.hops} hops, {one.seconds:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    return ran


def show(ran: Sequence[Ran]) -> None:
    pairs = list(zip(ran[::2], ran[1::2], strict=True))
    table = Table(title="Finished of those who began, by how likely a redial is")
    for column in ("redial", "callers", "resume off", "resume on", "never redialled", "calls each, off", "on"):
        table.add_column(column, justify="right")
    for off, on in sorted(pairs, key=lambda pair: pair[0].redial):
        count = sum(off.started.values())
        each = (f"{off.calls / count:.2f}", f"{on.calls / count:.2f}")
        table.add_row(
            f"{off.redial:.1f}", f"{count:,}", f"{off.part:.1%}", f"{on.part:.1%}", f"{on.gave_up / count:.1%}", *each
        )
    profiles = Table(title=f"By profile, redial {REDIAL}")
    for column in ("profile", "callers", "resume off", "resume on"):
        profiles.add_column(column, justify="right")
    off, on = pairs[0]
    for name in PROFILES:
        count = off.started[name]
        profiles.add_row(name, f"{count:,}", f"{off.finished[name] / count:.1%}", f"{on.finished[name] / count:.1%}")
    console = Console(width=100)
    console.print(table)
    console.print(profiles)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.callers", description=__doc__)
    parser.add_argument("--callers", type=int, default=_CALLERS, help="at the fixed redial; a multiple of twenty")
    parser.add_argument("--beside", type=int, default=_CALLERS_BESIDE, help="at each other chance of a redial")
    parser.add_argument("--within", type=int, default=_ALL_WITHIN_S, help="seconds")
    parser.add_argument("--out", type=Path, default=_RESULTS)
    given = parser.parse_args()
    until = time.monotonic() + given.within
    try:
        with own_folder() as folder, running(folder) as ports:
            ran = measure(Bench(ports, until), given.callers, given.beside)
    except (BenchError, LocalError) as error:
        print(error, file=sys.stderr)
        return 1
    show(ran)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps([dataclasses.asdict(one) for one in ran], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
