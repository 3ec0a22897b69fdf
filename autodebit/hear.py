"""Acts on banks' notices: each once, in its own transaction; what fits nothing of ours waits for people."""

import structlog
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from banks.base import Became, Notice, Reason
from insurance import attempts
from insurance.bank_words import Word, hear
from insurance.waking import HEAR, wake
from insurance.work import Work
from insurance.work_items import open_item
from models import BankNotice, WorkKind
from models.bulk import add_unknown
from ports import Ports

log = structlog.get_logger()


def keep(work: Work, bank_code: str, notice: Notice) -> bool:
    """Store a verified notice, to be acted on by the job; False where it was delivered before."""
    row = {
        "replay_key": notice.replay_key,
        "bank_code": bank_code,
        "became": notice.became.value,
        "reference": notice.reference[:64],
        "bank_reference": notice.bank_reference[:64],
        "amount_rp": notice.amount_rp,
        "reason": notice.reason.value if notice.reason else "",
        "code": notice.code[:40],
        "at": notice.at,
        "received_at": work.now,
        "read": False,
    }
    new = add_unknown(work.db, BankNotice, [row], "replay_key")
    if new:
        wake(work.db, HEAR)
    return bool(new)


def hear_notices(ports: Ports) -> dict[str, int]:
    """Act on every notice not read yet, in the order of their own times; how many came to what."""
    done: dict[str, int] = {}
    while (what := _hear_next(ports)) is not None:
        done[what] = done.get(what, 0) + 1
    return done


def _hear_next(ports: Ports) -> str | None:
    key = ""
    try:
        with ports.transaction() as work:
            query = (
                select(BankNotice)
                .where(BankNotice.read.is_(False))
                .order_by(BankNotice.at, BankNotice.received_at)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            notice = work.db.scalars(query).one_or_none()
            if notice is None:
                return None
            key, notice.read = notice.replay_key, True
            work.db.flush()
            what = _act(ports, work, notice)
    except OperationalError:
        # The database is away or had to choose: the notice waits for the next round.
        raise
    except Exception as error:
        log.error("bank_notice_broken", kind=type(error).__name__)
        _set_aside(ports, key)
        return "fault of ours"
    log.info("bank_notice", bank=notice.bank_code, became=notice.became, what=what)
    return what


def _set_aside(ports: Ports, replay_key: str) -> None:
    """One that breaks us would come first in every round and keep all later ones from being heard."""
    with ports.transaction() as work:
        notice = work.db.get_one(BankNotice, replay_key, with_for_update=True)
        notice.read = True
        about = f"{notice.bank_code} {notice.bank_reference or notice.reference} fault"
        open_item(work, WorkKind.NOTICE, about, code=notice.became, bank_code=notice.bank_code)


def _act(ports: Ports, work: Work, notice: BankNotice) -> str:
    key = attempts.key_of(work, notice.reference) if notice.reference else None
    if key is None:
        key = attempts.key_by_bank(work, notice.bank_code, notice.bank_reference)
    if key is None or attempts.bank_of(work, key) != notice.bank_code:
        about = f"{notice.bank_code} {notice.bank_reference or notice.reference}"
        open_item(
            work,
            WorkKind.NOTICE,
            about,
            code=notice.became,
            bank_code=notice.bank_code,
            amount_rp=notice.amount_rp,
        )
        return "unknown reference"
    bank = ports.banks.get(notice.bank_code)
    word = Word(
        Became(notice.became),
        "notice",
        notice.bank_reference,
        notice.code,
        Reason(notice.reason) if notice.reason else None,
        notice.amount_rp,
        notice.at,
        bank.rules.bounce_fee_rp if bank is not None else 0,
    )
    return hear(work, key, word)
