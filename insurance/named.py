"""Members who agreed to be named to their village head where they owe a month: by initials and RT, nothing else.

Off unless VILLAGE_NAMES_BASIS cites the law it rests on (rulings 12).
"""

from collections.abc import Iterator
from datetime import date, timedelta

from sqlalchemy import select

from insurance.consent import Yes, keep
from insurance.cover import GRACE_MONTHS, CoverState, covers
from insurance.work import Work
from models import Head, Membership, MembershipState, Worker
from models.event import record
from texts import FIRST_LANGUAGE
from units.month import add_months, month_of

NAMED_MAX = 10
ASK = "named_ask"
CODE_DIGITS = 6
LOOKED_AT_ONCE = 500


class NamesOff(Exception):
    """No legal basis is set: nobody is named, and nobody is asked."""


def check_on(work: Work) -> None:
    if not work.settings.VILLAGE_NAMES_BASIS:
        raise NamesOff


def code(work: Work, worker: Worker, day: date) -> str:
    """What was sent with the question: a sender's number can be forged, and who forges it does not read this.

    Raises NamesOff. It is of one member and one day, and nowhere kept.
    """
    check_on(work)
    mark = work.keys.index("named", f"{worker.id}:{day.isoformat()}")
    return f"{int.from_bytes(mark) % 10**CODE_DIGITS:0{CODE_DIGITS}}"


def agree(work: Work, worker: Worker, typed: str, phone: str, key: str) -> bool:
    """The code came back today or tomorrow; False where it is another. Raises NamesOff."""
    days = [day for day in (work.today, work.today - timedelta(days=1)) if code(work, worker, day) == typed]
    if not days:
        return False
    if worker.named_since is None:
        # In Indonesian, as it was asked: what no native reader signed carries no consent (rulings 14).
        facts = {"code": work.settings.USSD_CODE, "otp": typed}
        words, version = work.texts.sms(ASK, FIRST_LANGUAGE, facts), work.texts.sms_version(ASK, FIRST_LANGUAGE)
        session = work.keys.index("session", key).hex()
        keep(work, worker, Yes("named", version, FIRST_LANGUAGE, words, session, phone, "sms"))
        worker.named_since = work.now
        record(work.db, worker.subject, "member", "named_yes", "", "", "named", work.now)
    return True


def take_back(work: Work, worker: Worker) -> None:
    """At once, and where names are off as well."""
    if worker.named_since is not None:
        worker.named_since = None
        record(work.db, worker.subject, "member", "named_no", "", "named", "", work.now)


def behind(work: Work, head: Head, place: str) -> Iterator[tuple[Worker, str]]:
    """Who owes a month and agreed, each with `S.R. 003/005`, at most NAMED_MAX."""
    if not work.settings.VILLAGE_NAMES_BASIS:
        return
    since, found, after = add_months(month_of(work.today), -GRACE_MONTHS - 1), 0, 0
    while workers := _agreed(work, head.village_code, place, after):
        after = workers[-1].id
        cover = covers(work.db, [worker.id for worker in workers], work.today, work.settings.DUE_DAY, since)
        for worker in workers:
            if cover[worker.id].in_grace or cover[worker.id].state is CoverState.LAPSED:
                yield worker, f"{work.initials(worker)} {worker.rt_rw}".strip()
                found += 1
                if found == NAMED_MAX:
                    return


def _agreed(work: Work, village_code: str, place: str, after: int) -> list[Worker]:
    """The next of a place who agreed, by id."""
    query = (
        select(Worker)
        .join(Membership, Membership.worker_id == Worker.id)
        .where(
            Worker.village_code == village_code,
            Worker.named_since.is_not(None),
            Worker.id > after,
            Membership.state == MembershipState.VERIFIED.value,
        )
        .order_by(Worker.id)
        .limit(LOOKED_AT_ONCE)
    )
    if place.startswith("r"):
        query = query.where(Worker.rt_rw == place[1:])
    elif place.startswith("w"):
        query = query.where(Worker.rt_rw.like(f"___/{place[1:]}"))
    elif place:
        query = query.where(Worker.group_code == place[1:])
    return list(work.db.scalars(query).unique())


def was_named(work: Work, worker: Worker, head: Head, place: str) -> None:
    worker.named_on = work.today
    record(work.db, worker.subject, f"head {head.id}", "named", place, "", "named", work.now)
