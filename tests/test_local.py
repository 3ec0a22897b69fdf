"""The one-machine stack, on real servers and real processes."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from local.postgres import start_postgres
from local.process import Child, LocalError, Server, Spec
from local.supervisor import Stopped, Supervisor
from local.valkey import start_valkey
from tests.conftest_servers import open_folder

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def folder() -> Iterator[Path]:
    made = open_folder()
    yield made
    shutil.rmtree(made, ignore_errors=True)


def kill(server: Server) -> None:
    os.kill(server.pid, signal.SIGKILL)
    while server.alive():
        time.sleep(0.01)


def one_line(error: pytest.ExceptionInfo[LocalError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def test_a_data_folder_of_another_postgresql_is_one_clear_line(folder: Path) -> None:
    start_postgres(folder, durable=False).stop()
    (folder / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(LocalError) as error:
        start_postgres(folder, durable=False)
    assert "was made by PostgreSQL 17" in one_line(error)


def test_a_second_start_on_a_live_data_folder_is_refused(folder: Path) -> None:
    server = start_postgres(folder, durable=False)
    try:
        with pytest.raises(LocalError) as error:
            start_postgres(folder, durable=False)
        assert f"process {server.pid}" in one_line(error)
        assert server.alive()
        with psycopg.connect(server.url) as session:
            assert session.execute("SELECT current_database()").fetchone() == ("iuran",)
    finally:
        server.stop()


def test_committed_rows_outlive_kill_9(folder: Path) -> None:
    server = start_postgres(folder)
    with psycopg.connect(server.url) as session:
        session.execute("CREATE TABLE paid AS SELECT 28400 AS amount_rp")
    kill(server)
    again = start_postgres(folder, lock_wait_s=10)
    try:
        with psycopg.connect(again.url) as session:
            assert session.execute("SELECT amount_rp FROM paid").fetchone() == (28400,)
    finally:
        again.stop()


def test_a_pid_file_that_names_a_stranger_does_not_stop_the_start(folder: Path) -> None:
    server = start_postgres(folder, durable=False)
    kill(server)
    mark = folder / "data" / "postmaster.pid"
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        mark.write_text(mark.read_text().replace(str(server.pid), str(stranger.pid), 1))
        start_postgres(folder, durable=False, lock_wait_s=10).stop()
    finally:
        stranger.kill()
        stranger.wait()


def test_postgresql_listens_on_loopback_only_and_wants_its_password(folder: Path) -> None:
    server = start_postgres(folder, durable=False)
    try:
        password = (folder / "password").read_text()
        assert (folder / "password").stat().st_mode & 0o777 == 0o600
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(server.url.replace(password, "guess"))
        with psycopg.connect(server.url) as session:
            assert session.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
            assert session.execute("SHOW unix_socket_directories").fetchone() == ("",)
        assert password not in Path(f"/proc/{server.pid}/cmdline").read_text()
    finally:
        server.stop()


def test_an_error_of_a_statement_leaves_nothing_of_it_in_the_log(folder: Path) -> None:
    server = start_postgres(folder, durable=False)
    try:
        with psycopg.connect(server.url) as session, pytest.raises(psycopg.errors.InvalidTextRepresentation):
            session.execute("SELECT 'Siti Aminah'::int")
        with psycopg.connect(server.url) as session, pytest.raises(psycopg.errors.UniqueViolation):
            session.execute("CREATE TEMP TABLE t (name text PRIMARY KEY); INSERT INTO t VALUES ('Siti'), ('Siti')")
    finally:
        server.stop()
    assert "Siti" not in (folder / "postgres.log").read_text()


def test_valkey_keeps_its_keys_after_kill_9(folder: Path) -> None:
    server = start_valkey(folder)
    client = redis.Redis.from_url(server.url)
    client.set("journey", "place")  # written to the file before the answer: only a power cut could lose it
    kill(server)
    again = start_valkey(folder, lock_wait_s=10)
    try:
        assert redis.Redis.from_url(again.url).get("journey") == b"place"
    finally:
        again.stop()


def test_valkey_refuses_a_folder_in_use_and_a_caller_without_the_password(folder: Path) -> None:
    server = start_valkey(folder, durable=False)
    try:
        with pytest.raises(LocalError) as error:
            start_valkey(folder, durable=False)
        assert "already runs" in one_line(error)
        port = server.url.rpartition(":")[2].split("/")[0]
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=int(port), retry=Retry(NoBackoff(), 0)).ping()
    finally:
        server.stop()


def run_local(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local", "--var", str(folder)],
        cwd=PROJECT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_taken_port_is_one_clear_line(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run_local(folder, PORT=str(port))
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert f"Port {port}" in ended.stderr
    assert "PORT=" in ended.stderr
    assert not (folder / "postgres").exists()


def test_bad_settings_are_all_named_before_anything_starts(folder: Path) -> None:
    ended = run_local(folder, PORT="abc", DUE_DAY="99")
    assert ended.returncode == 1
    assert "PORT:" in ended.stderr
    assert "DUE_DAY:" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_production_mode_is_not_run_by_the_sandbox_command(folder: Path) -> None:
    ended = run_local(folder, IURAN_MODE="production")
    assert ended.returncode == 1
    assert "IURAN_MODE" in ended.stderr


def python(folder: Path, name: str, code: str) -> Spec:
    return Spec(name, (sys.executable, "-S", "-c", code), folder / f"{name}.log")


def test_a_child_that_keeps_dying_stops_everything_with_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Supervisor(backoff_s=0.01) as supervisor:
        steady = supervisor.start(python(folder, "steady", "import time; time.sleep(600)"))
        supervisor.start(python(folder, "worker", "raise SystemExit(3)"))
        with pytest.raises(LocalError) as error:
            supervisor.run()
    line = one_line(error)
    assert "worker ended with exit code 3, the 6th time within 60 s" in line
    assert str(folder / "worker.log") in line
    assert not steady.alive()
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 5
    assert all("worker ended with exit code 3; it is started again" in one for one in said)


def test_a_child_that_ends_well_is_started_again_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mark = folder / "second"
    code = f"import pathlib, sys, time\np = pathlib.Path({str(mark)!r})\nif p.exists(): time.sleep(600)\np.touch()"
    with Supervisor(backoff_s=0.01) as supervisor:
        child = supervisor.start(python(folder, "worker", code))
        first = child.pid
        while child.pid == first:
            supervisor.wait(0.02)
            supervisor.check()
        assert child.alive()
    assert "worker ended with exit code 0; it is started again" in capsys.readouterr().out


def test_a_stop_ends_the_children_in_reverse_and_waits_for_them(folder: Path) -> None:
    ends = folder / "ends"
    code = (
        "import signal, sys, time\n"
        f"def end(*_):\n    open({str(ends)!r}, 'a').write('%s\\n'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        f"open({str(folder)!r} + '/%s.up', 'w')\n"
        "time.sleep(600)"
    )
    with Supervisor() as supervisor:
        for name in ("first", "second"):
            supervisor.start(python(folder, name, code % (name, name)))
        while not ((folder / "first.up").exists() and (folder / "second.up").exists()):
            time.sleep(0.01)
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
        with pytest.raises(Stopped):
            supervisor.run()
    assert ends.read_text().split() == ["second", "first"]


def test_postgresql_that_dies_comes_back_at_the_same_address(folder: Path) -> None:
    server = start_postgres(folder, durable=False)
    with Supervisor(backoff_s=0.01) as supervisor:
        supervisor.adopt(server.child)
        first = server.pid
        os.kill(first, signal.SIGKILL)
        for _ in range(1000):
            supervisor.wait(0.02)
            supervisor.check()
            try:
                with psycopg.connect(server.url) as session:
                    session.execute("SELECT 1")
                break
            except psycopg.OperationalError:
                continue
        assert server.pid != first
        assert server.alive()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent is gone")
def test_children_die_with_a_supervisor_that_was_killed(folder: Path) -> None:
    code = (
        "from pathlib import Path\nfrom local.postgres import start_postgres\nfrom local.valkey import start_valkey\n"
        f"import time\nfolder = Path({str(folder)!r})\n"
        "print(start_postgres(folder / 'pg').pid, start_valkey(folder / 'vk').pid, flush=True)\ntime.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    parent.stdout.readline()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    # Both folders become free by themselves: the locks are held by the servers, not by the one who started them.
    for server in (start_postgres(folder / "pg", lock_wait_s=10), start_valkey(folder / "vk", lock_wait_s=10)):
        server.stop()


def test_a_command_that_does_not_exist_is_one_clear_line(folder: Path) -> None:
    with pytest.raises(LocalError) as error:
        Child(Spec("nothing", ("/nowhere/at-all",), folder / "nothing.log")).start()
    assert "/nowhere/at-all" in one_line(error)
