"""Keeps a yes so that it can be shown: the very words, their hash, when and through which call."""

import hashlib
from dataclasses import dataclass

from insurance.work import Work
from models import Consent, Worker


@dataclass(frozen=True)
class Yes:
    """What was read by the person who said yes, and in which call."""

    kind: str
    version: str
    language: str
    words: str
    session: str
    phone: str
    channel: str = "ussd"

    def __repr__(self) -> str:
        return f"Yes({self.kind})"


def keep(work: Work, worker: Worker, yes: Yes) -> Consent:
    consent = Consent(
        worker_id=worker.id,
        kind=yes.kind,
        version=yes.version,
        language=yes.language,
        text_sealed=work.box(worker).seal(yes.words, "consent.text"),
        text_hash=hashlib.sha256(yes.words.encode()).hexdigest(),
        channel=yes.channel,
        phone_index=work.keys.index("phone", yes.phone),
        phone_sealed=work.box(worker).seal(yes.phone, "consent.phone"),
        session=yes.session,
        at=work.now,
    )
    work.db.add(consent)
    work.db.flush()
    return consent
