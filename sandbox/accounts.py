"""The sandbox bank's own book: holders, mandates and debits; it moves no money but on its pages."""

import re
import secrets
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from sandbox.answers import SnapRefused
from sandbox.bodies import MandateBody, PaymentBody
from sandbox.magic import Fault, Once, magic_of
from sandbox.settings import BankSettings
from sandbox.store import accounts, added, debits, faults, mandates
from units.clock import JAKARTA, jakarta_day

_ACCOUNT_NO = re.compile(r"[0-9]{10,16}")
_EVER = date(1970, 1, 1)


def give_mandate(db: Connection, bank: BankSettings, body: MandateBody, now: datetime) -> str:
    """The mandate's own reference; the same request again is the same mandate. Raises SnapRefused."""
    if body.biller_id != bank.biller_id:
        raise SnapRefused("40100", "billerId")
    if not _ACCOUNT_NO.fullmatch(body.account_no):
        raise SnapRefused("40411")
    if body.expires_at <= now:
        raise SnapRefused("40001", "expiredDatetime")
    if refusal := magic_of(body.account_no).mandate:
        raise SnapRefused(refusal)
    _check_holder(db, bank, body)
    new = insert(mandates).values(
        reference=f"EM{bank.code}{secrets.token_hex(10)}",
        bank=bank.code,
        account_no=body.account_no,
        customer_id=body.customer_id,
        max_amount_rp=body.max_amount_rp,
        expires_at=body.expires_at,
        given_at=now,
    )
    # Written over with itself, so that the row already there is the one that is answered.
    same = ["bank", "account_no", "customer_id", "max_amount_rp", "expires_at"]
    again = new.on_conflict_do_update(index_elements=same, set_={"customer_id": new.excluded.customer_id})
    return str(db.execute(again.returning(mandates.c.reference)).scalar_one())


def earlier_pending(db: Connection, bank: BankSettings, body: PaymentBody) -> str:
    """The bank's reference of a debit still in progress under this reference of ours, or nothing.

    Raises SnapRefused if it was booked, or was another debit; one that was refused left nothing behind.
    """
    mine = (debits.c.bank == bank.code) & (debits.c.partner_reference == body.partner_reference)
    known = db.execute(select(debits).where(mine)).first()
    if known is None:
        return ""
    if (known.mandate, known.account_no, known.amount_rp) != (body.mandate, body.account_no, body.amount_rp):
        raise SnapRefused("40418")
    if known.status == "booked":
        raise SnapRefused("40901")
    return str(known.reference)


def check_payment(db: Connection, bank: BankSettings, body: PaymentBody, now: datetime) -> None:
    """Every reason not to debit but those of magic accounts. Raises SnapRefused.

    An unknown mandate is 40411 and an ended one 40315, both hard: 40300 would ask for a new reference, and 40401
    speaks of a payment (programme.md 3.5).
    """
    if body.beneficiary_account_no != bank.beneficiary_account_no:
        raise SnapRefused("40411", "beneficiaryAccountNo")
    mine = select(mandates).where(mandates.c.reference == body.mandate, mandates.c.bank == bank.code)
    mandate = db.execute(mine).first()
    if mandate is None or mandate.account_no != body.account_no:
        raise SnapRefused("40411", "eMandateReffId")
    if mandate.expires_at <= now:
        raise SnapRefused("40315", "eMandateReffId")
    if mandate.max_amount_rp is not None and body.amount_rp > mandate.max_amount_rp:
        raise SnapRefused("40302")


def magic_refusal(db: Connection, bank: BankSettings, account_no: str, now: datetime) -> str:
    """The case a magic account refuses this payment with, or nothing; one that comes only once is written down."""
    magic = magic_of(account_no)
    if not magic.payment or magic.once is None:
        return magic.payment
    day = jakarta_day(now) if magic.once is Once.A_DAY else _EVER
    mark = insert(faults).values(bank=bank.code, account_no=account_no, day=day)
    return magic.payment if added(db, mark) else ""


def write_debit(db: Connection, bank: BankSettings, body: PaymentBody, now: datetime) -> str:
    """Book it, or keep it pending for ever. Raises SnapRefused if another request was faster under this reference."""
    reference = f"{bank.code}{jakarta_day(now):%Y%m%d}{secrets.token_hex(8)}"
    status = "pending" if magic_of(body.account_no).fault is Fault.PENDING else "booked"
    new = insert(debits).values(
        bank=bank.code,
        partner_reference=body.partner_reference,
        reference=reference,
        mandate=body.mandate,
        account_no=body.account_no,
        amount_rp=body.amount_rp,
        status=status,
        at=now,
    )
    if not added(db, new):
        raise SnapRefused("40901")
    return reference


def book_of(db: Connection, code: str) -> dict[str, Any]:
    """All mandates and debits of one bank, oldest first, and the sum of what was booked."""
    given = db.execute(select(mandates).where(mandates.c.bank == code).order_by(mandates.c.given_at, mandates.c.number))
    made = db.execute(select(debits).where(debits.c.bank == code).order_by(debits.c.at, debits.c.number)).all()
    booked = [row.amount_rp for row in made if row.status == "booked"]
    return {
        "mandates": [
            {
                "eMandateReffId": row.reference,
                "customerId": row.customer_id,
                "accountNo": row.account_no,
                "max_amount_rp": row.max_amount_rp,
                "expires_at": row.expires_at.astimezone(JAKARTA).isoformat(),
            }
            for row in given
        ],
        "debits": [
            {
                "partnerReferenceNo": row.partner_reference,
                "referenceNo": row.reference,
                "eMandateReffId": row.mandate,
                "accountNo": row.account_no,
                "amount_rp": row.amount_rp,
                "status": row.status,
                "at": row.at.astimezone(JAKARTA).isoformat(),
            }
            for row in made
        ],
        "booked": len(booked),
        "booked_rp": sum(booked),
    }


def _check_holder(db: Connection, bank: BankSettings, body: MandateBody) -> None:
    """The first name given is the holder's; another one is refused as an account that is not so held."""
    holder = " ".join(body.account_name.casefold().split())
    new = insert(accounts).values(bank=bank.code, account_no=body.account_no, holder=holder)
    added(db, new)
    mine = select(accounts.c.holder).where(accounts.c.bank == bank.code, accounts.c.account_no == body.account_no)
    if db.execute(mine).scalar_one() != holder:
        raise SnapRefused("40411")
