"""The sandbox as its own process: what `init` makes, what `serve` answers, the gateway, the insurer, and its logs."""

import ast
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import tomllib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

import psycopg
import pytest
import requests
from sqlalchemy import text as sql

from banks.settings import BankSettings, load_banks
from insurer.base import Contribution, Registration, ResultFile
from insurer.dayfile import DayFiles, read_hand_over
from local.process import free_port
from sandbox.book import book_of
from sandbox.insurer import decide
from sandbox.settings import init, read_banks
from sandbox.store import open_engine, prepare
from tests.bank_client import Hand, code_of, new_account, new_reference, openssl_verifies, own_database
from tests.bank_partner import Partner
from units.clock import JAKARTA, jakarta_day

PROJECT = Path(__file__).parents[1]
# One process serves the whole page, and its last test stops it.
pytestmark = pytest.mark.xdist_group("sandbox-process")
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
def database_url(pg_server_url: str) -> Iterator[str]:
    with own_database(pg_server_url, "sandbox_process") as url:
        yield url


@pytest.fixture(scope="module")
def sandbox(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder, port, callbacks = tmp_path_factory.mktemp("sandbox"), free_port(), Callbacks()
    threading.Thread(target=callbacks.serve_forever, daemon=True).start()
    out_dir, in_dir, url = folder / "out", folder / "in", f"http://127.0.0.1:{port}"
    assert sandbox_command("init", "--dir", str(folder), "--url", url).wait(30) == 0
    process = sandbox_command(
        *("serve", "--dir", str(folder), "--port", str(port)),
        *("--callbacks", f"http://127.0.0.1:{callbacks.server_port}/cb/SECRETKEY"),
        DATABASE_URL=database_url,
        INSURER_OUT_DIR=str(out_dir),
        INSURER_IN_DIR=str(in_dir),
    )
    wait_healthy(url, process)
    yield Running(url, callbacks, DayFiles(out_dir, in_dir), out_dir, database_url, process, folder)
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


# --- init


def test_init_makes_a_bank_table_as_the_product_reads_it(tmp_path: Path) -> None:
    init(tmp_path / "new", "http://127.0.0.1:8500/")
    banks = tomllib.loads((tmp_path / "new" / "banks.toml").read_text())["banks"]
    assert {code: bank["province"] for code, bank in banks.items()} == {
        "110": "32",
        "113": "33",
        "114": "35",
        "128": "52",
        "118": "13",
    }
    assert len(banks["114"].pop("client_secret")) >= 32
    assert banks["114"] == {
        "product": "bifast",
        "name": "Bank Jatim",
        "province": "35",
        "base_url": "http://127.0.0.1:8500/bank/114",
        "path_prefix": "/v1.0",
        "token_path": "/v1.0/access-token/b2b",
        "client_id": "iuran-114",
        "private_key_file": "client.pem",
        "notice_public_key_file": "bank.pub",
        "partner_id": "IURAN",
        "channel_id": "95231",
        "signature_encoding": "base64",
        "biller_id": "IURAN01",
        "biller_name": "IURAN BPU",
        "beneficiary_account_no": "1140000001",
        "beneficiary_account_name": "IURAN BPJS TK",
        "reference_max": 12,
        "settlement_dir": "settlement/114",
        "pace_per_s": 1000,
    }
    assert banks["118"] == {
        "product": "batch_file",
        "name": "Bank Nagari",
        "province": "13",
        "out_dir": "batch/118/out",
        "in_dir": "batch/118/in",
        "cut_off": "23:30",
        "settlement_dir": "settlement/118",
    }
    jateng, ntb = banks["113"], banks["128"]
    assert jateng.keys() == ntb.keys()
    assert not {"biller_id", "biller_name", "beneficiary_account_no", "beneficiary_account_name"} & jateng.keys()
    debit = ("product", "merchant_id", "signature_encoding", "otp", "status_service_code")
    assert [jateng[name] for name in debit] == ["snap_debit", "IURAN113", "hex", True, "54"]
    assert [ntb[name] for name in debit] == ["snap_debit", "IURAN128", "base64", False, "55"]


def test_the_product_reads_what_init_makes(tmp_path: Path) -> None:
    init(tmp_path, "http://127.0.0.1:8500")
    banks = load_banks(tmp_path / "banks.toml")
    assert {code: bank.product for code, bank in banks.items()} == {
        "110": "bifast",
        "113": "snap_debit",
        "114": "bifast",
        "118": "batch_file",
        "128": "snap_debit",
    }
    assert all(bank.notice_key is not None for bank in banks.values() if isinstance(bank, BankSettings))


def test_a_folder_of_an_older_init_gets_the_new_keys_and_keeps_its_secrets(tmp_path: Path) -> None:
    init(tmp_path, "http://127.0.0.1:8500")
    (client_key, tables) = ((tmp_path / name).read_text() for name in ("client.pem", "banks.toml"))
    secret = tomllib.loads(tables)["banks"]["113"]["client_secret"]
    (tmp_path / "bank.pem").unlink()
    (tmp_path / "bank.pub").unlink()
    (tmp_path / "banks.toml").write_text(f'[banks.113]\nproduct = "bifast"\nclient_secret = "{secret}"\n')
    init(tmp_path, "http://127.0.0.1:8500")
    again = tomllib.loads((tmp_path / "banks.toml").read_text())["banks"]
    assert (again["113"]["client_secret"], again["113"]["product"]) == (secret, "snap_debit")
    assert (tmp_path / "client.pem").read_text() == client_key
    assert {bank.notice_key.key_size for bank in read_banks(tmp_path).values()} == {2048}


def test_init_again_keeps_every_secret_and_follows_the_url(tmp_path: Path) -> None:
    init(tmp_path, "http://127.0.0.1:8500")
    first = {path.name: path.read_text() for path in tmp_path.iterdir()}
    init(tmp_path, "http://127.0.0.1:8500")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == first
    init(tmp_path, "http://127.0.0.1:8600")
    again = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert again == {**first, "banks.toml": first["banks.toml"].replace(":8500/", ":8600/")}
    banks = tomllib.loads(again["banks.toml"])["banks"].values()
    secrets = [bank["client_secret"] for bank in banks if bank["product"] != "batch_file"]
    assert len(set(secrets)) == 4


def test_what_init_makes_is_for_its_owner_only(tmp_path: Path) -> None:
    init(tmp_path / "new", "http://127.0.0.1:8500")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()} == {0o600}


