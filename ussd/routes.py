"""The USSD callbacks of the gateways that speak HTTP: always 200, always an answer in the gateway's own frame."""

from collections.abc import Callable

import structlog
from flask import Blueprint, Response, jsonify, request
from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from gateways import africastalking, hubtel
from gateways.base import Malformed, Turn
from models import GatewayReport
from ports import Ports
from ussd.calls import Calls
from ussd.engine import Reply
from ussd.metrics import exposition

log = structlog.get_logger()
# A hop's form is some hundred bytes; the longest text that is read at all is 2,000 characters.
BODY_BYTES_MAX = 16 * 1024
# The caller hung up, or the network or the clock ended the call (gateways.md 2.6).
CALLER_LEFT = "Incomplete"


def make_blueprint(ports: Ports) -> Blueprint:
    """The callbacks of those gateways that USSD_GATEWAYS names."""
    routes = Blueprint("ussd", __name__)
    calls = Calls(ports)
    if "africastalking" in ports.settings.ussd_gateways:
        _add_africastalking(routes, calls)
    if "hubtel" in ports.settings.ussd_gateways:
        _add_hubtel(routes, calls, ports.settings.USSD_CODE)
    # Kept where the calls come by another gateway too: the notices of those that ended before the change.
    _add_africastalking_events(routes, ports, calls)
    _add_metrics(routes, ports)
    return routes


def _heard(calls: Calls, read: Callable[[], Turn]) -> Reply | None:
    """The reply to the request at hand, whatever it is; None for the end of a call."""
    request.max_content_length = BODY_BYTES_MAX
    try:
        asked = read()
    except Malformed as error:
        log.warning("ussd_malformed", field=str(error))
        return calls.unread(str(error))
    except HTTPException as error:
        log.warning("ussd_unreadable", status=error.code)
        return calls.unread("")
    return calls.hear(asked)


def _add_africastalking(routes: Blueprint, calls: Calls) -> None:
    @routes.post("/ussd/africastalking")
    def turn() -> Response:
        reply = _heard(calls, lambda: africastalking.read_turn(request.form))
        assert reply is not None, "no form of theirs ends a call"
        body = africastalking.frame(reply.text, end=reply.end)
        return Response(body, mimetype="text/plain", headers=africastalking.hop_label(reply.screen))


def _add_hubtel(routes: Blueprint, calls: Calls, code: str) -> None:
    @routes.post("/ussd/hubtel")
    def hubtel_turn() -> Response:
        reply = _heard(calls, lambda: hubtel.read_turn(request.get_data(), code))
        # Nobody reads the answer to a call's end; the gateway still gets one of its own shape.
        return jsonify(hubtel.frame(reply.text if reply else "", end=reply.end if reply else True))


def _add_africastalking_events(routes: Blueprint, ports: Ports, calls: Calls) -> None:
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
        return Response("", mimetype="text/plain")


def _add_metrics(routes: Blueprint, ports: Ports) -> None:
    @routes.get("/metrics")
    def metrics() -> Response:
        """Today's funnel for Prometheus, behind the callbacks' key: counts that begin anew each day in Jakarta."""
        try:
            return Response(exposition(ports), mimetype="text/plain")
        except RedisError as error:
            log.error("metrics_redis_away", kind=type(error).__name__)
            return Response("away\n", status=503, mimetype="text/plain")
