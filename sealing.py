"""Keeps personal data unreadable at rest: sealed fields, blind indexes, PIN hashes; never logs or stores a key."""

import hashlib
import hmac
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_NONCE_BYTES = 12
_INDEX_BYTES = 16
_PERSON_KEY = b"person key"
# The system is asked for many at a time: each asking lets go of the GIL, and with 16 callers the two of a hop were a
# sixteenth of its CPU time. A child process must not go on with its parent's.
_NONCES_AT_ONCE = 256
_nonces: deque[bytes] = deque()
os.register_at_fork(after_in_child=_nonces.clear)
# OWASP Password Storage Cheat Sheet (2026): argon2id m=7 MiB, t=5, p=1; services.md 7 measured 19.8 ms a check.
_PIN_HASHER = PasswordHasher(time_cost=5, memory_cost=7168, parallelism=1)
# Of a web process's eight threads, at most four may be in a PIN check, so that the others go on answering hops.
_PIN_CHECKS_RUNNING_MAX = 2
_PIN_CHECKS_MAX = 4
# A check takes some 20 ms, so a short crowd is through in this time; a long one is asked to come back.
_PIN_WAIT_S = 0.5


class Unreadable(Exception):
    """The sealed bytes are not ours, not whole, or of a person whose key was destroyed."""


class PinChecksBusy(Exception):
    """Too many PIN checks at this moment; the caller may try again in a few seconds."""


def _next_nonce() -> bytes:
    """Never the same one twice, in any thread or process: a deque gives each of its items to one caller only."""
    try:
        return _nonces.pop()
    except IndexError:
        fresh = os.urandom(_NONCE_BYTES * _NONCES_AT_ONCE)
        first, *others = (fresh[at : at + _NONCE_BYTES] for at in range(0, len(fresh), _NONCE_BYTES))
        _nonces.extend(others)
        return first


def _shared_key(master: bytes) -> bytes:
    return hmac.digest(master, b"iuran shared box", "sha256")


class Box:
    """One AES-256-GCM key. `about` binds a text to its place (`"worker.nik"`): sealed fields cannot be swapped.

    What was sealed with one of `others` is opened too, while keys are being rotated.
    """

    def __init__(self, key: bytes, others: Sequence[bytes] = ()) -> None:
        self._aead = AESGCM(key)
        self._others = [Box(other) for other in others]

    def seal(self, text: str, about: str) -> bytes:
        nonce = _next_nonce()
        return _VERSION + nonce + self._aead.encrypt(nonce, text.encode(), about.encode())

    def open(self, sealed: bytes, about: str) -> str:
        """Raises Unreadable."""
        plain = self._opened(sealed, about)
        if plain is not None:
            return plain
        for other in self._others:
            plain = other._opened(sealed, about)
            if plain is not None:
                return plain
        raise Unreadable(about)

    def anew(self, sealed: bytes, about: str) -> bytes | None:
        """The same text sealed with this key; None where it is already. Raises Unreadable."""
        return None if self._opened(sealed, about) is not None else self.seal(self.open(sealed, about), about)

    def _opened(self, sealed: bytes, about: str) -> str | None:
        if sealed[:1] != _VERSION:
            return None
        try:
            plain = self._aead.decrypt(sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :], about.encode())
        except (InvalidTag, ValueError):
            return None
        return plain.decode()


class Keyring:
    """The product's keys: a master over each person's own data key, one for blind indexes, one to pepper PINs."""

    def __init__(self, data_key: bytes, index_key: bytes, pin_pepper: bytes, others: Sequence[bytes] = ()) -> None:
        """`others` are masters that are read and never written with: the one before, or the one to come."""
        self._masters = [AESGCM(key) for key in (data_key, *others)]
        self.shared = Box(_shared_key(data_key), [_shared_key(key) for key in others])
        """For what belongs to no worker: heads' numbers, texts to strangers, calls in progress."""
        self._index = hmac.new(index_key, digestmod=hashlib.sha256)
        self._pepper = pin_pepper
        self._pin_running = threading.BoundedSemaphore(_PIN_CHECKS_RUNNING_MAX)
        self._pin_present = threading.BoundedSemaphore(_PIN_CHECKS_MAX)

    def new_person(self) -> tuple[Box, bytes]:
        """A fresh data key as a box, and its wrapped form to store; destroying that form erases the person."""
        key = os.urandom(32)
        return Box(key), self._wrap(key)

    def _wrap(self, key: bytes) -> bytes:
        nonce = _next_nonce()
        return _VERSION + nonce + self._masters[0].encrypt(nonce, key, _PERSON_KEY)

    def _unwrap(self, wrapped: bytes) -> tuple[int, bytes]:
        """Which master wrapped it, 0 for the one in use, and the key. Raises Unreadable."""
        if wrapped[:1] == _VERSION:
            nonce, body = wrapped[1 : 1 + _NONCE_BYTES], wrapped[1 + _NONCE_BYTES :]
            for at, master in enumerate(self._masters):
                try:
                    return at, master.decrypt(nonce, body, _PERSON_KEY)
                except (InvalidTag, ValueError):
                    continue
        raise Unreadable("person key")

    def person(self, wrapped: bytes) -> Box:
        """Raises Unreadable."""
        return Box(self._unwrap(wrapped)[1])

    def wrapped_anew(self, wrapped: bytes) -> bytes | None:
        """The same person's key under the master in use; None where it is already. Raises Unreadable."""
        at, key = self._unwrap(wrapped)
        return None if at == 0 else self._wrap(key)

    def index(self, kind: str, value: str) -> bytes:
        """The blind index of a NIK, phone or account: the same value gives the same 16 bytes, and nothing back."""
        mac = self._index.copy()
        mac.update(f"{kind}:{value}".encode())
        return mac.digest()[:_INDEX_BYTES]

    def _peppered(self, pin: str) -> str:
        return hmac.new(self._pepper, pin.encode(), "sha256").hexdigest()

    @contextmanager
    def _pin_turn(self) -> Iterator[None]:
        if not self._pin_present.acquire(timeout=_PIN_WAIT_S):
            raise PinChecksBusy
        try:
            with self._pin_running:
                yield
        finally:
            self._pin_present.release()

    def hash_pin(self, pin: str) -> str:
        """argon2id of the peppered PIN. Raises PinChecksBusy."""
        with self._pin_turn():
            return _PIN_HASHER.hash(self._peppered(pin))

    def is_pin(self, pin: str, pin_hash: str) -> bool:
        """Raises PinChecksBusy."""
        with self._pin_turn():
            try:
                return _PIN_HASHER.verify(pin_hash, self._peppered(pin))
            except (VerifyMismatchError, InvalidHashError):
                return False
