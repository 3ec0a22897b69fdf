"""The sandbox bank on the wire: SNAP services 73, 70 and 71 and its open book; it decides nothing about accounts."""

import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus

import structlog
from flask import Blueprint, Response, abort, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Engine

from sandbox import accounts, bodies
from sandbox.answers import MANDATE, PAYMENT, TOKEN, SnapRefused, snap_answer
from sandbox.magic import Fault, magic_of
from sandbox.settings import BankSettings, Settings
from sandbox.snap_check import TOKEN_LIFE_S, Request, check_transaction, new_token
from units.clock import JAKARTA, Clock

log = structlog.get_logger("sandbox.bank")
Handler = Callable[[BankSettings, Request], Response]


class SandboxBank:
    """All connected banks; one request is one short transaction, and none is open while a fault hangs."""

    def __init__(self, engine: Engine, settings: Settings, clock: Clock) -> None:
        self._engine, self._banks, self._clock = engine, settings.banks, clock
        self._hang_s = settings.hang_s

    def blueprint(self) -> Blueprint:
        """`/bank/<code>/...`; the signed path is the raw one, so nothing here rewrites it."""
        routes = Blueprint("bank", __name__, url_prefix="/bank/<code>")
        routes.add_url_rule("/v1.0/access-token/b2b", view_func=self.token, methods=["POST"])
        routes.add_url_rule("/v1.0/debit/fast-emandate", view_func=self.mandate, methods=["POST"])
        routes.add_url_rule("/v1.0/debit/fast-payment", view_func=self.payment, methods=["POST"])
        routes.add_url_rule("/book", view_func=self.book, methods=["GET"])
        return routes

    def token(self, code: str) -> Response:
        return self._served(TOKEN, code, self._token)

    def mandate(self, code: str) -> Response:
        return self._served(MANDATE, code, self._mandate)

    def payment(self, code: str) -> Response:
        return self._served(PAYMENT, code, self._payment)

    def book(self, code: str) -> ResponseReturnValue:
        with self._engine.connect() as db:
            return jsonify(accounts.book_of(db, self._bank(code).code))

    def _bank(self, code: str) -> BankSettings:
        return self._banks.get(code) or abort(HTTPStatus.NOT_FOUND)

    def _served(self, service: str, code: str, handler: Handler) -> Response:
        """Check the caller, run the handler, turn a refusal into its answer; logs codes and times only."""
        bank, began = self._bank(code), time.monotonic()
        wire = Request(request.method, request.environ["RAW_URI"], request.headers, request.get_data())
        try:
            if request.mimetype != "application/json":
                raise SnapRefused("40001", "Content-Type")
            if service != TOKEN:
                with self._engine.begin() as db:
                    check_transaction(db, bank, wire, self._clock())
            answer = handler(bank, wire)
        except SnapRefused as no:
            answer = snap_answer(service, no.case, no.about)
        except Exception as error:
            # A bank that breaks says so in its own words; a trace could hold what was sent.
            log.error("broke", bank=code, service=service, error=type(error).__name__)
            answer = snap_answer(service, "50001")
        answer.headers["X-TIMESTAMP"] = self._clock().astimezone(JAKARTA).isoformat(timespec="seconds")
        log.info("served", bank=code, service=service, http=answer.status_code, ms=_ms_since(began))
        return answer

    def _token(self, bank: BankSettings, wire: Request) -> Response:
        with self._engine.begin() as db:
            token = new_token(db, bank, wire, self._clock())
            bodies.read_grant(wire.body)
        return snap_answer(TOKEN, "20000", accessToken=token, tokenType="Bearer", expiresIn=str(TOKEN_LIFE_S))

    def _mandate(self, bank: BankSettings, wire: Request) -> Response:
        body = bodies.read_mandate(wire.body, bank.code)
        with self._engine.begin() as db:
            reference = accounts.give_mandate(db, bank, body, self._clock())
        return snap_answer(MANDATE, "20000", eMandateReffId=reference)

    def _payment(self, bank: BankSettings, wire: Request) -> Response:
        body = bodies.read_payment(wire.body, bank.code, bank.reference_max)
        fault, now = magic_of(body.account_no).fault, self._clock()
        with self._engine.begin() as db:
            reference = accounts.earlier_pending(db, bank, body)
            if not reference:
                accounts.check_payment(db, bank, body, now)
                if refusal := accounts.magic_refusal(db, bank, body.account_no, now):
                    return snap_answer(PAYMENT, refusal)
                if fault is Fault.DROP:
                    return _hung_up()
                reference = accounts.write_debit(db, bank, body, now)
        return self._debited(fault, reference, body.partner_reference)

    def _debited(self, fault: Fault | None, reference: str, partner_reference: str) -> Response:
        """The answer after the book was written, in the way the account is known to spoil it."""
        if fault is Fault.HANG:
            threading.Event().wait(self._hang_s)
            return _hung_up()
        if fault is Fault.ERROR:
            return snap_answer(PAYMENT, "50000")
        if fault is Fault.GARBAGE:
            return Response('{"responseCode":"2007100","responseMess', 200, content_type="application/json")
        case = "20200" if fault is Fault.PENDING else "20000"
        return snap_answer(PAYMENT, case, referenceNo=reference, partnerReferenceNo=partner_reference)


def _hung_up() -> Response:
    """Close the connection under the server: whatever is written after this reaches nobody."""
    connection: socket.socket = request.environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    return Response(status=HTTPStatus.SERVICE_UNAVAILABLE)


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