@pytest.mark.parametrize("pair", ["client", "bank"])
def test_openssl_takes_a_key_pair_for_one(tmp_path: Path, pair: str) -> None:
    init(tmp_path, "http://127.0.0.1:8500")
    command = ["openssl", "pkey", "-in", str(tmp_path / f"{pair}.pem"), "-pubout"]
    public = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert public == (tmp_path / f"{pair}.pub").read_text()
    assert {bank.public_key.key_size for bank in read_banks(tmp_path).values()} == {2048}


# --- serve


def test_it_says_so_when_the_database_is_away(tmp_path: Path) -> None:
    init(tmp_path, "http://127.0.0.1:8500")
    away = f"postgresql://user:hidden@127.0.0.1:{free_port()}/x"
    serve = ("serve", "--dir", str(tmp_path), "--port", "1", "--callbacks", "http://127.0.0.1:1")
    _, errors = (process := sandbox_command(*serve, DATABASE_URL=away)).communicate(timeout=30)
    assert (process.returncode, errors) == (1, "the database of DATABASE_URL does not answer\n")


def test_it_does_not_start_beside_production_nor_unprepared(tmp_path: Path) -> None:
    serve = ("serve", "--dir", str(tmp_path), "--port", "1", "--callbacks", "http://127.0.0.1:1")
    for environ, word in (
        ({"IURAN_MODE": "production", "DATABASE_URL": "postgresql://x/y"}, "IURAN_MODE"),
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://x/y"}, "python -m sandbox init"),
    ):
        process = sandbox_command(*serve, **environ)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 1
        assert word in errors
        assert "Traceback" not in errors


