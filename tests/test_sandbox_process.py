"""The sandbox as its own process: where it listens, the notices it brings, and its logs."""

import ast
import json
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
import requests
from sqlalchemy import text as sql

from local.process import free_port
from sandbox.book import book_of
from sandbox.settings import init
from sandbox.store import open_engine, prepare
from tests.bank_client import code_of, new_account, new_reference, openssl_verifies, own_database
from tests.sandbox_running import NAME, NIK, PHONE, PROJECT, TEXT, Running, new_name, registration, sandbox_command

pytestmark = pytest.mark.xdist_group("sandbox-process")


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


def test_it_listens_on_loopback_only(served: Running) -> None:
    port = int(served.url.rsplit(":", 1)[1])
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if " 0A " in line]
    assert [address for address in listening if address.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


def test_all_its_tables_are_in_its_own_schema(served: Running) -> None:
    with psycopg.connect(served.database_url) as db:
        found = db.execute(
            "SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        assert found.fetchall() == [("sandbox",)]


def test_it_imports_floors_0_and_1_with_the_banks_files_alone_and_nothing_imports_it() -> None:
    allowed = {"sandbox", "units", "config", "sealing", "insurer", "dayfiles", "banks"}
    files = {"banks.asked", "banks.base", "banks.batch_file", "banks.settlement"}
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
    served: Running, tmp_path: Path, code: str
) -> None:
    partner, reference = served.partner(code), new_reference()
    answer = partner.debit(partner.token_of(new_account("0603")), reference)
    assert code_of(answer) == "2005400"
    brought = served.callbacks.notices.get_nowait()
    assert brought.path == f"/cb/SECRETKEY/bank/{code}/v1.0/debit/notify"
    assert json.loads(brought.body)["originalPartnerReferenceNo"] == reference
    sent = {"path": brought.path, "headers": brought.headers, "body": brought.body.decode()}
    assert openssl_verifies(sent, served.folder, tmp_path, partner.bank["signature_encoding"])
    assert not openssl_verifies({**sent, "path": "/x"}, served.folder, tmp_path, partner.bank["signature_encoding"])


def test_a_fast_debit_is_told_of_at_its_own_address(served: Running) -> None:
    jatim, account = served.partner("114"), new_account("0602")
    assert code_of(jatim.pay(account, jatim.mandate(account), new_reference())) == "2007100"
    first, second = (served.callbacks.notices.get(timeout=5) for _ in range(2))
    assert first.path == "/cb/SECRETKEY/bank/114/v1.0/debit/fast-notify"
    assert (first.body, first.headers["X-EXTERNAL-ID"]) == (second.body, second.headers["X-EXTERNAL-ID"])
    assert served.callbacks.silent()


def test_notices_in_the_wrong_order_arrive_so(served: Running) -> None:
    partner = served.partner("128")
    partner.debit(partner.token_of(new_account("0604")), new_reference())
    assert [served.callbacks.notices.get(timeout=5).status() for _ in range(2)] == ["00", "03"]


@pytest.mark.parametrize(("broken_for", "answers"), [(2, [500, 500, 200]), (9, [500, 500, 500])])
def test_a_notice_that_fails_is_brought_three_times_and_no_more(
    served: Running, broken_for: int, answers: list[int]
) -> None:
    served.callbacks.broken_for = broken_for
    try:
        partner = served.partner("113")
        partner.debit(partner.token_of(new_account("0603")), new_reference())
        brought = [served.callbacks.notices.get(timeout=5) for _ in answers]
        assert [one.answered for one in brought] == answers
        assert len({(one.body, one.headers["X-EXTERNAL-ID"]) for one in brought}) == 1
        assert served.callbacks.silent()
    finally:
        served.callbacks.broken_for = 0


def test_a_late_failure_is_told_of_when_its_time_has_come(served: Running) -> None:
    partner = served.partner("113")
    partner.debit(partner.token_of(new_account("0600")), new_reference())
    assert served.callbacks.silent()
    try:
        moved = {"now": (partner.clock.now + timedelta(minutes=2)).isoformat()}
        requests.put(f"{served.url}/clock", json=moved, timeout=5).raise_for_status()
        assert served.callbacks.notices.get(timeout=5).status() == "06"
    finally:
        requests.put(f"{served.url}/clock", json={"now": None}, timeout=5).raise_for_status()


# --- the logs, last: the process is stopped here


def test_it_stops_when_told_and_its_log_names_nobody(served: Running) -> None:
    served.send(PHONE, TEXT)
    served.inbox(to=PHONE)
    name = new_name()
    served.files.hand_over(name, [registration("G1", NIK)], [])
    served.answered(name)
    requests.post(f"{served.url}/bank/114/v1.0/debit/fast-payment", json={"sourceAccountNo": "1234567777"}, timeout=5)
    served.process.send_signal(signal.SIGTERM)
    _, log = served.process.communicate(timeout=20)
    assert served.process.returncode == 0
    lines = [json.loads(line) for line in log.splitlines()]
    assert {"listening", "served", "taken", "answered"} <= {line["event"] for line in lines}
    for secret in (NAME, NIK, PHONE, PHONE[1:], TEXT, "1234567777", "SECRETKEY", "postgresql://"):
        assert secret not in log
