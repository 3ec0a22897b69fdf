"""The sandbox bank's door over real HTTP: tokens, headers and signatures, checked as a bank checks them.

Signatures are made here, with `cryptography` and with the openssl command, and not by the product's own signing.
"""

import hashlib
import hmac
import json
import subprocess
import uuid
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.bank_client import Client, Hand, code_of, new_account, new_reference
from units.clock import JAKARTA

pytestmark = pytest.mark.xdist_group("sandbox-door")


# --- 73: the token


def test_a_signed_client_gets_a_token_for_900_seconds(client: Client) -> None:
    answer = client.ask_token()
    assert code_of(answer) == "2007300"
    assert answer.json()["tokenType"] == "Bearer"
    assert answer.json()["expiresIn"] == "900"


@pytest.mark.parametrize("code", ["114", "113"])
def test_a_signature_of_the_openssl_command_is_good(
    place: tuple[str, Path], hand: Hand, tmp_path: Path, code: str
) -> None:
    client = Client(place[0], place[1], code, hand)
    (tmp_path / "text").write_text(f"iuran-{code}|{client.stamp()}")
    command = ["openssl", "dgst", "-sha256", "-sign", str(place[1] / "client.pem"), str(tmp_path / "text")]
    signature = subprocess.run(command, capture_output=True, check=True).stdout
    assert code_of(client.ask_token(**{"X-SIGNATURE": client.encoded(signature)})) == "2007300"


def test_an_hmac_of_the_openssl_command_is_good(client: Client) -> None:
    body = client.mandate_body(new_account())
    raw = json.dumps(body, separators=(",", ":")).encode()
    token, stamp, secret = client.token(), client.stamp(), client.bank["client_secret"]
    text = f"POST:/bank/{client.code}/v1.0/debit/fast-emandate:{token}:{hashlib.sha256(raw).hexdigest()}:{stamp}"
    command = ["openssl", "dgst", "-sha512", "-mac", "HMAC", "-macopt", f"key:{secret}", "-binary"]
    signature = subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout
    assert code_of(client.post("fast-emandate", raw, **{"X-SIGNATURE": client.encoded(signature)})) == "2007000"


def test_a_token_is_not_given_to_a_wrong_signature_client_or_time(client: Client) -> None:
    old = (client.clock.now - timedelta(minutes=5, seconds=1)).isoformat(timespec="seconds")
    assert code_of(client.ask_token(**{"X-SIGNATURE": client.encoded(b"\x01" * 256)})) == "4017300"
    assert code_of(client.ask_token(**{"X-SIGNATURE": "***"})) == "4017300"
    assert code_of(client.ask_token(**{"X-CLIENT-KEY": "iuran-999"})) == "4017300"
    assert code_of(client.ask_token(**{"X-TIMESTAMP": old})) == "4017300"
    assert code_of(client.ask_token(**{"X-TIMESTAMP": "2026-11-23 12:00:00"})) == "4007301"
    assert code_of(client.ask_token(**{"X-SIGNATURE": ""})) == "4007302"
    assert code_of(client.ask_token(b"{}")) == "4007302"
    assert code_of(client.ask_token(b'{"grantType":"password"}')) == "4007301"


def test_each_bank_takes_its_own_signature_encoding_only(place: tuple[str, Path], hand: Hand) -> None:
    for code, other in (("114", "hex"), ("110", "base64")):
        client = Client(place[0], place[1], code, hand)
        client.bank["signature_encoding"] = other
        assert code_of(client.ask_token()) == "4017300"


def test_a_token_is_worth_nothing_after_its_900_seconds(client: Client) -> None:
    account = new_account()
    client.token()
    client.clock.now += timedelta(seconds=899)
    mandate = client.mandate(account)
    client.clock.now += timedelta(seconds=1)
    assert code_of(client.pay(account, mandate, new_reference())) == "4017101"


def test_a_token_of_one_bank_is_worth_nothing_at_another(place: tuple[str, Path], hand: Hand) -> None:
    jatim, bjb = (Client(place[0], place[1], code, hand) for code in ("114", "110"))
    bjb.tokens.append(jatim.token())
    assert code_of(bjb.post("fast-emandate", bjb.mandate_body(new_account()))) == "4017001"


# --- the headers and the signature of a transaction


