"""Puts the console together, an application of its own beside the one that callers reach; never imported by that."""

import dataclasses
import sys
from typing import Any

import structlog
from flask import Flask, render_template, request, session
from flask_login import current_user
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError
from redis.exceptions import RedisError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

import config
from console import (
    audit,
    complaints,
    funnel,
    matters,
    months,
    people,
    prices,
    reconciliation,
    regions,
    reports,
    staff,
    texts,
    today,
)
from console.doors import guard, roles_of, to_anyone
from console.login import set_up_login
from console.sessions import Sessions
from console.words import LANGUAGES, Words
from logs import set_up_logs
from ports import make_ports
from units.clock import JAKARTA
from units.money import rupiah
from units.month import day_text, month_name

log = structlog.get_logger()
# A page may ask more than a call does, and somebody waits for it all the same.
ANSWER_TIMEOUT_S = 10.0
BODY_BYTES_MAX = 2_000_000
# Nothing from elsewhere, nothing inline; pictures of the second factor come within the page.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_MEMBERS = (today, people, complaints, regions)
_MONEY = (months, matters, reconciliation, prices)
_PAGES = (*_MEMBERS, *_MONEY, texts, funnel, reports, staff, audit)
MENU = tuple(f"{page.__name__.rpartition('.')[2]}.home" for page in _PAGES)


def make_console(settings: config.Settings | None = None, **swap: Any) -> Flask:
    """The console's application. `swap` replaces single ports, as in `app.create_app`.

    Raises ConfigError with every missing or bad setting at once.
    """
    settings = settings or config.load()
    set_up_logs(settings.LOG_LEVEL)
    ports = dataclasses.replace(make_ports(settings, answer_timeout_s=ANSWER_TIMEOUT_S), **swap)
    app = Flask(__name__, static_url_path="/static")
    app.extensions["ports"] = ports
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
    if settings.CONSOLE_PROXIES:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.CONSOLE_PROXIES, x_proto=1)  # type: ignore[method-assign]
    _stop_without_sessions(app)
    app.session_interface = Sessions(ports.redis, ports.clock, settings)
    to_anyone(app.view_functions["static"])
    CSRFProtect(app)
    _speak(app)
    set_up_login(app, ports)
    guard(app, ports)
    for page in _PAGES:
        app.register_blueprint(page.make_blueprint(ports))
    _live(app)
    _answer_errors(app)
    _harden(app, secure=not settings.sandbox)
    return app


def _stop_without_sessions(app: Flask) -> None:
    @app.before_request
    def away() -> None:
        if getattr(session, "away", False):
            raise ConnectionError


def _speak(app: Flask) -> None:
    """Words and the forms of amounts and days for every template."""
    words = Words()

    def language() -> str:
        if current_user and current_user.is_authenticated:
            return str(current_user.language)
        return str(session.get("language", LANGUAGES[0]))

    app.jinja_env.globals["t"] = lambda key, **facts: words.say(language(), key, facts)
    app.jinja_env.globals["language"] = language
    app.jinja_env.globals["menu"] = lambda: _menu(app)
    app.jinja_env.filters["rupiah"] = rupiah
    app.jinja_env.filters["number"] = lambda count: rupiah(count).removeprefix("Rp")
    app.jinja_env.filters["day"] = lambda day: day_text(day) if day else ""
    app.jinja_env.filters["month"] = lambda month: month_name(month, language()) if month else ""
    app.jinja_env.filters["moment"] = lambda at: f"{at.astimezone(JAKARTA):%d-%m-%Y %H.%M} WIB" if at else ""
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def _menu(app: Flask) -> list[str]:
    """The endpoints that this operator may open, in the order of the menu: a page that is shut is not offered."""
    if not current_user.is_authenticated:
        return []
    return [name for name in MENU if current_user.role in (roles_of(app, name) or ())]


def _live(app: Flask) -> None:
    @app.get("/health/live")
    @to_anyone
    def live() -> Response:
        return Response("ok\n", mimetype="text/plain")


def _answer_errors(app: Flask) -> None:
    def page(code: int, name: str) -> tuple[str, int]:
        return render_template("message.html", title=f"error.{name}", text=f"error.{name}_text"), code

    @app.errorhandler(CSRFError)
    def stale(_error: CSRFError) -> tuple[str, int]:
        return page(400, "stale")

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> tuple[str, int] | HTTPException:
        known = {403: "forbidden", 404: "nothing", 405: "nothing", 413: "too_big"}
        code = error.code or 500
        return page(404 if code == 405 else code, known[code]) if code in known else error

    @app.errorhandler(ConnectionError)
    @app.errorhandler(RedisError)
    @app.errorhandler(OperationalError)
    def away(error: Exception) -> tuple[str, int, dict[str, str]]:
        # Without words: who is logged in is not known either.
        log.warning("console_server_away", kind=type(error).__name__)
        return "503\n", 503, {"Content-Type": "text/plain"}


def _harden(app: Flask, *, secure: bool) -> None:
    @app.after_request
    def headers(response: Response) -> Response:
        for name, value in _HEADERS.items():
            response.headers[name] = value
        if secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        kept = "public, max-age=3600" if request.endpoint == "static" else "no-store"
        response.headers["Cache-Control"] = kept
        return response


def web() -> Flask:
    """What granian loads: a bad setting is its one report, not a traceback."""
    try:
        return make_console()
    except config.ConfigError as error:
        sys.exit(str(error))
