"""Asks banks for mandates that members agreed to, hands over their codes, takes mandates back; claim, ask, record."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

import structlog

from autodebit.lanes import CREDENTIALS
from banks.base import (
    Answer,
    AsksMandates,
    BankAnswer,
    BankRefused,
    BankUnknown,
    BankUnreachable,
    CancelRequest,
    CancelsMandates,
    CodeRequest,
    MandateQuestion,
    MandateRequest,
    Reason,
    TakesCodes,
)
from insurance import mandate_life
from insurance.party import customer_id
from insurance.work import Work
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
    request: MandateRequest | CodeRequest


Said = BankAnswer | BankRefused | BankUnknown | BankUnreachable


def ask_banks(ports: Ports) -> int:
    """Ask for every mandate that waits; how many were asked. One bank out of reach delays only its own."""
    with ports.transaction() as work:
        mandate_life.overdue(work)
    asked, resting = 0, set[str]()
    while (next_one := _claim(ports)) is not None:
        if not _record(ports, next_one, _ask(ports, next_one, resting)):
            resting.add(next_one.bank_code)
        asked += 1
    return asked


def _claim(ports: Ports) -> _Asked | None:
    with ports.transaction() as work:
        mandate = mandate_life.claim(work, ports.banks.keys(), LEASE)
        return _Asked(mandate.id, mandate.bank_code, _request(work, mandate)) if mandate is not None else None


def _request(work: Work, mandate: Mandate) -> MandateRequest | CodeRequest:
    if mandate.code_sealed is None:
        return mandate_request(work, mandate)
    code = work.box(mandate.worker).open(mandate.code_sealed, "mandate.code")
    return CodeRequest(customer_id(mandate.id), mandate.bank_reference, code)


def mandate_request(work: Work, mandate: Mandate) -> MandateRequest:
    """What a bank has to put before the account's holder."""
    box = work.box(mandate.worker)
    phones = [box.open(contact.phone_sealed, "contact.phone") for contact in mandate.worker.contacts[:1]]
    return MandateRequest(
        customer_id=customer_id(mandate.id),
        account_no=box.open(mandate.account_sealed, "mandate.account"),
        account_name=box.open(mandate.worker.name_sealed, "worker.name"),
        max_amount_rp=mandate.max_amount_rp,
        expires_on=mandate.expires_on,
        phone=phones[0] if phones else "",
    )


def _ask(ports: Ports, asked: _Asked, resting: set[str]) -> Said:
    bank = None if asked.bank_code in resting else ports.banks.get(asked.bank_code)
    if bank is None:
        return BankUnreachable("not asked")
    try:
        if isinstance(asked.request, MandateRequest):
            return bank.ask(asked.request)
        if isinstance(bank, TakesCodes):
            return bank.confirm(asked.request)
        return BankRefused(Reason.OURS, "no codes")
    except (BankRefused, BankUnknown, BankUnreachable) as failure:
        return failure


def _record(ports: Ports, asked: _Asked, answer: Said) -> bool:
    """False where the bank could not be reached."""
    with ports.transaction() as work:
        mandate = mandate_life.hold(work, asked.mandate_id)
        match answer:
            case BankAnswer(answer=Answer.DONE, reference=reference) if reference:
                mandate_life.activated(work, mandate, reference, token=answer.token)
            case BankAnswer(answer=Answer.CODE_NEEDED, reference=reference) if reference:
                mandate_life.code_needed(work, mandate, reference)
            case BankRefused(reason=Reason.NOT_NOW) | BankUnreachable():
                mandate_life.unreachable(work, mandate, work.now + AGAIN_AFTER)
                return False
            case BankRefused(reason=Reason.OURS, code=code) if not code.startswith(CREDENTIALS):
                # This one request is faulty: it would come first in every round and keep the others from the bank.
                log.error("bank_refuses_us", bank=asked.bank_code, code=code, mandate=mandate.id)
                mandate_life.rejected(work, mandate, Reason.OURS.value, code)
            case BankRefused(reason=Reason.OURS, code=code):
                # Our credentials: nothing was made, no member is blamed, and the bank rests until the next round.
                log.error("bank_refuses_us", bank=asked.bank_code, code=code, mandate=mandate.id)
                mandate_life.unreachable(work, mandate, work.now + AGAIN_AFTER)
                return False
            case BankRefused(reason=reason, code=code):
                wrong_code = isinstance(asked.request, CodeRequest) and reason is Reason.HOLDER
                mandate_life.rejected(work, mandate, "code" if wrong_code else reason.value, code)
            case BankUnknown(code=code):
                mandate_life.unknown(work, mandate, code)
            case _:
                mandate_life.unknown(work, mandate, "pending")
    return True


def ask_after(ports: Ports) -> int:
    """Ask after mandates without a clear answer where the bank's product knows that question; how many were asked.

    What nobody has answered for a day is given to people.
    """
    able = {code: bank for code, bank in ports.banks.items() if isinstance(bank, AsksMandates)}
    asked, silent = 0, set[str]()
    while (question := _claim_unknown(ports, able.keys() - silent)) is not None:
        mandate_id, bank_code, request = question
        asked += 1
        try:
            answer = able[bank_code].mandate_status(request)
        except (BankRefused, BankUnknown, BankUnreachable) as failure:
            log.warning("mandate_not_answered", bank=bank_code, kind=type(failure).__name__, mandate=mandate_id)
            if not isinstance(failure, BankRefused):
                silent.add(bank_code)
            continue
        if answer.answer is Answer.DONE and answer.reference:
            with ports.transaction() as work:
                mandate = mandate_life.hold(work, mandate_id)
                mandate_life.answered_late(work, mandate, answer.reference, answer.token)
    with ports.transaction() as work:
        mandate_life.give_to_people(work)
    return asked


def _claim_unknown(ports: Ports, banks: Collection[str]) -> tuple[int, str, MandateQuestion] | None:
    with ports.transaction() as work:
        mandate = mandate_life.claim_unknown(work, banks)
        if mandate is None:
            return None
        return mandate.id, mandate.bank_code, MandateQuestion(customer_id(mandate.id), mandate.bank_reference)


def tell_banks(ports: Ports) -> int:
    """Take mandates back at banks that can be told; the rest stays with people, with its clock (rulings 7)."""
    # Bank by bank: what waits for people, or for a bank out of reach, must not fill the queue of the others.
    return sum(_tell(ports, code, bank) for code, bank in ports.banks.items() if isinstance(bank, CancelsMandates))


def _tell(ports: Ports, bank_code: str, bank: CancelsMandates) -> int:
    told = 0
    with ports.transaction() as work:
        waiting = mandate_life.to_take_back(work, bank_code)
    for mandate_id in waiting:
        with ports.transaction() as work:
            mandate = work.db.get_one(Mandate, mandate_id)
            token = work.box(mandate.worker).open(mandate.token_sealed, "mandate.token") if mandate.token_sealed else ""
            request = CancelRequest(customer_id(mandate.id), mandate.bank_reference, token)
        try:
            bank.cancel(request)
        except (BankRefused, BankUnknown, BankUnreachable) as failure:
            # Cancelling is idempotent: it is asked again in the next round, until its clock makes it a person's.
            log.warning("cancel_not_taken", bank=bank_code, kind=type(failure).__name__, mandate=mandate_id)
            if isinstance(failure, BankUnreachable):
                break
            continue
        with ports.transaction() as work:
            mandate_life.taken_back(work, mandate_id)
        told += 1
    return told
