"""Starts, watches and ends single processes on this machine; never knows what they are for."""

import ctypes
import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

LOG_BYTES_MAX = 10_000_000
STOP_WAIT_S = 10.0
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PORTS, _PORT_TRIES = range(20_000, 32_000), 50


class LocalError(Exception):
    """One clear line for the person at the terminal: what is wrong and what to do. Never a secret."""


def say(line: str) -> None:
    print(line, flush=True)


@dataclass(frozen=True)
class Account:
    """Whom a process runs as, when that is not us."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Spec:
    """How to start one process, again and again: same command, same port, same log."""

    name: str
    command: tuple[str, ...]
    log: Path
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    lock: Path | None = None
    before: Callable[[], None] | None = None


class Child:
    """One process of ours, in a session of its own so that the terminal's Ctrl-C reaches only us."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, lock_wait_s: float = 5.0) -> None:
        """Start, or start again. Raises LocalError when the command cannot run or its folder is in use."""
        spec = self.spec
        # The process inherits the lock and passes it to its own children, so the lock is free only when
        # the last of them is gone, however they ended. No pid file has to be believed.
        held = () if spec.lock is None else (hold(spec.lock, lock_wait_s),)
        log = open_log(spec.log)
        try:
            if spec.before is not None:
                spec.before()
            self._process = subprocess.Popen(
                spec.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=spec.env,
                cwd=spec.cwd,
                pass_fds=held,
                start_new_session=True,
                umask=0o077,
                preexec_fn=_die_with_parent(spec.stop_signal),
                **as_account(spec.account),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise LocalError(f"{spec.name}: cannot start {spec.command[0]}: {error}") from None
        finally:
            for fd in (log, *held):
                os.close(fd)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return None if self._process is None else self._process.poll()

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self, wait_s: float = STOP_WAIT_S) -> None:
        """Ask politely, wait, then kill, with everything it started."""
        if self._process is None:
            return
        if self.alive():
            self._process.send_signal(self.spec.stop_signal)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(wait_s)
        self.sweep()
        self._process.wait()

    def sweep(self) -> None:
        """Kill what is left of its process group: a dead web master's workers would keep the port."""
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


@dataclass(frozen=True)
class Server:
    """A database server that answers at `url`; the URL holds a password, so it is never printed."""

    url: str
    child: Child

    @property
    def pid(self) -> int:
        return self.child.pid

    def alive(self) -> bool:
        return self.child.alive()

    def stop(self) -> None:
        self.child.stop()

    def __repr__(self) -> str:
        return f"Server({self.child.spec.name})"


class InUse(LocalError):
    """The lock is held by a process that lives."""


def hold(path: Path, wait_s: float = 0.0) -> int:
    """Take a file's lock and give its descriptor; closing it (or dying) lets go. Raises InUse."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    until = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                os.close(fd)
                raise InUse(f"{path.parent} is in use by a process that still runs.") from None
            time.sleep(0.02)
        else:
            return fd


class _Switch(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def as_account(account: Account | None) -> _Switch:
    """The arguments of subprocess that switch to the account; empty when there is none to switch to."""
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}


def free_port(host: str = "127.0.0.1") -> int:
    """Below those that systems give to outgoing connections: one of them could take it before it is listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in [*(secrets.choice(_PORTS) for _ in range(_PORT_TRIES)), 0]:
        with suppress(OSError), socket.create_server((host, port), family=family) as probe:
            return int(probe.getsockname()[1])
    raise LocalError(f"no port is free on {host}")


def secret_in(path: Path) -> str:
    """The random password kept in a 0600 file, made on first use."""
    with suppress(FileExistsError):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(secrets.token_urlsafe(24))
    return path.read_text()


def ended(exit_code: int) -> str:
    """`ended with exit code 3`, `was killed by SIGKILL`."""
    if exit_code < 0:
        return f"was killed by {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code}"


def last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1].strip() if lines else "(its log is empty)"


def open_log(path: Path) -> int:
    """A descriptor that appends; a log that has grown too big is moved aside first."""
    if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
        path.replace(path.with_name(path.name + ".1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _die_with_parent(signum: signal.Signals) -> Callable[[], None] | None:
    """Linux tells the child when we are gone, even by kill -9; elsewhere the lock names what was left over.

    Python calls this after the change of user, which would have cleared the request, and before exec, which
    does not. The signal is the polite one, so PostgreSQL still shuts down cleanly. It is sent when the
    *thread* that started the child ends: start children from the main thread only.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork: nothing after it may take a lock
    parent, number = os.getpid(), int(signum)

    def in_child() -> None:
        prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return in_child
