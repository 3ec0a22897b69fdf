"""One text that came in: its words, who may have sent it, and how it is answered."""

import unicodedata
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from insurance import contacts, villages
from insurance.receipts import owe, recipient
from insurance.work import Work
from models import Head, InboundSms, Worker
from texts import FIRST_LANGUAGE

REPEATED = "="
"""The word of a text that came twice."""
# In the four languages.
YES, NO = ("YA", "YES", "INGGIH", "MUHUN"), ("TIDAK", "NO", "MBOTEN", "HENTEU")
# An answer to a command is of use while the sender still holds the phone.
ANSWER_LIFE = timedelta(hours=1)


class Inbound:
    """One text that came in: who may have sent it, and how to answer."""

    def __init__(self, work: Work, phone: str, key: str, words: Sequence[str] = ()) -> None:
        self.work, self.phone, self.key, self.words = work, phone, key, words
        self.index = work.keys.index("phone", phone)
        at_number = contacts.at(work, self.index)
        self.workers: Sequence[Worker] = [contact.worker for contact in at_number]
        # Of the others nobody is named before their PIN, which no SMS should hold.
        self.trusted = [contact.worker for contact in at_number if not contacts.is_doubted(work, contact)]
        self.heads: Sequence[Head] = villages.heads_at(work, self.index)

    @property
    def language(self) -> str:
        return self.workers[0].language if self.workers else FIRST_LANGUAGE

    def answer(self, kind: str, part: str = "", *, language: str = "", **facts: str) -> None:
        zone = (
            self.workers[0].village.zone
            if self.workers
            else self.heads[0].village.zone
            if self.heads
            else "Asia/Jakarta"
        )
        owner = self.workers[0] if len(self.workers) == 1 else None
        to = recipient(self.work, self.phone, language or self.language, owner, zone)
        key, expires = f"answer:{self.key}{part}", self.work.now + ANSWER_LIFE
        owe(self.work, to, kind, key, facts, expires_at=expires)

    def earlier(self, within: timedelta) -> tuple[str, list[str]]:
        """The word and the words of this number's last text before this one; empty where there is none."""
        query = (
            select(InboundSms)
            .where(
                InboundSms.sender_index == self.index,
                InboundSms.received_at > self.work.now - within,
                InboundSms.gateway_id != self.key,
                InboundSms.word != REPEATED,
            )
            .order_by(InboundSms.received_at.desc())
            .limit(1)
        )
        row = self.work.db.scalars(query).one_or_none()
        return (row.word, read_words(self.work.keys.shared.open(row.text_sealed, "inbound.text"))) if row else ("", [])

    def line(self, name: str, /, **facts: str) -> str:
        return self.work.texts.line(name, self.language, **facts)


def read_words(text: str) -> list[str]:
    """`" saldo#1 "` is `["SALDO", "1"]`: without case, accents, and with `#` as a blank."""
    plain = unicodedata.normalize("NFKD", text).replace("#", " ")
    words = "".join(c for c in plain if not unicodedata.combining(c)).upper().split()
    return [word.strip(".,!?*") for word in words]


def say_help(inbound: Inbound) -> None:
    inbound.answer("help_head" if inbound.heads else "help" if inbound.workers else "help_unknown")
