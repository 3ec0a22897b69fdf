"""Puts the product together: builds the ports, mounts every route, adds the command groups. Nothing imports it."""

# First of all: it loads structlog as this process should have it.
from logs import set_up_logs  # isort: split

import dataclasses
import sys
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

import autodebit.routes
import commands
import config
import handset.routes
import sms.routes
import ussd.routes
from banks.connect import connect_banks
from banks.folders import connect_batch_banks, connect_settlements
from banks.settings import load_banks
from banks.token_shelf import TokenShelf
from database import CALL_ANSWER_TIMEOUT_S, make_engine
from gateways.africastalking import AfricasTalkingSms
from gateways.base import SmsGateway
from insurer.dayfile import DayFiles
from ports import Ports
from sealing import Keyring
from texts import load_texts
from units.clock import system_clock

# Granian's blocking threads, one connection each.
WEB_THREADS = 8


def make_redis(url: str) -> Redis:
    """A client for a call: half a second and no second try; redis-py's own ten take seconds (services.md 1)."""
    return Redis.from_url(
        url,
        socket_timeout=0.5,
        socket_connect_timeout=0.5,
        retry=Retry(NoBackoff(), 0),
        max_connections=2 * WEB_THREADS,
    )


def _africastalking(settings: config.Settings) -> SmsGateway:
    return AfricasTalkingSms(
        settings.AT_USERNAME,
        settings.AT_API_KEY.get_secret_value(),
        sender_id=settings.AT_SENDER_ID,
        url=settings.AT_API_URL,
    )


def _smpp(settings: config.Settings) -> SmsGateway:
    # smpplib is loaded only where it is spoken.
    from gateways.smpp_sms import SmppSms
    from gateways.smpp_wire import sms_smsc

    return SmppSms(sms_smsc(settings), settings.AT_SENDER_ID)


_SMS_GATEWAYS: Mapping[str, Callable[[config.Settings], SmsGateway]] = {
    "africastalking": _africastalking,
    "smpp": _smpp,
}


def make_ports(settings: config.Settings) -> Ports:
    if settings.BANKS_FILE is None or settings.INSURER_OUT_DIR is None or settings.INSURER_IN_DIR is None:
        raise config.ConfigError(["BANKS_FILE, INSURER_OUT_DIR, INSURER_IN_DIR: not set"])
    banks = load_banks(settings.BANKS_FILE)
    redis = make_redis(settings.REDIS_URL.get_secret_value())
    keys = Keyring(settings.key("DATA_KEY"), settings.key("INDEX_KEY"), settings.key("PIN_PEPPER"))
    return Ports(
        settings=settings,
        database=make_engine(
            settings.DATABASE_URL.get_secret_value(),
            answer_timeout_s=CALL_ANSWER_TIMEOUT_S,
            connections_max=WEB_THREADS,
        ),
        redis=redis,
        keys=keys,
        texts=load_texts(sandbox=settings.sandbox),
        clock=system_clock,
        banks=connect_banks(banks, shelf=TokenShelf(redis, keys.shared)),
        batches=connect_batch_banks(banks),
        settlements=connect_settlements(banks),
        sms={name: _SMS_GATEWAYS[name](settings) for name in settings.sms_routes},
        insurer=DayFiles(settings.INSURER_OUT_DIR, settings.INSURER_IN_DIR),
    )


def create_app(settings: config.Settings | None = None, **swap: Any) -> Flask:
    """The web application. `swap` replaces single ports: `create_app(settings, clock=lambda: moment)`.

    Raises ConfigError with every missing or bad setting at once.
    """
    settings = settings or config.load()
    set_up_logs(settings.LOG_LEVEL)
    ports = dataclasses.replace(make_ports(settings), **swap)
    app = Flask(__name__, static_folder=None)
    app.extensions["ports"] = ports
    for routes in (ussd.routes, sms.routes, autodebit.routes):
        blueprint = routes.make_blueprint(ports)
        app.register_blueprint(blueprint, url_prefix=settings.callback_prefix or None)
    if settings.sandbox:
        app.register_blueprint(handset.routes.make_blueprint(ports))

    @app.get("/health/live")
    def live() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @app.errorhandler(404)
    @app.errorhandler(405)
    def _nothing_here(_error: Exception) -> tuple[Response, int]:
        return Response("not here\n", mimetype="text/plain"), 404

    commands.add_to(app)
    return app


def web() -> Flask:
    """What granian loads: a bad setting is its one report, not a traceback."""
    try:
        return create_app()
    except config.ConfigError as error:
        sys.exit(str(error))
