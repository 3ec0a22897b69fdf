"""SNAP's signatures against other people's code and the openssl command; ids, times and minify by their rules."""

import base64
import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from hypothesis import given
from hypothesis import strategies as st

from banks import snap
from banks.snap import Encoding

STAMP = "2020-12-23T08:58:11+07:00"
ENDPOINT = "/bank/114/v1.0/debit/fast-payment"
BODY = b'{"partnerReferenceNo":"IU0000000001","amount":{"value":"36800.00","currency":"IDR"},"note":"a  b\\" c"}'
TOKEN = "t0ken.of-the_bank"
SECRET = "a client secret, 32 bytes or more"


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@pytest.fixture
def pem(key: RSAPrivateKey, tmp_path: Path) -> Path:
    path = tmp_path / "private.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


def public_pem(key: RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def openssl(*args: str, given_bytes: bytes) -> bytes:
    return subprocess.run(["openssl", *args], input=given_bytes, capture_output=True, check=True).stdout


def peer(name: str) -> Any:
    return pytest.importorskip(name, reason="pip install --require-hashes --no-deps -r requirements-peers.txt")


# --- symmetric ---------------------------------------------------------------------------------------------------


def test_the_text_that_is_signed_is_written_out_as_the_standard_says() -> None:
    body_hash = openssl("dgst", "-sha256", "-r", given_bytes=BODY).split()[0].decode()
    expected = f"POST:{ENDPOINT}:{TOKEN}:{body_hash}:{STAMP}"
    assert snap.symmetric_text("POST", ENDPOINT, TOKEN, BODY, STAMP) == expected.encode()


@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_openssl_makes_the_same_hmac(encoding: Encoding) -> None:
    text = snap.symmetric_text("POST", ENDPOINT, TOKEN, BODY, STAMP)
    made = openssl("dgst", "-sha512", "-hmac", SECRET, "-binary", given_bytes=text)
    expected = made.hex() if encoding == "hex" else base64.b64encode(made).decode()
    assert snap.sign_hmac(SECRET, text, encoding) == expected
    assert snap.verify_hmac(SECRET, text, expected, encoding)


def test_doku_makes_the_same_hmac() -> None:
    service = peer("doku_python_library.src.services.token_service").TokenService
    theirs = service.generate_symmetric_signature("POST", ENDPOINT, TOKEN, json.loads(BODY), STAMP, SECRET)
    text = snap.symmetric_text("POST", ENDPOINT, TOKEN, BODY, STAMP)
    assert snap.sign_hmac(SECRET, text, "base64") == theirs
    assert snap.verify_hmac(SECRET, text, theirs, "base64")


def test_a_body_with_white_space_is_signed_as_one_without() -> None:
    loose = json.dumps(json.loads(BODY), indent=2).encode()
    assert loose != BODY
    assert snap.symmetric_text("POST", ENDPOINT, TOKEN, loose, STAMP) == snap.symmetric_text(
        "POST", ENDPOINT, TOKEN, BODY, STAMP
    )


def test_no_body_is_hashed_as_no_bytes() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert snap.asymmetric_text("GET", "/v1.0/x?a=1&b=2", b"", STAMP) == f"GET:/v1.0/x?a=1&b=2:{empty}:{STAMP}".encode()


@pytest.mark.parametrize(
    ("method", "endpoint", "token", "body", "stamp", "secret"),
    [
        ("PUT", ENDPOINT, TOKEN, BODY, STAMP, SECRET),
        ("POST", "/v1.0/debit/fast-payment", TOKEN, BODY, STAMP, SECRET),
        ("POST", ENDPOINT, TOKEN + "x", BODY, STAMP, SECRET),
        ("POST", ENDPOINT, TOKEN, BODY.replace(b"36800", b"36801"), STAMP, SECRET),
        ("POST", ENDPOINT, TOKEN, BODY.replace(b"a  b", b"a b"), STAMP, SECRET),
        ("POST", ENDPOINT, TOKEN, BODY, "2020-12-23T08:58:12+07:00", SECRET),
        ("POST", ENDPOINT, TOKEN, BODY, STAMP, SECRET + "x"),
    ],
)
def test_a_signature_is_of_every_part(
    method: str, endpoint: str, token: str, body: bytes, stamp: str, secret: str
) -> None:
    signature = snap.sign_hmac(SECRET, snap.symmetric_text("POST", ENDPOINT, TOKEN, BODY, STAMP), "base64")
    assert not snap.verify_hmac(secret, snap.symmetric_text(method, endpoint, token, body, stamp), signature, "base64")


@pytest.mark.parametrize("stray", ["\n", " ", "*", "="])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_a_signature_with_a_stray_character_is_none(encoding: Encoding, stray: str) -> None:
    signature = snap.sign_hmac(SECRET, b"text", encoding)
    assert snap.verify_hmac(SECRET, b"text", signature, encoding)
    assert not snap.verify_hmac(SECRET, b"text", signature[:8] + stray + signature[8:], encoding)


@given(st.text(max_size=40), st.sampled_from(["hex", "base64"]))
def test_rubbish_is_no_signature_and_no_error(rubbish: str, encoding: Encoding) -> None:
    assert not snap.verify_hmac(SECRET, b"text", rubbish, encoding)


@given(st.text(max_size=40), st.sampled_from(["hex", "base64"]))
def test_rubbish_is_no_rsa_signature_and_no_error(rubbish: str, encoding: Encoding) -> None:
    assert not snap.verify_rsa(_ANY_KEY.public_key(), b"text", rubbish, encoding)


_ANY_KEY = generate_private_key(65537, 2048)


# --- asymmetric and token ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_openssl_and_we_verify_each_other(key: RSAPrivateKey, pem: Path, tmp_path: Path, encoding: Encoding) -> None:
    text = snap.asymmetric_text("POST", ENDPOINT, BODY, STAMP)
    theirs = openssl("dgst", "-sha256", "-sign", str(pem), given_bytes=text)
    theirs_text = theirs.hex() if encoding == "hex" else base64.b64encode(theirs).decode()
    assert snap.verify_rsa(key.public_key(), text, theirs_text, encoding)
    assert not snap.verify_rsa(key.public_key(), text + b".", theirs_text, encoding)
    assert not snap.verify_rsa(_ANY_KEY.public_key(), text, theirs_text, encoding)

    ours = snap.sign_rsa(key, text, encoding)
    signature, public = tmp_path / "signature", tmp_path / "public.pem"
    signature.write_bytes(bytes.fromhex(ours) if encoding == "hex" else base64.b64decode(ours))
    public.write_bytes(public_pem(key))
    said = openssl("dgst", "-sha256", "-verify", str(public), "-signature", str(signature), given_bytes=text)
    assert said.strip() == b"Verified OK"


def test_doku_signs_and_believes_the_same_token_call(key: RSAPrivateKey, pem: Path) -> None:
    service = peer("doku_python_library.src.services.token_service").TokenService
    text = snap.token_text("iuran-114", STAMP)
    ours = snap.sign_rsa(key, text, "base64")
    assert service.create_signature(pem.read_text(), text.decode()) == ours
    assert service.compare_signatures(text.decode(), ours, public_pem(key).decode())


def test_dana_signs_the_same_asymmetric_request(key: RSAPrivateKey, pem: Path) -> None:
    header = peer("dana.utils.snap_header").SnapHeader
    made = header.get_snap_generated_auth("POST", ENDPOINT, BODY.decode(), private_key=pem.read_text())
    stamp, signature = made["X-TIMESTAMP"]["value"], made["X-SIGNATURE"]["value"]
    text = snap.asymmetric_text("POST", ENDPOINT, BODY, stamp)
    assert snap.sign_rsa(key, text, "base64") == signature
    assert snap.verify_rsa(key.public_key(), text, signature, "base64")


def test_dana_signs_the_same_token_call(key: RSAPrivateKey, pem: Path) -> None:
    header = peer("dana.utils.snap_header").SnapHeader
    made = header.get_snap_generated_auth(
        "POST", "/token", "{}", private_key=pem.read_text(), scenario="apply_token", client_key="iuran-114"
    )
    text = snap.token_text("iuran-114", made["X-TIMESTAMP"]["value"])
    assert snap.verify_rsa(key.public_key(), text, made["X-SIGNATURE"]["value"], "base64")


def test_danas_webhook_believes_our_asymmetric_signature(key: RSAPrivateKey, monkeypatch: pytest.MonkeyPatch) -> None:
    parser_class = peer("dana.webhook.webhook").WebhookParser
    monkeypatch.setenv("DANA_ENV", "production")  # its sandbox ignores the key it is given
    parser = parser_class(public_key=public_pem(key).decode())
    signature = snap.sign_rsa(key, snap.asymmetric_text("POST", ENDPOINT, BODY, STAMP), "base64")
    parser._verify_signature("POST", ENDPOINT, BODY.decode(), STAMP, signature)
    with pytest.raises(ValueError, match="verification failed"):
        parser._verify_signature("POST", ENDPOINT + "x", BODY.decode(), STAMP, signature)


# --- minify ------------------------------------------------------------------------------------------------------

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(_JSON, st.sampled_from([None, 0, 1, 4, "\t"]), st.booleans())
def test_minify_keeps_the_value_and_leaves_no_more_to_drop(value: object, indent: Any, ascii_only: bool) -> None:
    loose = (
        b" \r\n\t" + json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode(errors="surrogatepass") + b"\n"
    )
    tight = snap.minify(loose)
    assert json.loads(tight.decode(errors="surrogatepass")) == json.loads(loose.decode(errors="surrogatepass"))
    compact = json.dumps(value, separators=(",", ":"), ensure_ascii=ascii_only)
    assert tight == compact.encode(errors="surrogatepass")


@given(st.binary() | st.text(alphabet='"\\ \n{}:,a', max_size=60).map(str.encode))
def test_minify_of_anything_is_idempotent(body: bytes) -> None:
    assert snap.minify(snap.minify(body)) == snap.minify(body)


def test_minify_keeps_what_a_parser_would_change() -> None:
    loose = b'{ "b" : 36800.00 , "a" : "\\u00e9 \\/ x" , "a" : 1e2 }'
    assert snap.minify(loose) == b'{"b":36800.00,"a":"\\u00e9 \\/ x","a":1e2}'


def test_minify_of_a_hostile_body_takes_time_in_proportion() -> None:
    hostile = b'"' + b'\\"' * 200_000
    assert snap.minify(hostile) == hostile


# --- ids and times -----------------------------------------------------------------------------------------------


def test_a_timestamp_is_jakartas_to_the_second() -> None:
    assert snap.timestamp(datetime(2020, 12, 23, 1, 58, 11, 999_999, tzinfo=UTC)) == STAMP
    assert snap.timestamp(datetime(2026, 12, 31, 17, 0, 0, tzinfo=UTC)) == "2027-01-01T00:00:00+07:00"


def test_external_ids_are_32_digits_and_differ_within_one_moment() -> None:
    at = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
    ids = {snap.external_id(at) for _ in range(2000)}
    assert len(ids) == 2000
    assert all(re.fullmatch(r"20261123100000000000[0-9]{12}", one) for one in ids)
