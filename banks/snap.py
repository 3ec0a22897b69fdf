"""SNAP's signatures, times and ids as pure functions over bytes; it never opens a connection or parses a body."""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from datetime import datetime
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from units.clock import JAKARTA

Encoding = Literal["base64", "hex"]
"""The ASPI page shows lowercase hex; DANA, DOKU and others send Base64 (programme.md 3.3): a setting of each bank."""

# Source: ASPI SNAP developer site: X-EXTERNAL-ID is String(36) (Keamanan), the `journeyId` that repeats it in service
# 81 is String(32) (programme.md 3.3, 3.4): what fits both.
EXTERNAL_ID_DIGITS: Final = 32
_RANDOM_DIGITS: Final = EXTERNAL_ID_DIGITS - len("20201223085811000000")

# A string, closed or cut off at the end, or a run of JSON's four kinds of white space (RFC 8259, section 2).
_STRING_OR_SPACE: Final = re.compile(rb'("(?:[^"\\]++|\\.)*+(?:"|\\?\Z))|[ \t\n\r]++', re.DOTALL)


def timestamp(at: datetime) -> str:
    """X-TIMESTAMP in Jakarta's time: `"2020-12-23T08:58:11+07:00"`. Source: ASPI Keamanan (programme.md 3.3)."""
    return at.astimezone(JAKARTA).isoformat(timespec="seconds")


def external_id(at: datetime) -> str:
    """32 digits, the moment and 12 random ones: unique in the day, over all processes."""
    moment = at.astimezone(JAKARTA).strftime("%Y%m%d%H%M%S%f")
    return f"{moment}{secrets.randbelow(10**_RANDOM_DIGITS):0{_RANDOM_DIGITS}d}"


def minify(body: bytes) -> bytes:
    """The same bytes without white space outside strings; never parsed and dumped again, which would change others.

    What is no JSON comes back without its white space, and no worse. Idempotent.
    """
    return _STRING_OR_SPACE.sub(rb"\1", body)


def token_text(client_id: str, stamp: str) -> bytes:
    """What is signed to ask for a token. Source: ASPI Keamanan, `client_ID + "|" + X-TIMESTAMP`."""
    return f"{client_id}|{stamp}".encode()


def symmetric_text(method: str, endpoint: str, token: str, body: bytes, stamp: str) -> bytes:
    """METHOD:EndpointUrl:AccessToken:lower(hex(sha256(minify(body)))):TIMESTAMP. Source: ASPI Keamanan.

    `endpoint` is the path and query as sent, `/bank/114/v1.0/debit/fast-payment`; no body is hashed as no bytes.
    """
    return f"{method}:{endpoint}:{token}:{hashlib.sha256(minify(body)).hexdigest()}:{stamp}".encode()


def asymmetric_text(method: str, endpoint: str, body: bytes, stamp: str) -> bytes:
    """METHOD:EndpointUrl:lower(hex(sha256(minify(body)))):TIMESTAMP, where no token is used. Source: ASPI Keamanan."""
    return f"{method}:{endpoint}:{hashlib.sha256(minify(body)).hexdigest()}:{stamp}".encode()


def sign_hmac(secret: str, text: bytes, encoding: Encoding) -> str:
    """HMAC-SHA512 by the client secret."""
    return _encoded(hmac.digest(secret.encode(), text, "sha512"), encoding)


def verify_hmac(secret: str, text: bytes, signature: str, encoding: Encoding) -> bool:
    """Whether `signature` is that of `text`, compared in constant time; rubbish is False, never an error."""
    given = _decoded(signature, encoding)
    return given is not None and hmac.compare_digest(given, hmac.digest(secret.encode(), text, "sha512"))


def sign_rsa(key: RSAPrivateKey, text: bytes, encoding: Encoding) -> str:
    """SHA256withRSA: RSASSA-PKCS1-v1_5."""
    return _encoded(key.sign(text, padding.PKCS1v15(), hashes.SHA256()), encoding)


def verify_rsa(key: RSAPublicKey, text: bytes, signature: str, encoding: Encoding) -> bool:
    """Whether the holder of `key` signed `text`; rubbish is False, never an error."""
    given = _decoded(signature, encoding)
    if given is None:
        return False
    try:
        key.verify(given, text, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _encoded(raw: bytes, encoding: Encoding) -> str:
    return raw.hex() if encoding == "hex" else base64.b64encode(raw).decode()


def _decoded(signature: str, encoding: Encoding) -> bytes | None:
    try:
        return binascii.unhexlify(signature) if encoding == "hex" else base64.b64decode(signature, validate=True)
    except ValueError:
        return None
