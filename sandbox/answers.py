"""What the sandbox bank may answer: SNAP's cases and their words, each one HTTP(3) + service(2) + case(2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Response, json

# Source: ASPI SNAP, response codes (programme.md 3.5, read 2026-11-22); "404 04" is in the same portal's list.
MEANINGS = {
    "20000": "Successful",
    "20200": "Request In Progress",
    "40000": "Bad Request",
    "40001": "Invalid Field Format",
    "40002": "Invalid Mandatory Field",
    "40100": "Unauthorized",
    "40101": "Invalid Token (B2B)",
    "40103": "Token Not Found (B2B)",
    "40300": "Transaction Expired",
    "40302": "Exceeds Transaction Amount Limit",
    "40305": "Do Not Honor",
    "40306": "Feature Not Allowed At This Time. Cut Off In Progress",
    "40309": "Dormant Account",
    "40311": "OTP Blocked",
    "40312": "OTP Lifetime Expired",
    "40314": "Insufficient Funds",
    "40315": "Transaction Not Permitted",
    "40318": "Inactive Card/Account/Customer",
    "40400": "Invalid Transaction Status",
    "40401": "Transaction Not Found",
    "40404": "Transaction Cancelled",
    "40408": "Invalid Merchant",
    "40411": "Invalid Card/Account/Customer",
    "40413": "Invalid Amount",
    "40415": "Invalid OTP",
    "40418": "Inconsistent Request",
    "40500": "Requested Function Is Not Supported",
    "40501": "Requested Operation Is Not Allowed Now",
    "40900": "Conflict. X-EXTERNAL-ID Already Used Today",
    "40901": "Duplicate partnerReferenceNo",
    "42900": "Too Many Requests",
    "50000": "General Error",
    "50001": "Internal Server Error",
}
TOKEN, MANDATE, PAYMENT, FAST_NOTICE = "73", "70", "71", "72"
CODE_CHECK, BIND, BIND_INQUIRY, UNBIND, CODE_SEND = "04", "07", "08", "09", "81"
DEBIT, STATUS, NOTICE, CANCEL, REFUND = "54", "55", "56", "57", "58"
"""SNAP services: access token B2B, BI-FAST e-mandate, pull and notice; verify OTP, account binding, its inquiry,
unbinding, send OTP; debit, its status, notice, cancel and refund (programme.md 3.2)."""


class SnapRefused(Exception):
    """The bank's no: `case` is the HTTP status and the case, `about` a field's or header's name, never its value."""

    def __init__(self, case: str, about: str = "") -> None:
        super().__init__(f"{case} {about}".rstrip())
        self.case, self.about = case, about


@dataclass(frozen=True)
class Reply:
    """What a service says: its case and the fields beside it. Unlike SnapRefused it keeps what was written down."""

    case: str
    fields: Mapping[str, Any] = field(default_factory=dict)


def response_code(service: str, case: str) -> str:
    """`response_code("71", "40314")` is 4037114."""
    return case[:3] + service + case[3:]


def snap_answer(service: str, case: str, about: str = "", **fields: Any) -> Response:
    """`snap_answer("71", "40314")` is HTTP 403 with responseCode 4037114."""
    message = f"{MEANINGS[case]} {about}".rstrip()
    body = {"responseCode": response_code(service, case), "responseMessage": message, **fields}
    return Response(json.dumps(body), int(case[:3]), content_type="application/json")
