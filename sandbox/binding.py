"""SNAP account binding, services 07, 04, 81, 08 and 09: who agreed by code, and the token that came of it."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects.postgresql import insert

from sandbox.accounts import check_holder
from sandbox.answers import DEBIT, Reply, SnapRefused
from sandbox.debit_bodies import (
    CHARGE_MAX,
    BindBody,
    read_bind,
    read_code,
    read_debit,
    read_inquiry,
    read_journey,
    read_unbind,
)
from sandbox.debits import Order
from sandbox.gateway import deliver
from sandbox.settings import BankSettings
from sandbox.snap_check import Request
from sandbox.store import alone, bindings

# Source: ASPI SNAP, Keamanan: an SMS code has 6 digits and is valid for 5 minutes (programme.md 3.3).
CODE_LIFE = timedelta(minutes=5)
CODE_TRIES_MAX = 3
_LOCK = 0x5A_B0_04


def bind(db: Connection, bank: BankSettings, wire: Request, now: datetime) -> Reply:
    """Service 07. The same request again is the same binding, with a new code while it waits for one."""
    body = read_bind(wire.body, bank)
    if body.expires_at <= now:
        raise SnapRefused("40001", "expiredDatetime")
    check_holder(db, bank, body.account_no, body.account_name)
    # A binding has no key that two requests at once could meet on: they wait for each other.
    alone(db, _LOCK)
    binding = _same(db, bank, body) or _new(db, bank, body, wire.header("X-EXTERNAL-ID"), now)
    if binding.state == "bound":
        return _made(binding)
    _send_code(db, binding, now)
    return Reply(
        "20000",
        {
            "referenceNo": binding.reference,
            "partnerReferenceNo": binding.customer_id,
            "nextAction": "OTP",
            "additionalInfo": {"journeyId": binding.journey},
        },
    )


def send_code(db: Connection, bank: BankSettings, wire: Request, now: datetime) -> Reply:
    """Service 81: a new code for the journey; the old one is worth nothing any more."""
    journey = read_journey(wire.body)
    wanted = (bindings.c.bank == bank.code) & (bindings.c.journey == journey) & (bindings.c.state == "waiting")
    binding = db.execute(select(bindings).where(wanted).with_for_update()).first()
    if binding is None:
        raise SnapRefused("40401", "journeyId")
    return Reply("20000", {"chargeToken": _charge(binding.reference, _send_code(db, binding, now))})


def check_code(db: Connection, bank: BankSettings, wire: Request, now: datetime) -> Reply:
    """Service 04. The right code again is the same answer; three wrong ones block it until another is sent."""
    body = read_code(wire.body, bank)
    binding = db.execute(select(bindings).where(_of(bank, body.customer_id, body.reference)).with_for_update()).first()
    if binding is None or binding.state == "ended":
        raise SnapRefused("40401", "originalReferenceNo")
    if body.charge not in ("", _charge(binding.reference, binding.code_until)):
        raise SnapRefused("40001", "chargeToken")
    right = hmac.compare_digest(binding.code.encode(), body.code.encode())
    if binding.state == "bound":
        return _made(binding) if right else Reply("40415")
    if binding.tries >= CODE_TRIES_MAX:
        return Reply("40311")
    if binding.code_until <= now:
        return Reply("40312")
    if not right:
        _change(db, binding, tries=binding.tries + 1)
        return Reply("40415")
    _change(db, binding, state="bound")
    return _made(binding)


def inquire(db: Connection, bank: BankSettings, wire: Request, now: datetime) -> Reply:
    """Service 08: the newest binding of a customer, or the one that is named."""
    customer_id, reference = read_inquiry(wire.body, bank)
    wanted = select(bindings).where(_of(bank, customer_id, reference)).order_by(bindings.c.number.desc())
    binding = db.execute(wanted).first()
    if binding is None or binding.state == "ended":
        raise SnapRefused("40401")
    if binding.state == "waiting":
        return Reply("20200", {"referenceNo": binding.reference})
    return _made(binding)


def unbind(db: Connection, bank: BankSettings, wire: Request, now: datetime) -> Reply:
    """Service 09. An ended binding is ended: asked again it says so again."""
    link, token = read_unbind(wire.body, bank)
    mine = (bindings.c.bank == bank.code) & (bindings.c.link == link)
    binding = db.execute(select(bindings).where(mine).with_for_update()).first()
    if binding is None or binding.state == "waiting" or token not in ("", binding.token):
        raise SnapRefused("40411", "linkId")
    _change(db, binding, state="ended")
    return Reply("20000", {"referenceNo": binding.reference, "linkId": binding.link})


def order_by_binding(db: Connection, bank: BankSettings, wire: Request, now: datetime) -> Order:
    """Service 54. Raises SnapRefused where body or token are wrong; `Order.no` is why the binding does not give it."""
    body = read_debit(wire.body, bank)
    mine = (bindings.c.bank == bank.code) & (bindings.c.token == body.token)
    binding = db.execute(select(bindings).where(mine)).first()
    if binding is None or binding.state == "waiting":
        raise SnapRefused("40411", "bankCardToken")
    no = None
    if binding.state == "ended":
        no = SnapRefused("40411", "bankCardToken")
    elif binding.expires_at <= now:
        no = SnapRefused("40315", "bankCardToken")
    elif body.valid_until is not None and body.valid_until <= now:
        no = SnapRefused("40300", "validUpTo")
    elif binding.max_amount_rp is not None and body.amount_rp > binding.max_amount_rp:
        no = SnapRefused("40302")
    return Order(DEBIT, body.partner_reference, binding.reference, binding.account_no, body.amount_rp, no)


def code_of(db: Connection, bank: BankSettings, customer_id: str) -> str | None:
    """The code that the customer's newest binding waits for; the sandbox shows what only the holder would see."""
    wanted = select(bindings).where(_of(bank, customer_id, "")).order_by(bindings.c.number.desc())
    binding = db.execute(wanted).first()
    return None if binding is None or binding.state != "waiting" else str(binding.code)


