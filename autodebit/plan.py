"""Plans a month: fixes the attempt of every mandate that owes it, with its notice; asks no bank."""

from dataclasses import dataclass

import structlog
from sqlalchemy import select

from insurance import contributions
from models import CoverMonth, Mandate, MandateState, Membership, MembershipState, MonthState
from ports import Ports
from units.month import Month, add_months, month_of

log = structlog.get_logger()

CHUNK = 500


class OutsideWindow(ValueError):
    """Only this month and the next can be planned: past months need a yes of their own, later ones a tariff."""


@dataclass
class Planned:
    scheduled: int = 0
    above_maximum: int = 0


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
            covered = select(CoverMonth.worker_id).where(
                CoverMonth.month == month, CoverMonth.state != MonthState.OPEN.value
            )
            query = (
                select(Mandate)
                .join(Membership, Membership.worker_id == Mandate.worker_id)
                .where(
                    Mandate.id > after,
                    Mandate.state == MandateState.ACTIVE.value,
                    Membership.state == MembershipState.VERIFIED.value,
                    Mandate.expires_on > work.today,
                    Mandate.worker_id.not_in(covered),
                )
                .order_by(Mandate.id)
                .limit(CHUNK)
                # A cancelling member waits for this chunk, and the next chunk sees the cancelled mandate.
                .with_for_update(of=Mandate)
            )
            rows = work.db.scalars(query).unique().all()
            for mandate in rows:
                due = contributions.first_due(work, mandate, month)
                try:
                    made = contributions.schedule(work, mandate, month, due, needs_notice=True)
                except contributions.AboveMaximum:
                    log.error("amount_above_maximum", mandate=mandate.id, month=f"{month:%Y-%m}")
                    result.above_maximum += 1
                else:
                    result.scheduled += made is not None
            if not rows:
                return result
            after = rows[-1].id