def test_it_listens_on_loopback_only(sandbox: Running) -> None:
    port = int(sandbox.url.rsplit(":", 1)[1])
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if " 0A " in line]
    assert [address for address in listening if address.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


def test_all_its_tables_are_in_its_own_schema(sandbox: Running) -> None:
    with psycopg.connect(sandbox.database_url) as db:
        found = db.execute(
            "SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        assert found.fetchall() == [("sandbox",)]


def test_it_imports_floors_0_and_1_with_the_banks_files_alone_and_nothing_imports_it() -> None:
    allowed = {"sandbox", "units", "config", "sealing", "insurer", "dayfiles", "banks"}
    files = {"banks.base", "banks.batch_file", "banks.settlement"}
    ours = {path.stem for path in PROJECT.glob("*.py")} | {path.parent.name for path in PROJECT.glob("*/*.py")}
    for path in [*PROJECT.glob("*.py"), *PROJECT.glob("*/*.py")]:
        if path.parent == PROJECT / "tests":
            continue
        names = {name.split(".")[0] for name in imported(path)}
        if path.parent == PROJECT / "sandbox":
            assert names & ours <= allowed, path
            assert {name for name in imported(path) if name.startswith("banks")} <= files, path
        else:
            assert "sandbox" not in names, path


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_a_database_of_an_older_sandbox_gets_what_is_new_and_keeps_what_it_has(pg_server_url: str) -> None:
    with own_database(pg_server_url, "sandbox_older") as url:
        engine = open_engine(url)
        prepare(engine)
        with engine.begin() as db:
            for table in ("notices", "bindings", "refunds"):
                db.execute(sql(f"DROP TABLE sandbox.{table}"))
            for column in ("service", "answered", "booked_at", "returned_at", "cancelled_at"):
                db.execute(sql(f"ALTER TABLE sandbox.debits DROP COLUMN {column}"))
            db.execute(
                sql("INSERT INTO sandbox.debits VALUES ('114', 'R', 'B', 'M', '1140012345', 28400, 'booked', now())")
            )
        for _ in range(2):
            prepare(engine)
        with engine.connect() as db:
            book = book_of(db, "114")
        engine.dispose()
    assert (book["booked_rp"], book["debits"][0]["service"]) == (28400, "71")


# --- the notices of the banks


@pytest.mark.parametrize("code", ["113", "128"])
def test_a_notice_arrives_signed_over_the_path_with_its_key_before_the_answer(
    sandbox: Running, tmp_path: Path, code: str
) -> None:
    partner, reference = sandbox.partner(code), new_reference()
    answer = partner.debit(partner.token_of(new_account("0603")), reference)
    assert code_of(answer) == "2005400"
    brought = sandbox.callbacks.notices.get_nowait()
    assert brought.path == f"/cb/SECRETKEY/bank/{code}/v1.0/debit/notify"
    assert json.loads(brought.body)["originalPartnerReferenceNo"] == reference
    sent = {"path": brought.path, "headers": brought.headers, "body": brought.body.decode()}
    assert openssl_verifies(sent, sandbox.folder, tmp_path, partner.bank["signature_encoding"])
    assert not openssl_verifies({**sent, "path": "/x"}, sandbox.folder, tmp_path, partner.bank["signature_encoding"])


def test_a_fast_debit_is_told_of_at_its_own_address(sandbox: Running) -> None:
    jatim, account = sandbox.partner("114"), new_account("0602")
    assert code_of(jatim.pay(account, jatim.mandate(account), new_reference())) == "2007100"
    first, second = (sandbox.callbacks.notices.get(timeout=5) for _ in range(2))
    assert first.path == "/cb/SECRETKEY/bank/114/v1.0/debit/fast-notify"
    assert (first.body, first.headers["X-EXTERNAL-ID"]) == (second.body, second.headers["X-EXTERNAL-ID"])
    assert sandbox.callbacks.silent()


def test_notices_in_the_wrong_order_arrive_so(sandbox: Running) -> None:
    partner = sandbox.partner("128")
    partner.debit(partner.token_of(new_account("0604")), new_reference())
    assert [sandbox.callbacks.notices.get(timeout=5).status() for _ in range(2)] == ["00", "03"]


@pytest.mark.parametrize(("broken_for", "answers"), [(2, [500, 500, 200]), (9, [500, 500, 500])])
def test_a_notice_that_fails_is_brought_three_times_and_no_more(
    sandbox: Running, broken_for: int, answers: list[int]
) -> None:
    sandbox.callbacks.broken_for = broken_for
    try:
        partner = sandbox.partner("113")
        partner.debit(partner.token_of(new_account("0603")), new_reference())
        brought = [sandbox.callbacks.notices.get(timeout=5) for _ in answers]
        assert [one.answered for one in brought] == answers
        assert len({(one.body, one.headers["X-EXTERNAL-ID"]) for one in brought}) == 1
        assert sandbox.callbacks.silent()
    finally:
        sandbox.callbacks.broken_for = 0


def test_a_late_failure_is_told_of_when_its_time_has_come(sandbox: Running) -> None:
    partner = sandbox.partner("113")
    partner.debit(partner.token_of(new_account("0600")), new_reference())
    assert sandbox.callbacks.silent()
    try:
        moved = {"now": (partner.clock.now + timedelta(minutes=2)).isoformat()}
        requests.put(f"{sandbox.url}/clock", json=moved, timeout=5).raise_for_status()
        assert sandbox.callbacks.notices.get(timeout=5).status() == "06"
    finally:
        requests.put(f"{sandbox.url}/clock", json={"now": None}, timeout=5).raise_for_status()


# --- the gateway


def test_a_text_is_answered_in_the_shape_of_africas_talking(sandbox: Running) -> None:
    to = new_phone()
    answer = sandbox.send(to, TEXT)
    assert (answer.status_code, answer.headers["Content-Type"]) == (201, "application/json")
    data = answer.json()["SMSMessageData"]
    [recipient] = data["Recipients"]
    assert data["Message"] == "Sent to 1/1 Total Cost: IDR 350.0000"
    assert re.fullmatch(r"ATXid_[0-9a-f]{32}", recipient.pop("messageId"))
    assert recipient == {"statusCode": 101, "number": to, "status": "Success", "cost": "IDR 350.0000"}


def test_the_real_client_library_is_understood(sandbox: Running) -> None:
    program = (
        "import sys, json, africastalking as at; at.initialize('iuran', 'sandbox');"
        "at.SMS._baseUrl = sys.argv[1]; print(json.dumps(at.SMS.send('Halo', [sys.argv[2]], 'IURAN')))"
    )
    command = [sys.executable, "-c", program, f"{sandbox.url}/version1", new_phone()]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert json.loads(printed)["SMSMessageData"]["Recipients"][0]["statusCode"] == 101


def test_each_text_is_reported_once_as_delivered(sandbox: Running) -> None:
    to = new_phone()
    message_id = sandbox.send(to, TEXT).json()["SMSMessageData"]["Recipients"][0]["messageId"]
    while (got := sandbox.callbacks.got.get(timeout=5))[1]["id"] != message_id:
        continue
    expected = {"id": message_id, "status": "Success", "phoneNumber": to, "networkCode": "51010", "retryCount": "0"}
    assert got == ("/cb/SECRETKEY/sms/africastalking/delivery", expected)


@pytest.mark.parametrize("key", ["wrong", "", "sandbox2", "sandb\u00f6x"])
def test_a_wrong_key_is_turned_away_in_plain_text(sandbox: Running, key: str) -> None:
    to = new_phone()
    answer = sandbox.send(to, TEXT, apiKey=key.encode().decode("latin-1"))
    assert (answer.status_code, answer.text) == (401, "The supplied authentication is invalid")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert sandbox.inbox(to=to) == []


def test_a_number_that_is_none_is_refused_and_the_others_are_sent(sandbox: Running) -> None:
    to = new_phone()
    data = sandbox.send(f"{to},0812,", TEXT).json()["SMSMessageData"]
    assert data["Message"] == "Sent to 1/3 Total Cost: IDR 350.0000"
    assert [one["statusCode"] for one in data["Recipients"]] == [101, 403, 403]


def test_a_form_without_a_text_is_a_bad_request(sandbox: Running) -> None:
    assert sandbox.send(new_phone(), "").status_code == 400


def test_the_inbox_shows_what_a_phone_got_newest_last(sandbox: Running) -> None:
    to, before = new_phone(), datetime.now(UTC)
    for text in ("satu", "dua & dua", "tiga"):
        sandbox.send(to, text)
    sandbox.send(new_phone(), "lain")
    texts = sandbox.inbox(to=to)
    assert [(one["to"], one["from"], one["text"]) for one in texts] == [
        (to, "IURAN", "satu"),
        (to, "IURAN", "dua & dua"),
        (to, "IURAN", "tiga"),
    ]
    assert before <= datetime.fromisoformat(str(texts[0]["at"])) <= datetime.now(UTC)
    assert [one["text"] for one in sandbox.inbox(to=to, after=str(texts[0]["id"]))] == ["dua & dua", "tiga"]
    assert sandbox.inbox(to=to, after=str(texts[-1]["id"])) == []
    # A plus sign that nobody escaped is a blank by the time it arrives.
    assert len(requests.get(f"{sandbox.url}/version1/inbox?to={to}", timeout=5).json()) == 3
    assert requests.get(f"{sandbox.url}/version1/inbox?after=x", timeout=5).status_code == 400


def test_the_inbox_shows_a_hundred_texts_at_most(sandbox: Running) -> None:
    to = new_phone()
    for _ in range(5):
        assert sandbox.send(",".join([to] * 21), "x").status_code == 201
    ids = [int(one["id"]) for one in sandbox.inbox(to=to)]
    assert len(ids) == 100
    later = [int(one["id"]) for one in sandbox.inbox(to=to, after="0")]
    assert (len(later), later[5:]) == (100, ids[:95])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("x" * 306, 2),
        ("x" * 307, 3),
        ("[" * 80, 1),
        ("[" * 81, 2),
        ("ł" * 70, 1),
        ("ł" * 71, 2),
        ("😀" * 36, 2),
    ],
)
def test_parts_are_counted_as_a_phone_counts(sandbox: Running, text: str, parts: int) -> None:
    to = new_phone()
    cost = sandbox.send(to, text).json()["SMSMessageData"]["Recipients"][0]["cost"]
    assert [one["parts"] for one in sandbox.inbox(to=to)] == [parts]
    assert cost == f"IDR {350 * parts}.0000"