def _of(bank: BankSettings, customer_id: str, reference: str) -> Any:
    mine = (bindings.c.bank == bank.code) & (bindings.c.customer_id == customer_id)
    return mine & (bindings.c.reference == reference) if reference else mine


def _same(db: Connection, bank: BankSettings, body: BindBody) -> Row[Any] | None:
    mine = _of(bank, body.customer_id, "") & (bindings.c.state != "ended")
    asked = {name: getattr(body, name) for name in ("account_no", "max_amount_rp", "expires_at", "phone")}
    found = db.execute(select(bindings).where(mine).with_for_update()).all()
    return next((one for one in found if {name: getattr(one, name) for name in asked} == asked), None)


def _new(db: Connection, bank: BankSettings, body: BindBody, journey: str, now: datetime) -> Row[Any]:
    row = insert(bindings).values(
        reference=f"AB{bank.code}{secrets.token_hex(10)}",
        bank=bank.code,
        customer_id=body.customer_id,
        account_no=body.account_no,
        max_amount_rp=body.max_amount_rp,
        expires_at=body.expires_at,
        given_at=now,
        state="waiting" if bank.otp else "bound",
        phone=body.phone,
        journey=journey,
        code="",
        code_until=now,
        tries=0,
        token=secrets.token_urlsafe(48),
        link=f"LK{bank.code}{secrets.token_hex(10)}",
    )
    return db.execute(row.returning(bindings)).one()


def _charge(reference: str, code_until: datetime) -> str:
    """Names one code that was sent, and says nothing of it."""
    return hashlib.sha256(f"{reference} {code_until.timestamp()}".encode()).hexdigest()[:CHARGE_MAX]


def _send_code(db: Connection, binding: Row[Any], now: datetime) -> datetime:
    """Until when the new code is good."""
    code, until = f"{secrets.randbelow(10**6):06d}", now + CODE_LIFE
    _change(db, binding, code=code, code_until=until, tries=0)
    deliver(
        db, f"+{binding.phone}", "BANK", f"Kode BANK {code} untuk autodebit. Berlaku 5 menit. Jangan beritahu.", now
    )
    return until


def _change(db: Connection, binding: Row[Any], **values: Any) -> None:
    db.execute(update(bindings).where(bindings.c.reference == binding.reference).values(**values))


def _made(binding: Row[Any]) -> Reply:
    fields = {
        "referenceNo": binding.reference,
        "partnerReferenceNo": binding.customer_id,
        "accountToken": binding.token,
        "linkId": binding.link,
    }
    return Reply("20000", fields)
