"""A small SMSC on loopback for tests, by hand from SMPP 3.4: it shares no code with our client, nor with smpplib."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

GENERIC_NACK, SUBMIT_SM, DELIVER_SM, UNBIND, ENQUIRE_LINK = 0x80000000, 4, 5, 6, 0x15
BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER = 1, 2, 9
RESPONSE = 0x80000000
OK, BAD_LENGTH, BAD_COMMAND, WRONG_PASSWORD, THROTTLED = 0, 2, 3, 0x0E, 0x58
DIALLED, MENU, LAST_WORDS, ANSWERED, ABORTED = 1, 2, 17, 18, 0x81
WAIT_S = 10.0


def pdu(command_id: int, sequence: int, body: bytes = b"", status: int = OK) -> bytes:
    return struct.pack(">LLLL", 16 + len(body), command_id, status, sequence) + body


def tlv(tag: int, value: int, size: int) -> bytes:
    return struct.pack(">HH", tag, size) + value.to_bytes(size, "big")


def message(phone: str, code: str, octets: bytes, op: int | None, info: int | None, coding: int = 0) -> bytes:
    """A deliver_sm's body."""
    body = b"USSD\0" + b"\x01\x01" + phone.encode() + b"\0" + b"\x00\x01" + code.encode() + b"\0"
    body += bytes([0, 0, 0]) + b"\0" + b"\0" + bytes([0, 0, coding, 0, len(octets)]) + octets
    body += tlv(0x0501, op, 1) if op is not None else b""
    return body + (tlv(0x1383, info, 2) if info is not None else b"")


def text_in(
    phone: str, to: str, octets: bytes, *, esm_class: int = 0, coding: int = 0, message_id: str = "", state: int = 0
) -> bytes:
    """A deliver_sm's body without a call: a text, or (esm_class 4) a report."""
    body = b"\0" + b"\x01\x01" + phone.encode() + b"\0" + b"\x00\x01" + to.encode() + b"\0"
    body += bytes([esm_class, 0, 0]) + b"\0" + b"\0" + bytes([0, 0, coding, 0, len(octets)]) + octets
    if message_id:
        body += struct.pack(">HH", 0x001E, len(message_id) + 1) + message_id.encode() + b"\0"
    return body + (tlv(0x0427, state, 1) if state else b"")


@dataclass(frozen=True)
class Submitted:
    """A submit_sm that came, read field by field."""

    to: str
    sender: str
    octets: bytes
    op: int | None
    info: int | None
    sequence: int
    at: float
    reported: bool
    """Whether its sender wants to hear what became of it."""

    @property
    def text(self) -> str:
        return self.octets.decode("ascii")


def read_submit(sequence: int, body: bytes) -> Submitted:
    service, rest = body.split(b"\0", 1)
    assert service in (b"USSD", b"")
    sender, rest = rest[2:].split(b"\0", 1)
    to, rest = rest[2:].split(b"\0", 1)
    assert rest[3:5] == b"\0\0", "no schedule and no validity"
    reported, size = rest[5] == 1, rest[9]
    octets, rest = rest[10 : 10 + size], rest[10 + size :]
    found: dict[int, int] = {}
    while rest:
        tag, length = struct.unpack_from(">HH", rest)
        found[tag] = int.from_bytes(rest[4 : 4 + length], "big")
        rest = rest[4 + length :]
    op, info = found.get(0x0501), found.get(0x1383)
    assert (op is None) == (service == b""), "a screen says what it is, and a text is none"
    return Submitted(to.decode(), sender.decode(), octets, op, info, sequence, time.monotonic(), reported)


