"""The insurer as the sandbox plays it: answers each hand-over file once, by its name, from a thread of its own."""

import hashlib
from datetime import date
from pathlib import Path

import structlog
from sqlalchemy import Connection, Engine, func, select, update
from sqlalchemy.dialects.postgresql import insert

from dayfiles import BadFile, names_in
from insurer.base import Change, Contribution, ContributionResult, Registration, RegistrationResult, ResultFile
from insurer.dayfile import HandOver, read_hand_over, write_result
from sandbox.store import added, alone, day_files, members, postings
from sandbox.watching import Watch
from units.clock import Clock, jakarta_day

log = structlog.get_logger("sandbox.insurer")
_LOCK = 0x5A_B0_02
# The last four digits of a NIK decide; README.md has the table.
UNKNOWN_SERIAL, OTHER_NAME_SERIAL = "0404", "0303"
_KPJ_FIRST = 26_000_000_000
"""Eleven digits, unconfirmed: numbers of ours count up from here."""


def result_name(name: str) -> str:
    return f"result-{name}"


class SandboxInsurer:
    """One file is one transaction that ends with its result in place: done again after a crash, it says the same."""

    def __init__(self, engine: Engine, out_dir: Path, in_dir: Path, clock: Clock) -> None:
        self._engine, self._out, self._in, self._clock = engine, out_dir, in_dir, clock
        self.watch = Watch("insurer", self.answer_waiting)

    def answer_waiting(self) -> None:
        """Answer every file of ours that has no answer yet."""
        names = names_in(self._out)
        with self._engine.connect() as db:
            done = set(db.execute(select(day_files.c.name).where(day_files.c.name.in_(names))).scalars())
        for name in names:
            if name not in done:
                self._answer(name)

    def _answer(self, name: str) -> None:
        try:
            ours = read_hand_over(self._out, name)
        except BadFile:
            # How a real insurer says so is unknown: a person finds this line, and no result.
            log.error("hand-over does not add up", file=name)
            ours = None
        with self._engine.begin() as db:
            alone(db, _LOCK)
            new = insert(day_files).values(name=name, bad=ours is None)
            if not added(db, new) or ours is None:
                return
            result = decide(db, ours, jakarta_day(self._clock()))
            write_result(self._in, result)
        log.info("answered", registrations=len(result.registrations), contributions=len(result.contributions))


def decide(db: Connection, ours: HandOver, today: date) -> ResultFile:
    """Changes, then registrations, so that who left may join again and a first month may come in the same file."""
    for change in ours.changes:
        _change(db, change)
    registrations = [_register(db, one) for one in ours.registrations]
    contributions = [_post(db, one, today) for one in ours.contributions]
    return ResultFile(result_name(ours.name), registrations, contributions)


def _change(db: Connection, one: Change) -> None:
    """Taken without an answer, as nothing of ours waits for one; who left is free to register again."""
    if one.kind == "END":
        db.execute(update(members).where(members.c.reference == one.member).values(reference=""))


def _register(db: Connection, one: Registration) -> RegistrationResult:
    serial = one.nik[-4:]
    if serial == UNKNOWN_SERIAL:
        return RegistrationResult(one.reference, "REFUSED", "", "nik_unknown")
    if serial == OTHER_NAME_SERIAL:
        return RegistrationResult(one.reference, "NEEDS_HELP", "", "name_differs")
    # A digest hides little of a number so short; it keeps NIKs out of dumps, and no more is claimed.
    digest = hashlib.sha256(one.nik.encode()).hexdigest()
    known = db.execute(select(members).where(members.c.nik_digest == digest)).first()
    if known is not None and known.reference not in ("", one.reference):
        return RegistrationResult(one.reference, "REFUSED", "", "already_member")
    if known is not None:
        db.execute(update(members).where(members.c.kpj == known.kpj).values(reference=one.reference))
        return RegistrationResult(one.reference, "VERIFIED", known.kpj, "")
    # Counted under the lock and not by a sequence, so that a file decided again gives the same numbers.
    kpj = str(_KPJ_FIRST + db.execute(select(func.count()).select_from(members)).scalar_one())
    db.execute(insert(members).values(kpj=kpj, nik_digest=digest, reference=one.reference))
    return RegistrationResult(one.reference, "VERIFIED", kpj, "")


def _post(db: Connection, one: Contribution, today: date) -> ContributionResult:
    if db.execute(select(members.c.kpj).where(members.c.kpj == one.kpj)).first() is None:
        return ContributionResult(one.reference, "REFUSED", "kpj_unknown", None, today)
    added(db, insert(postings).values(kpj=one.kpj, month=one.month, jht_rp=one.jht_rp))
    posted = select(func.sum(postings.c.jht_rp)).where(postings.c.kpj == one.kpj)
    return ContributionResult(one.reference, "POSTED", "", int(db.execute(posted).scalar_one()), today)
