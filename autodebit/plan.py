"""Plans a month: fixes the attempt of every mandate that owes it, with its notice; asks no bank."""

from dataclasses import dataclass

import structlog
from sqlalchemy import ColumnElement, exists, or_, select

from insurance import schedule
from models import Attempt, CoverMonth, Mandate, MandateState, Membership, MembershipState, MonthState
from models.month import OPEN_ATTEMPTS
from ports import Ports
from units.month import Month, add_months, month_of

log = structlog.get_logger()

# Small, because a call of one of these members waits for the chunk.
CHUNK = 50


class OutsideWindow(ValueError):
    """Only this month and the next can be planned: past months need a yes of their own, later ones a tariff."""


@dataclass
class Planned:
    scheduled: int = 0
    above_maximum: int = 0
    too_late: int = 0


def _taken(month: Month) -> ColumnElement[bool]:
    """Whether the month is settled, under way, or was tried through this very mandate."""
    settled = exists().where(
        CoverMonth.month == month,
        CoverMonth.worker_id == Mandate.worker_id,
        CoverMonth.state.not_in([MonthState.OPEN.value, MonthState.MISSED.value]),
    )
    tried = exists().where(
        Attempt.month == month,
        Attempt.worker_id == Mandate.worker_id,
        or_(
            Attempt.mandate_id == Mandate.id,
            Attempt.state.in_([state.value for state in OPEN_ATTEMPTS]),
        ),
    )
    return or_(settled, tried)


def plan(ports: Ports, month: Month) -> Planned:
    """Schedule `month` for every active mandate of a verified member that has no attempt for it yet.

    A repeat finds nothing left to do; a crash in the middle loses at most one chunk, which the repeat does again.
    Raises OutsideWindow.
    """
    result, after = Planned(), 0
    while True:
        with ports.transaction() as work:
            this = month_of(work.today)
            if not this <= month <= add_months(this, 1):
                raise OutsideWindow(f"{month:%Y-%m} is not {this:%Y-%m} or the month after it")
            query = (
                select(Mandate)
                .join(Membership, Membership.worker_id == Mandate.worker_id)
                .where(
                    Mandate.id > after,
                    Mandate.state == MandateState.ACTIVE.value,
                    Membership.state == MembershipState.VERIFIED.value,
                    Mandate.expires_on > work.today,
                    ~_taken(month),
                )
                .order_by(Mandate.id)
                .limit(CHUNK)
                # A cancelling member waits for this chunk, and the next chunk sees the cancelled mandate.
                .with_for_update(of=Mandate)
            )
            rows = work.db.scalars(query).unique().all()
            for mandate in rows:
                try:
                    made = schedule.schedule_noticed(work, mandate, month)
                except schedule.AboveMaximum:
                    log.error("amount_above_maximum", mandate=mandate.id, month=f"{month:%Y-%m}")
                    result.above_maximum += 1
                except schedule.TooLate:
                    result.too_late += 1
                else:
                    result.scheduled += made is not None
            if not rows:
                return result
            after = rows[-1].id
