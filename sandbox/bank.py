"""The sandbox bank on the wire: every SNAP service it has, its open book and its codes; it decides nothing itself."""

import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any

import structlog
from flask import Blueprint, Response, abort, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection, Engine

from sandbox import accounts, binding, bodies, debits
from sandbox.answers import (
    BIND,
    BIND_INQUIRY,
    CANCEL,
    CODE_CHECK,
    CODE_SEND,
    DEBIT,
    MANDATE,
    PAYMENT,
    REFUND,
    STATUS,
    TOKEN,
    UNBIND,
    Reply,
    SnapRefused,
    snap_answer,
)
from sandbox.book import book_of
from sandbox.fields import money, shown
from sandbox.magic import Fault, magic_now
from sandbox.notices import SandboxNotices
from sandbox.settings import BIFAST, SNAP_DEBIT, BankSettings, Settings
from sandbox.snap_check import TOKEN_LIFE_S, Request, check_transaction, new_token
from units.clock import Clock

log = structlog.get_logger("sandbox.bank")
Handler = Callable[[BankSettings, Request], Response]
Service = Callable[[Connection, BankSettings, Request, datetime], Reply]
Ordered = Callable[[Connection, BankSettings, Request, datetime], debits.Order]

# Source: ASPI SNAP, services and paths (programme.md 3.2); each is spoken by the banks of one product.
SERVICES: dict[str, tuple[str, str, Service]] = {
    MANDATE: ("debit/fast-emandate", BIFAST, accounts.give_mandate),
    BIND: ("registration-account-binding", SNAP_DEBIT, binding.bind),
    CODE_SEND: ("otp", SNAP_DEBIT, binding.send_code),
    CODE_CHECK: ("otp-verification", SNAP_DEBIT, binding.check_code),
    BIND_INQUIRY: ("registration-account-inquiry", SNAP_DEBIT, binding.inquire),
    UNBIND: ("registration-account-unbinding", SNAP_DEBIT, binding.unbind),
    STATUS: ("debit/status", SNAP_DEBIT, debits.status),
    CANCEL: ("debit/cancel", SNAP_DEBIT, debits.cancel),
    REFUND: ("debit/refund", SNAP_DEBIT, debits.refund),
}
DEBITS: dict[str, tuple[str, str, Ordered]] = {
    PAYMENT: ("debit/fast-payment", BIFAST, accounts.order_by_mandate),
    DEBIT: ("debit/payment-host-to-host", SNAP_DEBIT, binding.order_by_binding),
}


