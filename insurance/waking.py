"""Wakes the background engine from inside a transaction: the job exists if and only if the transaction commits."""

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

TASKS = "iuran"
# The tasks by the names that jobs.py gives them; here, because who wakes a task must not import it.
ASK_BANKS = "mandates.ask"
EXCHANGE = "insurer.exchange"
REFUND = "autodebit.refund"
HEAR = "autodebit.hear"
PLAN = "autodebit.plan"

# Another open transaction may be waking the same task: to wait for it would make a call wait for a batch. It is left
# to that one, and to cron. The first number only names this use of advisory locks.
_FREE = text(
    "SELECT pg_try_advisory_xact_lock(7304119, hashtext(:task)) AND NOT EXISTS "
    "(SELECT FROM procrastinate_jobs WHERE queueing_lock = :task AND status = 'todo')"
)
# The field order of Procrastinate 3.10's procrastinate_job_to_defer_v1; a test reads it from the database.
_DEFER = text(
    "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW("
    "'default', :task, 0, CAST(:lock AS text), CAST(:lock AS text), '{}'::jsonb, NULL"
    ")::procrastinate_job_to_defer_v1])"
)


def collect_at(bank_code: str) -> str:
    """Each bank has a task of its own, so that a sick one holds up no other."""
    return f"autodebit.collect.{bank_code}"


def drain_at(lane: int) -> str:
    """Each lane of texts has a task of its own, by which no two drains send from one shard at once."""
    return f"sms.drain.{lane}"


def wake(db: Session, task: str) -> None:
    """Have `task` run soon after this transaction commits; once, however many ask. Rows, not jobs, hold the work.

    The lock of the same name keeps two of them from running together.
    """
    woken: set[str] = db.info.setdefault("woken", set())
    if task in woken:
        return
    woken.add(task)
    if not db.scalar(_FREE, {"task": task}):
        return
    try:
        with db.begin_nested():
            db.execute(_DEFER, {"task": f"{TASKS}:{task}", "lock": task})
    except IntegrityError:
        # Cron put one into the queue in this very moment, and it will see our rows or the next one will.
        pass
