"""All of `make run`, and beside it a second web and a second worker that reach the servers through a faulty network."""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from bench.processes import children_of
from bench.running import Stack, parts_of, running_stack
from local.postgres import ROLE
from local.process import Child, Spec, free_port, secret_in
from tests.proxy import Proxy
from tests.sandboxed import ROOT


def through(url: str, proxy: Proxy) -> str:
    return make_url(url).set(port=proxy.port).render_as_string(hide_password=False)


@dataclass
class Pair:
    """Two webs and two workers on one database and one store."""

    stack: Stack
    owner_url: str
    database: Proxy
    store: Proxy
    web_port: int
    children: Mapping[str, Child]
    started: dict[str, int] = field(default_factory=dict)

    @property
    def ports(self) -> tuple[int, int]:
        return self.stack.port, self.web_port

    def rows(self, sql: str) -> list[Any]:
        """As the owner, past every proxy."""
        with psycopg.connect(self.owner_url, connect_timeout=2) as db:
            return db.execute(sql.encode()).fetchall()

    def one(self, sql: str) -> Any:
        return self.rows(sql)[0][0]

    def kill(self, part: str) -> None:
        """kill -9 of a part of the stack, as it runs now; granian's own workers go with it."""
        pid = parts_of(self.stack.pid)[part]
        for child in children_of(pid) if part == "web" else ():
            os.kill(child, signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)


def _keep(pair: Pair, over: threading.Event) -> None:
    """What a service manager does: whatever ended is started again after a second."""
    while not over.wait(0.2):
        for name, child in pair.children.items():
            if not child.alive() and not over.wait(1):
                child.sweep()
                child.start()
                pair.started[name] = pair.started.get(name, 0) + 1


@contextmanager
def running_pair(folder: Path) -> Iterator[Pair]:
    with running_stack(folder) as stack, ExitStack() as ends:
        urls = {name: make_url(stack.environ[name]) for name in ("DATABASE_URL", "REDIS_URL")}
        database, store = (ends.enter_context(Proxy(url.port or 0)) for url in urls.values())
        port = free_port()
        environ = {
            **stack.environ,
            "DATABASE_URL": through(stack.environ["DATABASE_URL"], database),
            "REDIS_URL": through(stack.environ["REDIS_URL"], store),
        }
        granian = ("--interface", "wsgi", "--factory", "--host", "127.0.0.1", "--workers", "1", "--no-ws")
        web = (sys.executable, "-m", "granian", *granian, "--blocking-threads", "8", "--port", str(port), "app:web")
        worker = (sys.executable, "-m", "flask", "worker")
        children = {
            name: Child(Spec(name, command, folder / f"{name}.log", environ, ROOT))
            for name, command in (("web2", web), ("worker2", worker))
        }
        password = secret_in(folder / "var" / "postgres" / "password")
        owner = urls["DATABASE_URL"].set(username=ROLE, password=password).render_as_string(hide_password=False)
        pair, over = Pair(stack, owner, database, store, port, children), threading.Event()
        for child in children.values():
            child.start()
            ends.callback(child.stop)
        keeper = threading.Thread(target=_keep, args=(pair, over))
        keeper.start()
        ends.callback(keeper.join)
        ends.callback(over.set)
        yield pair
