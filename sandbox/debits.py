"""The sandbox bank's debits: written once by our reference, turned by time, asked after, cancelled and refunded."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects.postgresql import insert

from sandbox.answers import Reply, SnapRefused, response_code
from sandbox.debit_bodies import Original, read_cancel, read_refund, read_status
from sandbox.fields import money, shown
from sandbox.magic import LATER, Fault
from sandbox.notices import drop_notices, plan_notices
from sandbox.settings import BankSettings
from sandbox.snap_check import Request
from sandbox.store import added, debits, refunds
from units.clock import jakarta_day

# Source: ASPI SNAP, latestTransactionStatus (programme.md 3.5).
STATUSES = {"booked": "00", "pending": "03", "refunded": "04", "cancelled": "05", "returned": "06"}
_WORDS = {"00": "Success", "03": "Pending", "04": "Refunded", "05": "Canceled", "06": "Failed"}
# What the account's fault makes the bank say at first, where that is not yes.
_ANSWERED = {Fault.ERROR: "50000", Fault.PENDING: "20200", Fault.LATER: "20200", Fault.DENIED: "40314"}


@dataclass(frozen=True)
class Order:
    """One debit that was asked for, by 71 under a mandate or by 54 under a binding."""

    service: str
    partner_reference: str
    mandate: str
    account_no: str
    amount_rp: int
    no: SnapRefused | None = None
    """Why mandate or binding does not give it; asked only where the reference is new."""


def answered(fault: Fault | None) -> str:
    """The case of the first answer to a debit that was written; where none arrives, the one that was meant."""
    return _ANSWERED.get(fault, "20000") if fault else "20000"


def ripen(db: Connection, now: datetime) -> None:
    """Book and give back what was to be by now; every look at the debits begins with it."""
    turns = update(debits).where(debits.c.status == "pending", debits.c.booked_at <= now)
    db.execute(turns.values(status="booked"))
    turns = update(debits).where(debits.c.status == "booked", debits.c.returned_at <= now)
    db.execute(turns.values(status="returned"))


def earlier(db: Connection, bank: BankSettings, order: Order) -> str:
    """The bank's reference of a debit still in progress under this reference of ours, or nothing.

    Raises SnapRefused if it was booked or cancelled, or was another debit; a refused one left nothing behind.
    """
    known = _debit(db, bank, order.partner_reference)
    if known is None:
        return ""
    if (known.mandate, known.account_no, known.amount_rp) != (order.mandate, order.account_no, order.amount_rp):
        raise SnapRefused("40418")
    if known.status == "cancelled":
        raise SnapRefused("40400")
    if known.status != "pending":
        raise SnapRefused("40901")
    return str(known.reference)


def write_debit(db: Connection, bank: BankSettings, order: Order, fault: Fault | None, now: datetime) -> str:
    """Book it, or keep it pending, with the notices of it. Raises SnapRefused if another send was faster."""
    reference = f"{bank.code}{jakarta_day(now):%Y%m%d}{secrets.token_hex(8)}"
    pending = fault in (Fault.PENDING, Fault.LATER)
    row = {
        "bank": bank.code,
        "partner_reference": order.partner_reference,
        "reference": reference,
        "mandate": order.mandate,
        "account_no": order.account_no,
        "amount_rp": order.amount_rp,
        "status": "pending" if pending else "booked",
        "at": now,
        "service": order.service,
        "answered": answered(fault),
        "booked_at": {Fault.PENDING: None, Fault.LATER: now + LATER}.get(fault, now) if fault else now,
        "returned_at": now + LATER if fault is Fault.RETURNED else None,
    }
    if not added(db, insert(debits).values(row)):
        raise SnapRefused("40901")
    plan_notices(db, row, fault)
    return reference


def status(db: Connection, bank: BankSettings, wire: Request, now: datetime) -> Reply:
    """Service 55: the truth of the book, whatever was answered before."""
    debit = _original(db, bank, read_status(wire.body, bank))
    back = _refunds(db, debit)
    latest = STATUSES["refunded" if sum(one.amount_rp for one in back) == debit.amount_rp else debit.status]
    fields: dict[str, Any] = {
        **_names(debit),
        "serviceCode": bank.status_service_code,
        "latestTransactionStatus": latest,
        "transactionStatusDesc": _WORDS[latest],
        "originalResponseCode": response_code(debit.service, debit.answered),
        "amount": money(debit.amount_rp),
    }
    if debit.status == "booked":
        fields["paidTime"] = shown(debit.booked_at)
    if back:
        fields["refundHistory"] = [
            {"refundNo": one.reference, "partnerRefundNo": one.refund_no, "refundStatus": "00"} for one in back
        ]
    return Reply("20000", fields)


def cancel(db: Connection, bank: BankSettings, wire: Request, now: datetime) -> Reply:
    """Service 57: only what is still in progress; what was booked is refunded instead."""
    debit = _original(db, bank, read_cancel(wire.body, bank))
    if debit.status not in ("pending", "cancelled"):
        raise SnapRefused("40501")
    at = debit.cancelled_at
    if debit.status == "pending":
        at = now
        _change(db, debit, status="cancelled", booked_at=None, cancelled_at=now)
        drop_notices(db, debit.bank, debit.partner_reference)
    return Reply("20000", {**_names(debit), "cancelTime": shown(at)})


def refund(db: Connection, bank: BankSettings, wire: Request, now: datetime) -> Reply:
    """Service 58: of what was booked and not refunded yet. The same refund again is the same refund."""
    body = read_refund(wire.body, bank)
    debit = _original(db, bank, body.original)
    back = _refunds(db, debit)
    mine = (refunds.c.bank == bank.code) & (refunds.c.refund_no == body.refund_no)
    known = db.execute(select(refunds).where(mine)).first()
    if known is not None and (known.partner_reference, known.amount_rp) != (debit.partner_reference, body.amount_rp):
        raise SnapRefused("40418", "partnerRefundNo")
    if known is None:
        if debit.status != "booked":
            raise SnapRefused("40400")
        if body.amount_rp + sum(one.amount_rp for one in back) > debit.amount_rp:
            raise SnapRefused("40413", "refundAmount")
        row = insert(refunds).values(
            bank=bank.code,
            refund_no=body.refund_no,
            reference=f"RF{bank.code}{secrets.token_hex(10)}",
            partner_reference=debit.partner_reference,
            amount_rp=body.amount_rp,
            at=now,
        )
        known = db.execute(row.returning(refunds)).one()
        if debit.returned_at is not None:
            # What was refunded is not given back a second time by a late failure.
            _change(db, debit, returned_at=None)
            drop_notices(db, debit.bank, debit.partner_reference)
    fields = {"refundNo": known.reference, "partnerRefundNo": body.refund_no, "refundTime": shown(known.at)}
    return Reply("20000", {**_names(debit), **fields, "refundAmount": money(known.amount_rp)})


def _debit(db: Connection, bank: BankSettings, partner_reference: str, *, lock: bool = False) -> Row[Any] | None:
    mine = (debits.c.bank == bank.code) & (debits.c.partner_reference == partner_reference)
    wanted = select(debits).where(mine)
    return db.execute(wanted.with_for_update() if lock else wanted).first()


def _original(db: Connection, bank: BankSettings, original: Original) -> Row[Any]:
    """The debit that is named, held until the end of the transaction. Raises SnapRefused."""
    debit = _debit(db, bank, original.partner_reference, lock=True)
    if debit is None:
        raise SnapRefused("40401")
    if original.reference and original.reference != debit.reference:
        raise SnapRefused("40418", "originalReferenceNo")
    if original.amount_rp not in (None, debit.amount_rp):
        raise SnapRefused("40418", "amount")
    return debit


def _refunds(db: Connection, debit: Row[Any]) -> Sequence[Row[Any]]:
    mine = (refunds.c.bank == debit.bank) & (refunds.c.partner_reference == debit.partner_reference)
    return db.execute(select(refunds).where(mine).order_by(refunds.c.at, refunds.c.refund_no)).all()


def _change(db: Connection, debit: Row[Any], **values: Any) -> None:
    mine = (debits.c.bank == debit.bank) & (debits.c.partner_reference == debit.partner_reference)
    db.execute(update(debits).where(mine).values(**values))


def _names(debit: Row[Any]) -> dict[str, str]:
    return {"originalPartnerReferenceNo": debit.partner_reference, "originalReferenceNo": debit.reference}
