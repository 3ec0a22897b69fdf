"""The banks' file: read whole, refused whole, with every bad key named and no value shown."""

from datetime import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from banks.base import LaneRules
from banks.settings import BankSettings, BankSettingsError, load_banks
from insurance.references import new_reference

BANK = {
    "product": '"bifast"',
    "name": '"Bank Jatim"',
    "province": '"35"',
    "base_url": '"http://127.0.0.1:9/bank/114"',
    "path_prefix": '"/v1.0"',
    "token_path": '"/v1.0/access-token/b2b"',
    "client_id": '"iuran-114"',
    "client_secret": '"hush-hush-hush"',
    "private_key_file": '"client.pem"',
    "partner_id": '"IURAN"',
    "channel_id": '"95231"',
    "signature_encoding": '"base64"',
    "biller_id": '"IURAN01"',
    "biller_name": '"IURAN BPU"',
    "beneficiary_account_no": '"1140000001"',
    "beneficiary_account_name": '"IURAN BPJS TK"',
    "reference_max": "12",
}
_BIFAST_ONLY = ("biller_id", "biller_name", "beneficiary_account_no", "beneficiary_account_name")
BOUND: dict[str, str | None] = {
    **dict.fromkeys(_BIFAST_ONLY),
    "product": '"snap_debit"',
    "merchant_id": '"IURAN-M"',
    "otp": "true",
    "status_service_code": '"54"',
}
"""What a bank of the other product has other than BANK."""


CUT_OFF = ("cut_off_from", "cut_off_until")