# --- the insurer


def registration(reference: str, nik: str) -> Registration:
    return Registration(reference, nik, NAME, date(1985, 6, 5), PHONE, "3509012001", "farm", 1000000, "JKK+JKM")


def contribution(reference: str, kpj: str, month: date, jht_rp: int = 20000) -> Contribution:
    return Contribution(reference, kpj, month, 10000, 6800, jht_rp, date(2026, 11, 23))


def new_nik(serial: str = "") -> str:
    return f"350901450685{serial or f'{uuid.uuid4().int % 8000 + 1000:04d}'}"


def new_name() -> str:
    return f"iuran-{uuid.uuid4().hex}.csv"


NOVEMBER, DECEMBER = date(2026, 11, 1), date(2026, 12, 1)


def test_registrations_are_verified_refused_or_need_help_by_their_nik(sandbox: Running) -> None:
    name = new_name()
    people = [registration("A1", NIK), registration("A2", new_nik("0404")), registration("A3", new_nik("0303"))]
    sandbox.files.hand_over(name, people, [])
    verified, unknown, differs = sandbox.answered(name).registrations
    assert (verified.outcome, verified.reason, len(verified.kpj)) == ("VERIFIED", "", 11)
    assert (unknown.outcome, unknown.reason) == ("REFUSED", "nik_unknown")
    assert (differs.outcome, differs.reason) == ("NEEDS_HELP", "name_differs")


