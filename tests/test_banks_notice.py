"""Notices of a bank: believed only if signed by its key (openssl agrees), fresh, whole and in form; else BadNotice."""

import base64
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from banks.base import UNTIMED, BadNotice, Became, Notice, NoticeCall
from banks.settings import BankSettings
from banks.snap import asymmetric_text, sign_rsa
from banks.snap_notice import BODY_BYTES_MAX, noticed, read_notice
from tests.test_banks_loopback import BANK_KEY, NOW

pytest_plugins = ["tests.test_banks_loopback"]

STAMP = "2026-11-23T10:00:07+07:00"
DEBIT_PATH, FAST_PATH = "/cb/k3y/bank/114/v1.0/debit/notify", "/cb/k3y/bank/114/v1.0/debit/fast-notify"
MONEY = {"value": "36800.00", "currency": "IDR"}
BODY: dict[str, Any] = {
    "originalReferenceNo": "BANK-1",
    "originalPartnerReferenceNo": "IU0000000001",
    "latestTransactionStatus": "00",
    "transactionStatusDesc": "Success",
    "amount": MONEY,
    "createdTime": "2026-11-23T09:58:00+07:00",
    "finishedTime": "2026-11-23T09:59:30+07:00",
}
STRANGER = generate_private_key(65537, 2048)


