"""The things outside this process, in one frozen bundle that a test swaps piece by piece; how it is put together."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from banks.base import Banks
from banks.batch_file import BatchFiles
from banks.connect import connect_banks
from banks.folders import connect_batch_banks, connect_settlements
from banks.settings import load_banks
from banks.settlement import SettlementFiles
from banks.token_shelf import TokenShelf
from config import ConfigError, Settings
from database import CALL_ANSWER_TIMEOUT_S, make_engine
from gateways.africastalking import AfricasTalkingSms
from gateways.base import SmsGateway
from insurance.reference import Reference
from insurance.work import Work
from insurer.base import Insurer
from insurer.dayfile import DayFiles
from sealing import Keyring
from texts import Texts, load_texts
from units.clock import Clock, system_clock

# Granian's blocking threads, one connection each.
WEB_THREADS = 8


@dataclass(frozen=True)
class Ports:
    settings: Settings
    database: Engine
    redis: Redis
    keys: Keyring
    texts: Texts
    clock: Clock
    banks: Banks
    """Those with an API, by code."""
    sms: Mapping[str, SmsGateway]
    """The gateways that take texts, by name."""
    insurer: Insurer
    batches: Mapping[str, BatchFiles] = field(default_factory=dict)
    """Banks without an API: a debit file out, a result file in."""
    settlements: Mapping[str, SettlementFiles] = field(default_factory=dict)
    reference: Reference = field(default_factory=Reference)

    def work(self, db: Session, now: datetime | None = None) -> Work:
        return Work(db, now or self.clock(), self.keys, self.texts, self.settings, self.reference)

    @contextmanager
    def transaction(self) -> Iterator[Work]:
        """One transaction around a use case: committed at the end, rolled back by any exception."""
        with Session(self.database, expire_on_commit=False) as db, db.begin():
            yield self.work(db)


def make_redis(url: str) -> Redis:
    """A client for a call: half a second and no second try; redis-py's own ten take seconds (services.md 1)."""
    return Redis.from_url(
        url,
        socket_timeout=0.5,
        socket_connect_timeout=0.5,
        retry=Retry(NoBackoff(), 0),
        max_connections=2 * WEB_THREADS,
    )


def _africastalking(settings: Settings) -> SmsGateway:
    return AfricasTalkingSms(
        settings.AT_USERNAME,
        settings.AT_API_KEY.get_secret_value(),
        sender_id=settings.AT_SENDER_ID,
        url=settings.AT_API_URL,
    )


def _smpp(settings: Settings) -> SmsGateway:
    # smpplib is loaded only where it is spoken.
    from gateways.smpp_sms import SmppSms
    from gateways.smpp_wire import sms_smsc

    return SmppSms(sms_smsc(settings), settings.AT_SENDER_ID)


_SMS_GATEWAYS: Mapping[str, Callable[[Settings], SmsGateway]] = {
    "africastalking": _africastalking,
    "smpp": _smpp,
}


def make_keys(settings: Settings) -> Keyring:
    data, index, pepper = settings.key("DATA_KEY"), settings.key("INDEX_KEY"), settings.key("PIN_PEPPER")
    return Keyring(data, index, pepper, settings.other_keys())


def make_ports(settings: Settings, *, answer_timeout_s: float = CALL_ANSWER_TIMEOUT_S) -> Ports:
    """The real ones. Raises ConfigError."""
    if settings.BANKS_FILE is None or settings.INSURER_OUT_DIR is None or settings.INSURER_IN_DIR is None:
        raise ConfigError(["BANKS_FILE, INSURER_OUT_DIR, INSURER_IN_DIR: not set"])
    banks = load_banks(settings.BANKS_FILE)
    redis = make_redis(settings.REDIS_URL.get_secret_value())
    keys = make_keys(settings)
    return Ports(
        settings=settings,
        database=make_engine(
            settings.DATABASE_URL.get_secret_value(),
            answer_timeout_s=answer_timeout_s,
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
