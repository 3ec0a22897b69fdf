"""Sends refunds that two people approved, each under its own reference; where a bank has none, people do it."""

from datetime import timedelta

import structlog

from banks.base import Answer, BankRefused, BankUnknown, BankUnreachable, Reason, RefundRequest, Refunds
from insurance import refunds
from models.machine import Cause
from ports import Ports

log = structlog.get_logger()

LEASE = timedelta(minutes=15)


def send_refunds(ports: Ports) -> int:
    """Send all that may be sent; how many banks gave back at once."""
    with ports.transaction() as work:
        refunds.release_approved(work)
    done = 0
    while True:
        with ports.transaction() as work:
            sending = refunds.claim(work, LEASE)
        if sending is None:
            return done
        done += _send(ports, sending)


def _send(ports: Ports, sending: refunds.Sending) -> bool:
    bank = ports.banks.get(sending.bank_code)
    if not isinstance(bank, Refunds):
        with ports.transaction() as work:
            refunds.by_hand(work, sending.reference, "no refund service")
        return False
    request = RefundRequest(
        sending.attempt_reference,
        sending.attempt_bank_reference,
        sending.reference,
        sending.amount_rp,
        sending.asked_at,
    )
    try:
        answer = bank.refund(request)
    except BankRefused as refusal:
        with ports.transaction() as work:
            if refusal.reason in (Reason.NOT_NOW, Reason.OURS):
                log.error("refund_not_taken", bank=sending.bank_code, code=refusal.code)
                refunds.again(work, sending.reference, refusal.code, unknown=sending.in_doubt)
            else:
                refunds.by_hand(work, sending.reference, refusal.code)
        return False
    except (BankUnreachable, BankUnknown) as failure:
        with ports.transaction() as work:
            code = getattr(failure, "code", "unreachable")
            unknown = sending.in_doubt or isinstance(failure, BankUnknown)
            refunds.again(work, sending.reference, code, unknown=unknown)
        return False
    except Exception as error:
        # A fault of ours after the request may have left; the refunds of others go on.
        log.error("adapter_broken", bank=sending.bank_code, kind=type(error).__name__)
        with ports.transaction() as work:
            refunds.again(work, sending.reference, "adapter", unknown=True)
        return False
    with ports.transaction() as work:
        if answer.answer is Answer.DONE:
            refunds.done(work, sending.reference, answer.reference, Cause("bank", "refunded"))
            return True
        refunds.again(work, sending.reference, "pending", unknown=True)
    return False
