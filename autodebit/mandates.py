"""Asks banks for the mandates that members agreed to: claim and commit, ask, then record the bank's word."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from autodebit.lanes import CREDENTIALS
from banks.base import Answer, BankAnswer, BankRefused, BankUnknown, BankUnreachable, MandateRequest, Reason
from insurance import mandates
from models import Mandate
from ports import Ports

log = structlog.get_logger()

# Above all the time a bank's client may take: token, request, a second token and request, each with its time-outs.
LEASE = timedelta(minutes=15)
AGAIN_AFTER = timedelta(minutes=5)


@dataclass(frozen=True)
class _Asked:
    mandate_id: int
    bank_code: str
    request: MandateRequest


def ask_banks(ports: Ports) -> int:
    """Ask for every mandate that waits; how many were asked. One bank out of reach delays only its own."""
    with ports.transaction() as work:
        mandates.overdue(work)
    asked, resting = 0, set[str]()
    while (next_one := _claim(ports)) is not None:
        if not _ask(ports, next_one, resting):
            resting.add(next_one.bank_code)
        asked += 1
    return asked


def _claim(ports: Ports) -> _Asked | None:
    with ports.transaction() as work:
        mandate = mandates.claim(work, LEASE)
        if mandate is None:
            return None
        box = work.box(mandate.worker)
        return _Asked(
            mandate.id,
            mandate.bank_code,
            MandateRequest(
                customer_id=f"IU{mandate.id}",
                account_no=box.open(mandate.account_sealed, "mandate.account"),
                account_name=box.open(mandate.worker.name_sealed, "worker.name"),
                max_amount_rp=mandate.max_amount_rp,
                expires_on=mandate.expires_on,
            ),
        )


def _ask(ports: Ports, asked: _Asked, resting: set[str]) -> bool:
    """False where the bank could not be reached."""
    bank = None if asked.bank_code in resting else ports.banks.get(asked.bank_code)
    answer: BankAnswer | BankRefused | BankUnknown | BankUnreachable
    try:
        answer = bank.ask(asked.request) if bank is not None else BankUnreachable("not asked")
    except (BankRefused, BankUnknown, BankUnreachable) as failure:
        answer = failure
    with ports.transaction() as work:
        mandate = work.db.get_one(Mandate, asked.mandate_id, with_for_update={"of": Mandate})
        match answer:
            case BankAnswer(answer=Answer.DONE, reference=reference) if reference:
                mandates.activated(work, mandate, reference)
            case BankRefused(reason=Reason.NOT_NOW) | BankUnreachable():
                mandates.unreachable(work, mandate, work.now + AGAIN_AFTER)
                return False
            case BankRefused(reason=Reason.OURS, code=code) if not code.startswith(CREDENTIALS):
                # This one request is faulty: it would come first in every round and keep the others from the bank.
                log.error("bank_refuses_us", bank=asked.bank_code, code=code, mandate=mandate.id)
                mandates.rejected(work, mandate, Reason.OURS.value, code)
            case BankRefused(reason=Reason.OURS, code=code):
                # Our credentials: nothing was made, no member is blamed, and the bank rests until the next round.
                log.error("bank_refuses_us", bank=asked.bank_code, code=code, mandate=mandate.id)
                mandates.unreachable(work, mandate, work.now + AGAIN_AFTER)
                return False
            case BankRefused(reason=reason, code=code):
                mandates.rejected(work, mandate, reason.value, code)
            case BankUnknown(code=code):
                mandates.unknown(work, mandate, code)
            case _:
                mandates.unknown(work, mandate, "pending")
    return True
