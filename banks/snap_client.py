"""Speaks SNAP with one bank: tokens, signed requests and the three ways to fail; it knows no product's fields."""

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import requests

from banks.base import Answer, BankRefused, BankUnknown, BankUnreachable, Became, Reason
from banks.codes import TOKEN, Next, read_code, snap_code
from banks.settings import BankSettings
from banks.snap import external_id, sign_hmac, sign_rsa, symmetric_text, timestamp, token_text
from banks.snap_wire import HttpAnswer, NoAnswer, NotSent, bank_session, exchange
from banks.token_shelf import Token, TokenShelf
from units.clock import Clock

# Source: ASPI SNAP, Keamanan, Access Token B2B: `expiresIn` is the string "900" (programme.md 3.3).
TOKEN_LIFE_S: Final = 900
TOKEN_MARGIN_S: Final = 60
_TOKEN: Final = re.compile(r"[!-~]{1,2048}")
_AMOUNT: Final = re.compile(r"[0-9]{1,16}(\.[0-9]{1,2})?")
# Fields an answer may repeat; another value than ours means that it answers another request.
_REFERENCES: Final = (
    "partnerReferenceNo",
    "customerReference",
    "eMandateReffId",
    "customerId",
    "originalPartnerReferenceNo",
    "originalReferenceNo",
    "partnerRefundNo",
    "linkId",
)
_AMOUNTS: Final = ("amount", "maxAmount", "refundAmount")


@dataclass(frozen=True)
class SnapAnswer:
    """`answer` is a Became only where a question or what takes back was answered "not found"."""

    answer: Answer | Became
    code: str
    fields: Mapping[str, object] = field(repr=False)
    sent_as: str
    """The X-EXTERNAL-ID of the request that was answered."""


class SnapClient:
    """Shared by threads. `post` raises BankRefused, BankUnreachable or BankUnknown, and nothing else.

    With a shelf, one token serves all processes that share it; without one, each client fetches its own.
    """

    def __init__(self, settings: BankSettings, clock: Clock, shelf: TokenShelf | None = None) -> None:
        self._settings, self._clock, self._shelf = settings, clock, shelf
        self._session = bank_session()
        self._timeout_s = (settings.connect_timeout_s, settings.read_timeout_s)
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._tries = 0
        self._failed: BankUnreachable | BankRefused | None = None

    def post(self, service: str, path: str, fields: Mapping[str, object]) -> SnapAnswer:
        """Sign and send `fields` to `path` of the bank's prefix. A renewed token and a renewed external id are
        each tried once, and only on the bank's word that it turned the request away unread."""
        body = _compact(fields)
        again = {Next.NEW_TOKEN, Next.NEW_EXTERNAL_ID}
        token = self._fresh_token(stale=None)
        while True:
            sent_as = external_id(self._clock())
            http, got = self._send(path, body, token, sent_as)
            code = snap_code(service, http.status, got.get("responseCode"))
            step = read_code(service, http.status, code)
            if code is None:
                raise BankUnknown(f"http{http.status}")
            if differs := _differs(fields, got):
                raise BankUnknown(differs)
            if isinstance(step, Answer | Became):
                return SnapAnswer(step, code, got, sent_as)
            if isinstance(step, Reason):
                raise BankRefused(step, code)
            if step not in again:
                # A second "token invalid" is a definite no; a second "id used" may be a copy that was executed.
                raise BankRefused(Reason.OURS, code) if step is Next.NEW_TOKEN else BankUnknown(code)
            again.discard(step)
            if step is Next.NEW_TOKEN:
                token = self._fresh_token(stale=token)

    def _send(self, path: str, body: bytes, token: str, sent_as: str) -> tuple[HttpAnswer, dict[str, object]]:
        settings, stamp = self._settings, timestamp(self._clock())
        request = self._request(
            settings.path_prefix + path,
            body,
            {
                "Authorization": f"Bearer {token}",
                "X-TIMESTAMP": stamp,
                "X-PARTNER-ID": settings.partner_id,
                "X-EXTERNAL-ID": sent_as,
                "CHANNEL-ID": settings.channel_id,
            },
        )
        text = symmetric_text("POST", request.path_url, token, body, stamp)
        request.headers["X-SIGNATURE"] = sign_hmac(settings.client_secret, text, settings.signature_encoding)
        failed: BankUnreachable | BankUnknown
        try:
            http = exchange(self._session, request, self._timeout_s)
            return http, _decoded(http.body, http.status)
        except NotSent:
            failed = BankUnreachable("connection")
        except NoAnswer as error:
            failed = BankUnknown(error.why)
        raise failed

    def _request(self, path: str, body: bytes, headers: Mapping[str, str]) -> requests.PreparedRequest:
        fixed = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
        request = requests.Request("POST", self._settings.base_url + path, data=body, headers={**fixed, **headers})
        return self._session.prepare_request(request)

    def _fresh_token(self, stale: str | None) -> str:
        """The token in hand, unless it is `stale` or near its end; then one thread fetches and the others wait.

        Those that waited share that thread's failure rather than each trying a bank that does not answer.
        """
        tries = self._tries
        with self._lock:
            held = self._token
            if held and held.text != stale and self._clock() < held.until:
                return held.text
            if self._tries != tries and self._failed is not None:
                raise _copy(self._failed)
            self._tries += 1
            try:
                self._token, self._failed = self._shared_token(stale), None
            except (BankUnreachable, BankRefused) as error:
                self._failed = _copy(error)
                raise
            return self._token.text

    def _shared_token(self, stale: str | None) -> Token:
        if self._shelf is None:
            return self._fetch_token()
        settings = self._settings
        owner = f"{settings.base_url}{settings.token_path}|{settings.client_id}"
        return self._shelf.token(settings.code, owner, stale, self._clock(), self._fetch_token)

    def _fetch_token(self) -> Token:
        settings, now = self._settings, self._clock()
        stamp = timestamp(now)
        signature = sign_rsa(settings.private_key, token_text(settings.client_id, stamp), settings.signature_encoding)
        headers = {"X-TIMESTAMP": stamp, "X-CLIENT-KEY": settings.client_id, "X-SIGNATURE": signature}
        request = self._request(settings.token_path, b'{"grantType":"client_credentials"}', headers)
        failed: BankUnreachable
        try:
            http = exchange(self._session, request, self._timeout_s)
            return _read_token(http, _decoded(http.body, http.status), now)
        except NotSent:
            failed = BankUnreachable("no token: connection")
        except NoAnswer as error:
            failed = BankUnreachable(f"no token: {error.why}")
        except BankUnknown as error:
            failed = BankUnreachable(f"no token: {error.code}")
        raise failed


