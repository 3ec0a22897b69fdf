"""The banks' file where files are exchanged: banks without an API, day files, folders that nobody shares."""

from datetime import time
from pathlib import Path

import pytest

from banks.connect import connect_banks
from banks.folders import connect_batch_banks, connect_settlements
from banks.settings import BatchSettings, load_banks
from tests.test_banks_settings import BANK, folder, good_pem, load, refused, table

__all__ = ["folder", "good_pem"]


BATCH = {
    "product": '"batch_file"',
    "name": '"Bank Nagari"',
    "province": '"13"',
    "out_dir": '"batch/118/out"',
    "in_dir": '"batch/118/in"',
    "cut_off": '"16:00"',
}


def batch_table(code: str, **changes: str | None) -> str:
    return table(code, **{**dict.fromkeys(BANK), **BATCH, **changes})


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
