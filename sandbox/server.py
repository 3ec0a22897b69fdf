"""Puts the parts into one small web server on loopback; the only module of the sandbox that opens a port."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask
from flask.typing import ResponseReturnValue
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from sandbox.bank import SandboxBank
from sandbox.batch import SandboxBatch
from sandbox.clock import SandboxClock
from sandbox.gateway import SandboxGateway
from sandbox.insurer import SandboxInsurer
from sandbox.notices import SandboxNotices
from sandbox.settings import BATCH_CONNECTED, NotReady, Settings
from sandbox.settlement import SandboxSettlement
from sandbox.store import open_engine, prepare
from sandbox.watching import Watch
from units.clock import Clock, system_clock

HOST = "127.0.0.1"
BODY_BYTES_MAX = 64 * 1024
_IDLE_S = 30.0
Parts = Sequence[SandboxGateway | SandboxNotices | Watch]


class _QuietHandler(WSGIRequestHandler):
    """Logs nothing itself: a request line may hold a phone number. A silent client is let go after a while."""

    timeout = _IDLE_S

    def log(self, type: str, message: str, *args: Any) -> None:
        return


def create_app(engine: Engine, settings: Settings, clock: Clock = system_clock) -> tuple[Flask, Parts]:
    """The application, and the parts that run beside it once they are started."""
    app = Flask("sandbox", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
    moved = SandboxClock(clock)
    gateway, notices = SandboxGateway(engine, settings, moved), SandboxNotices(engine, settings, moved)
    for part in (moved, gateway, notices, SandboxBank(engine, settings, moved, notices)):
        app.register_blueprint(part.blueprint())

    @app.get("/health")
    def health() -> ResponseReturnValue:
        return {"status": "ok"}

    @app.errorhandler(HTTPStatus.INTERNAL_SERVER_ERROR)
    def broken(error: Exception) -> ResponseReturnValue:
        return {"status": "broken"}, HTTPStatus.INTERNAL_SERVER_ERROR

    # Flask would log a trace, and with it whatever was sent.
    app.logger.disabled = True
    parts: list[SandboxGateway | SandboxNotices | Watch] = [gateway, notices]
    answering = list[Watch]()
    if settings.insurer_out is not None and settings.insurer_in is not None:
        answering.append(SandboxInsurer(engine, settings.insurer_out, settings.insurer_in, moved).watch)
    if settings.files is not None:
        batch = [SandboxBatch(engine, settings.files, code, moved) for code in BATCH_CONNECTED]
        settlement = SandboxSettlement(engine, settings.files, [*settings.banks, *BATCH_CONNECTED], moved)
        for bank in batch:
            app.register_blueprint(bank.blueprint())
        app.register_blueprint(settlement.blueprint())
        parts.append(settlement.watch)
        answering += [bank.watch for bank in batch]

    @app.post("/look")
    def look() -> ResponseReturnValue:
        """Answer the files that wait now; whoever cannot wait a second for an answer need not."""
        for watch in answering:
            watch.look()
        return "", HTTPStatus.NO_CONTENT

    return app, [*parts, *answering]


@contextmanager
def listening(settings: Settings, port: int = 0, clock: Clock = system_clock) -> Iterator[BaseWSGIServer]:
    """A server that is bound but not yet serving; port 0 takes any free one. Also how tests run a sandbox."""
    logging.getLogger("werkzeug").disabled = True
    engine = open_engine(settings.database_url)
    try:
        try:
            prepare(engine)
        except OperationalError:
            raise NotReady("the database of DATABASE_URL does not answer") from None
        app, parts = create_app(engine, settings, clock)
        server = make_server(HOST, port, app, threaded=True, request_handler=_QuietHandler)
        for part in parts:
            part.start()
        structlog.get_logger("sandbox").info("listening", port=server.port)
        try:
            yield server
        finally:
            server.server_close()
            for part in parts:
                part.stop()
    finally:
        engine.dispose()


@contextmanager
def running(settings: Settings, port: int = 0, clock: Clock = system_clock) -> Iterator[str]:
    """A sandbox in a thread of this process, for tests; yields its URL."""
    with listening(settings, port, clock) as server:
        thread = threading.Thread(target=server.serve_forever, name="sandbox-server", daemon=True)
        thread.start()
        try:
            yield f"http://{HOST}:{server.port}"
        finally:
            server.shutdown()
            thread.join()
