"""What one use case works with: the transaction, the moment, the keys, the words and the rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from config import Settings
from insurance.reference import Reference
from models import Contact, Worker
from sealing import Box, Keyring
from texts import Texts
from texts.longest import NAME_SHOWN_SEPTETS, VILLAGE_SHOWN_SEPTETS
from units.clock import jakarta_day
from units.gsm import shorten

# What follows within this time from a member's call is awaited with the phone in hand.
FRESH = timedelta(minutes=30)
_ZONE_NAMES = {"Asia/Jakarta": "WIB", "Asia/Makassar": "WITA", "Asia/Jayapura": "WIT"}


@dataclass(frozen=True)
class Work:
    db: Session
    now: datetime
    keys: Keyring
    texts: Texts
    settings: Settings
    reference: Reference

    @property
    def today(self) -> date:
        return jakarta_day(self.now)

    def box(self, worker: Worker) -> Box:
        """Raises Unreadable where the person's key was destroyed."""
        return self.keys.person(worker.data_key)

    def name(self, worker: Worker) -> str:
        """As a screen shows it: at most NAME_SHOWN_SEPTETS. Of who was erased it is a dash."""
        if worker.is_erased:
            return "-"
        return shorten(self.box(worker).open(worker.name_sealed, "worker.name"), NAME_SHOWN_SEPTETS)

    def initials(self, worker: Worker) -> str:
        words = self.name(worker).split()
        return "".join(f"{word[0]}." for word in words[:2])

    def village(self, worker: Worker) -> str:
        return shorten(worker.village.name, VILLAGE_SHOWN_SEPTETS)

    def local_time(self, at: datetime, worker: Worker) -> str:
        """`28-12-2026 23.59 WITA`, on the clock of the worker's village."""
        zone = worker.village.zone
        return f"{at.astimezone(ZoneInfo(zone)):%d-%m-%Y %H.%M} {_ZONE_NAMES.get(zone, '')}".rstrip()

    def is_fresh(self, since: datetime) -> bool:
        """Whether the member's own act is so recent that its outcome is told by night too (rulings 5)."""
        return self.now - since <= FRESH

    def workers_at(self, phone_index: bytes) -> Sequence[Worker]:
        """The workers reached by this number, longest known first. A number is a channel, never an identity."""
        query = (
            select(Worker)
            .join(Contact)
            .where(Contact.phone_index == phone_index)
            .order_by(Contact.since, Worker.id)
            .limit(self.settings.PHONE_WORKERS_MAX)
        )
        return self.db.scalars(query).unique().all()