def dumped(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def call(
    body: object = BODY,
    path: str = DEBIT_PATH,
    stamp: str = STAMP,
    key: RSAPrivateKey = BANK_KEY,
    external_id: str = "123456789",
) -> NoticeCall:
    raw = body if isinstance(body, bytes) else dumped(body)
    signature = sign_rsa(key, asymmetric_text("POST", path, raw, stamp), "base64")
    headers = {"x-timestamp": stamp, "x-signature": signature, "x-external-id": external_id}
    return NoticeCall("POST", path, headers, raw)


def refused(settings: BankSettings, notice: NoticeCall, now: datetime = NOW) -> str:
    with pytest.raises(BadNotice) as caught:
        read_notice(settings, notice, now)
    reply = caught.value.reply
    assert set(reply.body) == {"responseCode", "responseMessage"}
    assert reply.body["responseCode"].startswith(str(reply.http))
    return reply.body["responseCode"]


def test_a_notice_of_a_debit_is_read_whole(told: BankSettings) -> None:
    notice = read_notice(told, call(), NOW)
    at = datetime(2026, 11, 23, 2, 59, 30, tzinfo=UTC)
    assert notice == Notice(Became.DONE, "IU0000000001", "BANK-1", 36_800, "00", at, notice.replay_key)
    assert noticed(call()).body == {"responseCode": "2005600", "responseMessage": "Successful"}


def test_a_notice_of_bifast_names_its_status_another_way(told: BankSettings) -> None:
    body = {"originalReferenceNo": "BANK-1", "transactionStatus": "06", "eMandateReffId": "EM-1"}
    notice = read_notice(told, call(body, FAST_PATH), NOW)
    assert notice == Notice(Became.FAILED, "", "BANK-1", None, "06", UNTIMED, notice.replay_key)
    assert (noticed(call(path=FAST_PATH)).http, noticed(call(path=FAST_PATH)).body["responseCode"]) == (200, "2007200")
    assert refused(told, call(body, DEBIT_PATH)) == "4005602"


@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_openssl_signs_what_we_believe_in_the_banks_encoding_alone(
    encoding: Any, told: BankSettings, tmp_path: Path
) -> None:
    (tmp_path / "bank.pem").write_bytes(
        BANK_KEY.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    body = json.dumps(BODY, indent=2).encode()
    digest = subprocess.run(["openssl", "dgst", "-sha256", "-r"], input=dumped(BODY), capture_output=True, check=True)
    text = f"POST:{DEBIT_PATH}:{digest.stdout.split()[0].decode()}:{STAMP}".encode()
    sign = ["openssl", "dgst", "-sha256", "-sign", str(tmp_path / "bank.pem")]
    made = subprocess.run(sign, input=text, capture_output=True, check=True).stdout
    written = {"hex": made.hex(), "base64": base64.b64encode(made).decode()}
    for name, signature in written.items():
        signed = replace(call(body), headers={**call(body).headers, "x-signature": signature})
        settings = replace(told, signature_encoding=encoding)
        if name == encoding:
            assert read_notice(settings, signed, NOW).became is Became.DONE
        else:
            assert refused(settings, signed) == "4015600"


@pytest.mark.parametrize(
    ("status", "became"),
    [
        ("00", Became.DONE),
        ("01", Became.PENDING),
        ("02", Became.PENDING),
        ("03", Became.PENDING),
        ("04", Became.FAILED),
        ("05", Became.FAILED),
        ("06", Became.FAILED),
        ("07", Became.NOT_FOUND),
    ],
)
def test_only_00_is_a_yes(status: str, became: Became, told: BankSettings) -> None:
    assert read_notice(told, call({**BODY, "latestTransactionStatus": status}), NOW).became is became


# --- not believed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "code"), [(DEBIT_PATH, "4015600"), (FAST_PATH, "4017200")])
def test_without_the_banks_key_nothing_is_believed(path: str, code: str, base: BankSettings) -> None:
    assert refused(base, call(path=path)) == code


@pytest.mark.parametrize(
    "forge",
    [
        lambda one: replace(one, method="PUT"),
        lambda one: replace(one, path=FAST_PATH),
        lambda one: replace(one, path=DEBIT_PATH.replace("114", "110")),
        lambda one: replace(one, path=DEBIT_PATH + "?x=1"),
        lambda one: replace(one, path=DEBIT_PATH + "é"),
        lambda one: replace(one, path=DEBIT_PATH + "\ud800"),
        lambda one: replace(one, method="PÖST"),
        lambda one: replace(one, body=one.body.replace(b"36800", b"36801")),
        lambda one: replace(one, body=b""),
        lambda one: replace(one, headers={**one.headers, "x-signature": ""}),
        lambda one: replace(one, headers={**one.headers, "x-signature": "é" * 344}),
        lambda one: replace(one, headers={**one.headers, "x-timestamp": "2026-11-23T10:00:08+07:00"}),
        lambda one: replace(one, headers={}),
        lambda one: call(key=STRANGER),
    ],
)
def test_a_forged_notice_is_unauthorized(forge: Callable[[NoticeCall], NoticeCall], told: BankSettings) -> None:
    assert refused(told, forge(call())) in ("4015600", "4017200")


@pytest.mark.parametrize(("seconds", "believed"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_a_notice_is_believed_for_five_minutes_either_side(seconds: int, believed: bool, told: BankSettings) -> None:
    now = NOW + timedelta(seconds=seconds)
    if believed:
        assert read_notice(told, call(), now).became is Became.DONE
    else:
        assert refused(told, call(), now) == "4015600"


@pytest.mark.parametrize(
    "stamp",
    [
        "",
        "now",
        "2026-11-23 10:00:07+07:00",
        "2026-11-23T10:00:07",
        "2026-11-31T10:00:07+07:00",
        "2026-11-23T10:00:07+99:99",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "٢٠٢٦-11-23T10:00:07+07:00",
        "2026-11-23T10:00:07+07:00\n",
    ],
)
def test_a_time_that_cannot_be_read_is_unauthorized(stamp: str, told: BankSettings) -> None:
    assert refused(told, call(stamp=stamp)) == "4015600"


def test_a_time_may_have_milliseconds_and_another_zone(told: BankSettings) -> None:
    for stamp in ("2026-11-23T10:00:07.123+07:00", "2026-11-23T03:00:07Z", "2026-11-23T12:00:07+09:00"):
        assert read_notice(told, call(stamp=stamp), NOW).bank_reference == "BANK-1"


# --- not in form -------------------------------------------------------------------------------------------------

BAD_AMOUNTS: list[object] = [
    "36800.00",
    36800,
    [],
    {},
    {"value": "36800.00"},
    {"value": "36800.00", "currency": "USD"},
    {"value": "36800", "currency": "IDR"},
    {"value": "36800.50", "currency": "IDR"},
    {"value": "036800.00", "currency": "IDR"},
    {"value": "0.00", "currency": "IDR"},
    {"value": "-36800.00", "currency": "IDR"},
    {"value": "3.68e4", "currency": "IDR"},
    {"value": "٣٦٨٠٠.00", "currency": "IDR"},
    {"value": 36800.00, "currency": "IDR"},
    {"value": "1" * 14 + ".00", "currency": "IDR"},
]
BROKEN = {
    "cut": dumped(BODY)[:-1],
    "not UTF-8": b'{"originalReferenceNo":"\xff"}',
    "UTF-16": json.dumps(BODY).encode("utf-16"),
    "deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "a list": b"[]",
    "a word": b'"00"',
    "nothing": b"null",
    "empty": b"",
    "NaN": dumped(BODY)[:-1] + b',"x":NaN}',
    "a number without end": dumped(BODY)[:-1] + b',"x":' + b"9" * 5000 + b"}",
    "a key twice": dumped(BODY)[:-1] + b',"latestTransactionStatus":"06"}',
    "a key twice inside": dumped(BODY)[:-1] + b',"x":[{"a":1,"a":2}]}',
    "too large": dumped({**BODY, "x": "y" * BODY_BYTES_MAX}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_body_that_is_no_one_object_is_a_bad_request(name: str, told: BankSettings) -> None:
    assert refused(told, call(BROKEN[name])) == "4005600"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"originalReferenceNo": None, "originalPartnerReferenceNo": ""}, "4005602"),
        ({"originalReferenceNo": 7}, "4005601"),
        ({"originalReferenceNo": "B" * 65}, "4005601"),
        ({"originalReferenceNo": "\ud800"}, "4005601"),
        ({"originalReferenceNo": "B\n1"}, "4005601"),
        ({"originalPartnerReferenceNo": ["IU"]}, "4005601"),
        ({"originalPartnerReferenceNo": "I" * 65}, "4005601"),
        ({"latestTransactionStatus": None}, "4005602"),
        ({"latestTransactionStatus": "08"}, "4005601"),
        ({"latestTransactionStatus": 0}, "4005601"),
        ({"latestTransactionStatus": ["00"]}, "4005601"),
        ({"latestTransactionStatus": "٠٠"}, "4005601"),
        ({"finishedTime": "yesterday"}, "4005601"),
        ({"finishedTime": 20261123}, "4005601"),
        ({"finishedTime": "2026-11-23T10:06:07+07:00"}, "4005601"),
        ({"finishedTime": "", "createdTime": "9999-12-31T23:59:59-14:00"}, "4005601"),
        *(({"amount": amount}, "4005601") for amount in BAD_AMOUNTS),
    ],
)
def test_a_field_out_of_form_is_named_and_never_shown(fields: dict[str, Any], code: str, told: BankSettings) -> None:
    bad = call({**BODY, **fields})
    assert refused(told, bad) == code
    with pytest.raises(BadNotice) as caught:
        read_notice(told, bad, NOW)
    said = f"{caught.value} {caught.value.reply}"
    assert not any(word in said for word in ("IU0000000001", "BANK-1", "36800"))


@pytest.mark.parametrize(("external_id", "code"), [("", "4005602"), ("1" * 37, "4005601"), ("1 2", "4005601")])
def test_a_notice_without_an_id_to_know_it_again_is_refused(external_id: str, code: str, told: BankSettings) -> None:
    assert refused(told, call(external_id=external_id)) == code


def test_the_same_notice_again_has_the_same_key_and_any_other_has_not(told: BankSettings) -> None:
    def key(one: NoticeCall, settings: BankSettings = told) -> str:
        return read_notice(settings, one, NOW).replay_key

    first = key(call())
    assert first == key(call(stamp="2026-11-23T10:01:07+07:00")), "delivered again a minute later"
    assert first == key(call(json.dumps(BODY, indent=1).encode())), "white space is under no signature"
    others = [
        key(call(external_id="123456780")),
        key(call({**BODY, "latestTransactionStatus": "06"})),
        key(call({**BODY, "transactionStatus": "00"}, FAST_PATH)),
        key(call(), replace(told, code="110")),
    ]
    assert len({first, *others}) == 5
    assert all(len(one) == 64 for one in others)
