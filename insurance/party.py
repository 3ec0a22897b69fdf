"""A mandate with all that charging it and telling its member needs, many in one query; it changes nothing."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, BigInteger, Select, any_, bindparam, lateral, select, true

from insurance.receipts import Recipient
from insurance.work import Work
from models import Bank, Contact, Mandate, Membership, Village, Worker
from models.bulk import question, read_by_key, read_rows
from sealing import Box, Unreadable
from texts.longest import BANK_SHOWN_SEPTETS
from units.gsm import shorten
from units.month import Month
from units.phone import masked_tail


class Party(NamedTuple):
    """A row and nothing more: a run reads thousands, so it is no model. `mandate_id` 0 is nobody's."""

    mandate_id: int
    worker_id: int
    mandate_state: str
    bank_code: str
    bank_name: str
    account_sealed: bytes
    account_tail: str
    bank_reference: str
    token_sealed: bytes | None
    fee_rp: int
    max_amount_rp: int
    agreed_at: datetime
    first_month: Month
    day: int
    days: Sequence[int] | None
    expires_on: date
    paused_until: date | None
    no_funds_months: int
    language: str
    data_key: bytes
    zone: str
    membership_state: str
    sector: str
    base_rp: int
    programmes: str
    next_from: date | None
    next_base_rp: int | None
    next_programmes: str | None
    phone_sealed: bytes | None
    phone_index: bytes | None

    def __repr__(self) -> str:
        return f"Party({self.mandate_id})"

    @property
    def customer_id(self) -> str:
        return customer_id(self.mandate_id)

    @property
    def bank_facts(self) -> dict[str, str]:
        """Bank and account as a text may show them."""
        return {"bank": shorten(self.bank_name, BANK_SHOWN_SEPTETS), "account": masked_tail(self.account_tail)}


def customer_id(mandate_id: int) -> str:
    """How a bank calls this mandate's payer: ours, and stable."""
    return f"IU{mandate_id}"


def _query() -> Select[*tuple[Any, ...]]:
    first = (
        select(Contact.phone_sealed, Contact.phone_index)
        .where(Contact.worker_id == Worker.id)
        .order_by(Contact.since, Contact.phone_index)
        .limit(1)
        .correlate(Worker)
    )
    contact = lateral(first, "first_contact")
    return (
        select(
            Mandate.id,
            Mandate.worker_id,
            Mandate.state,
            Mandate.bank_code,
            Bank.name,
            Mandate.account_sealed,
            Mandate.account_tail,
            Mandate.bank_reference,
            Mandate.token_sealed,
            Mandate.fee_rp,
            Mandate.max_amount_rp,
            Mandate.agreed_at,
            Mandate.first_month,
            Mandate.day,
            Mandate.days,
            Mandate.expires_on,
            Mandate.paused_until,
            Mandate.no_funds_months,
            Worker.language,
            Worker.data_key,
            Village.zone,
            Membership.state,
            Membership.sector,
            Membership.base_rp,
            Membership.programmes,
            Membership.next_from,
            Membership.next_base_rp,
            Membership.next_programmes,
            contact.c.phone_sealed,
            contact.c.phone_index,
        )
        .select_from(Mandate)
        .join(Worker, Worker.id == Mandate.worker_id)
        .join(Village, Village.code == Worker.village_code)
        .join(Bank, Bank.code == Mandate.bank_code)
        .join(Membership, Membership.worker_id == Mandate.worker_id)
        .outerjoin(contact, true())
    )


# One array, so that the statement is the same for one mandate and for five hundred.
_QUERY = _query().where(Mandate.id == any_(bindparam("ids", type_=ARRAY(BigInteger)))).order_by(Mandate.id)
_FOUND = question(_QUERY)
_HELD = question(
    select(Mandate.id)
    .where(Mandate.id == any_(bindparam("ids", type_=ARRAY(BigInteger))))
    .order_by(Mandate.id)
    .with_for_update()
)


def parties(work: Work, mandate_ids: Sequence[int], *, lock: bool = False) -> dict[int, Party]:
    """By mandate. Locks are taken in one order everywhere: mandates by id, then attempts, then months."""
    if not mandate_ids:
        return {}
    read_by_key(work.db)
    ids = list(mandate_ids)
    if lock:
        # Read in a statement of its own: one that waits for the lock sees what else it reads as it was before.
        read_rows(work.db, _HELD, ids=ids)
    rows = read_rows(work.db, _FOUND, ids=ids)
    return {one.mandate_id: one for one in map(Party._make, rows)}


def party(work: Work, mandate_id: int, *, lock: bool = False) -> Party:
    work.db.flush()
    return parties(work, [mandate_id], lock=lock)[mandate_id]


def box_of(work: Work, one: Party) -> Box | None:
    """The person's box; None where the person was erased, who can be told nothing any more."""
    try:
        return work.keys.person(one.data_key)
    except Unreadable:
        return None


def reach(work: Work, one: Party) -> list[Recipient]:
    """The member's first number: one text, or none where there is no number or no person any more."""
    box = box_of(work, one)
    if box is None or one.phone_sealed is None or one.phone_index is None:
        return []
    phone = box.open(one.phone_sealed, "contact.phone")
    return [Recipient(phone, one.phone_index, one.language, box, one.worker_id, one.zone)]
