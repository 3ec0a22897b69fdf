"""Notices 56 and 72: what the bank tells us unasked; kept as rows, signed when they leave, brought from one thread."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request as Outgoing
from urllib.request import urlopen

import structlog
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from flask import Blueprint, abort, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection, Engine, Row, insert, select, update

from sandbox.answers import PAYMENT
from sandbox.fields import money, shown
from sandbox.magic import LATER, Fault
from sandbox.settings import BankSettings, Settings
from sandbox.snap_check import minified
from sandbox.store import notices
from units.clock import Clock

log = structlog.get_logger("sandbox.notices")
LOOK_EVERY_S = 0.5
TRIES_MAX = 3
AT_ONCE_MAX = 100
_TIMEOUT_S = 5.0
_EARLY_WAIT_S = 10.0
_SUCCESS, _PENDING, _FAILED = "00", "03", "06"
_WORDS = {_SUCCESS: "Success", _PENDING: "Pending", _FAILED: "Failed"}
_NONE, _SECOND = timedelta(0), timedelta(seconds=1)
# What is told of a debit, in this order: a status, how long after the debit it leaves, and how long after it was so.
_TOLD: Mapping[Fault, list[tuple[str, timedelta, timedelta]]] = {
    Fault.RETURNED: [(_FAILED, LATER, LATER)],
    Fault.DENIED: [(_SUCCESS, LATER, _NONE)],
    Fault.LATER: [(_SUCCESS, LATER, LATER)],
    Fault.TWICE: [(_SUCCESS, _NONE, _NONE), (_SUCCESS, _NONE, _NONE)],
    Fault.EARLY: [(_SUCCESS, _NONE, _NONE)],
    Fault.REVERSED: [(_SUCCESS, _NONE, _NONE), (_PENDING, _NONE, -_SECOND)],
}


@dataclass(frozen=True)
class Signed:
    """A notice as it goes over the wire; the signature covers `path`."""

    path: str
    headers: Mapping[str, str]
    body: str


def plan_notices(db: Connection, debit: Mapping[str, Any], fault: Fault | None) -> None:
    """Write down what will be told of a debit that is being written. One told twice has one X-EXTERNAL-ID."""
    same = secrets.token_hex(16)
    for status, leaves_after, so_after in _TOLD.get(fault, []) if fault else []:
        row = insert(notices).values(
            bank=debit["bank"],
            partner_reference=debit["partner_reference"],
            external_id=same if fault is Fault.TWICE else secrets.token_hex(16),
            path="/v1.0/debit/fast-notify" if debit["service"] == PAYMENT else "/v1.0/debit/notify",
            body=json.dumps(_body(debit, status, debit["at"] + so_after), separators=(",", ":")),
            due_at=debit["at"] + leaves_after,
        )
        db.execute(row)


def drop_notices(db: Connection, bank: str, partner_reference: str) -> None:
    """What has not left yet is not true any more."""
    mine = (notices.c.bank == bank) & (notices.c.partner_reference == partner_reference)
    db.execute(update(notices).where(mine, notices.c.state == "waiting").values(state="dropped"))


def _body(debit: Mapping[str, Any], status: str, at: datetime) -> dict[str, Any]:
    names = {"originalReferenceNo": debit["reference"], "originalPartnerReferenceNo": debit["partner_reference"]}
    if debit["service"] == PAYMENT:
        rest = {"transactionStatus": status, "finishedTime": shown(at), "eMandateReffId": debit["mandate"]}
    else:
        rest = {"latestTransactionStatus": status, "createdTime": shown(min(at, debit["at"]))}
        if status != _PENDING:
            rest["finishedTime"] = shown(at)
    return {**names, **rest, "transactionStatusDesc": _WORDS[status], "amount": money(debit["amount_rp"])}


class SandboxNotices:
    """A notice that fails is brought again, three times in all; with `hold_notices` it waits to be taken instead."""

    def __init__(self, engine: Engine, settings: Settings, clock: Clock) -> None:
        self._engine, self._settings, self._clock = engine, settings, clock
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox-notices", daemon=True)

    def start(self) -> None:
        if not self._settings.hold_notices:
            self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(_TIMEOUT_S + 1)

    def blueprint(self) -> Blueprint:
        """GET shows what is due and was not brought yet, signed as of now; DELETE shows it and takes it as brought."""
        routes = Blueprint("notices", __name__, url_prefix="/bank/<code>")
        routes.add_url_rule("/notices", view_func=self.waiting, methods=["GET", "DELETE"])
        return routes

    def waiting(self, code: str) -> ResponseReturnValue:
        bank = self._settings.banks.get(code) or abort(HTTPStatus.NOT_FOUND)
        now = self._clock()
        with self._engine.begin() as db:
            due = [row for row in _due(db, now) if row.bank == bank.code]
            if request.method == "DELETE":
                _mark(db, [row.id for row in due], state="brought")
        signed = [self._signed(row, now) for row in due]
        return jsonify([{"path": one.path, "headers": one.headers, "body": one.body} for one in signed])

    def wait_brought(self, bank: str, partner_reference: str) -> None:
        """Until what is due of this debit has been brought or given up; where notices are held, not at all."""
        mine = (notices.c.bank == bank) & (notices.c.partner_reference == partner_reference)
        until = time.monotonic() + _EARLY_WAIT_S
        while not self._settings.hold_notices and time.monotonic() < until:
            with self._engine.connect() as db:
                if db.execute(select(notices.c.id).where(mine, notices.c.state == "waiting")).first() is None:
                    return
            self._stopped.wait(0.05)

    def _run(self) -> None:
        while not self._stopped.wait(LOOK_EVERY_S):
            try:
                self._bring_due()
            except Exception as error:
                # Looked at again in a moment; a trace could hold the product's address.
                log.error("notices broke", error=type(error).__name__)

    def _bring_due(self) -> None:
        """No transaction is open while the product is asked."""
        with self._engine.connect() as db:
            due = _due(db, self._clock())
        for row in due:
            if self._stopped.is_set():
                return
            brought = self._post(self._signed(row, self._clock()))
            tries = row.tries + 1
            state = "brought" if brought else "given_up" if tries >= TRIES_MAX else "waiting"
            with self._engine.begin() as db:
                _mark(db, [row.id], state=state, tries=tries)
            log.info("notice", bank=row.bank, tries=tries, state=state)

    def _signed(self, row: Row[Any], now: datetime) -> Signed:
        bank = self._settings.banks[row.bank]
        path = f"{urlsplit(self._settings.callbacks).path}/bank/{row.bank}{row.path}"
        stamp = shown(now)
        digest = hashlib.sha256(minified(row.body.encode())).hexdigest()
        text = f"POST:{path}:{digest}:{stamp}".encode()
        signature = bank.notice_key.sign(text, padding.PKCS1v15(), hashes.SHA256())
        headers = {
            "Content-Type": "application/json",
            "X-TIMESTAMP": stamp,
            "X-SIGNATURE": _encoded(signature, bank),
            "X-PARTNER-ID": bank.partner_id,
            "X-EXTERNAL-ID": row.external_id,
            "CHANNEL-ID": bank.channel_id,
        }
        return Signed(path, headers, row.body)

    def _post(self, signed: Signed) -> bool:
        """The address holds the callback key, so no log line names it."""
        base = urlsplit(self._settings.callbacks)
        url = f"{base.scheme}://{base.netloc}{signed.path}"
        try:
            outgoing = Outgoing(url, data=signed.body.encode(), headers=dict(signed.headers), method="POST")  # noqa: S310 - ours
            with urlopen(outgoing, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - the address is our own setting
                answer.read(1000)
                return bool(answer.status == HTTPStatus.OK)
        except (URLError, OSError, ValueError) as error:
            log.warning("notice not taken", error=type(error).__name__, http=getattr(error, "code", None))
            return False


def _due(db: Connection, now: datetime) -> list[Row[Any]]:
    wanted = select(notices).where(notices.c.state == "waiting", notices.c.due_at <= now)
    return list(db.execute(wanted.order_by(notices.c.due_at, notices.c.id).limit(AT_ONCE_MAX)).all())


def _mark(db: Connection, ids: list[int], **values: Any) -> None:
    db.execute(update(notices).where(notices.c.id.in_(ids), notices.c.state == "waiting").values(**values))


def _encoded(signature: bytes, bank: BankSettings) -> str:
    return signature.hex() if bank.signature_encoding == "hex" else base64.b64encode(signature).decode()
