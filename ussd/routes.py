"""The USSD callbacks of Africa's Talking: always 200, always text that begins with CON or END."""

import structlog
from flask import Blueprint, Response, request
from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from gateways import africastalking
from gateways.base import Malformed
from models import GatewayReport
from ports import Ports
from ussd.calls import Calls
from ussd.metrics import exposition

log = structlog.get_logger()
# A hop's form is some hundred bytes; the longest text that is read at all is 2,000 characters.
BODY_BYTES_MAX = 16 * 1024
# The caller hung up, or the network or the clock ended the call (gateways.md 2.6).
CALLER_LEFT = "Incomplete"


def _text(body: str) -> Response:
    return Response(body, mimetype="text/plain")


def make_blueprint(ports: Ports) -> Blueprint:
    routes = Blueprint("ussd", __name__)
    calls = Calls(ports)

    def end(line: str) -> Response:
        texts = ports.texts
        words = texts.mark + texts.line(line, "id", code=ports.settings.USSD_CODE)
        return _text(africastalking.frame(words, end=True))

    @routes.post("/ussd/africastalking")
    def turn() -> Response:
        request.max_content_length = BODY_BYTES_MAX
        try:
            asked = africastalking.read_turn(request.form)
        except Malformed as error:
            log.warning("ussd_malformed", field=str(error))
            return end("foreign" if str(error) == "phoneNumber" else "bad_request")
        except HTTPException as error:
            log.warning("ussd_unreadable", status=error.code)
            return end("bad_request")
        reply = calls.answer(asked)
        return _text(africastalking.frame(reply.text, end=reply.end))

    @routes.post("/ussd/africastalking/events")
    def event() -> Response:
        """The end-of-session notice, kept without what was typed; best effort, nothing depends on it."""
        request.max_content_length = BODY_BYTES_MAX
        try:
            ended = africastalking.read_event(request.form)
            with ports.transaction() as work:
                work.db.add(
                    GatewayReport(
                        kind="ussd_end",
                        gateway_id=ports.keys.index("session", ended.session_id).hex(),
                        status=ended.status[:40],
                        detail=f"hops={ended.hops} ms={ended.duration_ms}",
                        phone_index=ports.keys.index("phone", ended.phone),
                        known=True,
                        received_at=work.now,
                    )
                )
            if ended.status == CALLER_LEFT:
                calls.ended(ended.phone, ended.session_id)
        except (Malformed, HTTPException, SQLAlchemyError, RedisError) as error:
            log.warning("ussd_event_dropped", kind=type(error).__name__)
        return _text("")

    @routes.get("/metrics")
    def metrics() -> Response:
        """Today's funnel for Prometheus, behind the callbacks' key: counts that begin anew each day in Jakarta."""
        try:
            return Response(exposition(ports), mimetype="text/plain")
        except RedisError as error:
            log.error("metrics_redis_away", kind=type(error).__name__)
            return Response("away\n", status=503, mimetype="text/plain")

    return routes
