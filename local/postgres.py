"""Runs PostgreSQL as an ordinary child process on loopback; never touches a data folder of another major version."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import psycopg
from psycopg import sql

from local.binaries import Programs, account_for, find_programs, open_place, place_of, reachable
from local.process import (
    Account,
    Child,
    InUse,
    LocalError,
    Server,
    Spec,
    as_account,
    free_port,
    last_line,
    open_log,
    say,
    secret_in,
)

ROLE = DATABASE = "iuran"
APP_ROLE = "iuran_app"
"""Of web, worker and console: owns nothing."""
START_WAIT_S = 60.0
_PORT_TRIES_MAX = 3
# The same sorting on every machine: the built-in locale (from 17 on) depends on no library of the system.
_BUILTIN_LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "max_wal_size": "512MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # An error's text, detail and statement may hold a member's data: the log gets none of the three.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
_FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # One server for all of a test run's workers, each with worlds and sandboxes of its own.
    "max_connections": "200",
}


def start_postgres(folder: Path, *, durable: bool = True, log: Path | None = None, lock_wait_s: float = 0.0) -> Server:
    """A running server whose `iuran` database exists; `durable=False` is for tests, and loses data with the power.

    Raises LocalError: the folder is in use, of another major version, or of another user; nothing runs here.
    """
    folder = folder.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _start(folder, durable, log or folder / "postgres.log", lock_wait_s)
    except InUse:
        raise LocalError(
            f"PostgreSQL already runs on {folder}: is Iuran running in another terminal? (process {_pid(folder)})"
        ) from None
    except PermissionError as error:
        raise LocalError(f"{error.filename} is not ours to open: was Iuran first run here by another user?") from None


def _start(folder: Path, durable: bool, log: Path, lock_wait_s: float) -> Server:
    cluster, account = _cluster(folder)
    programs = find_programs(account)
    password = secret_in(folder / "password")
    if cluster.exists():
        _refuse_other_major(cluster, programs)
    else:
        _make_cluster(cluster, programs, account, password, durable, log)
    for tries_left in reversed(range(_PORT_TRIES_MAX)):
        port = free_port()
        child = Child(_spec(cluster, programs, account, port, durable, log, folder / "lock"))
        child.start(lock_wait_s)
        try:
            _make_database(child, port, password)
        except _PortTaken:
            child.stop()
            if not tries_left:
                raise
        except BaseException:
            child.stop()
            raise
        else:
            return Server(f"postgresql://{ROLE}:{password}@127.0.0.1:{port}/{DATABASE}", child)
    raise AssertionError("the last try returns or raises")


class _PortTaken(LocalError):
    """Another process took the port between our look and PostgreSQL's; a new one is as good."""


def _cluster(folder: Path) -> tuple[Path, Account | None]:
    """Where the data lie: in the folder, or where `nobody` can get at them when the folder is closed to it."""
    cluster = folder / "data"
    account = account_for(cluster)
    if account is None:
        return cluster, None
    folder.chmod(0o755)
    if reachable(cluster, account):
        return cluster, account
    cluster = open_place(folder) / "data"
    say(f"PostgreSQL runs as `{account.name}`, which may not enter {folder}: its data are in {cluster}.")
    return cluster, account_for(cluster)


def _refuse_other_major(cluster: Path, programs: Programs) -> None:
    mark = cluster / "PG_VERSION"
    made_by = mark.read_text().strip() if mark.exists() else "an unknown version"
    if made_by != str(programs.major):
        raise LocalError(
            f"{cluster} was made by PostgreSQL {made_by}, but this is PostgreSQL {programs.major}: "
            "move that folder away, or dump it with the old version and load it."
        )


