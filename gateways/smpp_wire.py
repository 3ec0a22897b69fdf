"""One TCP connection to an SMSC: whole PDUs in, whole PDUs out, every wait with an end; it knows nothing of calls."""

import secrets
import select
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from smpplib import consts

from config import Settings
from gateways.smpp import RESPONSE, BadLength, Pdu, Writer, cut

_CHUNK_BYTES: Final = 64 * 1024


class Lost(Exception):
    """The connection is of no use any more; `why` is one word for the log."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Smsc:
    """An operator's SMSC and who we are there. Without `tls` what is typed goes in the clear: inside a tunnel only."""

    host: str
    port: int
    system_id: str
    password: str = field(repr=False)
    system_type: str = ""
    tls: ssl.SSLContext | None = None
    bind: str = "bind_transceiver"
    """Or bind_transmitter, bind_receiver: which way texts go."""


def call_smsc(settings: Settings) -> Smsc:
    """The SMSC that brings calls, as it is configured."""
    password = settings.SMPP_PASSWORD.get_secret_value()
    return _smsc(settings, settings.SMPP_HOST, settings.SMPP_PORT, settings.SMPP_SYSTEM_ID, password)


def sms_smsc(settings: Settings) -> Smsc:
    """The SMSC for texts, as it is configured."""
    password = settings.SMS_SMPP_PASSWORD.get_secret_value()
    return _smsc(settings, settings.SMS_SMPP_HOST, settings.SMS_SMPP_PORT, settings.SMS_SMPP_SYSTEM_ID, password)


def _smsc(settings: Settings, host: str, port: int, system_id: str, password: str) -> Smsc:
    tls = _tls() if settings.SMPP_TLS else None
    return Smsc(host, port, system_id, password, settings.SMPP_SYSTEM_TYPE, tls)


def _tls() -> ssl.SSLContext:
    """TLS 1.2 or later, with the other side's name checked."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Wire:
    """A bound connection. One thread reads and writes: TLS allows no two at once."""

    def __init__(self, connected: socket.socket, response_s: float) -> None:
        self._socket, self._response_s = connected, response_s
        self._came = bytearray()
        self._part_since = 0.0
        self.make = Writer()
        # Names the connection to the calls that came by it; sequence numbers mean nothing on another.
        self.name = secrets.token_hex(8)
        self.early: list[Pdu] = []
        """What came together with the answer to the bind."""

    @classmethod
    def bound(cls, smsc: Smsc, connect_s: float, response_s: float) -> "Wire":
        """A connection that may send and receive. Raises Lost; `bind-13` is the SMSC's own word, in decimal."""
        try:
            connected = socket.create_connection((smsc.host, smsc.port), timeout=connect_s)
        except OSError as error:
            raise Lost(f"connect-{type(error).__name__}") from None
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if smsc.tls is not None:
                connected = smsc.tls.wrap_socket(connected, server_hostname=smsc.host)
            wire = cls(connected, response_s)
            wire._bind(smsc)
        except (OSError, BadLength) as error:
            connected.close()
            raise Lost(f"bind-{type(error).__name__}") from None
        except Lost:
            connected.close()
            raise
        return wire

    def _bind(self, smsc: Smsc) -> None:
        asked = self.make.bind(smsc.bind, smsc.system_id, smsc.password, smsc.system_type)
        until = time.monotonic() + self._response_s
        self.send(asked.raw)
        while (left_s := until - time.monotonic()) > 0:
            came = self.receive((), left_s)
            for at, pdu in enumerate(came):
                if not pdu.command_id & RESPONSE or pdu.sequence != asked.sequence:
                    continue
                if pdu.command_id != asked.command_id | RESPONSE or pdu.status != consts.SMPP_ESME_ROK:
                    raise Lost(f"bind-{pdu.status}")
                self.early = came[at + 1 :]
                return
        raise Lost("bind-silence")

    def receive(self, others: Sequence[socket.socket], wait_s: float) -> list[Pdu]:
        """The whole PDUs that came; none when the wait is over or one of `others` spoke. Raises Lost, BadLength.

        What is readable in `others` is read and dropped: they only wake.
        """
        # What stood behind the last whole PDU may be none.
        cut(self._came)
        self._check_part()
        if not (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()):
            readable, _, _ = select.select([self._socket, *others], [], [], max(0.0, wait_s))
            for other in others:
                if other in readable:
                    other.recv(_CHUNK_BYTES)
            if self._socket not in readable:
                return []
        try:
            chunk = self._socket.recv(_CHUNK_BYTES)
        except OSError as error:
            raise Lost(type(error).__name__) from None
        if not chunk:
            raise Lost("closed")
        if not self._came:
            self._part_since = time.monotonic()
        self._came += chunk
        whole = cut(self._came)
        if whole:
            self._part_since = time.monotonic()
        return whole

    def _check_part(self) -> None:
        if self._came and time.monotonic() - self._part_since > self._response_s:
            raise Lost("half-a-pdu")

    def send(self, raw: bytes) -> None:
        """Raises Lost; part of it may have gone."""
        try:
            self._socket.sendall(raw)
        except OSError as error:
            raise Lost(type(error).__name__) from None

    def close(self) -> None:
        self._socket.close()