class SandboxBank:
    """All connected banks; one request is one short transaction, and none is open while a fault hangs."""

    def __init__(self, engine: Engine, settings: Settings, clock: Clock, notices: SandboxNotices) -> None:
        self._engine, self._settings, self._clock, self._notices = engine, settings, clock, notices

    def blueprint(self) -> Blueprint:
        """`/bank/<code>/...`; the signed path is the raw one, so nothing here rewrites it."""
        routes = Blueprint("bank", __name__, url_prefix="/bank/<code>")

        def add(service: str, path: str, product: str, handler: Handler) -> None:
            view = partial(self._served, service, product, handler)
            routes.add_url_rule(f"/v1.0/{path}", f"service_{service}", view, methods=["POST"])

        add(TOKEN, "access-token/b2b", "", self._token)
        for service, (path, product, ask) in SERVICES.items():
            add(service, path, product, partial(self._simple, service, ask))
        for service, (path, product, ordered) in DEBITS.items():
            add(service, path, product, partial(self._debit, service, ordered))
        routes.add_url_rule("/book", view_func=self.book, methods=["GET"])
        routes.add_url_rule("/codes", view_func=self.codes, methods=["GET"])
        return routes

    def book(self, code: str) -> ResponseReturnValue:
        bank = self._bank(code)
        with self._engine.begin() as db:
            debits.ripen(db, self._clock())
            return jsonify(book_of(db, bank.code))

    def codes(self, code: str) -> ResponseReturnValue:
        with self._engine.connect() as db:
            found = binding.code_of(db, self._bank(code), request.args.get("customer", ""))
        return jsonify({"code": found}) if found else abort(HTTPStatus.NOT_FOUND)

    def _bank(self, code: str) -> BankSettings:
        return self._settings.banks.get(code) or abort(HTTPStatus.NOT_FOUND)

    def _served(self, service: str, product: str, handler: Handler, code: str) -> Response:
        """Check the caller, run the handler, turn a refusal into its answer; logs codes and times only."""
        bank, began = self._bank(code), time.monotonic()
        wire = Request(request.method, request.environ["RAW_URI"], request.headers, request.get_data())
        try:
            if request.mimetype != "application/json":
                raise SnapRefused("40001", "Content-Type")
            if service != TOKEN:
                with self._engine.begin() as db:
                    check_transaction(db, bank, wire, self._clock())
                    debits.ripen(db, self._clock())
            if product not in ("", bank.product):
                raise SnapRefused("40500")
            answer = handler(bank, wire)
        except SnapRefused as no:
            answer = snap_answer(service, no.case, no.about)
        except Exception as error:
            # A bank that breaks says so in its own words; a trace could hold what was sent.
            log.error("broke", bank=code, service=service, error=type(error).__name__)
            answer = snap_answer(service, "50001")
        answer.headers["X-TIMESTAMP"] = shown(self._clock())
        log.info("served", bank=code, service=service, http=answer.status_code, ms=_ms_since(began))
        return answer

    def _token(self, bank: BankSettings, wire: Request) -> Response:
        with self._engine.begin() as db:
            token = new_token(db, bank, wire, self._clock())
            bodies.read_grant(wire.body)
        return snap_answer(TOKEN, "20000", accessToken=token, tokenType="Bearer", expiresIn=str(TOKEN_LIFE_S))

    def _simple(self, service: str, ask: Service, bank: BankSettings, wire: Request) -> Response:
        with self._engine.begin() as db:
            reply = ask(db, bank, wire, self._clock())
        return snap_answer(service, reply.case, **reply.fields)

    def _debit(self, service: str, ordered: Ordered, bank: BankSettings, wire: Request) -> Response:
        now = self._clock()
        with self._engine.begin() as db:
            order = ordered(db, bank, wire, now)
            names = {"partnerReferenceNo": order.partner_reference}
            if reference := debits.earlier(db, bank, order):
                return snap_answer(service, "20200", referenceNo=reference, **names)
            if order.no is not None:
                raise order.no
            magic = magic_now(db, bank.code, order.account_no, now)
            if magic.payment:
                return snap_answer(service, magic.payment)
            if magic.fault not in (Fault.DROP, Fault.SILENT):
                names["referenceNo"] = debits.write_debit(db, bank, order, magic.fault, now)
        return self._spoiled(bank, order, magic.fault, names)

    def _spoiled(self, bank: BankSettings, order: debits.Order, fault: Fault | None, names: dict[str, str]) -> Response:
        """The answer after the book was written, in the way the account is known to spoil it."""
        if fault in (Fault.HANG, Fault.SILENT):
            threading.Event().wait(self._settings.hang_s)
        if fault in (Fault.HANG, Fault.SILENT, Fault.DROP):
            return _hung_up()
        if fault is Fault.SLOW:
            threading.Event().wait(self._settings.slow_s)
        if fault is Fault.EARLY:
            self._notices.wait_brought(bank.code, order.partner_reference)
        if fault is Fault.GARBAGE:
            whole = snap_answer(order.service, "20000").get_data(as_text=True)
            return Response(whole[: len(whole) // 2], 200, content_type="application/json")
        fields: dict[str, Any] = dict(names)
        if fault is Fault.OTHER_AMOUNT:
            fields["amount"] = money(order.amount_rp + 1)
        if fault is Fault.OTHER_REFERENCE:
            fields["partnerReferenceNo"] = f"{order.partner_reference[::-1]}X"
        case = debits.answered(fault)
        return snap_answer(order.service, case, **(fields if case.startswith("20") else {}))


def _hung_up() -> Response:
    """Close the connection under the server: whatever is written after this reaches nobody."""
    connection: socket.socket = request.environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    return Response(status=HTTPStatus.SERVICE_UNAVAILABLE)


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
