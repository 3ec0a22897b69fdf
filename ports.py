"""The things outside this process, in one frozen bundle that a test swaps piece by piece."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from redis import Redis
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from banks.base import Banks
from banks.batch_file import BatchFiles
from banks.settlement import SettlementFiles
from config import Settings
from gateways.base import SmsGateway
from insurance.reference import Reference
from insurance.work import Work
from insurer.base import Insurer
from sealing import Keyring
from texts import Texts
from units.clock import Clock


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
