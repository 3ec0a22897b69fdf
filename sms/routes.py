"""The SMS callbacks of Africa's Talking: stored first by the gateway's id, then answered; 200 once it is stored."""

from collections.abc import Callable

import structlog
from flask import Blueprint, Response, request
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError, TimeoutError
from werkzeug.exceptions import HTTPException

from gateways import africastalking
from gateways.base import Malformed
from insurance.work import Work
from models import GatewayReport, InboundSms
from ports import Ports
from sms import commands, delivery, numbers

log = structlog.get_logger()
BODY_BYTES_MAX = 16 * 1024
UNANSWERED = "!"


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
    came = africastalking.read_sms(request.form)
    sender_index = work.keys.index("phone", came.sender)
    row = {
        "gateway_id": came.gateway_id,
        "received_at": work.now,
        "sender_sealed": work.keys.shared.seal(came.sender, "inbound.sender"),
        "sender_index": sender_index,
        "text_sealed": work.keys.shared.seal(came.text, "inbound.text"),
        "word": "",
    }
    new = insert(InboundSms).values(**row).on_conflict_do_nothing().returning(InboundSms.gateway_id)
    if work.db.execute(new).first() is None:
        # The gateway repeats until it hears 200, for twelve hours: it was stored and answered before.
        return
    numbers.answers(work, sender_index)
    try:
        with work.db.begin_nested():
            word = commands.handle(work, came.sender, came.text, came.gateway_id)
    except (OperationalError, InterfaceError, TimeoutError):
        raise
    except Exception as error:
        # Stored and not answered: to ask the gateway for a repeat would bring the same for twelve hours.
        log.error("sms_not_answered", kind=type(error).__name__)
        word = UNANSWERED
    work.db.get_one(InboundSms, came.gateway_id).word = word


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
