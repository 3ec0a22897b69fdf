"""Africa's Talking's messaging as the sandbox plays it: takes texts, shows them, reports delivery; no phone rings."""

import queue
import re
import secrets
import threading
from datetime import datetime
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request as Outgoing
from urllib.request import urlopen

import structlog
from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection, Engine, insert, select

from sandbox.settings import Settings
from sandbox.store import messages
from units.clock import JAKARTA, Clock
from units.gsm import SMS_SEPTETS_MAX, NotGsm, septets

log = structlog.get_logger("sandbox.gateway")
INBOX_MAX = 100
_RECIPIENTS_MAX = 1000
_REPORTS_WAITING_MAX = 10_000
_REPORT_TIMEOUT_S = 5.0
_REPORT_PATH = "/sms/africastalking/delivery"
# MCC 510, MNC 10 (Telkomsel): which code Africa's Talking would give in Indonesia is not known.
_NETWORK_CODE = "51010"
# A price of our own: Africa's Talking lists none for Indonesia.
_PART_COST_RP = 350
_PHONE = re.compile(r"\+[1-9]\d{7,14}", re.ASCII)
# Source: 3GPP TS 23.040: a part of a longer text holds 153 septets, or 67 of UCS-2's 70 characters.
_GSM_PART, _UCS2_WHOLE, _UCS2_PART = 153, 70, 67


def parts_of(text: str) -> int:
    """How many SMS a text costs: more than one is a mistake of ours that tests look for."""
    try:
        size, whole, part = septets(text), SMS_SEPTETS_MAX, _GSM_PART
    except NotGsm:
        size, whole, part = len(text.encode("utf-16-be")) // 2, _UCS2_WHOLE, _UCS2_PART
    return 1 if size <= whole else -(-size // part)


def deliver(db: Connection, number: str, sender: str, text: str, now: datetime) -> str:
    """Into the inbox of `number`; also how the sandbox bank sends its codes. The message's id."""
    message_id = f"ATXid_{secrets.token_hex(16)}"
    row = {"message_id": message_id, "recipient": number, "sender": sender, "text": text}
    db.execute(insert(messages).values(**row, parts=parts_of(text), at=now))
    return message_id


class SandboxGateway:
    """Keeps every text in `sandbox.messages`; reports go out from one thread, and one that fails is only logged."""

    def __init__(self, engine: Engine, settings: Settings, clock: Clock) -> None:
        self._engine, self._settings, self._clock = engine, settings, clock
        self._reports: queue.Queue[tuple[str, str] | None] = queue.Queue(_REPORTS_WAITING_MAX)
        self._thread = threading.Thread(target=self._report_all, name="sandbox-reports", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._reports.put(None)
        self._thread.join(_REPORT_TIMEOUT_S + 1)

    def blueprint(self) -> Blueprint:
        routes = Blueprint("gateway", __name__, url_prefix="/version1")
        routes.add_url_rule("/messaging", view_func=self.send, methods=["POST"])
        routes.add_url_rule("/inbox", view_func=self.inbox, methods=["GET"])
        return routes

    def send(self) -> ResponseReturnValue:
        """Answers 201 with the shape of gateways.md 1.3; 401 is plain text, as the real one's."""
        if not secrets.compare_digest(request.headers.get("apiKey", "").encode(), self._settings.api_key.encode()):
            return Response("The supplied authentication is invalid", 401, content_type="text/plain")
        form = request.form
        missing = [name for name in ("username", "to", "message") if not form.get(name)]
        numbers = form.get("to", "").split(",")
        if missing or len(numbers) > _RECIPIENTS_MAX:
            return Response(f"Bad request: {', '.join(missing) or 'to'}", 400, content_type="text/plain")
        recipients = [self._take(number.strip(), form.get("from", ""), form["message"]) for number in numbers]
        taken = sum(recipient["statusCode"] == 101 for recipient in recipients)
        total = f"IDR {taken * _cost_rp(form['message'])}.0000"
        summary = f"Sent to {taken}/{len(recipients)} Total Cost: {total}"
        log.info("taken", texts=taken, refused=len(recipients) - taken)
        return jsonify({"SMSMessageData": {"Message": summary, "Recipients": recipients}}), 201

    def inbox(self) -> ResponseReturnValue:
        """The newest hundred texts, oldest of them first; with `after`, the first hundred behind that id."""
        wanted = select(messages)
        # A plus sign that was not escaped arrives as a blank.
        if to := request.args.get("to", "").replace(" ", "+"):
            wanted = wanted.where(messages.c.recipient == to)
        after = request.args.get("after")
        if after is not None:
            if not re.fullmatch(r"[0-9]{1,18}", after):
                return Response("Bad request: after", 400, content_type="text/plain")
            wanted = wanted.where(messages.c.id > int(after)).order_by(messages.c.id)
        else:
            wanted = wanted.order_by(messages.c.id.desc())
        with self._engine.connect() as db:
            rows = sorted(db.execute(wanted.limit(INBOX_MAX)).all(), key=lambda row: int(row.id))
        return jsonify([_shown(row) for row in rows])

    def _take(self, number: str, sender: str, text: str) -> dict[str, Any]:
        # Source: Africa's Talking send statusCode (gateways.md 3.4): 101 Sent, 403 InvalidPhoneNumber.
        if not _PHONE.fullmatch(number):
            status = {"statusCode": 403, "status": "InvalidPhoneNumber", "cost": "0", "messageId": "None"}
            return {"number": number, **status}
        with self._engine.begin() as db:
            message_id = deliver(db, number, sender, text, self._clock())
        try:
            self._reports.put_nowait((message_id, number))
        except queue.Full:
            log.warning("report dropped: too many wait")
        cost = f"IDR {_cost_rp(text)}.0000"
        return {"statusCode": 101, "number": number, "status": "Success", "cost": cost, "messageId": message_id}

    def _report_all(self) -> None:
        while (report := self._reports.get()) is not None:
            message_id, number = report
            fields = {
                "id": message_id,
                "status": "Success",
                "phoneNumber": number,
                "networkCode": _NETWORK_CODE,
                "retryCount": "0",
            }
            self._report(urlencode(fields).encode())

    def _report(self, form: bytes) -> None:
        """The address holds the callback key, so no log line names it."""
        try:
            outgoing = Outgoing(f"{self._settings.callbacks}{_REPORT_PATH}", data=form, method="POST")  # noqa: S310 - ours
            with urlopen(outgoing, timeout=_REPORT_TIMEOUT_S) as answer:  # noqa: S310 - the address is our own setting
                answer.read(1000)
        except (URLError, OSError, ValueError) as error:
            log.warning("report not delivered", error=type(error).__name__, http=getattr(error, "code", None))


def _cost_rp(text: str) -> int:
    return _PART_COST_RP * parts_of(text)


def _shown(row: Any) -> dict[str, Any]:
    at: datetime = row.at
    return {
        "id": row.id,
        "to": row.recipient,
        "from": row.sender,
        "text": row.text,
        "at": at.astimezone(JAKARTA).isoformat(),
        "parts": row.parts,
        "messageId": row.message_id,
    }