def test_a_member_keeps_the_number_and_another_reference_is_refused(sandbox: Running) -> None:
    nik, names = "3509014506850002", [new_name() for _ in range(3)]
    kpjs = []
    for name, reference in zip(names, ("B1", "B1", "B2"), strict=True):
        sandbox.files.hand_over(name, [registration(reference, nik)], [])
        [result] = sandbox.answered(name).registrations
        kpjs.append((result.outcome, result.kpj, result.reason))
    assert kpjs[0] == kpjs[1]
    assert kpjs[2] == ("REFUSED", "", "already_member")


def test_a_month_is_posted_once_and_the_balance_is_what_was_posted(sandbox: Running) -> None:
    first, second = new_name(), new_name()
    sandbox.files.hand_over(
        first, [registration("C0", "3509014506850003")], [contribution("C9", "99999999999", NOVEMBER)]
    )
    result = sandbox.answered(first)
    [refused] = result.contributions
    assert (refused.outcome, refused.reason, refused.jht_balance_rp) == ("REFUSED", "kpj_unknown", None)
    kpj = result.registrations[0].kpj
    months = [("C1", NOVEMBER, 20000), ("C2", NOVEMBER, 20000), ("C3", DECEMBER, 25000)]
    sandbox.files.hand_over(second, [], [contribution(ref, kpj, month, jht) for ref, month, jht in months])
    posted = sandbox.answered(second).contributions
    assert [(one.outcome, one.jht_balance_rp) for one in posted] == [
        ("POSTED", 20000),
        ("POSTED", 20000),
        ("POSTED", 45000),
    ]
    assert {one.as_of for one in posted} == {jakarta_day(datetime.now(UTC))}


