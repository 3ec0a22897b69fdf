"""The bank's open book: mandates, bindings, debits and refunds of one bank with their sums; it changes nothing."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, select

from sandbox.store import bindings, debits, mandates, refunds
from units.clock import JAKARTA


def book_of(db: Connection, code: str) -> dict[str, Any]:
    """Everything of one bank, oldest first.

    `booked` counts the debits that stand, `returned` those that were debited and given back by a late failure,
    `refunded` what 58 gave back of those that stand: the bank holds booked_rp - refunded_rp of our members' money.
    """
    given = db.execute(select(mandates).where(mandates.c.bank == code).order_by(mandates.c.given_at, mandates.c.number))
    bound = db.execute(select(bindings).where(bindings.c.bank == code).order_by(bindings.c.number))
    made = db.execute(select(debits).where(debits.c.bank == code).order_by(debits.c.at, debits.c.number)).all()
    back = db.execute(select(refunds).where(refunds.c.bank == code).order_by(refunds.c.at, refunds.c.refund_no)).all()
    back_of: dict[str, list[Row[Any]]] = {}
    for one in back:
        back_of.setdefault(one.partner_reference, []).append(one)
    return {
        "mandates": [_mandate(row) for row in given],
        "bindings": [_binding(row) for row in bound],
        "debits": [_debit(row, back_of.get(row.partner_reference, [])) for row in made],
        **_sums("booked", [row for row in made if row.status == "booked"]),
        **_sums("returned", [row for row in made if row.status == "returned"]),
        **_sums("refunded", back),
    }


def _sums(name: str, rows: Iterable[Row[Any]]) -> Mapping[str, int]:
    amounts = [row.amount_rp for row in rows]
    return {name: len(amounts), f"{name}_rp": sum(amounts)}


def _mandate(row: Row[Any]) -> dict[str, Any]:
    return {
        "eMandateReffId": row.reference,
        "customerId": row.customer_id,
        "accountNo": row.account_no,
        "max_amount_rp": row.max_amount_rp,
        "expires_at": row.expires_at.astimezone(JAKARTA).isoformat(),
    }


def _binding(row: Row[Any]) -> dict[str, Any]:
    return {
        "referenceNo": row.reference,
        "linkId": row.link,
        "customerId": row.customer_id,
        "accountNo": row.account_no,
        "max_amount_rp": row.max_amount_rp,
        "expires_at": row.expires_at.astimezone(JAKARTA).isoformat(),
        "state": row.state,
    }


def _debit(row: Row[Any], back: Iterable[Row[Any]]) -> dict[str, Any]:
    returned_at = row.returned_at if row.status == "returned" else None
    return {
        "partnerReferenceNo": row.partner_reference,
        "referenceNo": row.reference,
        "service": row.service,
        "eMandateReffId": row.mandate,
        "accountNo": row.account_no,
        "amount_rp": row.amount_rp,
        "status": row.status,
        "at": row.at.astimezone(JAKARTA).isoformat(),
        "returned_at": returned_at.astimezone(JAKARTA).isoformat() if returned_at else None,
        "refunds": [
            {
                "partnerRefundNo": one.refund_no,
                "refundNo": one.reference,
                "amount_rp": one.amount_rp,
                "at": one.at.astimezone(JAKARTA).isoformat(),
            }
            for one in back
        ],
    }