def public_pem(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture(scope="module")
def good_pem() -> bytes:
    return pem(rsa.generate_private_key(65537, 2048))


@pytest.fixture
def folder(tmp_path: Path, good_pem: bytes) -> Path:
    (tmp_path / "client.pem").write_bytes(good_pem)
    return tmp_path


def table(code: str, **changes: str | None) -> str:
    values = {**BANK, **changes}
    return "\n".join([f"[banks.{code}]", *(f"{k} = {v}" for k, v in values.items() if v is not None)]) + "\n"


def load(folder: Path, text: str) -> dict[str, BankSettings]:
    (folder / "banks.toml").write_text(text)
    banks = load_banks(folder / "banks.toml")
    return {code: bank for code, bank in banks.items() if isinstance(bank, BankSettings)}


def refused(folder: Path, text: str) -> list[str]:
    with pytest.raises(BankSettingsError) as caught:
        load(folder, text)
    return caught.value.lines


def test_a_bank_is_read_with_its_key_and_its_defaults(folder: Path) -> None:
    bank = load(folder, table("114"))["114"]
    assert (bank.code, bank.bank_code, bank.product, bank.reference_max) == ("114", "114", "bifast", 12)
    assert (bank.connect_timeout_s, bank.read_timeout_s) == (3.05, 20)
    assert bank.private_key.key_size == 2048


def test_a_bank_that_binds_accounts_is_read_with_its_own_keys(folder: Path) -> None:
    bank = load(folder, table("113", **BOUND))["113"]
    assert (bank.product, bank.merchant_id, bank.otp, bank.status_service_code) == ("snap_debit", "IURAN-M", True, "54")
    assert (bank.biller_id, bank.notice_key, bank.rules) == ("", None, LaneRules())


@pytest.mark.parametrize("key", sorted(key for key, value in BOUND.items() if value and key != "product"))
def test_no_key_of_the_other_product_can_be_left_out_or_strays(folder: Path, key: str) -> None:
    assert refused(folder, table("113", **{**BOUND, key: None})) == [f"banks.113: {key}: not set"]
    assert refused(folder, table("114", **{key: BOUND[key]})) == [f"banks.114: {key}: not a key we know"]


@pytest.mark.parametrize("key", _BIFAST_ONLY)
def test_a_key_of_bifast_is_none_of_the_other_product(folder: Path, key: str) -> None:
    assert refused(folder, table("113", **{**BOUND, key: BANK[key]})) == [f"banks.113: {key}: not a key we know"]


def test_a_banks_own_key_and_rules_are_read(folder: Path, good_pem: bytes) -> None:
    private = serialization.load_pem_private_key(good_pem, None)
    (folder / "bank.pub").write_bytes(public_pem(private.public_key()))
    text = table(
        "114",
        notice_public_key_file='"bank.pub"',
        pace_per_s="0.5",
        parallel_max="1",
        cut_off_from='"22:00"',
        cut_off_until='"05:30"',
        bounce_fee_rp="2500",
    )
    bank = load(folder, text)["114"]
    assert bank.rules == LaneRules(0.5, 1, (time(22), time(5, 30)), 2500)
    assert bank.notice_key is not None
    assert bank.notice_key.public_numbers() == bank.private_key.public_key().public_numbers()
    assert "RSA" not in repr(bank)


def test_a_notice_key_must_be_a_public_rsa_key_of_2048_bits(folder: Path, good_pem: bytes) -> None:
    weak = public_pem(rsa.generate_private_key(65537, 1024).public_key())
    curve = public_pem(ec.generate_private_key(ec.SECP256R1()).public_key())
    for bad in (weak, curve, good_pem, b"", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"):
        (folder / "bank.pub").write_bytes(bad)
        (line,) = refused(folder, table("114", notice_public_key_file='"bank.pub"'))
        assert line.startswith("banks.114: notice_public_key_file: no RSA key")
    (line,) = refused(folder, table("114", notice_public_key_file='"nowhere"'))
    assert line.startswith("banks.114: notice_public_key_file: no RSA key")


@pytest.mark.parametrize(
    "hours", [{"cut_off_from": '"22:00"'}, {"cut_off_until": '"05:00"'}, dict.fromkeys(CUT_OFF, '"05:00"')]
)
def test_a_cut_off_has_two_ends_that_differ(folder: Path, hours: dict[str, str]) -> None:
    assert refused(folder, table("114", **hours)) == [
        "banks.114: cut_off_from: must stand together with cut_off_until, and not be the same"
    ]


def test_optional_keys_are_taken(folder: Path) -> None:
    text = table(
        "114", bank_code='"PDJTIDJ1"', connect_timeout_s="1", read_timeout_s="0.5", base_url='"https://b.id/x"'
    )
    bank = load(folder, text)["114"]
    assert (bank.bank_code, bank.connect_timeout_s, bank.read_timeout_s) == ("PDJTIDJ1", 1, 0.5)


def test_no_secret_and_no_account_in_a_repr(folder: Path) -> None:
    shown = repr(load(folder, table("114"))["114"])
    assert "Bank Jatim" in shown
    for hidden in ("hush", "1140000001", "BPJS TK", "RSA"):
        assert hidden not in shown


def test_every_bad_key_of_every_bank_is_named_at_once_and_no_value(folder: Path) -> None:
    text = table("114", client_secret=None, province='"3x"', channel_id='"123456"') + table(
        "110", clientsecret='"oops"'
    )
    text += table("014", private_key_file='"nowhere.pem"', reference_max="true") + table("12", name='"x"')
    lines = refused(folder, text)
    assert {line.split(":")[0] for line in lines} == {"banks.114", "banks.110", "banks.014", "banks.12"}
    joined = "\n".join(lines)
    for key in ("client_secret", "province", "channel_id", "clientsecret", "private_key_file", "reference_max"):
        assert f" {key}:" in joined
    for value in ("3x", "123456", "oops", "nowhere", "hush"):
        assert value not in joined


@pytest.mark.parametrize("key", sorted(BANK))
def test_no_key_can_be_left_out(folder: Path, key: str) -> None:
    assert refused(folder, table("114", **{key: None})) == [f"banks.114: {key}: not set"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("product", '"credit"'),
        ("name", '""'),
        ("name", '" x"'),
        ("province", "35"),
        ("base_url", '"http://bank.id"'),
        ("base_url", '"https://bank.id/"'),
        ("base_url", '"https://user:pass@bank.id"'),
        ("base_url", '"https://bank.id?x=1"'),
        ("base_url", '"https://bank.id:99999"'),
        ("base_url", '"https://"'),
        ("base_url", '"ftp://bank.id"'),
        ("path_prefix", '"v1.0"'),
        ("path_prefix", '"/v1.0/"'),
        ("token_path", '"/a?b=1"'),
        ("client_id", '"a\\nb"'),
        ("partner_id", '"' + "x" * 37 + '"'),
        ("signature_encoding", '"Base64"'),
        ("beneficiary_account_no", '"12-3"'),
        ("biller_name", '"é"'),
        ("reference_max", "0"),
        ("reference_max", "65"),
        ("read_timeout_s", "0"),
        ("read_timeout_s", "inf"),
        ("read_timeout_s", "nan"),
        ("read_timeout_s", '"20"'),
        ("bank_code", '"1234567890AB"'),
        ("notice_public_key_file", "1"),
        ("pace_per_s", "0"),
        ("pace_per_s", "inf"),
        ("pace_per_s", "nan"),
        ("pace_per_s", "true"),
        ("parallel_max", "0"),
        ("parallel_max", "33"),
        ("parallel_max", "1.5"),
        ("bounce_fee_rp", "-1"),
        ("bounce_fee_rp", "true"),
    ],
)
def test_a_bad_value_is_refused_by_its_key(folder: Path, key: str, value: str) -> None:
    lines = refused(folder, table("114", **{key: value}))
    assert len(lines) == 1
    assert lines[0].startswith(f"banks.114: {key}: must be ")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("merchant_id", '""'),
        ("merchant_id", '"' + "m" * 65 + '"'),
        ("otp", '"true"'),
        ("otp", "1"),
        ("status_service_code", "54"),
        ("status_service_code", '"56"'),
    ],
)
def test_a_bad_value_of_the_other_product_is_refused_by_its_key(folder: Path, key: str, value: str) -> None:
    (line,) = refused(folder, table("113", **{**BOUND, key: value}))
    assert line.startswith(f"banks.113: {key}: must be ")


