"""The counts that come by themselves: on Mondays at 08.00 of the village, to heads who asked for them."""

from contextlib import suppress
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from insurance import villages
from insurance.manners import DIGEST
from insurance.receipts import Owed, owe_all, recipient
from insurance.work import Work
from models import Head, MessageKey, NumberMark
from sms import village
from texts import FIRST_LANGUAGE

HEADS_AT_ONCE = 50
_EIGHT = time(8)
# Of use on the day itself; what a gateway could not take by evening is asked for by CEK.
_LIFE = timedelta(hours=12)


def send_weekly(work: Work, after_head_id: int) -> int | None:
    """Owe the digest of today to the next heads by id where it is Monday there; the last id, None when all were seen.

    A second run on the same day owes nothing; a village that is still being counted waits for the next run.
    """
    query = (
        select(Head)
        .outerjoin(NumberMark, NumberMark.phone_index == Head.phone_index)
        .where(Head.weekly, Head.id > after_head_id, Head.term_from <= work.today, Head.term_until >= work.today)
        .where(NumberMark.refuses_since.is_(None))
        .order_by(Head.id)
        .limit(HEADS_AT_ONCE)
    )
    heads = list(work.db.scalars(query).unique())
    due = {_key(work, head): head for head in heads if _is_due(work, head)}
    known = set(work.db.scalars(select(MessageKey.key).where(MessageKey.key.in_(due))))
    new = {key: head for key, head in due.items() if key not in known}
    with suppress(villages.StillCounting):
        villages.refresh(work, {head.village_code for head in new.values()})
        # In one order everywhere, for the looks that are counted.
        ordered = sorted(new.items(), key=lambda item: (item[1].village_code, item[1].place))
        owe_all(work, [_digest(work, head, key) for key, head in ordered])
    return heads[-1].id if heads else None


def _there(work: Work, head: Head) -> datetime:
    return work.now.astimezone(ZoneInfo(head.village.zone))


def _eight(there: datetime) -> datetime:
    return datetime.combine(there.date(), _EIGHT, there.tzinfo)


def _is_due(work: Work, head: Head) -> bool:
    there = _there(work, head)
    return there.isoweekday() == 1 and _eight(there) <= there < _eight(there) + _LIFE


def _key(work: Work, head: Head) -> str:
    return f"weekly:{head.id}:{_there(work, head):%Y-%m-%d}"


def _digest(work: Work, head: Head, key: str) -> Owed:
    villages.looked(work, head, head.place, "weekly")
    counts = villages.counts(work, head.village_code)
    kind, facts = village.counted(work, FIRST_LANGUAGE, head, counts, head.place)
    phone = work.keys.shared.open(head.phone_sealed, "head.phone")
    to = recipient(work, phone, FIRST_LANGUAGE, zone=head.village.zone)
    expires = _eight(_there(work, head)) + _LIFE
    return Owed(to, kind, key, facts, told_at_once=False, priority=DIGEST, expires_at=expires)
