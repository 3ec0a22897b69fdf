"""Finds members and shows one, to an operator who may see them; whoever is listed or shown is recorded as seen."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from insurance import name_words
from insurance.operators import Sight
from insurance.work import Work
from models import Contact, Membership, Worker
from models.event import Happening, record, record_all
from units.nik import NotANik, parse_nik
from units.phone import NotAPhone, canonical_phone, masked_tail

LISTED_MAX = 20
# Source: the insurer's card has eleven digits (programme.md 7).
_KPJ = re.compile(r"[0-9]{11}")
_REFERENCE = re.compile(r"[A-Z0-9]{12}")
START = ("", 0)


@dataclass(frozen=True)
class Found:
    """One line of a list. `nik` shows its last four digits."""

    reference: str
    name: str
    nik: str
    village: str
    state: str

    def __repr__(self) -> str:
        return f"Found({self.reference})"


@dataclass(frozen=True)
class Listed:
    """`how` it was searched for; `past` is where the next page of names begins, None on the last."""

    how: str
    found: Sequence[Found]
    past: tuple[str, int] | None


def search(work: Work, sight: Sight, typed: str, by: str, after: tuple[str, int] = START) -> Listed:
    """By NIK, KPJ, phone or reference, each whole, or by words of the name; `by` is kept with each who is listed."""
    how, ids, past = _look_up(work, sight, " ".join(typed.split()), after)
    query = select(Membership).join(Worker).where(Membership.worker_id.in_(ids), sight.of(Worker.village_code))
    # Who was erased is on no list: nothing is left that could be shown.
    query = query.where(Worker.data_key != b"")
    members = {member.worker_id: member for member in work.db.scalars(query).unique()}
    shown = [members[id_] for id_ in ids if id_ in members]
    seen = [Happening(("worker", str(member.worker_id)), by, "listed", how, "", "") for member in shown]
    record_all(work.db, seen, work.now)
    return Listed(how, [_found(work, member) for member in shown], past)


def _look_up(
    work: Work, sight: Sight, typed: str, after: tuple[str, int]
) -> tuple[str, Sequence[int], tuple[str, int] | None]:
    """How, whom, and where the next page begins."""
    digits = re.sub(r"[ .-]", "", typed)
    try:
        nik = work.keys.index("nik", parse_nik(digits, work.today).digits)
        return "nik", work.db.scalars(select(Worker.id).where(Worker.nik_index == nik)).all(), None
    except NotANik:
        pass
    if _KPJ.fullmatch(digits):
        kpj = Membership.kpj_index == work.keys.index("kpj", digits)
        ids = work.db.scalars(select(Membership.worker_id).where(kpj).limit(LISTED_MAX)).all()
        if ids:
            return "kpj", ids, None
    try:
        phone = work.keys.index("phone", canonical_phone(typed))
        at = select(Contact.worker_id).where(Contact.phone_index == phone).order_by(Contact.worker_id).limit(LISTED_MAX)
        return "phone", work.db.scalars(at).all(), None
    except NotAPhone:
        pass
    if _REFERENCE.fullmatch(typed.upper()):
        known = select(Membership.worker_id).where(Membership.reference == typed.upper())
        ids = work.db.scalars(known).all()
        if ids:
            return "reference", ids, None
    page = name_words.named(work, sight, typed, after, LISTED_MAX + 1)
    more = len(page) > LISTED_MAX
    page = page[:LISTED_MAX]
    return "name", [worker_id for _, worker_id in page], page[-1] if more else None


def _found(work: Work, member: Membership) -> Found:
    worker, box = member.worker, work.box(member.worker)
    return Found(
        reference=member.reference,
        name=box.open(worker.name_sealed, "worker.name"),
        nik=masked_tail(box.open(worker.nik_sealed, "worker.nik")),
        village=worker.village.name,
        state=member.state,
    )


def seen(work: Work, sight: Sight, reference: str, by: str, why: str) -> Membership:
    """The member of this reference, kept as seen by `by`. Raises LookupError where there is none, or not to be seen."""
    query = select(Membership).where(Membership.reference == reference.strip().upper())
    member = work.db.scalars(query).unique().one_or_none()
    if member is None or not sight.sees(member.worker.village_code):
        raise LookupError("no such member here")
    record(work.db, member.worker.subject, by, why, "", "", "", work.now)
    return member
