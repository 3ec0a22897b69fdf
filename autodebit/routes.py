"""Where banks tell us what became of a debit: verified, kept once, answered in SNAP's form; acted on by a job."""

import json

import structlog
from flask import Blueprint, Response, request
from sqlalchemy.exc import SQLAlchemyError

from autodebit.hear import keep
from banks.base import BadNotice, NoticeCall, NoticeReply
from ports import Ports

log = structlog.get_logger()

PATHS = ("/debit/notify", "/debit/fast-notify")
BODY_BYTES_MAX = 64 * 1024


def make_blueprint(ports: Ports) -> Blueprint:
    routes = Blueprint("autodebit", __name__)

    def notice(code: str) -> Response:
        bank = ports.banks.get(code)
        if bank is None:
            return _reply(NoticeReply(404, {"responseMessage": "not here"}))
        call = _call()
        try:
            told = bank.read_notice(call)
            with ports.transaction() as work:
                new = keep(work, code, told)
        except BadNotice as bad:
            log.warning("bank_notice_refused", bank=code, why=str(bad), http=bad.reply.http)
            return _reply(bad.reply)
        except SQLAlchemyError as error:
            # Not kept, so not acknowledged: the bank tells it again.
            log.error("bank_notice_not_kept", bank=code, kind=type(error).__name__)
            return _reply(NoticeReply(503, {"responseMessage": "try again"}))
        log.info("bank_notice_kept", bank=code, new=new)
        return _reply(bank.noticed(call))

    for path in PATHS:
        name = path.rsplit("/", 1)[1]
        routes.add_url_rule(f"/bank/<code>/v1.0{path}", name, notice, methods=["POST"])
    return routes


def _call() -> NoticeCall:
    """The request as it came: the signature is over the raw path, which nothing may have rewritten."""
    path = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or request.full_path.rstrip("?")
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = request.stream.read(BODY_BYTES_MAX + 1)
    return NoticeCall(request.method, path, headers, body)


def _reply(reply: NoticeReply) -> Response:
    return Response(json.dumps(dict(reply.body)), reply.http, content_type="application/json")
