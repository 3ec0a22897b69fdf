"""The sandbox bank without an API: answers each debit file once, by its name; it never debits one reference twice."""

import hashlib
import re
from datetime import date, datetime, time
from pathlib import Path

import structlog
from flask import Blueprint, Response, jsonify
from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert

from banks.asked import CollectRequest, MandateRequest
from banks.batch_file import (
    ACTIVE,
    DONE,
    REFUSED,
    BatchResult,
    DebitFile,
    DebitResult,
    MandateResult,
    read_debit_file,
    write_result,
)
from dayfiles import BadFile, names_in
from sandbox.book import book_of
from sandbox.magic import magic_now, magic_of
from sandbox.store import accounts, added, alone, day_files, debits, mandates
from sandbox.watching import Watch
from units.clock import JAKARTA, Clock, jakarta_day

log = structlog.get_logger("sandbox.batch")
_LOCK = 0x5A_B0_03
# The day in the client's name of its file, as `debit-118-20261207-....csv`.
_NAMED = re.compile(r"debit-[0-9]{3}-([0-9]{8})-")
# What a file says where SNAP answers this case. Cases of a single request (cut-off, too many) do not come in a file.
_WORDS = {
    "40302": "LIMIT",
    "40309": "DORMANT",
    "40314": "NOFUNDS",
    "40318": "CLOSED",
    "40404": "HOLDER",
    "40411": "NAME",
}


def batch_folders(folder: Path, code: str) -> tuple[Path, Path]:
    """Where the client lays its files and where it finds ours, as banks.toml says."""
    return folder / "batch" / code / "out", folder / "batch" / code / "in"


class SandboxBatch:
    """One file is one transaction that ends with its result in place: done again after a crash, it says the same."""

    def __init__(self, engine: Engine, folder: Path, code: str, clock: Clock) -> None:
        self._engine, self._code, self._clock = engine, code, clock
        self._out, self._in = batch_folders(folder, code)
        self.watch = Watch(f"batch-{code}", self.answer_waiting)

    def blueprint(self) -> Blueprint:
        """Its open book; nothing else of it is on the wire."""
        routes = Blueprint(f"batch-{self._code}", __name__, url_prefix=f"/bank/{self._code}")
        routes.add_url_rule("/book", view_func=self.book, methods=["GET"])
        return routes

    def book(self) -> Response:
        with self._engine.connect() as db:
            return jsonify(book_of(db, self._code))

    def answer_waiting(self) -> None:
        """Answer every file of the client's that has no answer yet."""
        names = names_in(self._out)
        with self._engine.connect() as db:
            keys = [self._key(name) for name in names]
            done = set(db.execute(select(day_files.c.name).where(day_files.c.name.in_(keys))).scalars())
        for name in names:
            if self._key(name) not in done:
                self._answer(name)

    def _key(self, name: str) -> str:
        return f"{self._code}/{name}"

    def _answer(self, name: str) -> None:
        try:
            theirs = read_debit_file(self._out, name, self._code)
        except BadFile as bad:
            # How a real bank says so is unknown: a person finds this line, and no result.
            log.error("debit file does not add up", bank=self._code, why=str(bad))
            theirs = None
        with self._engine.begin() as db:
            alone(db, _LOCK)
            new = insert(day_files).values(name=self._key(name), bad=theirs is None)
            if not added(db, new) or theirs is None:
                return
            result = decide(db, self._code, theirs, self._clock())
            write_result(self._in, result)
        log.info("answered", bank=self._code, mandates=len(result.mandates), debits=len(result.debits))


def decide(db: Connection, code: str, theirs: DebitFile, now: datetime) -> BatchResult:
    given = [_give(db, code, one, now) for one in theirs.mandates]
    made = [_debit(db, code, one, now) for one in theirs.debits]
    return BatchResult(f"result-{theirs.name}", code, _done_on(theirs.name, now), theirs.name, given, made)


def _done_on(name: str, now: datetime) -> date:
    """Today, or the day of the file where its client pretends one that is yet to come: no answer is older than it."""
    try:
        named = _NAMED.match(name)
        return max(jakarta_day(now), date.fromisoformat(named[1])) if named else jakarta_day(now)
    except ValueError:
        return jakarta_day(now)


def _give(db: Connection, code: str, one: MandateRequest, now: datetime) -> MandateResult:
    """The same request again is the same mandate, under the same reference."""

    def refused(word: str) -> MandateResult:
        return MandateResult(one.customer_id, REFUSED, "", None, word)

    expires_at = datetime.combine(one.expires_on, time(23, 59, 59), JAKARTA)
    if refusal := _WORDS.get(magic_of(one.account_no).mandate):
        return refused(refusal)
    if expires_at <= now:
        return refused("FORMAT")
    holder = " ".join(one.account_name.casefold().split())
    added(db, insert(accounts).values(bank=code, account_no=one.account_no, holder=holder))
    known = select(accounts.c.holder).where(accounts.c.bank == code, accounts.c.account_no == one.account_no)
    if db.execute(known).scalar_one() != holder:
        return refused("NAME")
    reference = _reference("EM", code, one.account_no, one.customer_id, str(one.max_amount_rp), str(one.expires_on))
    new = insert(mandates).values(
        reference=reference,
        bank=code,
        account_no=one.account_no,
        customer_id=one.customer_id,
        max_amount_rp=one.max_amount_rp,
        expires_at=expires_at,
        given_at=now,
    )
    added(db, new)
    return MandateResult(one.customer_id, ACTIVE, reference, None, "")


def _debit(db: Connection, code: str, one: CollectRequest, now: datetime) -> DebitResult:
    """A reference that was debited is answered by what was debited then; one that was refused may be sent again."""
    mine = (debits.c.bank == code) & (debits.c.partner_reference == one.reference)
    if (known := db.execute(select(debits).where(mine)).first()) is not None:
        return DebitResult(one.reference, DONE, known.reference, known.amount_rp, None, "")
    if refusal := _refusal(db, code, one, now):
        return DebitResult(one.reference, REFUSED, "", 0, None, refusal)
    reference = _reference("", code, one.reference)
    new = insert(debits).values(
        bank=code,
        partner_reference=one.reference,
        reference=reference,
        mandate=one.mandate_reference,
        account_no=one.account_no,
        amount_rp=one.amount_rp,
        status="booked",
        at=now,
        booked_at=now,
    )
    db.execute(new)
    return DebitResult(one.reference, DONE, reference, one.amount_rp, None, "")


def _refusal(db: Connection, code: str, one: CollectRequest, now: datetime) -> str:
    """The word this debit is refused with, or nothing."""
    mine = select(mandates).where(mandates.c.reference == one.mandate_reference, mandates.c.bank == code)
    mandate = db.execute(mine).first()
    if mandate is None or (mandate.account_no, mandate.customer_id) != (one.account_no, one.customer_id):
        return "NOMANDATE"
    if mandate.expires_at <= now:
        return "ENDED"
    if one.amount_rp > mandate.max_amount_rp:
        return "LIMIT"
    return _WORDS.get(magic_now(db, code, one.account_no, now).payment, "")


def _reference(prefix: str, code: str, *parts: str) -> str:
    """From what it is for, so that a file decided again gives the same references."""
    return f"{prefix}{code}{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:20]}"