def _make_cluster(
    cluster: Path, programs: Programs, account: Account | None, password: str, durable: bool, log: Path
) -> None:
    """Made beside its place and moved there when whole, so that a broken first start leaves nothing half done."""
    half = cluster.with_name("data.new")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o700)
    given = half.with_name("password.once")
    given.unlink(missing_ok=True)
    given.touch(mode=0o600)
    given.write_text(password)
    if account is not None:
        os.chown(half, account.uid, account.gid)
        os.chown(given, account.uid, account.gid)
    command: list[str | Path] = [programs.bin / "initdb", "-D", half, "-U", ROLE, "--pwfile", given]
    command += ["--encoding=UTF8", "--locale=C", *(_BUILTIN_LOCALE if programs.major >= 17 else ())]
    command += ["--auth-host=scram-sha-256", "--auth-local=reject", *([] if durable else ["--no-sync"])]
    out = open_log(log)
    try:
        made = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, "TZ": "UTC", "LC_ALL": "C"},
            cwd="/",
            start_new_session=True,
            **as_account(account),
        )
    finally:
        os.close(out)
        given.unlink()
    if made.returncode:
        raise LocalError(f"PostgreSQL could not make its data folder: {last_line(log)} (log: {log})")
    half.rename(cluster)


def _spec(
    cluster: Path, programs: Programs, account: Account | None, port: int, durable: bool, log: Path, lock: Path
) -> Spec:
    settings = {**_SETTINGS, **({} if durable else _FORGETFUL), "port": str(port)}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return Spec(
        name="postgres",
        command=(str(programs.bin / "postgres"), "-D", str(cluster), *options),
        log=log,
        env={**os.environ, "LC_ALL": "C"},
        cwd=cluster.parent,
        account=account,
        stop_signal=signal.SIGINT,  # PostgreSQL's fast shutdown: open connections are ended, the data are whole
        lock=lock,
        before=partial(_forget_stranger, cluster),
    )


def _forget_stranger(cluster: Path) -> None:
    """Remove a pid file whose process is not PostgreSQL.

    PostgreSQL sees by itself that a process is gone, but after a reboot or in a new container the number may
    be another program's, and then it refuses to start. It runs under our lock: no PostgreSQL of ours is alive.
    """
    mark = cluster / "postmaster.pid"
    with suppress(OSError, IndexError):
        pid = mark.read_text().split()[0]
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        if name != "postgres":
            mark.unlink()


def _make_database(child: Child, port: int, password: str) -> None:
    """Wait until the server answers, and make the `iuran` database when it is not there yet."""
    until = time.monotonic() + START_WAIT_S
    log = child.spec.log
    while True:
        try:
            session = psycopg.connect(
                host="127.0.0.1",
                port=port,
                user=ROLE,
                password=password,
                dbname="postgres",
                connect_timeout=2,
                autocommit=True,
            )
            break
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise LocalError(f"PostgreSQL refuses the password in {child.spec.lock}: was it changed?") from None
        if not child.alive():
            said = last_line(log)
            kind = _PortTaken if "could not create any TCP/IP sockets" in said else LocalError
            raise kind(f"PostgreSQL did not start: {said} (log: {log})")
        if time.monotonic() > until:
            raise LocalError(f"PostgreSQL did not answer within {START_WAIT_S:.0f} s (log: {log})")
        time.sleep(0.02)
    with closing(session):
        if not session.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            session.execute(f"CREATE DATABASE {DATABASE}")


def _pid(folder: Path) -> str:
    for cluster in (folder / "data", place_of(folder) / "data"):
        with suppress(OSError, IndexError):
            return (cluster / "postmaster.pid").read_text().split()[0]
    return "unknown"


def app_url(folder: Path, owner_url: str) -> str:
    """The URL of APP_ROLE, which is made where it is missing; it may do nothing before `flask migrate --app-role`."""
    password = secret_in(folder / "app-password")
    with psycopg.connect(owner_url, autocommit=True) as session:
        known = session.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE]).fetchone()
        how = sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
            sql.SQL("ALTER" if known else "CREATE"), sql.Identifier(APP_ROLE), sql.Literal(password)
        )
        session.execute(how)
    return owner_url.replace(owner_url.split("//")[1].split("@")[0], f"{APP_ROLE}:{password}", 1)
