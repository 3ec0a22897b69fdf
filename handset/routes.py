"""The sandbox's handset page and the inbox it reads; never mounted in production."""

from pathlib import Path

import requests
import structlog
from flask import Blueprint, Response, jsonify, request

from ports import Ports
from units.phone import NotAPhone, canonical_phone

log = structlog.get_logger()
_PAGE = Path(__file__).parent / "page.html"
_TIMEOUTS_S = (1.0, 3.0)


def make_blueprint(ports: Ports) -> Blueprint:
    routes = Blueprint("handset", __name__)
    sandbox = requests.Session()

    @routes.get("/")
    def page() -> Response:
        # The page posts to the callbacks like a gateway would, so it has to know where they are.
        words = _PAGE.read_text().replace("{{prefix}}", ports.settings.callback_prefix)
        return Response(words.replace("{{code}}", ports.settings.USSD_CODE), mimetype="text/html")

    @routes.get("/sandbox/sms")
    def inbox() -> tuple[Response, int]:
        """What a number received, oldest first, as the sandbox gateway has it."""
        try:
            # An unencoded `+` arrives as a blank.
            phone = canonical_phone(request.args.get("to", "").replace(" ", "+"))
        except NotAPhone:
            return jsonify(error="to=+62... is needed, an Indonesian mobile number"), 400
        try:
            answer = sandbox.get(
                f"{ports.settings.SANDBOX_URL}/version1/inbox", params={"to": phone}, timeout=_TIMEOUTS_S
            )
            return jsonify(answer.json()), answer.status_code
        except requests.RequestException as error:
            log.warning("sandbox_away", kind=type(error).__name__)
            return jsonify(error="the sandbox process does not answer"), 502

    return routes
