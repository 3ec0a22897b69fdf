"""The settlement files of the sandbox's banks: what each booked on a Jakarta day; it changes no row of the book."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import structlog
from flask import Blueprint, Response, abort, jsonify, request
from sqlalchemy import Connection, Engine, Select, func, select

from banks.settlement import Kind, SettlementLine, settlement_name, write_settlement
from sandbox.debits import ripen
from sandbox.store import debits, refunds
from sandbox.watching import Watch
from units.clock import JAKARTA, Clock, jakarta_day

log = structlog.get_logger("sandbox.settlement")
_ROWS_AT_ONCE = 1000
_LOOK_EVERY_S = 60.0


class SandboxSettlement:
    """Into `settlement/<code>/` below the sandbox's folder: yesterday's files by itself, any day's when asked."""

    def __init__(self, engine: Engine, folder: Path, codes: Sequence[str], clock: Clock) -> None:
        self._engine, self._folder, self._codes, self._clock = engine, folder, codes, clock
        self.watch = Watch("settlement", self.settle_yesterday, _LOOK_EVERY_S)

    def blueprint(self) -> Blueprint:
        routes = Blueprint("settlement", __name__, url_prefix="/bank/<code>")
        routes.add_url_rule("/settle", view_func=self.settle_asked, methods=["POST"])
        return routes

    def settle_asked(self, code: str) -> Response:
        """`POST /bank/<code>/settle?day=YYYY-MM-DD`: 404 for a bank we do not play, 400 for a day that is none."""
        if code not in self._codes:
            abort(HTTPStatus.NOT_FOUND)
        try:
            day = date.fromisoformat(request.args.get("day", ""))
        except ValueError:
            abort(HTTPStatus.BAD_REQUEST)
        return jsonify(name=self.settle(code, day))

    def settle_yesterday(self) -> None:
        """Once: a file that the client has put aside is not written again."""
        day = jakarta_day(self._clock()) - timedelta(days=1)
        for code in self._codes:
            folder, name = self._place(code), settlement_name(code, day)
            if not any((place / name).exists() for place in (folder, folder / "taken", folder / "refused")):
                self.settle(code, day)

    def settle(self, code: str, day: date) -> str:
        """Write the file, or write it again; its name."""
        name = settlement_name(code, day)
        with self._engine.begin() as db:
            ripen(db, self._clock())
            write_settlement(self._place(code), name, code, day, lines_of(db, code, day))
        log.info("settled", bank=code, day=day.isoformat())
        return name

    def _place(self, code: str) -> Path:
        return self._folder / "settlement" / code


def lines_of(db: Connection, code: str, day: date) -> Iterator[SettlementLine]:
    """What was booked, given back by itself and refunded from midnight to midnight in Jakarta, kind after kind.

    A debit that was given back stays in the file of the day it was booked: the return is a line of its own day.
    """
    midnight = datetime.combine(day, time(), JAKARTA)
    until = midnight + timedelta(days=1)
    booked_at = func.coalesce(debits.c.booked_at, debits.c.at)
    was_booked = debits.c.status.in_(("booked", "returned"))
    made = select(debits.c.partner_reference, debits.c.reference, debits.c.amount_rp, booked_at).where(
        debits.c.bank == code, was_booked, booked_at >= midnight, booked_at < until
    )
    yield from _lines(db, "debit", made.order_by(booked_at, debits.c.number))
    given_back = select(debits.c.partner_reference, debits.c.reference, debits.c.amount_rp, debits.c.returned_at).where(
        debits.c.bank == code,
        debits.c.status == "returned",
        debits.c.returned_at >= midnight,
        debits.c.returned_at < until,
    )
    yield from _lines(db, "return", given_back.order_by(debits.c.returned_at, debits.c.number))
    refunded = select(refunds.c.partner_reference, refunds.c.reference, refunds.c.amount_rp, refunds.c.at).where(
        refunds.c.bank == code, refunds.c.at >= midnight, refunds.c.at < until
    )
    yield from _lines(db, "refund", refunded.order_by(refunds.c.at, refunds.c.refund_no))


def _lines(db: Connection, kind: Kind, wanted: Select[Any]) -> Iterator[SettlementLine]:
    for row in db.execute(wanted.execution_options(yield_per=_ROWS_AT_ONCE)):
        yield SettlementLine(kind, *row)
