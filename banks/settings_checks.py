"""What a value of a bank's settings has to look like; says what is wrong in words that do not hold the value."""

import ipaddress
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

TIMEOUT_S_MAX: Final = 120.0
Check = Callable[[object], str | None]
"""What is wrong with a value, in words that do not hold it; None if nothing is."""


def text(longest: int, pattern: str = r"[ -~]+", what: str = "text of printable ASCII") -> Check:
    shape = re.compile(pattern)

    def check(value: object) -> str | None:
        fits = isinstance(value, str) and len(value) <= longest and value.strip() == value and shape.fullmatch(value)
        return None if fits else f"must be {what}, at most {longest} characters"

    return check


def one_of(*known: str) -> Check:
    return lambda value: None if value in known else f"must be one of {', '.join(known)}"


def timeout_s(value: object) -> str | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= TIMEOUT_S_MAX
    return None if fits else f"must be seconds, above 0 and at most {TIMEOUT_S_MAX:.0f}"


def pace(value: object) -> str | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")
    return None if fits else "must be requests in a second, above 0"


def whole(least: int, most: int) -> Check:
    def check(value: object) -> str | None:
        fits = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return None if fits else f"must be a whole number from {least} to {most}"

    return check


def flag(value: object) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def base_url(value: object) -> str | None:
    if not isinstance(value, str) or not re.fullmatch(r"https?://[!-~]+", value) or value.endswith("/"):
        return "must be a URL that begins with https:// and does not end in /"
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return "must be a URL with a host and a port in range"
    if not host or parts.query or parts.fragment or "@" in parts.netloc:
        return "must be a host and a path, without user, query or fragment"
    if parts.scheme != "https" and not loopback(host):
        return "must be https, but for a loopback host"
    return None
