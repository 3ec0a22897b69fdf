"""What each SNAP response code and status means to us, one row each; it never calls a bank and never guesses a yes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from banks.base import Answer, Became, Reason

TOKEN: Final = "73"  # noqa: S105 - a service code, no secret
CODE_CHECK, BINDING, BINDING_STATUS, UNBINDING = "04", "07", "08", "09"
DEBIT, STATUS, NOTICE, CANCEL, REFUND = "54", "55", "56", "57", "58"
MANDATE: Final = "70"
PAYMENT: Final = "71"
FAST_NOTICE: Final = "72"
CODE_SEND: Final = "81"
"""SNAP service codes (ASPI portal; programme.md 3.2): access token B2B; check the holder's code, bind an account, ask
after a binding, unbind; debit, its status, its notice, cancel, refund; BI-FAST e-mandate, pull, notice; send a code."""


class Next(StrEnum):
    """Neither the bank's yes nor its no."""

    UNKNOWN = "unknown"
    """No final answer: never sent anew, asked for instead (notice, status or settlement file)."""
    NEW_TOKEN = "new_token"  # noqa: S105 - a step, no secret
    """Turned away at the door: fetch a token once, then send the same request again."""
    NEW_EXTERNAL_ID = "new_external_id"
    """The X-EXTERNAL-ID was used today: send the same request once more under another."""


Step = Answer | Became | Reason | Next
"""A Reason is the bank's definite no: nothing was debited, bound or given back. Of Became only NOT_FOUND is used."""


@dataclass(frozen=True)
class Row:
    http: int
    case: str
    meaning: str
    payment: Step
    """Of a debit: 54, 71."""
    mandate: Step | None = None
    """Of a mandate (04, 07, 70, 81), where it is to be read another way than of a debit."""
    question: Step | None = None
    """Of a question (08, 55) likewise, beside the rule below."""
    undo: Step | None = None
    """Of what takes back (09, 57, 58) likewise."""


# Source: ASPI SNAP developer site, response codes = HTTP(3) + service(2) + case(2), crawl of 2025; the same list
# at docs.faspay.co.id .../snap-disbursement/response-code; gathered in programme.md 3.5 (2026-11-22). The columns
# after the meaning are our reading. Three are stricter than the standard, because nobody is debited twice:
# 404xx18 and 404xx14 speak of an earlier request under our reference and may mean money moved; 404xx00 and 404xx01
# free an attempt only after the cut-off and the day's file (rulings.md 8). A refund's 404xx18 and 409xx01, which the
# standard reads as done, are asked after too: a refund that was none would cost the member.
ROWS: Final = (
    Row(200, "00", "successful", Answer.DONE),
    Row(202, "00", "request in progress", Answer.PENDING),
    Row(400, "00", "bad request", Reason.OURS),
    Row(400, "01", "invalid field format", Reason.OURS),
    Row(400, "02", "invalid mandatory field", Reason.OURS),
    Row(401, "00", "unauthorized: signature or client", Reason.OURS),
    Row(401, "01", "invalid B2B token", Next.NEW_TOKEN),
    Row(401, "02", "invalid customer token", Reason.OURS),
    Row(401, "03", "B2B token not found", Next.NEW_TOKEN),
    Row(401, "04", "customer token not found", Reason.OURS),
    # A definite no to this reference. A question or a refund that is too old is not the debit refused.
    Row(403, "00", "transaction expired", Reason.EXPIRED, Reason.HOLDER, Reason.OURS, Reason.OURS),
    Row(403, "01", "feature not allowed", Reason.OURS),
    Row(403, "02", "exceeds transaction amount limit", Reason.LIMIT),
    Row(403, "03", "suspected fraud", Reason.ACCOUNT),
    Row(403, "04", "activity count limit exceeded", Reason.NOT_NOW),
    Row(403, "05", "do not honor", Reason.ACCOUNT),
    Row(403, "06", "feature not allowed at this time: cut-off in progress", Reason.NOT_NOW),
    Row(403, "07", "card blocked", Reason.ACCOUNT),
    Row(403, "08", "card expired", Reason.ACCOUNT),
    Row(403, "09", "dormant account", Reason.ACCOUNT),
    Row(403, "10", "need to set token limit", Reason.LIMIT),
    Row(403, "11", "OTP blocked", Reason.OURS, mandate=Reason.HOLDER),
    Row(403, "12", "OTP lifetime expired", Reason.OURS, mandate=Reason.CODE_OVER),
    Row(403, "13", "OTP sent to card holder", Reason.OURS, mandate=Reason.HOLDER),
    # A refund is paid from our account, so there it is ours that is empty.
    Row(403, "14", "insufficient funds", Reason.NO_FUNDS, undo=Reason.OURS),
    Row(403, "15", "transaction not permitted", Reason.ACCOUNT),
    Row(403, "16", "suspend transaction", Reason.ACCOUNT),
    Row(403, "17", "token limit exceeded", Reason.LIMIT),
    Row(403, "18", "inactive card, account or customer", Reason.ACCOUNT),
    Row(403, "19", "merchant blacklisted", Reason.OURS),
    # Ours, not the member's: the rest of the day's debits would meet it too, so the lane rests.
    Row(403, "20", "merchant limit exceeded", Reason.NOT_NOW),
    Row(403, "21", "set limit not allowed", Reason.OURS),
    Row(403, "22", "token limit invalid", Reason.OURS),
    Row(403, "23", "account limit exceeded for the day", Reason.LIMIT),
    Row(404, "00", "invalid transaction status", Next.UNKNOWN, mandate=Reason.OURS),
    Row(404, "01", "transaction not found", Next.UNKNOWN, Reason.OURS, Became.NOT_FOUND, Became.NOT_FOUND),
    Row(404, "02", "invalid routing", Reason.OURS),
    Row(404, "03", "bank not supported by switch", Reason.OURS),
    Row(404, "04", "transaction cancelled by the customer", Reason.HOLDER),
    Row(404, "06", "need to request OTP", Reason.OURS, mandate=Reason.CODE_OVER),
    Row(404, "08", "invalid merchant", Reason.OURS),
    Row(404, "09", "no issuer", Reason.OURS),
    # The standard has no case for a name that does not match: at a mandate, which gives both, it comes as this one.
    Row(404, "11", "invalid card, account or customer", Reason.ACCOUNT, mandate=Reason.NAME),
    Row(404, "13", "invalid amount", Reason.OURS),
    Row(404, "14", "paid bill", Next.UNKNOWN, mandate=Reason.OURS),
    Row(404, "15", "invalid OTP", Reason.OURS, mandate=Reason.CODE),
    Row(404, "16", "partner not found", Reason.OURS),
    Row(404, "18", "inconsistent request for the same reference", Next.UNKNOWN, mandate=Reason.OURS),
    Row(405, "00", "requested function not supported", Reason.OURS),
    Row(405, "01", "requested operation not allowed now", Reason.OURS, undo=Reason.NOT_NOW),
    Row(409, "00", "X-EXTERNAL-ID used the same day", Next.NEW_EXTERNAL_ID),
    # Already a success under this reference: looked up and booked, never debited again (programme.md 3.5).
    Row(409, "01", "duplicate partnerReferenceNo", Next.UNKNOWN),
    Row(429, "00", "too many requests", Reason.NOT_NOW),
    Row(500, "00", "general error", Next.UNKNOWN),
    Row(500, "01", "internal server error", Next.UNKNOWN),
    Row(500, "02", "external server error", Next.UNKNOWN),
    Row(504, "00", "time-out from the issuer", Next.UNKNOWN),
)
_BY_KEY: Final = {(row.http, row.case): row for row in ROWS}
_MANDATES: Final = frozenset({CODE_CHECK, BINDING, MANDATE, CODE_SEND})
_QUESTIONS: Final = frozenset({BINDING_STATUS, STATUS})
_UNDOES: Final = frozenset({UNBINDING, CANCEL, REFUND})
# A question can be turned away for our fault or for now. A no that speaks of the account or the holder is not about the
# question, and what it says of the debit is not said plainly enough: asked again.
_A_QUESTIONS_NO: Final = frozenset({Reason.OURS, Reason.NOT_NOW})

