"""The table of response codes: whole, without doubles, and never a yes or a no that the bank did not give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banks import codes
from banks.base import Answer, Became, Reason
from banks.codes import MANDATE, PAYMENT, ROWS, STATUSES, TOKEN, Next, Step, read_code, read_failure, snap_code

SERVICES = ("04", "07", "08", "09", "54", "55", "57", "58", "70", "71", "81", TOKEN)

# Every row of programme.md 3.5: HTTP status, case codes.
LISTED = {
    200: {"00"},
    202: {"00"},
    400: {"00", "01", "02"},
    401: {"00", "01", "03"},
    403: {"00", *(f"{case:02d}" for case in (2, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 17, 18, 20, 23))},
    404: {"00", "01", "06", "11", "15", "18"},
    405: {"01"},
    409: {"00", "01"},
    429: {"00"},
    500: {"00", "01", "02"},
    504: {"00"},
}


def test_every_listed_code_has_one_row() -> None:
    keys = [(row.http, row.case) for row in ROWS]
    assert len(keys) == len(set(keys))
    assert {(http, case) for http, cases in LISTED.items() for case in cases} <= set(keys)


@pytest.mark.parametrize(
    ("service", "code", "step"),
    [
        (PAYMENT, "2007100", Answer.DONE),
        (MANDATE, "2027000", Answer.PENDING),
        (PAYMENT, "4037114", Reason.NO_FUNDS),
        (PAYMENT, "4037123", Reason.LIMIT),
        (PAYMENT, "4037106", Reason.NOT_NOW),
        (PAYMENT, "4037104", Reason.NOT_NOW),
        (PAYMENT, "4297100", Reason.NOT_NOW),
        (PAYMENT, "4037109", Reason.ACCOUNT),
        (MANDATE, "4047011", Reason.NAME),
        (PAYMENT, "4047111", Reason.ACCOUNT),
        (MANDATE, "4047015", Reason.CODE),
        (PAYMENT, "4037100", Reason.EXPIRED),
        (MANDATE, "4037000", Reason.HOLDER),
        (PAYMENT, "4017100", Reason.OURS),
        (PAYMENT, "4017101", Next.NEW_TOKEN),
        (MANDATE, "4017003", Next.NEW_TOKEN),
        (PAYMENT, "4097100", Next.NEW_EXTERNAL_ID),
        (PAYMENT, "4097101", Next.UNKNOWN),
        (PAYMENT, "4047101", Next.UNKNOWN),
        (PAYMENT, "4047118", Next.UNKNOWN),
        (MANDATE, "4047018", Reason.OURS),
        (PAYMENT, "5047100", Next.UNKNOWN),
        (PAYMENT, "4037199", Reason.OURS),
        (PAYMENT, "4097199", Next.UNKNOWN),
        (PAYMENT, "2007199", Next.UNKNOWN),
        (PAYMENT, "5037100", Next.UNKNOWN),
        (TOKEN, "4017300", Reason.OURS),
        (codes.DEBIT, "4035414", Reason.NO_FUNDS),
        (codes.DEBIT, "4045418", Next.UNKNOWN),
        (codes.DEBIT, "4095401", Next.UNKNOWN),
        (codes.BINDING, "2000700", Answer.DONE),
        (codes.BINDING, "4040711", Reason.NAME),
        (codes.CODE_CHECK, "4040415", Reason.CODE),
        (codes.CODE_CHECK, "4030412", Reason.CODE_OVER),
        (codes.CODE_CHECK, "4040406", Reason.CODE_OVER),
        (codes.CODE_CHECK, "4030411", Reason.HOLDER),
        (codes.CODE_SEND, "4038104", Reason.NOT_NOW),
        (codes.BINDING_STATUS, "4040801", Became.NOT_FOUND),
        (codes.STATUS, "4045501", Became.NOT_FOUND),
        (codes.STATUS, "4035514", Next.UNKNOWN),
        (codes.STATUS, "4045511", Next.UNKNOWN),
        (codes.STATUS, "4005501", Reason.OURS),
        (codes.STATUS, "4035500", Reason.OURS),
        (codes.REFUND, "4035800", Reason.OURS),
        (codes.STATUS, "4295500", Reason.NOT_NOW),
        (codes.STATUS, "4095500", Next.NEW_EXTERNAL_ID),
        (codes.UNBINDING, "4040901", Became.NOT_FOUND),
        (codes.REFUND, "4035814", Reason.OURS),
        (codes.REFUND, "4045818", Next.UNKNOWN),
        (codes.REFUND, "4095801", Next.UNKNOWN),
        (codes.CANCEL, "4055701", Reason.NOT_NOW),
    ],
)
def test_a_code_says_what_to_do(service: str, code: str, step: Step) -> None:
    assert read_code(service, int(code[:3]), code) == step


@pytest.mark.parametrize(
    ("http", "code"),
    [
        (200, None),
        (200, ""),
        (200, 2007100),
        (200, "200710"),
        (200, "20071000"),
        (200, "200710०"),
        (200, "4037114"),
        (403, "2007100"),
        (403, "4035414"),
        (200, "2007000"),
        (200, ["2007100"]),
    ],
)
def test_a_code_that_is_missing_or_of_another_call_is_neither_yes_nor_no(http: int, code: object) -> None:
    assert read_code(PAYMENT, http, code) is Next.UNKNOWN
    assert snap_code(PAYMENT, http, code) is None


@given(st.sampled_from(SERVICES), st.integers(100, 599), st.integers(0, 99))
def test_only_a_4xx_is_a_no_and_only_00_of_200_or_202_is_a_yes(service: str, http: int, case: int) -> None:
    step = read_code(service, http, f"{http}{service}{case:02d}")
    if isinstance(step, Reason):
        assert 400 <= http < 500
    if isinstance(step, Answer):
        assert (http, case) in {(200, 0), (202, 0)}
    if http >= 500:
        assert step is Next.UNKNOWN
    if service in (codes.DEBIT, codes.BINDING, MANDATE, PAYMENT):
        assert not isinstance(step, Became), "only what asks or takes back can be told that there is none"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.http} {row.case}")
def test_a_question_refused_is_never_the_debit_refused(row: codes.Row) -> None:
    for service in (codes.STATUS, codes.BINDING_STATUS):
        step = read_code(service, row.http, f"{row.http}{service}{row.case}")
        assert not isinstance(step, Reason) or step in (Reason.OURS, Reason.NOT_NOW)


def test_both_products_read_a_debit_alike_and_a_mandate_alike() -> None:
    def read(service: str) -> list[Step]:
        return [read_code(service, row.http, f"{row.http}{service}{row.case}") for row in ROWS]

    assert read(codes.DEBIT) == read(PAYMENT)
    assert read(codes.BINDING) == read(codes.CODE_CHECK) == read(MANDATE)


def test_every_status_of_the_standard_has_a_meaning_and_one_is_a_yes() -> None:
    assert sorted(STATUSES) == [f"{number:02d}" for number in range(8)]
    assert [status for status, became in STATUSES.items() if became is Became.DONE] == ["00"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("4035414", Reason.NO_FUNDS),
        ("4037118", Reason.ACCOUNT),
        ("4035400", Reason.EXPIRED),
        ("2005400", None),
        ("5045400", None),
        ("4045418", None),
        ("4035514", None),
        ("403541", None),
        ("²³⁴5414", None),
        ("४०३5414", None),
        (4035414, None),
        (None, None),
    ],
)
def test_why_a_debit_failed_is_read_from_its_first_answer_alone(code: object, reason: Reason | None) -> None:
    assert read_failure(code) is reason