def test_a_file_is_answered_once_by_its_name(sandbox: Running) -> None:
    name, later = new_name(), new_name()
    sandbox.files.hand_over(name, [registration("D1", "3509014506850004")], [])
    sandbox.answered(name)
    sandbox.files.take(f"result-{name}")
    sandbox.files.hand_over(name, [registration("D1", "3509014506850004")], [])
    sandbox.files.hand_over(later, [], [])
    sandbox.answered(later)
    time.sleep(1.2)
    assert f"result-{name}" not in sandbox.files.waiting()


def test_a_hand_over_that_does_not_add_up_gets_no_answer_and_stops_nobody(sandbox: Running) -> None:
    bad, good = f"a-{new_name()}", f"b-{new_name()}"
    sandbox.files.hand_over(bad, [registration("E1", "3509014506850005")], [])
    sandbox.files.hand_over(good, [], [])
    sandbox.answered(good)
    broken = f"c-{new_name()}"
    (sandbox.out_dir / "x").write_bytes((sandbox.out_dir / bad).read_bytes().replace(b"E1", b"E2"))
    (sandbox.out_dir / "x").rename(sandbox.out_dir / broken)
    sandbox.files.hand_over(after := f"d-{new_name()}", [], [])
    sandbox.answered(after)
    assert f"result-{broken}" not in sandbox.files.waiting()


def test_a_file_decided_again_after_a_crash_says_the_same(sandbox: Running, tmp_path: Path) -> None:
    people = [registration(f"F{n}", f"35090145068501{n:02d}") for n in range(20)]
    DayFiles(tmp_path, tmp_path).hand_over("f.csv", people, [contribution("F99", "26000000000", NOVEMBER)])
    ours, engine = read_hand_over(tmp_path, "f.csv"), open_engine(sandbox.database_url)
    results = []
    for _ in range(2):
        with engine.connect() as db:
            results.append(decide(db, ours, date(2026, 11, 24)))
            db.rollback()
    engine.dispose()
    assert results[0] == results[1]
    assert len({one.kpj for one in results[0].registrations}) == 20


# --- the logs, last: the process is stopped here


def test_it_stops_when_told_and_its_log_names_nobody(sandbox: Running) -> None:
    sandbox.send(PHONE, TEXT)
    sandbox.inbox(to=PHONE)
    name = new_name()
    sandbox.files.hand_over(name, [registration("G1", NIK)], [])
    sandbox.answered(name)
    requests.post(f"{sandbox.url}/bank/114/v1.0/debit/fast-payment", json={"sourceAccountNo": "1234567777"}, timeout=5)
    sandbox.process.send_signal(signal.SIGTERM)
    _, log = sandbox.process.communicate(timeout=20)
    assert sandbox.process.returncode == 0
    lines = [json.loads(line) for line in log.splitlines()]
    assert {"listening", "served", "taken", "answered"} <= {line["event"] for line in lines}
    for secret in (NAME, NIK, PHONE, PHONE[1:], TEXT, "1234567777", "SECRETKEY", "postgresql://"):
        assert secret not in log
