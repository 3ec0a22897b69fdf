"""Sends refunds that two people approved, each under its own reference; where a bank has none, people do it."""

from datetime import timedelta
from functools import partial

import structlog

from autodebit.lanes import Failed, Round, answer_of
from banks.asked import RefundRequest
from banks.base import Answer, BankAnswer, BankRefused, BankUnknown, BankUnreachable, Reason, Refunds
from insurance import refunds
from insurance.work import Work
from models.machine import Cause
from ports import Ports

log = structlog.get_logger()

LEASE = timedelta(minutes=15)


def send_refunds(ports: Ports) -> int:
    """Send all that may be sent; how many banks gave back at once. A sick bank delays only its own."""
    with ports.transaction() as work:
        refunds.release_approved(work)
    done, this_round = 0, Round()
    while True:
        with ports.transaction() as work:
            sending = refunds.claim(work, LEASE, this_round.resting)
        if sending is None:
            return done
        said = _ask(ports, sending)
        this_round.heard(sending.bank_code, said)
        with ports.transaction() as work:
            done += _record(work, sending, said)


def _ask(ports: Ports, sending: refunds.Sending) -> BankAnswer | Failed | None:
    """None where the bank's product knows no refund."""
    bank = ports.banks.get(sending.bank_code)
    if not isinstance(bank, Refunds):
        return None
    request = RefundRequest(
        sending.attempt_reference,
        sending.attempt_bank_reference,
        sending.reference,
        sending.amount_rp,
        sending.asked_at,
    )
    return answer_of(sending.bank_code, partial(bank.refund, request))


def _record(work: Work, sending: refunds.Sending, said: BankAnswer | Failed | None) -> bool:
    """Whether the money is back."""
    match said:
        case None:
            refunds.by_hand(work, sending.reference, "no refund service")
        case BankAnswer(answer=Answer.DONE, reference=reference):
            refunds.done(work, sending.reference, reference, Cause("bank", "refunded"))
            return True
        case BankAnswer():
            refunds.again(work, sending.reference, "pending", unknown=True)
        case BankRefused(reason=Reason.NOT_NOW | Reason.OURS, code=code):
            log.error("refund_not_taken", bank=sending.bank_code, code=code)
            refunds.again(work, sending.reference, code, unknown=sending.in_doubt)
        case BankRefused(code=code):
            refunds.by_hand(work, sending.reference, code)
        case BankUnreachable():
            refunds.again(work, sending.reference, "unreachable", unknown=sending.in_doubt)
        case BankUnknown(code=code):
            refunds.again(work, sending.reference, code, unknown=True)
    return False
