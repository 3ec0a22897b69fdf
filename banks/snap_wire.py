"""One bank's pooled HTTPS connections: bytes out, a whole bounded answer back; it never retries, follows or reads."""

import ssl
import time
from dataclasses import dataclass
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError, ReadTimeoutError
from urllib3.util.ssl_ import create_urllib3_context

ANSWER_BYTES_MAX: Final = 64 * 1024
CONNECTIONS_MAX: Final = 32
_CHUNK_BYTES: Final = 8192


class NotSent(Exception):
    """No connection: not a byte of the request has left."""


class NoAnswer(Exception):
    """The request left, or may have; no whole answer came. `why` is a word of ours, never the bank's."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    body: bytes

    def __repr__(self) -> str:
        return f"HttpAnswer({self.status})"


class _HandshakeFirst(HTTPSConnection):
    """A failed TLS handshake is a failed connection: nothing of the request was sent."""

    def connect(self) -> None:
        try:
            super().connect()
        except (OSError, ValueError) as error:
            raise NewConnectionError(self, type(error).__name__) from None


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HandshakeFirst


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        # Source: ASPI SNAP, Keamanan: TLS 1.2 only until 30 June 2026 (programme.md 3.3).
        context = create_urllib3_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        super().init_poolmanager(*args, **kwargs, ssl_context=context)
        self.poolmanager.pool_classes_by_scheme = {"http": HTTPConnectionPool, "https": _HttpsPool}


def bank_session() -> requests.Session:
    """Pooled, TLS 1.3, no retries; the machine's proxies, `.netrc` and cookies have no say."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = _Adapter(pool_connections=2, pool_maxsize=CONNECTIONS_MAX, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def exchange(
    session: requests.Session, request: requests.PreparedRequest, timeout_s: tuple[float, float]
) -> HttpAnswer:
    """Send the prepared bytes once and read the answer to its end.

    `timeout_s` is (connect, read); the body as a whole may take the read time-out once more. Raises NotSent or
    NoAnswer, both made outside the handler, so that no exception carries a request with its token.
    """
    failed: NotSent | NoAnswer
    try:
        with session.send(request, timeout=timeout_s, stream=True, allow_redirects=False) as response:
            return HttpAnswer(response.status_code, _body(response.raw, until=time.monotonic() + timeout_s[1]))
    except NoAnswer as error:
        failed = NoAnswer(error.why)
    except (requests.RequestException, HTTPError, HTTPException, OSError) as error:
        failed = NotSent() if _never_sent(error) else NoAnswer(_why(error))
    raise failed


def _body(raw: Any, until: float) -> bytes:
    if raw.headers.get("Content-Encoding", "identity") != "identity":
        raise NoAnswer("encoded")
    whole = bytearray()
    while chunk := raw.read1(_CHUNK_BYTES, decode_content=False):
        whole += chunk
        if len(whole) > ANSWER_BYTES_MAX:
            raise NoAnswer("too-large")
        if time.monotonic() > until:
            raise NoAnswer("timeout")
    return bytes(whole)


def _never_sent(error: Exception) -> bool:
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, ConnectTimeoutError)


def _why(error: Exception) -> str:
    return "timeout" if isinstance(error, requests.Timeout | ReadTimeoutError | TimeoutError) else "broken"
