"""The sandbox's handset page, the inbox it reads and what the system did; never mounted in production."""

from pathlib import Path

import requests
import structlog
from flask import Blueprint, Response, jsonify, request, send_from_directory

from handset.did import did
from ports import Ports
from units.phone import NotAPhone, canonical_phone

log = structlog.get_logger()
_HERE = Path(__file__).parent
_TIMEOUTS_S = (1.0, 3.0)


def make_blueprint(ports: Ports) -> Blueprint:
    routes = Blueprint("handset", __name__)
    sandbox = requests.Session()

    @routes.get("/")
    def page() -> Response:
        # The page posts to the callbacks like a gateway would, so it has to know where they are.
        words = (_HERE / "page.html").read_text().replace("{{prefix}}", ports.settings.callback_prefix)
        return Response(words.replace("{{code}}", ports.settings.USSD_CODE), mimetype="text/html")

    @routes.get("/sandbox/handset/<any('handset.js', 'handset.css'):name>")
    def part(name: str) -> Response:
        return send_from_directory(_HERE, name)

    @routes.errorhandler(NotAPhone)
    def no_number(_error: NotAPhone) -> tuple[Response, int]:
        return jsonify(error="to=+62... is needed, an Indonesian mobile number"), 400

    @routes.get("/sandbox/did")
    def what_it_did() -> Response:
        """Whom the number belongs to, and what is kept of them."""
        with ports.transaction() as work:
            return jsonify(did(work, _asked_number()))

    @routes.get("/sandbox/sms")
    def inbox() -> tuple[Response, int]:
        """What a number received, oldest first, as the sandbox gateway has it."""
        phone = _asked_number()
        try:
            answer = sandbox.get(
                f"{ports.settings.SANDBOX_URL}/version1/inbox", params={"to": phone}, timeout=_TIMEOUTS_S
            )
            return jsonify(answer.json()), answer.status_code
        except requests.RequestException as error:
            log.warning("sandbox_away", kind=type(error).__name__)
            return jsonify(error="the sandbox process does not answer"), 502

    return routes


def _asked_number() -> str:
    """Raises NotAPhone."""
    # An unencoded `+` arrives as a blank.
    return canonical_phone(request.args.get("to", "").replace(" ", "+"))
