"""The code by which a holder agrees at the bank: sent, typed, wrong, too late, sent anew; only a job talks to the bank.

A code is asked for anew where the bank says that its time is over, and where the member says that none came.
"""

from datetime import datetime

from sqlalchemy import select

from banks.base import Reason
from insurance.mandate_life import rejected
from insurance.mandates import NoMandate, bank_facts, change, live_all
from insurance.receipts import owe_worker
from insurance.waking import ASK_BANKS, wake
from insurance.work import Work
from models import Mandate, MandateState, MessageKey, Worker
from models.event import record
from models.machine import Cause

CODE_DIGITS = range(4, 9)
# As the sandbox's bank has it. SNAP names the block (403xx11) and no number: a bank that blocks earlier says so.
CODE_TRIES_MAX = 3
# Each is an SMS of the bank's; who has not read one by then is helped more by a new beginning.
NEW_CODES_MAX = 3


class NoNewCode(Exception):
    """The bank knows no such request, or has sent NEW_CODES_MAX new ones."""


def needed(work: Work, mandate: Mandate, bank_reference: str, journey: str) -> None:
    """The bank has sent its code to the member's phone: they are told where to type it."""
    if mandate.state != MandateState.SUBMITTED.value:
        return
    mandate.bank_reference, mandate.journey = bank_reference, journey or None
    change(work, mandate, MandateState.CODE_NEEDED, Cause("bank", "code_sent"))
    owe_worker(work, mandate.worker, "mandate_code", f"mandate_code:{mandate.id}", bank_facts(mandate))


def typed(work: Work, worker: Worker, code: str) -> None:
    """Keep the bank's code, sealed, for the job that hands it over. Raises NoMandate where none is waited for."""
    mandate = _waiting(work, worker)
    mandate.code_sealed = work.box(worker).seal(code, "mandate.code")
    mandate.code_at = work.now
    _to_the_bank(work, mandate, "code")


def want_new(work: Work, worker: Worker) -> None:
    """The member has no code that helps. Raises NoMandate where none is waited for, or NoNewCode."""
    mandate = _waiting(work, worker)
    if not _can_be_sent(work, mandate):
        raise NoNewCode
    mandate.code_wanted_at = mandate.code_wanted_at or work.now
    _to_the_bank(work, mandate, "new_code")


def _waiting(work: Work, worker: Worker) -> Mandate:
    for mandate in live_all(work, worker.id, lock=True):
        if mandate.state == MandateState.CODE_NEEDED.value:
            return mandate
    raise NoMandate


def _to_the_bank(work: Work, mandate: Mandate, action: str) -> None:
    mandate.lease_until = None
    record(work.db, mandate.subject, "member", action, "", mandate.state, mandate.state, work.now)
    wake(work.db, ASK_BANKS)


def wrong(work: Work, mandate: Mandate, code: str) -> None:
    """Not the code that the bank sent: the member is told to type it again, until CODE_TRIES_MAX were wrong."""
    if mandate.state != MandateState.SUBMITTED.value:
        return
    key = _next_key(work, mandate, "mandate_code_wrong", CODE_TRIES_MAX - 1)
    if key is None:
        rejected(work, mandate, Reason.CODE.value, code)
        return
    mandate.code_sealed = None
    change(work, mandate, MandateState.CODE_NEEDED, Cause("bank", "wrong_code", code))
    owe_worker(work, mandate.worker, "mandate_code_wrong", key, bank_facts(mandate))


def over(work: Work, mandate: Mandate, code: str) -> None:
    """The code came too late: a new one is asked for, or the mandate ends where none can be."""
    if mandate.state != MandateState.SUBMITTED.value:
        return
    if not _can_be_sent(work, mandate):
        rejected(work, mandate, Reason.CODE.value, code)
        return
    mandate.code_sealed, mandate.code_wanted_at = None, work.now
    change(work, mandate, MandateState.CODE_NEEDED, Cause("bank", "code_over", code))


def sent_anew(work: Work, mandate: Mandate, charge: str) -> None:
    """The bank was asked for a new code, which may be on its way even where no answer came."""
    if mandate.state != MandateState.CODE_NEEDED.value:
        # A typed code is with the bank just now; should it not serve, the wish stands and one more code is sent.
        return
    mandate.code_wanted_at = None
    mandate.charge_sealed = work.box(mandate.worker).seal(charge, "mandate.charge") if charge else None
    record(work.db, mandate.subject, "bank", "code_sent", "", mandate.state, mandate.state, work.now)
    key = _next_key(work, mandate, "mandate_code", NEW_CODES_MAX)
    if key is not None:
        owe_worker(work, mandate.worker, "mandate_code", key, bank_facts(mandate))


def not_sent(mandate: Mandate, again_at: datetime) -> None:
    """The bank was not reached, or sends none now: asked again from `again_at` on."""
    if mandate.state == MandateState.CODE_NEEDED.value and mandate.code_sealed is None:
        mandate.lease_until = again_at


def never_sent(work: Work, mandate: Mandate, code: str) -> None:
    """The bank refuses a new code: the mandate ends, unless a typed code is still on its way or to be handed over."""
    mandate.code_wanted_at = None
    if mandate.state == MandateState.CODE_NEEDED.value and mandate.code_sealed is None:
        rejected(work, mandate, Reason.CODE.value, code)


def _can_be_sent(work: Work, mandate: Mandate) -> bool:
    return bool(mandate.journey) and _next_key(work, mandate, "mandate_code", NEW_CODES_MAX) is not None


def _next_key(work: Work, mandate: Mandate, kind: str, most: int) -> str | None:
    """What is told for the nth time has a key of its own, and so the keys are the count; None after `most`."""
    keys = [f"{kind}:{mandate.id}:{n}" for n in range(1, most + 1)]
    told = set(work.db.scalars(select(MessageKey.key).where(MessageKey.key.in_(keys))))
    return next((key for key in keys if key not in told), None)
