"""Africa's Talking's SMS out, over the company's own package; it never resends and never logs a text or a number."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests
from africastalking.SMS import SMSService
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, ReadTimeoutError

from gateways.africastalking_forms import (
    SessionEnd,
    frame,
    hop_label,
    read_event,
    read_optout,
    read_report,
    read_sms,
    read_turn,
)
from gateways.base import Accepted, GatewayStopped, Outcome, SendRefused, SendUnknown, SendUnreachable

__all__ = [
    "AfricasTalkingSms",
    "SessionEnd",
    "frame",
    "hop_label",
    "read_event",
    "read_optout",
    "read_report",
    "read_sms",
    "read_turn",
]

CONNECT_TIMEOUT_S: Final = 3.05
READ_TIMEOUT_S: Final = 9.05
ANSWER_BYTES_MAX: Final = 64 * 1024
CONNECTIONS_MAX: Final = 16
_CHUNK_BYTES: Final = 8192
_GATEWAY_ID_MAX: Final = 100
_COST_MAX: Final = 32

# Source: Africa's Talking, Bulk SMS, recipient statusCode (gateways.md 3.4, read November 2026).
ACCEPTED: Final = frozenset({100, 101, 102})
STOPPED: Final = frozenset({401, 402, 405})
REFUSED: Final = frozenset({403, 404, 406, 407, 409, 502})
NOT_SENT: Final = frozenset({500, 501})
# 403 InvalidPhoneNumber, 404 UnsupportedNumberType, 406 UserInBlacklist, 409 DoNotDisturbRejection; 407 CouldNotRoute
# and 502 RejectedByGateway say nothing of who has the number.
_OF_NUMBER: Final = {403: Outcome.LOST, 404: Outcome.LOST, 406: Outcome.REFUSED, 409: Outcome.REFUSED}
# An HTTP status of the whole call. 409 is the documented DoNotDisturbRejection, 400 this request's own fault; 401 and
# whatever else says that key, path or method is wrong hits every text. 5xx may have been sent before it broke.
_HTTP_REFUSED: Final = frozenset({400, 406, 409, 413, 422})
_HTTP_NOT_SENT: Final = frozenset({429})
_HTTP_UNKNOWN: Final = frozenset({408})


@dataclass(frozen=True)
class _HttpAnswer:
    status: int
    body: bytes

    def __repr__(self) -> str:
        return f"_HttpAnswer({self.status})"


class _Wire(SMSService):  # type: ignore[misc] # the package carries no types
    """The company's client with our address, our time-outs, one pool, and the status code that its own drops."""

    def __init__(self, username: str, api_key: str, url: str, timeout_s: tuple[float, float]) -> None:
        self._url, self._timeout_s = url.rstrip("/"), timeout_s
        self._session = requests.Session()
        # The machine's proxies, `.netrc` and cookies have no say.
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = HTTPAdapter(pool_connections=2, pool_maxsize=CONNECTIONS_MAX, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        super().__init__(username, api_key)

    def _init_service(self) -> None:
        self._baseUrl = self._contentUrl = self._url

    def _make_request(
        self,
        url: str,
        method: str,
        headers: Mapping[str, str],
        data: Any,
        params: Any,
        callback: object = None,
        timeout: object = None,
    ) -> _HttpAnswer:
        """Raises SendUnreachable or SendUnknown, made outside the handler: no exception carries the text's request."""
        failed: SendUnreachable | SendUnknown
        try:
            with self._session.request(
                method,
                url,
                params=params,
                data=data,
                headers={**headers, "Accept-Encoding": "identity"},
                timeout=self._timeout_s,
                allow_redirects=False,
                stream=True,
            ) as response:
                return _HttpAnswer(response.status_code, _body(response.raw, time.monotonic() + self._timeout_s[1]))
        except SendUnknown as error:
            failed = SendUnknown(*error.args)
        except (requests.RequestException, HTTPError, HTTPException, OSError) as error:
            failed = _failure(error)
        raise failed


class AfricasTalkingSms:
    """An SmsGateway. Shared by threads; `url` is the API's base with its version, `https://.../version1`."""

    name = "africastalking"

    def __init__(
        self,
        username: str,
        api_key: str,
        *,
        sender_id: str,
        url: str,
        timeout_s: tuple[float, float] = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
    ) -> None:
        self._wire = _Wire(username, api_key, url, timeout_s)
        self._sender_id = sender_id or None

    def send(self, phone: str, text: str) -> Accepted:
        """`phone` is canonical. The gateway has no idempotency key, so SendUnknown is never sent again by itself."""
        answer: _HttpAnswer = self._wire.send(text, [phone], self._sender_id)
        if not 200 <= answer.status < 300:
            raise _http_failure(answer.status)
        return _accepted(_recipient(_message_data(answer.body), phone))

    def rest(self) -> None:
        """The pool keeps a few connections; the gateway closes those it does not want."""


def _body(raw: Any, until: float) -> bytes:
    if raw.headers.get("Content-Encoding", "identity") != "identity":
        raise SendUnknown("encoded")
    whole = bytearray()
    while chunk := raw.read1(_CHUNK_BYTES, decode_content=False):
        whole += chunk
        if len(whole) > ANSWER_BYTES_MAX:
            raise SendUnknown("too-large")
        if time.monotonic() > until:
            raise SendUnknown("timeout")
    return bytes(whole)


def _failure(error: Exception) -> SendUnreachable | SendUnknown:
    cause = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError) and isinstance(cause.reason, ConnectTimeoutError):
        return SendUnreachable("connection")
    return SendUnknown("timeout" if isinstance(error, requests.Timeout | ReadTimeoutError | TimeoutError) else "broken")


