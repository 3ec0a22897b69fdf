"""Structured logs as JSON lines; what is logged is named by the caller, and no caller names personal data."""

import logging
import sys

# structlog loads rich for its coloured tracebacks, which nothing here prints: 79 modules and 4 MB of each web process
# (docs/bench.md). A None is how Python says that a module is not to be had; commands that draw tables load it after.
sys.modules.setdefault("rich", None)  # type: ignore[arg-type]

import structlog  # noqa: E402

if sys.modules["rich"] is None:
    del sys.modules["rich"]


def set_up_logs(level: str) -> None:
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries speak only from warnings on: their debug lines hold URLs, bodies and parameters.
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s")
