"""Whatever a bank answers to a debit, a status or a refund: a word we can stand by or one of the three ways to fail."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from banks.base import (
    Answer,
    BankAnswer,
    BankRefused,
    BankUnknown,
    BankUnreachable,
    Became,
    Status,
)
from banks.snap_debit import SnapDebit
from tests.test_banks_failures import money, unknowns
from tests.test_banks_loopback import SERVICE_PATHS, DebitMaker, LoopbackBank, Reply, changed, good, snap_reply
from tests.test_banks_snap_debit import SENT

pytest_plugins = ["tests.test_banks_loopback"]

SERVICES = ("54", "55", "58")
over_one_bank = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)


def lost(service: str) -> dict[str, tuple[Reply, str]]:
    """Those of the other product whose words do not depend on it, and this one's own."""
    own = {"wrong mandate or payment", "a no to another reference", "wrong amount", "an amount in words"}
    own.add("other currency")
    of_54 = {"no reference of theirs", "an endless reference"}
    shared = {name: reply for name, reply in unknowns(service).items() if name not in own | of_54}
    if service == "54":
        shared["a code of another service"] = (snap_reply(200, "2005500"), "http200")
    mine = {
        "another reference": (changed(service, **named("IU9")), "reference"),
        "a list for a reference": (changed(service, **named(["IU0000000001"])), "reference"),
        "a no to another": (snap_reply(403, f"403{service}14", **named("IU9")), "reference"),
        "other currency": (changed(service, **amounts("36800.00", "USD")), "amount"),
        "an amount that is a list": (changed(service, amount=[], refundAmount=[]), "amount"),
    }
    for name, value in VALUES.items():
        mine[f"an amount: {name}"] = (changed(service, **amounts(value)), "amount")
    return {**shared, **mine}


def named(reference: object) -> dict[str, object]:
    return {"partnerReferenceNo": reference, "originalPartnerReferenceNo": reference}


def amounts(value: str, currency: str = "IDR") -> dict[str, object]:
    amount = money(value, currency)["amount"]
    return {"amount": amount, "refundAmount": amount}


VALUES = {"more": "36801.00", "less": "3680.00", "no number": "NaN", "endless": "9" * 300, "with cents": "36800.01"}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", lost("54"))
def test_whatever_is_no_clear_answer_is_unknown_and_sent_once(
    service: str, name: str, bank: LoopbackBank, connect_debit: DebitMaker
) -> None:
    reply, code = lost(service)[name]
    bank.replies = [reply] * 3
    one = connect_debit(read_timeout_s=0.4)
    with pytest.raises(BankUnknown) as caught:
        SENT[service][0](one)
    assert caught.value.code == code
    assert len(bank.calls) == 1


@pytest.mark.parametrize("service", SENT)
def test_a_yes_is_read_whatever_content_type_it_has(
    service: str, bank: LoopbackBank, connect_debit: DebitMaker
) -> None:
    act, answer, _ = SENT[service]
    body = good(SERVICE_PATHS[service]).body
    bank.replies = [Reply(200, body, {"Content-Type": "text/html; charset=utf-16"})]
    assert act(connect_debit()) == answer


_NAMES = st.sampled_from(
    (
        *("responseCode", "referenceNo", "partnerReferenceNo", "amount", "refundNo", "refundAmount", "webRedirectUrl"),
        *("latestTransactionStatus", "originalReferenceNo", "originalPartnerReferenceNo", "originalResponseCode"),
    )
)
_WORDS = st.sampled_from(["00", "06", "BANK-1", "IU0000000001", "2005400", "4035414", "36800.00", "IDR", ""])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70) | _WORDS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["value", "currency", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def clear(got: object) -> bool:
    """A yes only with a reference of the bank, and nothing that is no answer of ours."""
    if isinstance(got, BankAnswer):
        return bool(got.reference) or got.answer is Answer.PENDING
    return isinstance(got, Status) and (bool(got.bank_reference) or got.became is not Became.DONE)


def answered(bank: LoopbackBank, one: SnapDebit, act: Callable[[SnapDebit], object], reply: Reply) -> None:
    """One request and no more, unless the bank said that it turned it away unread."""
    bank.seen.clear()
    bank.replies = [reply] * 3
    with contextlib.suppress(BankRefused, BankUnknown, BankUnreachable):
        assert clear(act(one))
    assert len(bank.calls) <= 3


@pytest.mark.parametrize("service", SERVICES)
def test_any_fields_in_a_yes_are_a_clear_answer_or_none(
    service: str, bank: LoopbackBank, connect_debit: DebitMaker
) -> None:
    one = connect_debit()

    @given(fields=st.dictionaries(_NAMES, _VALUES, max_size=8))
    @over_one_bank
    def any_fields(fields: dict[str, Any]) -> None:
        sound = json.loads(good(SERVICE_PATHS[service]).body)
        answered(bank, one, SENT[service][0], Reply(200, json.dumps({**sound, **fields}).encode()))

    any_fields()


@pytest.mark.parametrize("service", SERVICES)
def test_any_bytes_under_any_status_are_no_yes(service: str, bank: LoopbackBank, connect_debit: DebitMaker) -> None:
    one = connect_debit()

    @given(status=st.sampled_from([200, 202, 400, 401, 403, 404, 409, 429, 500, 504]), body=st.binary(max_size=300))
    @over_one_bank
    def any_bytes(status: int, body: bytes) -> None:
        bank.seen.clear()
        bank.replies = [Reply(status, body)] * 3
        with pytest.raises(BankUnknown):
            SENT[service][0](one)
        assert len(bank.calls) == 1

    any_bytes()
