"""What happened to a member, a matter or an operator, and who looked: events by an index of their own; only read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select, text

from insurance.work import Work
from models import Mandate, Membership, PinReset
from models.event import OF_OPERATORS, OF_PEOPLE
from units.clock import JAKARTA
from units.month import add_months, month_of

TRAIL_MAX, TRAIL_MONTHS = 100, 6


@dataclass(frozen=True)
class Happened:
    at: datetime
    what: str
    actor: str
    why: str
    code: str
    before: str
    after: str


# The condition is the index's own, in the same words: only then is it used.
TRAIL = text(
    f"SELECT at, subject, actor, why, code, before, after FROM events WHERE month >= :since AND {OF_PEOPLE} "  # noqa: S608
    "AND subject_id = ANY(CAST(:ids AS varchar[])) AND ((subject IN ('worker', 'membership') AND subject_id = :own) "
    "OR (subject = 'mandate' AND subject_id = ANY(CAST(:mandates AS varchar[]))) "
    "OR (subject = 'pin_reset' AND subject_id = ANY(CAST(:resets AS varchar[])))) ORDER BY at DESC, id DESC LIMIT :most"
)


def trail(work: Work, member: Membership) -> list[Happened]:
    """What happened to the member in the last months, newest first, and who looked."""
    own = str(member.worker_id)
    mandates = [str(id_) for id_ in work.db.scalars(select(Mandate.id).where(Mandate.worker_id == member.worker_id))]
    resets = [str(id_) for id_ in work.db.scalars(select(PinReset.id).where(PinReset.worker_id == member.worker_id))]
    given: Mapping[str, Any] = {
        "since": add_months(month_of(work.today), 1 - TRAIL_MONTHS),
        "ids": [own, *mandates, *resets],
        "own": own,
        "mandates": mandates,
        "resets": resets,
        "most": TRAIL_MAX,
    }
    return [Happened(*row) for row in work.db.execute(TRAIL, given)]


_OF_ONE = text(
    f"SELECT at, subject, actor, why, code, before, after FROM events WHERE month >= :since AND {OF_PEOPLE} "  # noqa: S608
    "AND subject_id = :id AND subject = :subject ORDER BY at DESC, id DESC LIMIT :most"
)


def trail_of(work: Work, subject: str, id_: int) -> list[Happened]:
    """What happened to one operator or work item in the last months, newest first."""
    since = add_months(month_of(work.today), 1 - TRAIL_MONTHS)
    given = {"since": since, "id": str(id_), "subject": subject, "most": TRAIL_MAX}
    return [Happened(*row) for row in work.db.execute(_OF_ONE, given)]


LOOKS = ("listed", "viewed", "trail", "copied", "ticket", "consents")
"""How events name that somebody saw a member's data (insurance/people.py, console, `flask privacy`)."""


def looks(work: Work, member: Membership) -> list[Happened]:
    """Who looked at the member in the last months, newest first."""
    return [one for one in trail(work, member) if one.what == "worker" and one.why in LOOKS]


@dataclass(frozen=True)
class Act:
    """What a person did: `what` and `which` are kind and id of whom or what it was about."""

    id: int
    at: datetime
    what: str
    which: str
    actor: str
    why: str
    code: str
    before: str
    after: str


# As the index says it (models/event.py), in the same words.
_BY_PEOPLE = text(
    "SELECT id, at, subject, subject_id, actor, why, code, before, after FROM events "  # noqa: S608
    f"WHERE month = :month AND {OF_OPERATORS} AND at >= :begin AND at < :end "
    "AND (:who = '' OR actor = :who) "
    # An id is drawn when its row is written, `at` is when its transaction began: by id alone rows fall between pages.
    "AND (:before = 0 OR (at, id) < (SELECT at, id FROM events WHERE month = :month AND id = :before)) "
    "ORDER BY at DESC, id DESC LIMIT :most"
)


def by_people(work: Work, day: date, who: str = "", before: int = 0) -> list[Act]:
    """What people did on `day` (Jakarta), newest first, at most TRAIL_MAX, past the event `before` (0: from the first).

    `who` is one of them, '' for all.
    """
    begin = datetime.combine(day, time(), JAKARTA)
    given = {
        "month": month_of(day),
        "begin": begin,
        "end": begin + timedelta(days=1),
        "who": who,
        "before": before,
        "most": TRAIL_MAX,
    }
    return [Act(*row) for row in work.db.execute(_BY_PEOPLE, given)]
