"""Any notice at all: a changed one is refused, and no bytes raise anything but BadNotice."""

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from banks.base import BadNotice, NoticeCall
from banks.settings import BankSettings
from banks.snap_notice import read_notice
from tests.test_banks_loopback import NOW
from tests.test_banks_notice import BODY, DEBIT_PATH, FAST_PATH, STAMP, call, dumped, refused

pytest_plugins = ["tests.test_banks_loopback"]

SIGNED = call()
PARTS = ("method", "path", "x-timestamp", "x-signature", "body")


@given(part=st.sampled_from(PARTS), data=st.data())
@hypothesis_settings(max_examples=300)
def test_whatever_is_changed_in_a_signed_notice_it_is_refused(part: str, data: Any, told: BankSettings) -> None:
    kept = {"method": SIGNED.method, "path": SIGNED.path, **SIGNED.headers}
    raw = SIGNED.body if part == "body" else kept[part].encode()
    at = data.draw(st.integers(0, len(raw) - 1))
    if part == "x-signature":
        raw = base64.b64decode(raw)
        at %= len(raw)
    spoilt = raw[:at] + bytes([raw[at] ^ data.draw(st.integers(1, 127))]) + raw[at + 1 :]
    spoilt = data.draw(st.sampled_from([spoilt, raw[:at] + raw[at + 1 :], raw[:at] + b"0" + raw[at:]]))
    if part == "body":
        changed = replace(SIGNED, body=spoilt)
    elif part in ("method", "path"):
        changed = replace(SIGNED, **{part: spoilt.decode("latin-1")})
    else:
        text = base64.b64encode(spoilt).decode() if part == "x-signature" else spoilt.decode("latin-1")
        changed = replace(SIGNED, headers={**SIGNED.headers, part: text})
    assert refused(told, changed) in ("4015600", "4017200")


_TEXT = st.text(max_size=40) | st.sampled_from([STAMP, DEBIT_PATH, FAST_PATH, "POST"])


@given(
    method=_TEXT,
    path=_TEXT,
    headers=st.dictionaries(st.sampled_from([*SIGNED.headers, "other"]), _TEXT),
    body=st.binary(max_size=200),
)
def test_rubbish_is_a_bad_notice_and_nothing_else(
    method: str, path: str, headers: dict[str, str], body: bytes, told: BankSettings
) -> None:
    refused(told, NoticeCall(method, path, headers, body))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["00", "06", "36800.00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(["value"]), inner),
    max_leaves=8,
)


@given(body=st.binary(max_size=300) | st.dictionaries(st.sampled_from(sorted(BODY)), _JSON).map(dumped))
def test_whatever_the_bank_itself_signs_is_a_notice_or_a_bad_notice(body: bytes, told: BankSettings) -> None:
    try:
        notice = read_notice(told, call(body), NOW)
    except BadNotice:
        assert refused(told, call(body)) in ("4005600", "4005601", "4005602")
        return
    assert notice.reference or notice.bank_reference
    assert notice.at <= NOW + timedelta(seconds=300)
    assert notice.amount_rp is None or notice.amount_rp > 0
