"""Verifies SNAP signatures, tokens and headers as a bank would; written apart from the product's signing."""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert
from werkzeug.datastructures import Headers

from sandbox.answers import SnapRefused
from sandbox.settings import BankSettings
from sandbox.store import added, external_ids, tokens
from units.clock import jakarta_day

# Source: ASPI SNAP, access token B2B: `expiresIn` "900" (programme.md 3.3).
TOKEN_LIFE_S = 900
_TIMESTAMP_WINDOW = timedelta(minutes=5)
# Source: programme.md 3.3: yyyy-MM-ddTHH:mm:ssTZD, and milliseconds by v1.0.2.
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?[+-]\d\d:\d\d", re.ASCII)
_EXTERNAL_ID = re.compile(r"[0-9A-Za-z]{1,36}")
_HMAC_BYTES = 64
_STRING_OR_BLANK = re.compile(rb'("(?:[^"\\]|\\.)*+")|[ \t\r\n]+', re.DOTALL)


@dataclass(frozen=True)
class Request:
    """A request as it came over the wire: `path` is raw, with its query, and `body` are the received bytes."""

    method: str
    path: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        value = self.headers.get(name, "").strip()
        if not value:
            raise SnapRefused("40002", name)
        return value


def minified(body: bytes) -> bytes:
    """The bytes without blanks outside strings; never parsed and written anew, so no number or escape changes."""
    return _STRING_OR_BLANK.sub(lambda match: match[1] or b"", body)


def new_token(db: Connection, bank: BankSettings, request: Request, now: datetime) -> str:
    """Service 73: a new token for a client that signed `clientId|timestamp`. Raises SnapRefused."""
    client, timestamp = request.header("X-CLIENT-KEY"), request.header("X-TIMESTAMP")
    signature = _decoded(request.header("X-SIGNATURE"), bank)
    _check_window(timestamp, now)
    if client != bank.client_id:
        raise SnapRefused("40100", "X-CLIENT-KEY")
    try:
        bank.public_key.verify(signature, f"{client}|{timestamp}".encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise SnapRefused("40100", "X-SIGNATURE") from None
    token = secrets.token_urlsafe(48)
    db.execute(delete(tokens).where(tokens.c.expires_at <= now))
    expires_at = now + timedelta(seconds=TOKEN_LIFE_S)
    db.execute(insert(tokens).values(digest=_digest(token), bank=bank.code, expires_at=expires_at))
    return token


def check_transaction(db: Connection, bank: BankSettings, request: Request, now: datetime) -> None:
    """Token, partner, channel, signature, and an external id that is new this Jakarta day. Raises SnapRefused."""
    token = _check_token(db, bank, request, now)
    timestamp = request.header("X-TIMESTAMP")
    _check_window(timestamp, now)
    for name, expected in (("X-PARTNER-ID", bank.partner_id), ("CHANNEL-ID", bank.channel_id)):
        if request.header(name) != expected:
            raise SnapRefused("40100", name)
    external_id = request.header("X-EXTERNAL-ID")
    if not _EXTERNAL_ID.fullmatch(external_id):
        raise SnapRefused("40001", "X-EXTERNAL-ID")
    digest = hashlib.sha256(minified(request.body)).hexdigest()
    signed = ":".join((request.method, request.path, token, digest, timestamp))
    expected_hmac = hmac.digest(bank.client_secret.encode(), signed.encode(), "sha512")
    given = _decoded(request.header("X-SIGNATURE"), bank)
    if len(given) != _HMAC_BYTES or not hmac.compare_digest(given, expected_hmac):
        raise SnapRefused("40100", "X-SIGNATURE")
    # Only now, so that a stranger's bad request does not use up a number of ours.
    row = insert(external_ids).values(bank=bank.code, day=jakarta_day(now), external_id=external_id)
    if not added(db, row):
        raise SnapRefused("40900")


def _check_token(db: Connection, bank: BankSettings, request: Request, now: datetime) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not token:
        raise SnapRefused("40103")
    known = select(tokens.c.expires_at).where(tokens.c.digest == _digest(token), tokens.c.bank == bank.code)
    expires_at = db.execute(known).scalar()
    if expires_at is None or expires_at <= now:
        raise SnapRefused("40101")
    return token


def _check_window(timestamp: str, now: datetime) -> None:
    if not _TIMESTAMP.fullmatch(timestamp):
        raise SnapRefused("40001", "X-TIMESTAMP")
    try:
        at = datetime.fromisoformat(timestamp)
    except ValueError:
        raise SnapRefused("40001", "X-TIMESTAMP") from None
    if abs(now - at) > _TIMESTAMP_WINDOW:
        raise SnapRefused("40100", "X-TIMESTAMP")


def _decoded(signature: str, bank: BankSettings) -> bytes:
    """Lowercase hex or Base64, as agreed with this client. Raises SnapRefused."""
    if bank.signature_encoding == "hex":
        if not re.fullmatch(r"([0-9a-f]{2})+", signature):
            raise SnapRefused("40100", "X-SIGNATURE")
        return bytes.fromhex(signature)
    try:
        return base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        raise SnapRefused("40100", "X-SIGNATURE") from None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
