"""The banks' file: read whole, refused whole, with every bad key named and no value shown."""

from datetime import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from banks.bifast import connect_banks
from banks.folders import connect_batch_banks, connect_settlements
from banks.settings import BankSettings, BankSettingsError, BatchSettings, load_banks

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


BATCH = {
    "product": '"batch_file"',
    "name": '"Bank Nagari"',
    "province": '"13"',
    "out_dir": '"batch/118/out"',
    "in_dir": '"batch/118/in"',
    "cut_off": '"16:00"',
}


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


def batch_table(code: str, **changes: str | None) -> str:
    return table(code, **{**dict.fromkeys(BANK), **BATCH, **changes})


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
    ],
)
def test_a_bad_value_is_refused_by_its_key(folder: Path, key: str, value: str) -> None:
    lines = refused(folder, table("114", **{key: value}))
    assert len(lines) == 1
    assert lines[0].startswith(f"banks.114: {key}: must be ")


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


def test_a_bank_without_an_api_needs_its_folders_and_its_cut_off_and_nothing_of_snap(folder: Path) -> None:
    load(folder, table("114", settlement_dir='"/mnt/114"') + batch_table("118", settlement_dir='"settlement/118"'))
    banks = load_banks(folder / "banks.toml")
    place = folder.resolve()
    assert banks["118"] == BatchSettings(
        code="118",
        product="batch_file",
        name="Bank Nagari",
        province="13",
        out_dir=place / "batch/118/out",
        in_dir=place / "batch/118/in",
        cut_off=time(16, 0),
        settlement_dir=place / "settlement/118",
    )
    assert banks["114"].settlement_dir == Path("/mnt/114")


def test_each_bank_is_connected_in_the_way_it_speaks(folder: Path) -> None:
    load(folder, table("114") + batch_table("118", settlement_dir='"settlement/118"'))
    banks = load_banks(folder / "banks.toml")
    assert connect_banks(banks).keys() == {"114"}
    assert {code: bank.code for code, bank in connect_batch_banks(banks).items()} == {"118": "118"}
    assert {code: bank.code for code, bank in connect_settlements(banks).items()} == {"118": "118"}


@pytest.mark.parametrize("key", sorted(BATCH))
def test_no_key_of_a_bank_without_an_api_can_be_left_out(folder: Path, key: str) -> None:
    assert refused(folder, batch_table("118", **{key: None})) == [f"banks.118: {key}: not set"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("cut_off", '"24:00"'), ("cut_off", '"4 pm"'), ("cut_off", "16"), ("out_dir", '""'), ("in_dir", "1"),
     ("settlement_dir", '""')],
)  # fmt: skip
def test_a_bad_folder_or_hour_is_refused_by_its_key(folder: Path, key: str, value: str) -> None:
    lines = refused(folder, batch_table("118", **{key: value}))
    assert len(lines) == 1
    assert lines[0].startswith(f"banks.118: {key}: must be ")


def test_keys_of_another_product_are_not_known(folder: Path) -> None:
    lines = refused(folder, table("114", out_dir='"x"') + batch_table("118", client_secret='"hush"'))
    assert lines == ["banks.114: out_dir: not a key we know", "banks.118: client_secret: not a key we know"]


def test_two_streams_of_files_never_share_a_folder(folder: Path) -> None:
    other = batch_table("132", in_dir='"x"', settlement_dir='"batch/118/../118/in"')
    lines = refused(folder, batch_table("118") + other)
    assert lines == [
        "banks.132: out_dir: is the folder of 118.out_dir too",
        "banks.132: settlement_dir: is the folder of 118.in_dir too",
    ]
