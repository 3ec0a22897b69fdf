"""Server time of the console's pages with many members: `python -m bench.console 1000000`, on servers of its own.

All members share one word of their names, and the counters are those of 84,000 villages: the worst that a search and
the first page meet in a country.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask
from rich.console import Console as Terminal
from sqlalchemy.orm import Session

import migrations
from bench.running import PROJECT, own_folder
from bench.seed import seed_members
from config import Settings, load
from console.doors import EVERYBODY
from console.process import make_console
from data import load_reference, load_village
from insurance import operators
from local.postgres import start_postgres
from local.valkey import start_valkey
from models import Role
from models.partitions import ensure_partitions
from ports import Ports
from units.clock import JAKARTA

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=JAKARTA)
VILLAGES, MATTERS, TIMES = 84_000, 10_000, 30
_COUNTERS = """
INSERT INTO village_counters (village_code, kind, at, until, place, n)
SELECT code, kind, at, until, '', 7 FROM villages, (
  SELECT 'member' AS kind, 0 AS at, 0 AS until UNION ALL SELECT 'posted', 24300 + m, 0 FROM generate_series(0, 22) m
  UNION ALL SELECT 'idle', 24320, 32767 UNION ALL SELECT 'joined', 740000, 0) kinds
"""
_VILLAGES = """
INSERT INTO villages (code, short_code, name, district, regency, zone)
SELECT (1100000000 + v * 98000)::text, 'B' || v, 'Desa ' || v, 'Kec. ' || v / 12, 'Kab. ' || v / 160, 'Asia/Jakarta'
  FROM generate_series(1, CAST(%s AS bigint)) v ON CONFLICT DO NOTHING
"""
_MATTERS = """
INSERT INTO work_items (kind, about, state, bank_code, amount_rp, code, decision, opened_at, due_on)
SELECT 'notice', 'bench ' || n, 'open', '114', 28400, '', '', now(), date '2026-11-01' + n %% 30
  FROM generate_series(1, %s) n
"""


def _seed(ports: Ports, url: str, count: int) -> None:
    migrations.upgrade(ports.database)
    with Session(ports.database) as db, db.begin():
        ensure_partitions(db.connection(), NOW.date())
        load_reference(db, connected=ports.settings.BANKS_FILE)
    with ports.transaction() as work:
        load_village(work)
    with psycopg.connect(url) as connection:
        seed_members(connection, ports.keys, count, ["114"])
        common = ports.keys.index("name", "peserta")
        with connection.cursor() as cursor, cursor.copy("COPY worker_words FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["bytea", "varchar", "int8"])
            for number in range(1, count + 1):
                copy.write_row((common, "3599", number))
                copy.write_row((ports.keys.index("name", str(number)), "3599", number))
        connection.execute(_VILLAGES, (VILLAGES,))
        connection.execute(_COUNTERS)
        connection.execute(_MATTERS, (MATTERS,))
        connection.execute("DELETE FROM standing_marks")
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")


def _as(app: Flask, ports: Ports, role: Role) -> Any:
    """A client that is known as an operator of this role; how one logs in is another matter's measure."""
    name = f"bench.{role.value}"
    with ports.transaction() as work:
        operators.add(work, name, role.value, ["3599"] if role is Role.BRANCH else [], "bench")
        row = operators.listed(work)
        uniquifier = next(one.uniquifier for one in row if one.name == name)
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = uniquifier, True
    return client


def _measure(ask: Callable[[], Any], before: Callable[[], None]) -> tuple[float, float]:
    """Median and 95th of a hundred in milliseconds; `before` each is not timed."""
    spent = []
    for _ in range(TIMES):
        before()
        begun = time.perf_counter()
        answer = ask()
        spent.append((time.perf_counter() - begun) * 1000)
        assert answer.status_code == 200, answer.status_code
    spent.sort()
    return spent[len(spent) // 2], spent[int(len(spent) * 0.95)]


def _settings(folder: Path, url: str, redis_url: str) -> Settings:
    keys = folder / "sandbox"
    init = (sys.executable, "-m", "sandbox", "init", "--dir", str(keys), "--url", "http://127.0.0.1:1")
    subprocess.run(init, cwd=PROJECT, check=True, capture_output=True)
    servers = {"IURAN_MODE": "sandbox", "DATABASE_URL": url, "REDIS_URL": redis_url, "LOG_LEVEL": "error"}
    outside = {"SANDBOX_URL": "http://127.0.0.1:1", "BANKS_FILE": str(keys / "banks.toml")}
    return load({**servers, **outside, "INSURER_OUT_DIR": str(folder), "INSURER_IN_DIR": str(folder)})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=1_000_000)
    count = parser.parse_args().count
    said = Terminal()
    with own_folder() as folder:
        postgres, valkey = start_postgres(folder / "postgres"), start_valkey(folder / "valkey")
        try:
            settings = _settings(folder, postgres.url, valkey.url)
            app = make_console(settings, clock=lambda: NOW)
            app.config["WTF_CSRF_ENABLED"] = False
            ports: Ports = app.extensions["ports"]
            _seed(ports, postgres.url, count)
            said.print(f"{count} members, {VILLAGES} villages, {MATTERS} matters; {len(EVERYBODY)} roles.")
            _report(app, ports, count, said)
        finally:
            valkey.stop()
            postgres.stop()
    return 0


def _report(app: Flask, ports: Ports, count: int, said: Terminal) -> None:
    admin, branch, finance = (_as(app, ports, role) for role in (Role.ADMIN, Role.BRANCH, Role.FINANCE))
    with ports.transaction() as work:
        reference = work.db.connection().exec_driver_sql("SELECT reference FROM memberships LIMIT 1").scalar_one()
    pages: dict[str, Callable[[], Any]] = {
        "today, all counters read": lambda: admin.get("/"),
        "people: a common word": lambda: branch.post("/people/", data={"typed": "peserta"}),
        "people: common and rare": lambda: branch.post("/people/", data={"typed": f"peserta {count - 3}"}),
        "people: of all regencies": lambda: admin.post("/people/", data={"typed": f"peserta {count - 3}"}),
        "people: the last page": lambda: branch.post(
            "/people/", data={"typed": "peserta", "regency": "3599", "after": count - 10}
        ),
        "people: a phone": lambda: branch.post("/people/", data={"typed": f"+62850{count:08d}"}),
        "trail of a person": lambda: branch.get(f"/people/{reference}/trail"),
        "matters": lambda: finance.get("/matters/"),
        "matters: the last page": lambda: finance.get("/matters/?after=2026-11-30.1"),
        "runs": lambda: finance.get("/runs/"),
        "regions: provinces": lambda: admin.get("/villages/"),
    }
    for name, ask in pages.items():
        median, late = _measure(ask, ports.reference.clear)
        said.print(f"{name:28} {median:8.1f} ms median {late:8.1f} ms p95")


if __name__ == "__main__":
    sys.exit(main())
