"""The background tasks and their timetable: thin, each calls one use case; rows hold the work, jobs only carry it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from procrastinate import App, Blueprint, JobContext
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status
from procrastinate.manager import JobManager
from sqlalchemy.orm import Session

from autodebit import plan as month_plan
from autodebit.collect import collect_lane, tidy
from autodebit.exchange import exchange
from autodebit.files import exchange_files
from autodebit.hear import hear_notices
from autodebit.mandates import ask_after, ask_banks, tell_banks
from autodebit.refunds import send_refunds
from autodebit.settle import settle
from autodebit.unknown import ask_unknown
from database import NETWORK_OPTIONS
from insurance import erasures, invitations, pin_resets, retention, sponsors
from insurance.grace import WORKERS_AT_ONCE, tell_steps
from insurance.seals import SEGMENTS_MAX, last_seal, seal
from insurance.standings import MARKS_AT_ONCE, count_marked
from insurance.waking import ASK_BANKS, EXCHANGE, HEAR, PLAN, REFUND, TASKS, collect_at, drain_at
from models import Run
from models.partitions import ensure_partitions
from ports import Ports
from silence import Watched
from sms.digest import send_weekly
from sms.routing import weigh
from sms.sender import drain
from sms.sender import tidy as tidy_sms
from units.clock import jakarta_day
from units.month import add_months, month_of
from ussd import funnel
from ussd.drops import see_dropped

log = structlog.get_logger()

# A worker gives a sign so often; one that gave none for this long is dead, and its jobs are given to another. It may
# hold a lane of texts or a bank, which nobody else can work on: with Procrastinate's own 30 s they stood for a minute.
BEAT_S, STALLED_AFTER_S = 4.0, 12
KEPT_HOURS = 6
# Notices leave at least two days before the earliest debit day, so the next month is planned from here on.
PLAN_NEXT_FROM_DAY = 25


def make_jobs(ports: Ports) -> Blueprint:
    jobs = Blueprint()

    def task(name: str, cron: str, run: Callable[[], Any]) -> None:
        """`run`, woken by name or by `cron` (seconds are the sixth field); never twice at once."""

        @jobs.periodic(cron=cron)
        @jobs.task(name=name, lock=name, queueing_lock=name, pass_context=True)
        def _(_context: JobContext, timestamp: int = 0) -> None:
            run()

    # Cron is the net under the waking: what was missed is found a few seconds later.
    _add_texts(task, ports)
    task(ASK_BANKS, "* * * * * */10", lambda: ask_banks(ports))
    for code in ports.banks:
        task(collect_at(code), "* * * * * */10", partial(collect_lane, ports, code))
    files_cron = "* * * * * */10" if ports.settings.sandbox else "*/15 * * * *"
    for code in ports.batches:
        # By the same name as a lane: who wakes a bank's task need not know how the bank is spoken to.
        task(collect_at(code), files_cron, partial(exchange_files, ports, code))
    task("autodebit.tidy", "* * * * * 5", lambda: tidy(ports))
    task("autodebit.ask_unknown", "* * * * * */30", lambda: ask_unknown(ports))
    task(HEAR, "* * * * * */10", lambda: hear_notices(ports))
    task(REFUND, "*/5 * * * *", lambda: send_refunds(ports))
    task("mandates.ask_after", "* * * * * 25", lambda: ask_after(ports))
    task("mandates.take_back", "*/5 * * * *", lambda: tell_banks(ports))
    task(EXCHANGE, "* * * * * */2" if ports.settings.sandbox else "*/15 * * * *", lambda: exchange(ports))
    task("autodebit.settle", files_cron, lambda: settle(ports))
    task(PLAN, "17 * * * *", lambda: plan_months(ports))
    task("insurance.sponsors", "37 1 * * *", lambda: see_sponsors(ports))
    task("insurance.pin_resets", "*/5 * * * *", lambda: open_pin_resets(ports))
    task("insurance.erasures", "*/10 * * * *", lambda: carry_out_erasures(ports))
    task("insurance.invitations", "29 * * * *", lambda: end_invitations(ports))
    # 07.00 in Jakarta: what is owed then leaves from 08.00 in each zone, and after the insurer's night.
    task("insurance.grace", "0 0 * * *", lambda: tell_cover_steps(ports))
    task("insurance.standings", "* * * * * 55", lambda: count_standings(ports))
    task("ussd.drops", "* * * * * */15", lambda: see_dropped(ports))
    task("ussd.funnel", "* * * * * 40", lambda: funnel.keep(ports))
    task("ledger.seal", "47 * * * *", lambda: seal_ledger(ports))
    task("insurance.retention", "7 4 * * *", lambda: keep_no_longer(ports))
    task("models.partitions", "41 3 * * *", lambda: make_partitions(ports))

    @jobs.periodic(cron="* * * * * */5")
    @jobs.task(name="jobs.sweep", queueing_lock="jobs.sweep", pass_context=True)
    async def sweep(context: JobContext, timestamp: int) -> None:
        await take_over(context.app.job_manager)

    @jobs.periodic(cron="23 * * * *")
    @jobs.task(name="jobs.clear", queueing_lock="jobs.clear", pass_context=True)
    async def clear(context: JobContext, timestamp: int) -> None:
        await context.app.job_manager.delete_old_jobs(nb_hours=KEPT_HOURS, include_failed=True)

    return jobs


async def take_over(manager: JobManager) -> None:
    """Jobs of workers that died go to those that live."""
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_S):
        try:
            await manager.retry_job(job)
        except UniqueViolation:
            # The next of its name waits already, behind the lock of this one, and will do all that this one had to.
            await manager.finish_job(job, Status.FAILED, delete_job=True)


def _add_texts(task: Callable[[str, str, Callable[[], Any]], None], ports: Ports) -> None:
    for lane in range(ports.settings.SMS_LANES):
        task(drain_at(lane), "* * * * * */5", partial(drain, ports, lane))
    task("sms.tidy", "* * * * * */15", lambda: tidy_sms(ports))
    task("sms.weigh", "* * * * * 50", lambda: weigh(ports))
    # Every half hour: Monday's 08.00 comes three times, and one that was missed is made up for.
    task("sms.weekly", "3,33 * * * *", lambda: send_weekly_counts(ports))


def plan_months(ports: Ports) -> None:
    """Plan this month, and from the 25th on, or once somebody has begun it, the next one too."""
    today = jakarta_day(ports.clock())
    months, following = [month_of(today)], add_months(month_of(today), 1)
    with ports.transaction() as work:
        begun = work.db.get(Run, following) is not None
    if begun or today.day >= PLAN_NEXT_FROM_DAY:
        months.append(following)
    for month in months:
        planned = month_plan.plan(ports, month)
        log.info("month_planned", month=f"{month:%Y-%m}", scheduled=planned.scheduled, held=planned.held)


def see_sponsors(ports: Ports) -> None:
    """Every running promise once: what is late, what is about to end, what is over."""
    seen: int | None = 0
    while seen is not None:
        with ports.transaction() as work:
            seen = sponsors.daily(work, seen)


def end_invitations(ports: Ports) -> None:
    """Whom nobody answered for in a week is forgotten."""
    ended = invitations.EXPIRED_AT_ONCE
    while ended == invitations.EXPIRED_AT_ONCE:
        with ports.transaction() as work:
            ended = invitations.expire(work)


def open_pin_resets(ports: Ports) -> None:
    """Whose waiting time is over gets a code, and the old PIN is gone."""
    opened = pin_resets.OPENED_AT_ONCE
    while opened == pin_resets.OPENED_AT_ONCE:
        with ports.transaction() as work:
            opened = pin_resets.open_due(work)


def carry_out_erasures(ports: Ports) -> None:
    """Whose days to say no are over, and of whom nothing is in the way, is erased."""
    looked_at = erasures.LOOKED_AT_ONCE
    while looked_at == erasures.LOOKED_AT_ONCE:
        with ports.transaction() as work:
            looked_at = erasures.carry_out(work)


def keep_no_longer(ports: Ports) -> None:
    """What has been kept for as long as it may be is emptied or deleted."""
    for rule in retention.RULES:
        done = retention.apply_all(ports.transaction, rule)
        if done:
            log.info("kept_no_longer", what=rule.what, rows=done)


def tell_cover_steps(ports: Ports) -> int:
    """Tell every worker whose cover is about to get worse, a chunk a transaction; how many were told."""
    told = 0
    after: int | None = 0
    while after is not None:
        with ports.transaction() as work:
            count, after = tell_steps(work, after, WORKERS_AT_ONCE)
        told += count
    log.info("cover_steps_told", told=told)
    return told


def count_standings(ports: Ports) -> int:
    """Count anew who was marked since, a chunk a transaction; how many marks there were."""
    counted = 0
    while True:
        with ports.transaction() as work:
            taken = count_marked(work)
        counted += taken
        if taken < MARKS_AT_ONCE:
            return counted


def send_weekly_counts(ports: Ports) -> None:
    after: int | None = 0
    while after is not None:
        with ports.transaction() as work:
            after = send_weekly(work, after)


def make_partitions(ports: Ports) -> None:
    with Session(ports.database) as db, db.begin():
        ensure_partitions(db.connection(), jakarta_day(ports.clock()))


def seal_ledger(ports: Ports) -> int:
    """Seal until nothing is left that may be sealed, a few segments a transaction; the segments made.

    The log keeps the head of the chain outside the database, where it can be compared with.
    """
    made = 0
    while True:
        with ports.transaction() as work:
            segments = seal(work)
            last = last_seal(work.db)
        made += segments
        if segments and last is not None:
            log.info("ledger_sealed", segments=segments, number=last.number, chain=last.chain_hash)
        if segments < SEGMENTS_MAX:
            return made


def make_engine_app(ports: Ports) -> App:
    """The Procrastinate app of one worker process, on its own connections."""
    url = ports.settings.DATABASE_URL.get_secret_value()
    app = App(connector=Watched(conninfo=url, kwargs=dict(NETWORK_OPTIONS), min_size=1, max_size=4))
    app.add_tasks_from(make_jobs(ports), namespace=TASKS)
    return app
