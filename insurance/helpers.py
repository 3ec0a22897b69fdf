"""Who may prepare other people's enrolment, and whose numbers can therefore say yes for nobody but their owner."""

from datetime import date

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.dialects.postgresql import insert

from insurance.work import Work
from models import Head, Helper, Village
from texts.longest import HELPER_SHOWN_SEPTETS
from units.gsm import shorten


def helped_by(work: Work, phone_index: bytes) -> list[Village]:
    """The villages this number helps in today; after the term there is none."""
    query = (
        select(Village)
        .join(Helper, Helper.village_code == Village.code)
        .where(Helper.phone_index == phone_index, *_in_office(work, Helper))
        .order_by(Village.code)
    )
    return list(work.db.scalars(query).unique())


def helper_in(work: Work, phone_index: bytes, village_code: str) -> Helper | None:
    query = select(Helper).where(
        Helper.phone_index == phone_index, Helper.village_code == village_code, *_in_office(work, Helper)
    )
    return work.db.scalars(query).one_or_none()


def shown_name(work: Work, helper: Helper) -> str:
    return shorten(work.keys.shared.open(helper.name_sealed, "helper.name"), HELPER_SHOWN_SEPTETS)


def is_official(work: Work, phone_index: bytes) -> bool:
    """Whether a helper or a head holds this number: they may act for others, so nobody else's yes comes from it."""
    query = select(
        exists().where(Helper.phone_index == phone_index, *_in_office(work, Helper))
        | exists().where(Head.phone_index == phone_index, *_in_office(work, Head))
    )
    return bool(work.db.scalar(query))


def officials(work: Work, phone_indexes: list[bytes]) -> set[bytes]:
    """Those of these numbers that `is_official` is true of, in two statements for all."""
    found = set[bytes]()
    for model in (Helper, Head):
        query = select(model.phone_index).where(model.phone_index.in_(phone_indexes), *_in_office(work, model))
        found |= set(work.db.scalars(query))
    return found


def _in_office(work: Work, model: type[Helper] | type[Head]) -> tuple[ColumnElement[bool], ...]:
    return model.term_from <= work.today, model.term_until >= work.today


def set_helper(work: Work, village_code: str, phone: str, name: str, role: str, until: date) -> None:
    """Let this number help in a village from today until the end of `until`; a repeat changes name, role and term."""
    shared = work.keys.shared
    row = {
        "village_code": village_code,
        "role": role,
        "name_sealed": shared.seal(name, "helper.name"),
        "phone_sealed": shared.seal(phone, "helper.phone"),
        "phone_index": work.keys.index("phone", phone),
        "term_from": work.today,
        "term_until": until,
    }
    changed = {name: row[name] for name in ("role", "name_sealed", "term_until")}
    statement = insert(Helper).values(row)
    work.db.execute(statement.on_conflict_do_update(index_elements=["phone_index", "village_code"], set_=changed))