# Source: ASPI SNAP, Auth Payment, `latestTransactionStatus` of 55 and 56, `transactionStatus` of 72 (programme.md 3.5:
# 00 success, 01 initiated, 02 paying, 03 pending, 04 refunded, 05 cancelled, 06 failed, 07 not found). DANA calls 02 a
# success; here it is pending until the bank says 00.
STATUSES: Final[Mapping[str, Became]] = {
    "00": Became.DONE,
    "01": Became.PENDING,
    "02": Became.PENDING,
    "03": Became.PENDING,
    "04": Became.FAILED,
    "05": Became.FAILED,
    "06": Became.FAILED,
    "07": Became.NOT_FOUND,
}


def snap_code(service: str, http_status: int, response_code: object) -> str | None:
    """The seven digits, if they are those of this service and this HTTP status; else None."""
    if not isinstance(response_code, str) or len(response_code) != 7:
        return None
    whole = response_code.isascii() and response_code.isdigit()
    return response_code if whole and response_code.startswith(f"{http_status}{service}") else None


def read_code(service: str, http_status: int, response_code: object) -> Step:
    """What to do about an answer: `read_code("71", 403, "4037114")` is `Reason.NO_FUNDS`.

    A code that is missing or of another service or status says nothing: UNKNOWN. A listed meaning wins; an unlisted
    4xx is our fault (OURS), but for an unlisted conflict, which speaks of an earlier request; the rest is UNKNOWN.
    """
    code = snap_code(service, http_status, response_code)
    if code is None:
        return Next.UNKNOWN
    row = _BY_KEY.get((http_status, code[5:]))
    if row is None:
        return Reason.OURS if 400 <= http_status < 500 and http_status not in (408, 409) else Next.UNKNOWN
    if service in _MANDATES:
        return row.mandate or row.payment
    if service in _UNDOES:
        return row.undo or row.payment
    if service in _QUESTIONS:
        foreign = isinstance(row.payment, Reason) and row.payment not in _A_QUESTIONS_NO
        return row.question or (Next.UNKNOWN if foreign else row.payment)
    return row.payment


def read_failure(response_code: object) -> Reason | None:
    """Why a debit failed by the code of its first answer (`originalResponseCode`), where that is a plain no."""
    if not isinstance(response_code, str) or not response_code[:3].isdecimal():
        return None
    steps = (read_code(service, int(response_code[:3]), response_code) for service in (DEBIT, PAYMENT))
    return next((step for step in steps if isinstance(step, Reason)), None)
