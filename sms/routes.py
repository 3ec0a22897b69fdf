"""The SMS callbacks of Africa's Talking: stored first by the gateway's id, then answered; 200 once it is stored."""

from collections.abc import Callable

import structlog
from flask import Blueprint, Response, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from gateways import africastalking
from gateways.base import Malformed
from insurance.work import Work
from models import GatewayReport
from ports import Ports
from sms import delivery, numbers, taking

log = structlog.get_logger()
BODY_BYTES_MAX = 16 * 1024


def make_blueprint(ports: Ports) -> Blueprint:
    routes = Blueprint("sms", __name__)

    def taken(name: str, take: Callable[[Work], None]) -> Response:
        """200 for what was stored and for what no repeat could mend; 503 while the database is away, to be repeated."""
        request.max_content_length = BODY_BYTES_MAX
        try:
            with ports.transaction() as work:
                take(work)
        except (Malformed, HTTPException) as error:
            log.warning("sms_callback_malformed", callback=name, kind=type(error).__name__)
        except SQLAlchemyError as error:
            log.error("sms_callback_not_stored", callback=name, kind=type(error).__name__)
            if isinstance(error, taking.AWAY):
                return Response("", status=503, mimetype="text/plain")
        return Response("", mimetype="text/plain")

    @routes.post("/sms/africastalking/inbound")
    def inbound() -> Response:
        return taken("inbound", _take_inbound)

    @routes.post("/sms/africastalking/delivery")
    def delivery() -> Response:
        return taken("delivery", _take_delivery)

    @routes.post("/sms/africastalking/optout")
    def optout() -> Response:
        return taken("optout", _take_optout)

    return routes


def _take_inbound(work: Work) -> None:
    taking.take(work, africastalking.read_sms(request.form))


def _take_delivery(work: Work) -> None:
    """Stored as it came, also when it beats our own commit of the id."""
    delivery.take(work, africastalking.read_report(request.form))


def _take_optout(work: Work) -> None:
    sender_id, phone = africastalking.read_optout(request.form)
    numbers.refuses(work, work.keys.index("phone", phone))
    work.db.add(
        GatewayReport(
            kind="optout",
            gateway_id="",
            status="optout",
            detail=sender_id,
            heard=True,
            phone_index=work.keys.index("phone", phone),
            known=bool(work.workers_at(work.keys.index("phone", phone))),
            received_at=work.now,
        )
    )