def _http_failure(status: int) -> SendRefused | SendUnreachable | SendUnknown:
    code = f"http{status}"
    if status in _HTTP_NOT_SENT:
        return SendUnreachable(code)
    if status in _HTTP_REFUSED:
        return SendRefused(code)
    # 300-399 too: the address is wrong, and is not followed with the text and the key.
    return GatewayStopped(code) if 300 <= status < 500 and status not in _HTTP_UNKNOWN else SendUnknown(code)


def _message_data(body: bytes) -> Mapping[str, Any]:
    """`SMSMessageData`, whatever the content type says: the package parses only the exact `application/json`."""
    try:
        answer: Any = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    data = answer.get("SMSMessageData") if isinstance(answer, dict) else None
    if not isinstance(data, dict):
        raise SendUnknown("undecodable")
    return data


def _recipient(data: Mapping[str, Any], phone: str) -> Mapping[str, Any]:
    recipients = data.get("Recipients")
    if recipients == []:
        # How a fault of the whole account comes: 2xx, nobody in it, the reason in words (gateways.md 1.3).
        raise GatewayStopped(_safe_words(data.get("Message")))
    if not isinstance(recipients, list) or len(recipients) != 1 or not isinstance(recipients[0], dict):
        raise SendUnknown("recipients")
    number = recipients[0].get("number")
    if isinstance(number, str) and number.lstrip("+") not in ("", phone.lstrip("+")):
        raise SendUnknown("recipient")
    return recipients[0]


def _accepted(recipient: Mapping[str, Any]) -> Accepted:
    code = _status_code(recipient.get("statusCode"))
    if code in ACCEPTED:
        return Accepted(_text(recipient.get("messageId"), _GATEWAY_ID_MAX), _text(recipient.get("cost"), _COST_MAX))
    if code in STOPPED:
        raise GatewayStopped(str(code))
    if code in REFUSED:
        raise SendRefused(str(code), _OF_NUMBER.get(code))
    if code in NOT_SENT:
        raise SendUnreachable(str(code))
    raise SendUnknown("status")


def _status_code(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch("[0-9]{3}", value):
        return int(value)
    return value if isinstance(value, int) else None


def _text(value: object, longest: int) -> str:
    """What is no short printable text is left empty; the gateway writes a missing id as the word `None`."""
    fits = isinstance(value, str) and len(value) <= longest and value.isascii() and value.isprintable()
    return str(value) if fits and value != "None" else ""


def _safe_words(message: object) -> str:
    """Letters of the gateway's reason alone: it may hold a number, and a number may be a member's."""
    words = re.sub(r"[^A-Za-z]+", " ", message[:200]).strip() if isinstance(message, str) else ""
    return words[:40].rstrip() or "no-recipients"
