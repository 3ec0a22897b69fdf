"""The sandbox bank's accounts: who holds them, and the BI-FAST mandates that were given on them; it debits nothing."""

import re
import secrets
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from sandbox.answers import PAYMENT, Reply, SnapRefused
from sandbox.bodies import PaymentBody, read_mandate, read_payment
from sandbox.debits import Order
from sandbox.magic import magic_of
from sandbox.settings import BankSettings
from sandbox.snap_check import Request
from sandbox.store import accounts, added, mandates

_ACCOUNT_NO = re.compile(r"[0-9]{10,16}")


def give_mandate(db: Connection, bank: BankSettings, wire: Request, now: datetime) -> Reply:
    """Service 70; the same request again is the same mandate. Raises SnapRefused."""
    body = read_mandate(wire.body, bank.code)
    if body.biller_id != bank.biller_id:
        raise SnapRefused("40100", "billerId")
    if body.expires_at <= now:
        raise SnapRefused("40001", "expiredDatetime")
    check_holder(db, bank, body.account_no, body.account_name)
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
    return Reply("20000", {"eMandateReffId": db.execute(again.returning(mandates.c.reference)).scalar_one()})


def order_by_mandate(db: Connection, bank: BankSettings, wire: Request, now: datetime) -> Order:
    """Service 71. Raises SnapRefused where the body is wrong; `Order.no` is why the mandate does not give it."""
    body = read_payment(wire.body, bank.code, bank.reference_max)
    order = Order(PAYMENT, body.partner_reference, body.mandate, body.account_no, body.amount_rp)
    return replace(order, no=_why_not(db, bank, body, now))


def _why_not(db: Connection, bank: BankSettings, body: PaymentBody, now: datetime) -> SnapRefused | None:
    """An unknown mandate is 40411 and an ended one 40315, both hard: 40300 would ask for a new reference, and 40401
    speaks of a payment (programme.md 3.5).
    """
    if body.beneficiary_account_no != bank.beneficiary_account_no:
        return SnapRefused("40411", "beneficiaryAccountNo")
    mine = select(mandates).where(mandates.c.reference == body.mandate, mandates.c.bank == bank.code)
    mandate = db.execute(mine).first()
    if mandate is None or mandate.account_no != body.account_no:
        return SnapRefused("40411", "eMandateReffId")
    if mandate.expires_at <= now:
        return SnapRefused("40315", "eMandateReffId")
    if mandate.max_amount_rp is not None and body.amount_rp > mandate.max_amount_rp:
        return SnapRefused("40302")
    return None


def check_holder(db: Connection, bank: BankSettings, account_no: str, name: str) -> None:
    """The account is one and agrees, and the first name ever given is its holder's. Raises SnapRefused."""
    if not _ACCOUNT_NO.fullmatch(account_no):
        raise SnapRefused("40411")
    if refusal := magic_of(account_no).mandate:
        raise SnapRefused(refusal)
    holder = " ".join(name.casefold().split())
    added(db, insert(accounts).values(bank=bank.code, account_no=account_no, holder=holder))
    mine = select(accounts.c.holder).where(accounts.c.bank == bank.code, accounts.c.account_no == account_no)
    if db.execute(mine).scalar_one() != holder:
        raise SnapRefused("40411")
