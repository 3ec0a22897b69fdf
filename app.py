"""Puts the product together: builds the ports, mounts every route, adds the command groups. Nothing imports it."""

# First of all: it loads structlog as this process should have it.
from logs import set_up_logs  # isort: split

import dataclasses
import sys
from ipaddress import ip_address
from typing import Any

from flask import Blueprint, Flask, Response, abort, request
from redis import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.middleware.proxy_fix import ProxyFix

import autodebit.routes
import commands
import config
import handset.routes
import sms.routes
import ussd.routes
from ports import make_ports


def create_app(settings: config.Settings | None = None, **swap: Any) -> Flask:
    """The web application. `swap` replaces single ports: `create_app(settings, clock=lambda: moment)`.

    Raises ConfigError with every missing or bad setting at once.
    """
    settings = settings or config.load()
    set_up_logs(settings.LOG_LEVEL)
    ports = dataclasses.replace(make_ports(settings), **swap)
    app = Flask(__name__, static_folder=None)
    # No route answers to more than it names.
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.extensions["ports"] = ports
    if settings.CALLBACK_PROXIES:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.CALLBACK_PROXIES, x_proto=0)  # type: ignore[method-assign]
    for routes in (ussd.routes, sms.routes, autodebit.routes):
        blueprint = routes.make_blueprint(ports)
        _only_from(blueprint, settings)
        app.register_blueprint(blueprint, url_prefix=settings.callback_prefix or None)
    if settings.sandbox:
        app.register_blueprint(handset.routes.make_blueprint(ports))

    @app.get("/health/live")
    def live() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @app.get("/health/ready")
    def ready() -> Response:
        """Whether callers can be served now: for whoever shares them out, never for whoever restarts processes."""
        try:
            with ports.database.connect() as connection:
                connection.execute(text("SELECT 1"))
            ports.redis.ping()
        except (SQLAlchemyError, RedisError):
            return Response("away\n", status=503, mimetype="text/plain")
        return Response("ok\n", mimetype="text/plain")

    @app.errorhandler(404)
    @app.errorhandler(405)
    def _nothing_here(_error: Exception) -> tuple[Response, int]:
        return Response("not here\n", mimetype="text/plain"), 404

    commands.add_to(app)
    return app


def _only_from(callbacks: Blueprint, settings: config.Settings) -> None:
    """Where CALLBACK_SOURCES names addresses, to all others there is nothing here: not even that the key was right."""
    sources = settings.callback_sources
    if not sources:
        return

    @callbacks.before_request
    def _stranger() -> None:
        try:
            caller = ip_address(request.remote_addr or "")
        except ValueError:
            abort(404)
        if not any(caller in source for source in sources):
            abort(404)


def web() -> Flask:
    """What granian loads: a bad setting is its one report, not a traceback."""
    try:
        return create_app()
    except config.ConfigError as error:
        sys.exit(str(error))
