"""What `sandbox init` makes: keys and settings as the product reads them, kept when it is run again."""

import subprocess
import tomllib
from pathlib import Path

import pytest

from banks.settings import BankSettings, load_banks
from sandbox.settings import init, read_banks


def test_init_makes_a_bank_table_as_the_product_reads_it(tmp_path: Path) -> None:
    init(tmp_path / "new", "http://127.0.0.1:8500/")
    banks = tomllib.loads((tmp_path / "new" / "banks.toml").read_text())["banks"]
    assert {code: bank["province"] for code, bank in banks.items()} == {
        "110": "32",
        "113": "33",
        "114": "35",
        "128": "52",
        "118": "13",
    }
    assert len(banks["114"].pop("client_secret")) >= 32
    assert banks["114"] == {
        "product": "bifast",
        "name": "Bank Jatim",
        "province": "35",
        "base_url": "http://127.0.0.1:8500/bank/114",
        "path_prefix": "/v1.0",
        "token_path": "/v1.0/access-token/b2b",
        "client_id": "iuran-114",
        "private_key_file": "client.pem",
        "notice_public_key_file": "bank.pub",
        "partner_id": "IURAN",
        "channel_id": "95231",
        "signature_encoding": "base64",
        "biller_id": "IURAN01",
        "biller_name": "IURAN BPU",
        "beneficiary_account_no": "1140000001",
        "beneficiary_account_name": "IURAN BPJS TK",
        "reference_max": 12,
        "settlement_dir": "settlement/114",
        "pace_per_s": 1000,
    }
    assert banks["118"] == {
        "product": "batch_file",
        "name": "Bank Nagari",
        "province": "13",
        "out_dir": "batch/118/out",
        "in_dir": "batch/118/in",
        "cut_off": "23:30",
        "settlement_dir": "settlement/118",
    }
    jateng, ntb = banks["113"], banks["128"]
    assert jateng.keys() == ntb.keys()
    assert not {"biller_id", "biller_name", "beneficiary_account_no", "beneficiary_account_name"} & jateng.keys()
    debit = ("product", "merchant_id", "signature_encoding", "otp", "status_service_code")
    assert [jateng[name] for name in debit] == ["snap_debit", "IURAN113", "hex", True, "54"]
    assert [ntb[name] for name in debit] == ["snap_debit", "IURAN128", "base64", False, "55"]


def test_the_product_reads_what_init_makes(tmp_path: Path) -> None:
    init(tmp_path, "http://127.0.0.1:8500")
    banks = load_banks(tmp_path / "banks.toml")
    assert {code: bank.product for code, bank in banks.items()} == {
        "110": "bifast",
        "113": "snap_debit",
        "114": "bifast",
        "118": "batch_file",
        "128": "snap_debit",
    }
    assert all(bank.notice_key is not None for bank in banks.values() if isinstance(bank, BankSettings))


def test_a_folder_of_an_older_init_gets_the_new_keys_and_keeps_its_secrets(tmp_path: Path) -> None:
    init(tmp_path, "http://127.0.0.1:8500")
    (client_key, tables) = ((tmp_path / name).read_text() for name in ("client.pem", "banks.toml"))
    secret = tomllib.loads(tables)["banks"]["113"]["client_secret"]
    (tmp_path / "bank.pem").unlink()
    (tmp_path / "bank.pub").unlink()
    (tmp_path / "banks.toml").write_text(f'[banks.113]\nproduct = "bifast"\nclient_secret = "{secret}"\n')
    init(tmp_path, "http://127.0.0.1:8500")
    again = tomllib.loads((tmp_path / "banks.toml").read_text())["banks"]
    assert (again["113"]["client_secret"], again["113"]["product"]) == (secret, "snap_debit")
    assert (tmp_path / "client.pem").read_text() == client_key
    assert {bank.notice_key.key_size for bank in read_banks(tmp_path).values()} == {2048}


def test_init_again_keeps_every_secret_and_follows_the_url(tmp_path: Path) -> None:
    init(tmp_path, "http://127.0.0.1:8500")
    first = {path.name: path.read_text() for path in tmp_path.iterdir()}
    init(tmp_path, "http://127.0.0.1:8500")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == first
    init(tmp_path, "http://127.0.0.1:8600")
    again = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert again == {**first, "banks.toml": first["banks.toml"].replace(":8500/", ":8600/")}
    banks = tomllib.loads(again["banks.toml"])["banks"].values()
    secrets = [bank["client_secret"] for bank in banks if bank["product"] != "batch_file"]
    assert len(set(secrets)) == 4


def test_what_init_makes_is_for_its_owner_only(tmp_path: Path) -> None:
    init(tmp_path / "new", "http://127.0.0.1:8500")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()} == {0o600}


@pytest.mark.parametrize("pair", ["client", "bank"])
def test_openssl_takes_a_key_pair_for_one(tmp_path: Path, pair: str) -> None:
    init(tmp_path, "http://127.0.0.1:8500")
    command = ["openssl", "pkey", "-in", str(tmp_path / f"{pair}.pem"), "-pubout"]
    public = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert public == (tmp_path / f"{pair}.pub").read_text()
    assert {bank.public_key.key_size for bank in read_banks(tmp_path).values()} == {2048}
