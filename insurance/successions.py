"""A head, or the leader of a part, names who comes after: nothing changes before both have sent their own code back."""

import secrets
from datetime import timedelta

from sqlalchemy import exists, or_, select
from sqlalchemy.dialects.postgresql import insert

from insurance.enrolment import workers_sharing
from insurance.receipts import owe, recipient
from insurance.work import Work
from models import Head, Succession
from models.event import record
from texts import FIRST_LANGUAGE
from texts.longest import VILLAGE_SHOWN_SEPTETS
from units.gsm import shorten

CODE_DIGITS = 6
CODE_LIFE = timedelta(hours=24)
CODE_TRIES_MAX = 3
# Who can forge the head's number could fill a stranger's inbox with codes.
ASK_AGAIN_AFTER = timedelta(hours=1)


class NotPossible(Exception):
    """This number cannot take over: it leads already, several members share it, or one was asked a moment ago."""


class WrongCode(Exception):
    """Not a code that waits for this number; the try was counted."""


def _code_index(work: Work, head_id: int, whose: str, code: str) -> bytes:
    return work.keys.index("succession", f"{head_id}:{whose}:{code}")


def ask(work: Work, head: Head, old_phone: str, new_phone: str) -> None:
    """Send a code to both numbers. Raises NotPossible."""
    new_index = work.keys.index("phone", new_phone)
    # Who leads may say yes for nobody but themselves, so a number that several share cannot lead (rulings 11).
    if new_index == head.phone_index or workers_sharing(work, new_index) > 1:
        raise NotPossible
    leads = exists().where(
        *(Head.phone_index == new_index, Head.village_code == head.village_code, Head.place == head.place),
        Head.term_until >= work.today,
    )
    if work.db.scalar(select(leads)):
        raise NotPossible
    before = work.db.get(Succession, head.id, with_for_update=True)
    if before is not None and work.now - before.asked_at < ASK_AGAIN_AFTER:
        raise NotPossible
    codes = {whose: f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}" for whose in ("old", "new")}
    row = {
        "head_id": head.id,
        "new_sealed": work.keys.shared.seal(new_phone, "succession.new"),
        "new_index": new_index,
        "old_code": _code_index(work, head.id, "old", codes["old"]),
        "new_code": _code_index(work, head.id, "new", codes["new"]),
        "tries": 0,
        "asked_at": work.now,
        "expires_at": work.now + CODE_LIFE,
    }
    asked = insert(Succession).values(row)
    work.db.execute(asked.on_conflict_do_update(index_elements=["head_id"], set_=row))
    work.db.expire_all()
    record(work.db, ("head", str(head.id)), "head", "succession", "", "", "asked", work.now)
    for whose, phone in (("old", old_phone), ("new", new_phone)):
        facts = {**_facts(head), "otp": codes[whose], "tail": f"***{new_phone[-4:]}"}
        _owe(work, head, phone, f"succession_{whose}", f"succession:{head.id}:{whose}:{work.now.timestamp()}", facts)


def confirm(work: Work, phone_index: bytes, code: str) -> None:
    """One of the two codes came back from its number; with the second the new number leads. Raises WrongCode.

    The caller commits either way: a try must count.
    """
    query = (
        select(Succession)
        .join(Head, Head.id == Succession.head_id)
        .where(or_(Succession.new_index == phone_index, Head.phone_index == phone_index))
        .where(Succession.expires_at > work.now)
        .order_by(Succession.head_id)
        .with_for_update(of=Succession)
    )
    waiting = [one for one in work.db.scalars(query).unique() if one.tries < CODE_TRIES_MAX]
    for one in waiting:
        head = work.db.get_one(Head, one.head_id)
        if phone_index == head.phone_index and one.old_code == _code_index(work, head.id, "old", code):
            one.old_code = None
        elif phone_index == one.new_index and one.new_code == _code_index(work, head.id, "new", code):
            one.new_code = None
        else:
            continue
        if one.old_code is None and one.new_code is None:
            _hand_over(work, head, one)
        else:
            box = work.keys.shared
            phones = {head.phone_index: head.phone_sealed, one.new_index: one.new_sealed}
            purpose = "head.phone" if phone_index == head.phone_index else "succession.new"
            phone = box.open(phones[phone_index], purpose)
            _owe(
                work, head, phone, "succession_half", f"succession:{head.id}:half:{work.now.timestamp()}", _facts(head)
            )
        return
    for one in waiting:
        one.tries += 1
    raise WrongCode


def _hand_over(work: Work, head: Head, one: Succession) -> None:
    """The term goes on under the new number, and the counts that came by themselves go there."""
    shared = work.keys.shared
    new_phone, old_phone = shared.open(one.new_sealed, "succession.new"), shared.open(head.phone_sealed, "head.phone")
    after = Head(
        village_code=head.village_code,
        place=head.place,
        phone_sealed=shared.seal(new_phone, "head.phone"),
        phone_index=one.new_index,
        term_from=work.today,
        term_until=head.term_until,
        weekly=head.weekly,
    )
    facts = _facts(head)
    head.term_until, head.weekly = work.today - timedelta(days=1), False
    work.db.add(after)
    work.db.delete(one)
    work.db.flush()
    record(work.db, ("head", str(head.id)), "head", "succession", str(after.id), "asked", "done", work.now)
    for phone in (old_phone, new_phone):
        _owe(work, head, phone, "succession_done", f"succession:{head.id}:done:{phone == new_phone}", facts)


def _facts(head: Head) -> dict[str, str]:
    return {"village": shorten(head.village.name, VILLAGE_SHOWN_SEPTETS)}


def _owe(work: Work, head: Head, phone: str, kind: str, key: str, facts: dict[str, str]) -> None:
    to = recipient(work, phone, FIRST_LANGUAGE, zone=head.village.zone)
    owe(work, to, kind, key, facts, expires_at=work.now + CODE_LIFE)
