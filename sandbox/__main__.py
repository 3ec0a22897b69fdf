"""`python -m sandbox init` makes keys and banks.toml; `python -m sandbox serve` plays bank, gateway and insurer."""

import argparse
import logging
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import FrameType

import structlog

from sandbox.settings import HANG_S, SLOW_S, NotReady, Settings, init, load_settings


def main(arguments: list[str] | None = None) -> int:
    """0 when all went well, 1 with one line on standard error when not."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    init_parser = commands.add_parser("init", help="make keys, secrets and banks.toml where they are missing")
    init_parser.add_argument("--dir", type=Path, required=True)
    init_parser.add_argument("--url", required=True, help="where `serve` will listen, http://127.0.0.1:PORT")
    serve_parser = commands.add_parser("serve", help="listen on 127.0.0.1 until told to stop")
    serve_parser.add_argument("--dir", type=Path, required=True)
    serve_parser.add_argument("--port", type=int, required=True)
    serve_parser.add_argument("--callbacks", required=True, help="the product's base for callbacks; keep it secret")
    serve_parser.add_argument("--hang-s", type=float, default=HANG_S, help="how long a time-out is silent")
    serve_parser.add_argument("--slow-s", type=float, default=SLOW_S, help="how long a slow answer takes")
    serve_parser.add_argument(
        "--hold-notices",
        action="store_true",
        help="post no notice of a bank: a test takes them from /bank/CODE/notices",
    )
    given = parser.parse_args(arguments)
    _log_to_stderr()
    try:
        if given.command == "init":
            init(given.dir, given.url)
        else:
            settings = load_settings(given.dir, given.callbacks)
            faults = {"hang_s": given.hang_s, "slow_s": given.slow_s, "hold_notices": given.hold_notices}
            _serve(replace(settings, **faults), given.port)
    except NotReady as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _serve(settings: Settings, port: int) -> None:
    # Flask and SQLAlchemy take a second to load, and `init` needs neither.
    from sandbox.server import listening

    with listening(settings, port) as server:

        def stop(_signal: int, _frame: FrameType | None) -> None:
            # shutdown() waits for the loop this handler interrupts, so another thread calls it.
            threading.Thread(target=server.shutdown, daemon=True).start()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        server.serve_forever()


def _log_to_stderr() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    sys.exit(main())
