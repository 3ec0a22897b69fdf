"""Calls that ended without us: each is counted once, and an enrolment invited by one SMS a day, never by night."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select

from insurance.manners import REMINDER
from insurance.receipts import owe, recipient
from insurance.work import Work
from models import MessageKey, Village, Worker
from ports import Ports
from texts import FIRST_LANGUAGE
from units.clock import JAKARTA, jakarta_day, next_daytime
from ussd import funnel
from ussd.journey import MENU_VERSION, Journey
from ussd.journeys import JOURNEY_TTL_S, Journeys, Watched

log = structlog.get_logger()

# Of each share of the callers in one run: a run never takes long, and the next comes within seconds.
AT_ONCE_MAX = 200
# An invitation is of use for an hour; it begins early enough that its last try is before 20.00 (rulings 5).
INVITE_LIFE = timedelta(hours=1)
_LAST_HOUR = 19
# The easternmost zone: where no village was named yet, it has to be day there and in Jakarta.
_EAST = ZoneInfo("Asia/Jayapura")


def see_dropped(ports: Ports) -> int:
    """Count the calls that fell silent, and owe the invitations that are due; how many were owed."""
    journeys, now = Journeys(ports.redis, ports.keys), ports.clock()
    for call in journeys.silent(int(now.timestamp()), AT_ONCE_MAX):
        _count(ports, journeys, call, now)
    owed = 0
    for call in journeys.to_invite(int(now.timestamp()), AT_ONCE_MAX):
        try:
            owed += _invite(ports, journeys, call)
        except Exception as error:
            # One that breaks holds up nobody behind it, now or at the next look; it is not invited.
            log.error("enrolment_not_invited", kind=type(error).__name__)
            journeys.invited(call, None)
    if owed:
        log.info("enrolments_invited", owed=owed)
    return owed


def _count(ports: Ports, journeys: Journeys, call: Watched, now: datetime) -> None:
    """Where the place is gone (ten minutes without a look at it) nobody knows any more on which screen it was."""
    journey = call.journey
    count = funnel.of_drop(journey) if journey is not None else ""
    invite_s = int(now.timestamp()) if _may_go_on(journey) else None
    journeys.drop(call, jakarta_day(now), count, invite_s)


def _may_go_on(journey: Journey | None) -> bool:
    return journey is not None and journey.worth_inviting and journey.menu == MENU_VERSION and bool(journey.phone)


def _invite(ports: Ports, journeys: Journeys, call: Watched) -> bool:
    """Owe the one SMS, or put it off until it is day."""
    journey, owed, again_s = call.journey, False, None
    if journey is not None and _may_go_on(journey):
        with ports.transaction() as work:
            at = _daytime(work, journey)
            if at > work.now:
                again_s = int(at.timestamp())
            else:
                owed = _owe(work, journey)
    journeys.invited(call, again_s)
    return owed


def _daytime(work: Work, journey: Journey) -> datetime:
    """From 08.00 on where the worker lives; by the clocks of all Indonesia while no village was named."""
    village = work.db.get(Village, journey.answers.get("village", ""))
    zones = (ZoneInfo(village.zone),) if village is not None else (_EAST, JAKARTA)
    at = work.now
    for zone in zones:
        at = next_daytime(at, zone, until_hour=_LAST_HOUR)
    return at


def _wanted(work: Work, journey: Journey, phone_index: bytes) -> bool:
    """Not by whom enrolled meanwhile, from this phone or by any other way, nor by who wants no reminders."""
    since = work.now - timedelta(seconds=JOURNEY_TTL_S)
    if any(worker.enrolled_at > since or not worker.reminders for worker in work.workers_at(phone_index)):
        return False
    nik = journey.answers.get("nik")
    known = nik and work.db.scalar(select(Worker.id).where(Worker.nik_index == work.keys.index("nik", nik)))
    return not known


def _owe(work: Work, journey: Journey) -> bool:
    """Owe the invitation, if it is wanted and the day's first to this number."""
    to = recipient(work, journey.phone, journey.language or FIRST_LANGUAGE)
    key = f"invite:{to.phone_index.hex()}:{work.today.isoformat()}"
    if work.db.get(MessageKey, key) is not None or not _wanted(work, journey, to.phone_index):
        return False
    owe(work, to, "invite", key, {}, priority=REMINDER, expires_at=work.now + INVITE_LIFE)
    return True