@pytest.mark.parametrize("value", ['"24:00"', '"9:00"', '"09:60"', '"09:00:00"', "900"])
def test_a_time_of_day_is_hours_and_minutes(folder: Path, value: str) -> None:
    lines = refused(folder, table("114", cut_off_from=value, cut_off_until='"05:00"'))
    assert len(lines) == 1
    assert lines[0].startswith("banks.114: cut_off_from: must be a time of day")


def test_only_an_rsa_key_of_2048_bits_will_do(folder: Path) -> None:
    weak = pem(rsa.generate_private_key(65537, 1024))
    curve = pem(ec.generate_private_key(ec.SECP256R1()))
    for bad in (weak, curve, b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        (folder / "client.pem").write_bytes(bad)
        assert refused(folder, table("114"))[0].startswith("banks.114: private_key_file: ")


@pytest.mark.parametrize("text", ["", "x = 1", "banks = 1", "[banks]", '[banks]\n114 = "x"', "[other]\nx = 1"])
def test_a_file_without_banks_is_refused(folder: Path, text: str) -> None:
    assert refused(folder, text)


def test_a_broken_or_missing_file_is_refused_by_place_alone(folder: Path) -> None:
    assert refused(folder, '[banks.114]\nclient_secret = "hush" oops\n') == [
        "the file is no TOML in UTF-8 (at line 2, column 24)"
    ]
    with pytest.raises(BankSettingsError, match="cannot be read"):
        load_banks(folder / "missing.toml")


@pytest.mark.parametrize("product", [{}, BOUND])
def test_a_bank_that_takes_shorter_references_than_ours_is_refused(
    folder: Path, product: dict[str, str | None]
) -> None:
    short = str(len(new_reference()) - 1)
    line = "banks.114: reference_max: must be a whole number from 12 to 64"
    assert refused(folder, table("114", **{**product, "reference_max": short})) == [line]