def _read_token(http: HttpAnswer, got: Mapping[str, object], now: datetime) -> Token:
    """Nothing but the token call was sent, so whatever is no token and no definite no is BankUnreachable."""
    step = read_code(TOKEN, http.status, got.get("responseCode"))
    if step is Reason.NOT_NOW or (isinstance(step, Next) and step is not Next.NEW_TOKEN):
        raise BankUnreachable(f"no token: http{http.status}")
    if isinstance(step, Reason | Next):
        code = snap_code(TOKEN, http.status, got.get("responseCode"))
        raise BankRefused(Reason.OURS, code or f"http{http.status}")
    text = got.get("accessToken")
    if not isinstance(text, str) or not _TOKEN.fullmatch(text):
        raise BankUnreachable("no token: none in the answer")
    life = str(got.get("expiresIn", ""))
    life_s = int(life) if life.isascii() and life.isdigit() and len(life) < 8 else TOKEN_LIFE_S
    return Token(text, now + timedelta(seconds=min(life_s, TOKEN_LIFE_S) - TOKEN_MARGIN_S))


def _copy(error: BankUnreachable | BankRefused) -> BankUnreachable | BankRefused:
    return BankRefused(error.reason, error.code) if isinstance(error, BankRefused) else BankUnreachable(*error.args)


def _compact(fields: Mapping[str, object]) -> bytes:
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()


def _decoded(body: bytes, status: int) -> dict[str, object]:
    try:
        got: Any = json.loads(body)
    except (ValueError, RecursionError):
        got = None
    if not isinstance(got, dict):
        raise BankUnknown(f"http{status}")
    return got


def _differs(ours: Mapping[str, object], theirs: Mapping[str, object]) -> str | None:
    """`"reference"` or `"amount"` where the answer names another than we did; what it leaves out it does not deny."""
    for name in _REFERENCES:
        if name in ours and theirs.get(name) not in (None, "", ours[name]):
            return "reference"
    for name in _AMOUNTS:
        if name in ours and theirs.get(name) is not None and _rupiah(theirs[name]) != _rupiah(ours[name]):
            return "amount"
    return None


def _rupiah(amount: object) -> Decimal | None:
    if not isinstance(amount, dict) or amount.get("currency") != "IDR" or not isinstance(amount.get("value"), str):
        return None
    return Decimal(amount["value"]) if _AMOUNT.fullmatch(amount["value"]) else None