def test_the_headers_of_a_transaction_are_checked(client: Client) -> None:
    body = client.mandate_body(new_account())
    late = (client.clock.now + timedelta(minutes=5, seconds=1)).isoformat(timespec="seconds")
    expected = {
        ("Authorization", ""): "4017003",
        ("Authorization", "Bearer nobody"): "4017001",
        ("Authorization", f"Basic {client.token()}"): "4017003",
        ("X-TIMESTAMP", late): "4017000",
        ("X-TIMESTAMP", "noon"): "4007001",
        ("X-PARTNER-ID", "OTHER"): "4017000",
        ("X-PARTNER-ID", ""): "4007002",
        ("CHANNEL-ID", "00000"): "4017000",
        ("X-EXTERNAL-ID", ""): "4007002",
        ("X-EXTERNAL-ID", "1" * 37): "4007001",
        ("X-SIGNATURE", ""): "4007002",
        ("X-SIGNATURE", client.encoded(b"\x00" * 64)): "4017000",
        ("X-SIGNATURE", client.encoded(b"\x00" * 63)): "4017000",
        ("Content-Type", "text/plain"): "4007001",
    }
    got = {case: code_of(client.post("fast-emandate", body, **{case[0]: case[1]})) for case in expected}
    assert got == expected


def test_the_signature_covers_method_path_token_body_and_time(client: Client) -> None:
    raw = json.dumps(client.mandate_body(new_account())).encode()
    path, token, stamp = f"/bank/{client.code}/v1.0/debit/fast-emandate", client.token(), client.stamp()
    sign = client.sign
    good = sign(path, raw, token, stamp)
    for signature in (
        sign("/v1.0/debit/fast-emandate", raw, token, stamp),
        sign(path, raw.replace(b"SITI", b"SITA"), token, stamp),
        sign(path, raw, token + "x", stamp),
        sign(path, raw, token, (client.clock.now + timedelta(seconds=1)).isoformat(timespec="seconds")),
        sign(path, raw, token, stamp, secret="another"),
        good.upper() if client.bank["signature_encoding"] == "hex" else good[:-4],
    ):
        assert code_of(client.post("fast-emandate", raw, **{"X-SIGNATURE": signature})) == "4017000"
    assert code_of(client.post("fast-emandate", raw, **{"X-SIGNATURE": good})) == "2007000"


def test_the_received_bytes_are_hashed_without_blanks_outside_strings_and_otherwise_as_they_are(jatim: Client) -> None:
    body = jatim.mandate_body(new_account())
    body["sourceAccountName"] = "SITI  é RAHMA"
    spread = json.dumps(body, indent=3, ensure_ascii=False).encode()
    escaped = json.dumps(body, sort_keys=True).encode()
    for raw in (spread, escaped):
        assert code_of(jatim.post("fast-emandate", raw)) == "2007000"
    # A quote inside a string does not end it: the two blanks behind it stay.
    body["billerName"] = 'A \\"  B'.replace("\\", "")
    raw = json.dumps(body, separators=(",", ":")).encode()
    path, stamp = "/bank/114/v1.0/debit/fast-emandate", jatim.stamp()
    text = f"POST:{path}:{jatim.token()}:{hashlib.sha256(raw).hexdigest()}:{stamp}"
    mac = hmac.new(jatim.bank["client_secret"].encode(), text.encode(), hashlib.sha512).digest()
    assert b'\\"  B' in raw
    assert code_of(jatim.post("fast-emandate", raw, **{"X-SIGNATURE": jatim.encoded(mac)})) == "2007000"


def test_the_signed_path_has_its_query(jatim: Client) -> None:
    assert code_of(jatim.post("fast-emandate", jatim.mandate_body(new_account()), query="?a=%20b")) == "2007000"


def test_an_external_id_is_good_once_in_a_jakarta_day(jatim: Client) -> None:
    account, number = new_account(), uuid.uuid4().hex
    mandate = jatim.mandate(account)

    def pay() -> str:
        body = jatim.payment_body(account, mandate, new_reference())
        return code_of(jatim.post("fast-payment", body, **{"X-EXTERNAL-ID": number}))

    assert [pay(), pay()] == ["2007100", "4097100"]
    assert code_of(jatim.post("fast-emandate", jatim.mandate_body(account), **{"X-EXTERNAL-ID": number})) == "4097000"
    jatim.clock.now = datetime(2026, 11, 24, 0, 0, tzinfo=JAKARTA)
    jatim.tokens.clear()
    assert [pay(), pay()] == ["2007100", "4097100"]
    assert len(jatim.debits_of(account)) == 2


def test_a_badly_signed_request_uses_up_no_external_id(jatim: Client) -> None:
    number, body = uuid.uuid4().hex, jatim.mandate_body(new_account())
    bad = {"X-EXTERNAL-ID": number, "X-SIGNATURE": jatim.encoded(b"\x00" * 64)}
    assert code_of(jatim.post("fast-emandate", body, **bad)) == "4017000"
    assert code_of(jatim.post("fast-emandate", body, **{"X-EXTERNAL-ID": number})) == "2007000"
