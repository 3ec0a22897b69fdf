"""What is measured, running: the stack as `make run` starts it in a folder of its own, and the floor beside it."""

import http.client
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from bench.errors import BenchError
from bench.processes import children_of, command_of
from config import SANDBOX_USSD_CODE, Settings
from local.process import Child, Spec, free_port, last_line

PROJECT = Path(__file__).resolve().parents[1]
TURN = "/ussd/africastalking"
_START_WAIT_S = 90.0
_STOP_WAIT_S = 30.0
# How a child of the supervisor is known by its command line.
_PARTS: Mapping[str, Callable[[list[str]], bool]] = {
    "web": lambda words: words[1:3] == ["-m", "granian"] and words[-1] == "app:web",
    "console": lambda words: words[1:3] == ["-m", "granian"] and words[-1] == "console.process:web",
    "worker": lambda words: words[1:4] == ["-m", "flask", "worker"],
    "sandbox": lambda words: words[1:3] == ["-m", "sandbox"],
    "postgres": lambda words: _program(words) == "postgres",
    "valkey": lambda words: _program(words).startswith(("valkey-server", "redis-server")),
}


def _program(words: list[str]) -> str:
    # Valkey writes its address behind its name, into the same word.
    return Path(words[0].split(" ")[0]).name


@contextmanager
def own_folder() -> Iterator[Path]:
    """A new folder that `nobody` may enter, for root runs PostgreSQL as `nobody`; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="iuran-bench-", dir="/var/tmp" if os.geteuid() == 0 else None))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _bare_environment() -> dict[str, str]:
    """Ours without any setting of Iuran: what is measured are the defaults."""
    return {name: value for name, value in os.environ.items() if name not in Settings.model_fields}


def post(port: int, path: str, form: Mapping[str, str]) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        head = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", path, urlencode(form), head)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def _answers_a_dial(port: int) -> bool:
    form = {"phoneNumber": "+6285099999999", "serviceCode": SANDBOX_USSD_CODE, "text": "", "sessionId": "ATUid_first"}
    with suppress(OSError, http.client.HTTPException):
        status, body = post(port, TURN, {**form, "networkCode": "99999"})
        return status == http.HTTPStatus.OK and body.startswith("CON ")
    return False


def _wait_until(child: Child, ready: Callable[[], bool]) -> None:
    until = time.monotonic() + _START_WAIT_S
    while not ready():
        if not child.alive() or time.monotonic() > until:
            raise BenchError(f"{child.spec.name} did not start: {last_line(child.spec.log)}")
        time.sleep(0.01)


@dataclass(frozen=True)
class Stack:
    """All of `python -m local`, running."""

    pid: int
    port: int
    environ: Mapping[str, str]
    parts: Mapping[str, int]
    """The process id of each part: web, worker, sandbox, postgres, valkey."""
    started_s: float
    """From the command to the first answered dial."""


@contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """`python -m local` on the data in `folder`. Raises BenchError when it does not start."""
    port, var = free_port(), folder / "var"
    environ = {**_bare_environment(), "PORT": str(port)}
    command = (sys.executable, "-m", "local", "--var", str(var))
    child = Child(Spec("local", command, folder / "local.log", environ, PROJECT))
    begun = time.perf_counter()
    try:
        child.start()
        _wait_until(child, lambda: _answers_a_dial(port))
        started_s = time.perf_counter() - begun
        # The console may need longer than the first dial: only what the command itself calls running is all there.
        said = f"Iuran runs at http://127.0.0.1:{port} "
        _wait_until(child, lambda: said in child.spec.log.read_text())
        note = subprocess.run([*command[:3], "env", *command[3:]], capture_output=True, text=True, cwd=PROJECT)
        told = [word.partition("=") for word in shlex.split(note.stdout) if "=" in word]
        settings = {name: value for name, _, value in told}
        yield Stack(child.pid, port, {**environ, **settings}, parts_of(child.pid), started_s)
    finally:
        child.stop(_STOP_WAIT_S)


def parts_of(supervisor: int) -> dict[str, int]:
    words = {pid: command_of(pid) for pid in children_of(supervisor)}
    found = {name: pid for name, known in _PARTS.items() for pid in words if words[pid] and known(words[pid])}
    if missing := _PARTS.keys() - found.keys():
        raise BenchError(f"not found under `python -m local`: {', '.join(sorted(missing))}")
    return found


@dataclass(frozen=True)
class Floor:
    pid: int
    port: int


@contextmanager
def running_floor(folder: Path, stack: Stack) -> Iterator[Floor]:
    """The floor under the very command line that serves the product, but for the port and the application."""
    port, command = free_port(), command_of(stack.parts["web"])
    changed = {"app:web": "bench.floor:web", str(stack.port): str(port)}
    words = tuple(changed.get(word, word) for word in command)
    child = Child(Spec("floor", words, folder / "floor.log", stack.environ, PROJECT))
    try:
        child.start()
        _wait_until(child, lambda: _answers_a_dial(port))
        yield Floor(child.pid, port)
    finally:
        child.stop()