class Smsc:
    """Takes one bind after another. What it does wrong is told to it: `throttle`, `acknowledges`, `says_it_lives`."""

    def __init__(self, password: str = "hush", tls: ssl.SSLContext | None = None) -> None:
        self._password, self._tls = password, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._changed = threading.Condition()
        self._connection: socket.socket | None = None
        self._receiver: socket.socket | None = None
        self._sequence = 0
        self.binds: list[int] = []
        """The status that each bind was answered with."""
        self.submitted: list[Submitted] = []
        self.bound_as: list[int] = []
        self.refused = 0
        """How many submit_sm were answered with `throttled`."""
        self.responses: list[tuple[int, int, int]] = []
        """(command, sequence, status) of each response that came."""
        self.enquiries = 0
        self.unbinds = 0
        self.throttle = 0
        self.refuses_with = OK
        """The status that a submit_sm is answered with where it is not OK."""
        self.enquires = False
        """Whether it asks whether we live before it answers a submit_sm."""
        self.acknowledges = True
        self.says_it_lives = True
        self.with_the_bind = b""
        """Sent in one packet with the answer to the bind."""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """The connection breaks, without a word."""
        with self._changed:
            connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def send(self, raw: bytes) -> None:
        self.wait(lambda: self._connection is not None, "a bind")
        assert self._connection
        self._connection.sendall(raw)

    def send_to_receiver(self, raw: bytes) -> None:
        """Where a transmitter is bound beside it."""
        assert self._receiver
        self._receiver.sendall(raw)

    def next_sequence(self) -> int:
        with self._changed:
            self._sequence += 1
            return self._sequence

    def wait(self, until: Callable[[], object], what: str, wait_s: float = WAIT_S) -> None:
        with self._changed:
            assert self._changed.wait_for(until, wait_s), f"waited in vain for {what}"

    def count(self, to: str) -> int:
        return sum(submit.to == to for submit in self.submitted)

    def answers(self, to: str) -> list[Submitted]:
        with self._changed:
            return [submit for submit in self.submitted if submit.to == to]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError, EOFError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            while True:
                length, command_id, status, sequence = struct.unpack(">LLLL", _exactly(connection, 16))
                body = _exactly(connection, length - 16)
                with self._changed:
                    self._take(connection, command_id, status, sequence, body)
                    self._changed.notify_all()
        connection.close()

    def _take(self, connection: socket.socket, command_id: int, status: int, sequence: int, body: bytes) -> None:
        if command_id in (BIND_TRANSCEIVER, BIND_TRANSMITTER, BIND_RECEIVER):
            self.bound_as.append(command_id)
            system_id, password, _ = body.split(b"\0", 2)
            good = (system_id, password) == (b"iuran", self._password.encode())
            self.binds.append(OK if good else WRONG_PASSWORD)
            answer = pdu(RESPONSE | command_id, sequence, b"test\0", self.binds[-1])
            connection.sendall(answer + (self.with_the_bind if good else b""))
            self._connection = connection if good else None
            if good and command_id == BIND_RECEIVER:
                self._receiver = connection
        elif command_id == SUBMIT_SM:
            self._submit(connection, sequence, body)
        elif command_id == ENQUIRE_LINK:
            self.enquiries += 1
            if self.says_it_lives:
                connection.sendall(pdu(RESPONSE | command_id, sequence))
        elif command_id == UNBIND:
            self.unbinds += 1
            connection.sendall(pdu(RESPONSE | command_id, sequence))
        else:
            assert command_id & RESPONSE
            self.responses.append((command_id, sequence, status))

    def _submit(self, connection: socket.socket, sequence: int, body: bytes) -> None:
        if self.throttle:
            self.throttle -= 1
            self.refused += 1
            connection.sendall(pdu(RESPONSE | SUBMIT_SM, sequence, status=THROTTLED))
            return
        if self.refuses_with:
            connection.sendall(pdu(RESPONSE | SUBMIT_SM, sequence, status=self.refuses_with))
            return
        self.submitted.append(read_submit(sequence, body))
        if self.enquires:
            connection.sendall(pdu(ENQUIRE_LINK, 77))
        if self.acknowledges:
            connection.sendall(pdu(RESPONSE | SUBMIT_SM, sequence, f"{10 + len(self.submitted):08X}\0".encode()))


def _exactly(connection: socket.socket, size: int) -> bytes:
    came = b""
    while len(came) < size:
        chunk = connection.recv(size - len(came))
        if not chunk:
            raise EOFError
        came += chunk
    return came
