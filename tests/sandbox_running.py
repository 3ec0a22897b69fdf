"""The sandbox as its own process, as `make run` starts it, with the product's end of its callbacks; holds no test."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
import requests

from insurer.base import Contribution, Registration, ResultFile
from insurer.dayfile import DayFiles
from local.process import free_port
from tests.bank_client import Hand, own_database
from tests.bank_partner import Partner
from units.clock import JAKARTA

PROJECT = Path(__file__).parents[1]
NAME, NIK, PHONE, TEXT = "SITI RAHMAWATI", "3509014506850001", "+6281234567890", "Kode Bapak 123456"


class Now(Hand):
    """The machine's time, moved with the sandbox's own where a test moves that."""

    def __init__(self) -> None:
        self.now = datetime.now(JAKARTA)


def sandbox_command(*arguments: str, **environ: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sandbox", *arguments]
    clean = {name: value for name, value in os.environ.items() if name not in ("IURAN_MODE", "AT_API_KEY")}
    return subprocess.Popen(command, cwd=PROJECT, env={**clean, **environ}, stderr=subprocess.PIPE, text=True)


@dataclass(frozen=True)
class Brought:
    """A notice of a bank as it came over the wire, and what was answered."""

    path: str
    headers: dict[str, str]
    body: bytes
    answered: int

    def status(self) -> str:
        told = json.loads(self.body)
        return str(told.get("transactionStatus") or told["latestTransactionStatus"])


class Callbacks(ThreadingHTTPServer):
    """The product's end: keeps every form that is posted, by its path, and every notice; answers 500 while told to."""

    def __init__(self) -> None:
        self.got: queue.Queue[tuple[str, dict[str, str]]] = queue.Queue()
        self.notices: queue.Queue[Brought] = queue.Queue()
        self.broken_for = 0
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body, status = self.rfile.read(int(self.headers["Content-Length"])), 200
                if self.headers["Content-Type"] == "application/json":
                    if ours.broken_for:
                        ours.broken_for, status = ours.broken_for - 1, 500
                    ours.notices.put(
                        Brought(self.path, {name.upper(): value for name, value in self.headers.items()}, body, status)
                    )
                else:
                    form = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True)
                    ours.got.put((self.path, dict(form)))
                self.send_response(status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                return

        super().__init__(("127.0.0.1", 0), Handler)

    def silent(self, seconds: float = 2.0) -> bool:
        """Whether no notice comes any more; the sandbox looks twice a second."""
        try:
            self.notices.get(timeout=seconds)
        except queue.Empty:
            return True
        return False


@dataclass
class Running:
    url: str
    callbacks: Callbacks
    files: DayFiles
    out_dir: Path
    database_url: str
    process: subprocess.Popen[str]
    folder: Path

    def partner(self, code: str) -> Partner:
        return Partner(self.url, self.folder, code, Now())

    def send(self, to: str, text: str, **headers: str) -> requests.Response:
        form = {"username": "iuran", "to": to, "message": text, "bulkSMSMode": "1", "from": "IURAN"}
        usual = {"apiKey": "sandbox", "Accept": "application/json"}
        return requests.post(f"{self.url}/version1/messaging", data=form, headers={**usual, **headers}, timeout=5)

    def inbox(self, **query: str) -> list[dict[str, str | int]]:
        answer = requests.get(f"{self.url}/version1/inbox", params=query, timeout=5)
        texts: list[dict[str, str | int]] = answer.json()
        return texts

    def answered(self, name: str) -> ResultFile:
        until = time.monotonic() + 10
        while f"result-{name}" not in self.files.waiting():
            assert time.monotonic() < until, "no answer of the insurer"
            time.sleep(0.02)
        return self.files.read(f"result-{name}")


@pytest.fixture(scope="module")
def served_database(pg_server_url: str) -> Iterator[str]:
    with own_database(pg_server_url, "sandbox_process") as url:
        yield url


@pytest.fixture(scope="module")
def served(served_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder, port, callbacks = tmp_path_factory.mktemp("sandbox"), free_port(), Callbacks()
    threading.Thread(target=callbacks.serve_forever, daemon=True).start()
    out_dir, in_dir, url = folder / "out", folder / "in", f"http://127.0.0.1:{port}"
    assert sandbox_command("init", "--dir", str(folder), "--url", url).wait(30) == 0
    process = sandbox_command(
        *("serve", "--dir", str(folder), "--port", str(port)),
        *("--callbacks", f"http://127.0.0.1:{callbacks.server_port}/cb/SECRETKEY"),
        DATABASE_URL=served_database,
        INSURER_OUT_DIR=str(out_dir),
        INSURER_IN_DIR=str(in_dir),
    )
    wait_healthy(url, process)
    yield Running(url, callbacks, DayFiles(out_dir, in_dir), out_dir, served_database, process, folder)
    if process.poll() is None:
        process.terminate()
        process.communicate(timeout=20)
    callbacks.shutdown()
    callbacks.server_close()


def wait_healthy(url: str, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        try:
            if requests.get(f"{url}/health", timeout=1).status_code == 200:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    pytest.fail("the sandbox did not start")


def new_phone() -> str:
    return f"+62811{uuid.uuid4().int % 10**8:08d}"


def registration(reference: str, nik: str) -> Registration:
    return Registration(reference, nik, NAME, date(1985, 6, 5), PHONE, "3509012001", "farm", 1000000, "JKK+JKM")


def contribution(reference: str, kpj: str, month: date, jht_rp: int = 20000) -> Contribution:
    return Contribution(reference, kpj, month, 10000, 6800, jht_rp, date(2026, 11, 23))


def new_nik(serial: str = "") -> str:
    return f"350901450685{serial or f'{uuid.uuid4().int % 8000 + 1000:04d}'}"


def new_name() -> str:
    return f"iuran-{uuid.uuid4().hex}.csv"
