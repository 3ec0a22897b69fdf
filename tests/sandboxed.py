"""The sandbox as it ships, as a process of its own beside the product under test; and how to wait for it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from local.process import free_port

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Sandbox:
    url: str
    folder: Path

    def inbox(self, number: str) -> list[str]:
        rows = requests.get(f"{self.url}/version1/inbox", params={"to": number}, timeout=5).json()
        return [row["text"] for row in rows]

    def take_notices(self, bank: str) -> list[dict[str, Any]]:
        """What the bank would send us now, in its order, each once: `path`, `headers`, `body`."""
        found: list[dict[str, Any]] = requests.delete(f"{self.url}/bank/{bank}/notices", timeout=5).json()
        return found

    def code(self, bank: str, customer: str) -> str:
        """The code that a binding waits for, as the holder reads it on the phone."""
        found = requests.get(f"{self.url}/bank/{bank}/codes", params={"customer": customer}, timeout=5)
        return str(found.json()["code"])

    def look(self) -> None:
        """It answers the files that wait, in this moment."""
        assert requests.post(f"{self.url}/look", timeout=20).status_code == 204

    def book(self, bank: str) -> dict[str, Any]:
        found: dict[str, Any] = requests.get(f"{self.url}/bank/{bank}/book", timeout=5).json()
        return found


@pytest.fixture(scope="session")
def sandbox(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The sandbox as it ships: its own process, spoken to over HTTP."""
    folder, port = tmp_path_factory.mktemp("sandbox"), free_port()
    url = f"http://127.0.0.1:{port}"
    for name in ("out", "in"):
        (folder / name).mkdir()
    environ = {
        **os.environ,
        "IURAN_MODE": "sandbox",
        "DATABASE_URL": database_url,
        "INSURER_OUT_DIR": str(folder / "out"),
        "INSURER_IN_DIR": str(folder / "in"),
    }
    python = [sys.executable, "-m", "sandbox"]
    subprocess.run([*python, "init", "--dir", str(folder), "--url", url], check=True, cwd=ROOT, env=environ)
    serve = [*python, "serve", "--dir", str(folder), "--port", str(port), "--callbacks", "http://127.0.0.1:9"]
    # Nobody listens for its notices: a test takes them and brings them to the product itself.
    serve += ["--hold-notices", "--hang-s", "3", "--slow-s", "2"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(serve, cwd=ROOT, env=environ, stderr=log)
    try:
        wait_for(lambda: answers(f"{url}/health"), "the sandbox")
        yield Sandbox(url, folder)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).status_code == 200
    except requests.RequestException:
        return False


def wait_for(true: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Until a real process outside has done its part; never for our own code, whose time is a port."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            raise AssertionError(f"{what} did not come within {seconds} s")
        time.sleep(0.02)
