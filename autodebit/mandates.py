"""Asks banks for mandates that members agreed to, hands over their codes, takes mandates back; claim, ask, record."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog

from autodebit.lanes import CREDENTIALS, Failed, Round, answer_of, turns_all_away
from banks.asked import CancelRequest, CodeRequest, CodeWish, MandateQuestion, MandateRequest
from banks.base import (
    Answer,
    AsksMandates,
    BankAnswer,
    BankRefused,
    BankUnknown,
    BankUnreachable,
    CancelsMandates,
    Reason,
    SendsCodes,
    TakesCodes,
)
from insurance import bank_codes, mandate_life
from insurance.party import customer_id
from insurance.work import Work
from insurance.work_items import open_item
from models import Mandate, MandateState, WorkKind
from ports import Ports

log = structlog.get_logger()

# Above all the time a bank's client may take: token, request, a second token and request, each with its time-outs.
LEASE = timedelta(minutes=15)
AGAIN_AFTER = timedelta(minutes=5)


@dataclass(frozen=True)
class _Asked:
    mandate_id: int
    bank_code: str
    request: MandateRequest | CodeRequest | CodeWish


Said = BankAnswer | BankRefused | BankUnknown | BankUnreachable


def ask_banks(ports: Ports) -> int:
    """Ask for every mandate that waits; how many were asked. A sick bank delays only its own, which wait untouched."""
    with ports.transaction() as work:
        mandate_life.overdue(work)
    asked, this_round = 0, Round()
    while (next_one := _claim(ports, ports.banks.keys() - this_round.resting)) is not None:
        if isinstance(next_one.request, CodeWish):
            sent = _wish(ports, next_one.bank_code, next_one.request)
            _record_wish(ports, next_one.mandate_id, sent)
            this_round.heard(next_one.bank_code, None if isinstance(sent, str) else sent)
        else:
            answer = _ask(ports, next_one.bank_code, next_one.request)
            _record(ports, next_one, answer)
            this_round.heard(next_one.bank_code, answer)
        asked += 1
    return asked


def _claim(ports: Ports, banks: Collection[str]) -> _Asked | None:
    with ports.transaction() as work:
        mandate = mandate_life.claim(work, banks, LEASE)
        return _Asked(mandate.id, mandate.bank_code, _request(work, mandate)) if mandate is not None else None


def _request(work: Work, mandate: Mandate) -> MandateRequest | CodeRequest | CodeWish:
    if mandate.state == MandateState.CODE_NEEDED.value:
        return CodeWish(customer_id(mandate.id), mandate.journey or "")
    if mandate.code_sealed is None:
        return mandate_request(work, mandate)
    box = work.box(mandate.worker)
    code = box.open(mandate.code_sealed, "mandate.code")
    charge = box.open(mandate.charge_sealed, "mandate.charge") if mandate.charge_sealed else ""
    return CodeRequest(customer_id(mandate.id), mandate.bank_reference, code, charge)


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


def _ask(ports: Ports, bank_code: str, request: MandateRequest | CodeRequest) -> Said:
    bank = ports.banks[bank_code]
    if isinstance(request, MandateRequest):
        return answer_of(bank.code, lambda: bank.ask(request))
    if isinstance(bank, TakesCodes):
        return answer_of(bank.code, lambda: bank.confirm(request))
    return BankRefused(Reason.OURS, "no codes")


def _wish(ports: Ports, bank_code: str, wish: CodeWish) -> str | Failed:
    bank = ports.banks[bank_code]
    if isinstance(bank, SendsCodes):
        return answer_of(bank_code, partial(bank.send_code, wish))
    return BankRefused(Reason.OURS, "no codes")


def _record_wish(ports: Ports, mandate_id: int, sent: str | Failed) -> None:
    with ports.transaction() as work:
        mandate = mandate_life.hold(work, mandate_id)
        match sent:
            case BankRefused(reason=reason, code=code) if reason is not Reason.NOT_NOW and not turns_all_away(sent):
                log.warning("no_new_code", bank=mandate.bank_code, code=code, mandate=mandate.id)
                bank_codes.never_sent(work, mandate, code)
            case BankRefused() | BankUnreachable():
                bank_codes.not_sent(mandate, work.now + AGAIN_AFTER)
            case BankUnknown():
                bank_codes.sent_anew(work, mandate, "")
            case charge:
                bank_codes.sent_anew(work, mandate, charge)


def _record(ports: Ports, asked: _Asked, answer: Said) -> None:
    with ports.transaction() as work:
        mandate = mandate_life.hold(work, asked.mandate_id)
        match answer:
            case BankAnswer(answer=Answer.DONE, reference=reference) if reference:
                mandate_life.activated(work, mandate, reference, token=answer.token)
            case BankAnswer(answer=Answer.CODE_NEEDED, reference=reference, journey=journey) if reference:
                bank_codes.needed(work, mandate, reference, journey)
            case BankRefused(reason=Reason.NOT_NOW) | BankUnreachable():
                mandate_life.unreachable(work, mandate, work.now + AGAIN_AFTER)
            case BankRefused(reason=Reason.OURS, code=code):
                _refuses_us(work, mandate, code)
            case BankRefused(reason=Reason.CODE, code=code) if isinstance(asked.request, CodeRequest):
                bank_codes.wrong(work, mandate, code)
            case BankRefused(reason=Reason.CODE_OVER, code=code) if isinstance(asked.request, CodeRequest):
                bank_codes.over(work, mandate, code)
            case BankRefused(reason=reason, code=code):
                mandate_life.rejected(work, mandate, _why(asked.request, reason).value, code)
            case BankUnknown(code=code):
                mandate_life.unknown(work, mandate, code)
            case _:
                mandate_life.unknown(work, mandate, "pending")


def _why(request: MandateRequest | CodeRequest | CodeWish, reason: Reason) -> Reason:
    """In the words that members are told: at a code the holder's no is the code's; without one there is none."""
    if reason in (Reason.HOLDER, Reason.CODE_OVER):
        return Reason.CODE if isinstance(request, CodeRequest) else Reason.HOLDER
    return reason


def _refuses_us(work: Work, mandate: Mandate, code: str) -> None:
    log.error("bank_refuses_us", bank=mandate.bank_code, code=code, mandate=mandate.id)
    if code.startswith(CREDENTIALS):
        # Nothing was made, no member is blamed, and the bank rests until the next round.
        mandate_life.unreachable(work, mandate, work.now + AGAIN_AFTER)
        return
    # This one request is faulty: it would come first in every round and keep the others from the bank.
    mandate_life.rejected(work, mandate, Reason.OURS.value, code)
    about = f"mandate {mandate.id}"
    open_item(work, WorkKind.BANK_REFUSES_US, about, code=code, bank_code=mandate.bank_code)


def ask_after(ports: Ports) -> int:
    """Ask after mandates without a clear answer where the bank's product knows that question; how many were asked.

    What nobody has answered for a day is given to people.
    """
    able = {code: bank for code, bank in ports.banks.items() if isinstance(bank, AsksMandates)}
    asked, silent = 0, set[str]()
    while (question := _claim_unknown(ports, able.keys() - silent)) is not None:
        mandate_id, bank_code, request = question
        asked += 1
        answer = answer_of(bank_code, partial(able[bank_code].mandate_status, request))
        if not isinstance(answer, BankAnswer):
            log.warning("mandate_not_answered", bank=bank_code, kind=type(answer).__name__, mandate=mandate_id)
            if not isinstance(answer, BankRefused):
                silent.add(bank_code)
        elif answer.answer is Answer.DONE and answer.reference:
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
    told, this_round = 0, Round()
    with ports.transaction() as work:
        waiting = mandate_life.to_take_back(work, bank_code)
    for mandate_id in waiting:
        if this_round.resting:
            break
        with ports.transaction() as work:
            mandate = work.db.get_one(Mandate, mandate_id)
            token = work.box(mandate.worker).open(mandate.token_sealed, "mandate.token") if mandate.token_sealed else ""
            request = CancelRequest(customer_id(mandate.id), mandate.bank_reference, token)
        failure = answer_of(bank_code, partial(bank.cancel, request))
        this_round.heard(bank_code, failure)
        if failure is not None:
            # Cancelling is idempotent: it is asked again in the next round, until its clock makes it a person's.
            log.warning("cancel_not_taken", bank=bank_code, kind=type(failure).__name__, mandate=mandate_id)
            continue
        with ports.transaction() as work:
            mandate_life.taken_back(work, mandate_id)
        told += 1
    return told
