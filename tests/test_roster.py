"""A roster is looked through line by line; all of it is loaded or nothing, and each person still says yes alone."""

import csv
import stat
import tracemalloc
from pathlib import Path

import pytest
from click.testing import Result

import data.roster
from data.roster import BadRoster, read_roster
from insurance.roster import Roster
from tests.helping import VILLAGE, code_for, invite, make_helper
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, SITI, SITI_NIK, SITI_PHONE, enrol
from tests.world import World

FULL = "nik,name,village,phone,sector,base,programmes"
SLIP = f"{SITI_NIK},{SITI},{VILLAGE},,farmer,1000000,"
TEXTED = f"{BUDI_NIK},{BUDI},3599011003,0857-0000-0002,trader,1000000,3"


def write(folder: Path, *lines: str | bytes, head: str = FULL) -> Path:
    file = folder / "roster.csv"
    file.write_bytes(b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in (head, *lines)))
    return file


def run(world: World, file: Path, *options: str) -> Result:
    with world.app.app_context():
        return world.app.test_cli_runner().invoke(args=["villages", "roster", str(file), *options])


def load(world: World, file: Path) -> tuple[Result, Path]:
    slips = file.with_name("slips.csv")
    return run(world, file, "--load", "--slips", str(slips)), slips


def slip_of(slips: Path, name: str, column: str = "slip") -> str:
    with slips.open(newline="") as lines:
        return next(row[column] for row in csv.DictReader(lines) if row["name"] == name.upper())


def dial_of(slips: Path, name: str) -> str:
    return slip_of(slips, name, "dial")


def invitations(world: World) -> int:
    return int(world.one("SELECT count(*) FROM invitations"))


def test_a_preview_writes_nothing(world: World, tmp_path: Path) -> None:
    seen = run(world, write(tmp_path, SLIP, TEXTED))
    assert seen.exit_code == 0, seen.output
    assert "2 lines, none with faults; nothing was loaded" in seen.output
    assert invitations(world) == 0
    assert world.owed_to(BUDI_PHONE) == []


def test_every_fault_of_every_line_is_named_and_nothing_is_loaded(world: World, tmp_path: Path) -> None:
    enrol(world.phone(SITI_PHONE))
    invite(make_helper(world), BUDI_NIK, BUDI, BUDI_PHONE)
    fine = "3599011711900006,Ani Wijaya"
    lines = (
        f"{fine},{VILLAGE},,,,",
        f"{fine},{VILLAGE},,,,",
        SLIP,
        TEXTED,
        "3599011711900007,Ani,9999999999,,,,",
        f"3599010101610007,Mbah,{VILLAGE},,,,",
        f"359901,Ani,{VILLAGE},,,,",
        f"3599013213850007,Ani,{VILLAGE},,,,",
        f"3599011711900008,123,{VILLAGE},,,,",
        f"3599011711900009,Ani,{VILLAGE},021123,king,5,4",
        f"3599011711900010,Ani,{VILLAGE},+6281200000077,,,",
        f"3599011711900011,Ani,{VILLAGE}",
        b"3599011711900012,An\xff,3599012001,,,,",
        f'3599011711900013,"Ani,{VILLAGE},,,,',
        f"3599011711900014,{'A' * 2000},{VILLAGE},,,,",
        f"3599011711900015,An\0i,{VILLAGE},,,,",
    )
    refused, slips = load(world, write(tmp_path, *lines))
    assert refused.exit_code == 1
    said = [" ".join(line.strip("│┃ ").split("│")).split() for line in refused.output.splitlines()]
    table = {int(words[0]): [] for words in said if words and words[0].isdigit()}  # type: dict[int, list[str]]
    for words in said:
        if words and words[0].isdigit():
            table[int(words[0])].append(" ".join(words[1:]))
    assert table.pop(3) == ["the NIK of line 2 again"]
    assert table.pop(4) == ["enrolled already"]
    assert table.pop(5) == ["invited already, and not answered yet"]
    assert table.pop(6) == ["unknown village: its ten digits of Kemendagri are needed"]
    assert table.pop(7) == ["not from 15 to 64 years old"]
    assert table.pop(8) == ["the NIK has not 16 digits"]
    assert table.pop(9) == ["no day of birth in the NIK"]
    assert table.pop(10) == ["no name"]
    assert [fault.split()[0] for fault in table.pop(11)] == ["no", "the", "the", "the"]
    assert table.pop(12) == ["the phone number of a helper or a head"]
    assert table.pop(13) == ["3 fields, 7 are needed"]
    assert table.pop(14) == ["not UTF-8"]
    assert table.pop(15) == ["not a line of CSV"]
    assert table.pop(16) == ["the line is too long"]
    assert table.pop(17) == ["not a line of CSV"]
    assert "16 lines, 15 with faults" in refused.output
    assert invitations(world) == 1
    assert not slips.exists()
    assert SITI_NIK not in refused.output
    assert "SITI" not in refused.output


def test_one_bad_line_after_many_good_ones_leaves_nothing(world: World, tmp_path: Path) -> None:
    good = [f"35990117119{i:05d},Ani Wijaya,{VILLAGE},,,," for i in range(1, 1101)]
    refused, slips = load(world, write(tmp_path, *good, good[0]))
    assert refused.exit_code == 1
    assert "1102" in refused.output
    assert "line 2 again" in refused.output
    assert invitations(world) == 0
    assert world.one("SELECT count(*) FROM events") == 0
    assert not slips.exists()
    loaded, slips = load(world, write(tmp_path, *good))
    assert "1100 people invited for 7 days, 1100 of them by slips" in loaded.output
    assert invitations(world) == 1100
    assert len(slips.read_text().splitlines()) == 1101


def test_a_slip_is_for_the_one_who_prints_them_and_a_text_for_the_one_who_gets_it(world: World, tmp_path: Path) -> None:
    loaded, slips = load(world, write(tmp_path, SLIP, TEXTED))
    assert loaded.exit_code == 0, loaded.output
    assert stat.S_IMODE(slips.stat().st_mode) == 0o600
    assert BUDI.upper() not in slips.read_text()
    assert SITI_NIK not in slips.read_text()
    assert world.last_sms(BUDI_PHONE).startswith("LATIHAN Kel. Mekarwangi ajak B.S. daftar BPJS: Rp28.400/bln.")
    assert code_for(world, BUDI_PHONE) not in slips.read_text() + loaded.output
    again = run(world, write(tmp_path, SLIP), "--load", "--slips", str(slips))
    assert again.exit_code == 1
    assert "File exists" in again.output
    assert SITI.upper() in slips.read_text(), "and what is there stays"


def test_one_phone_on_more_lines_than_may_share_it_is_a_fault(world: World, tmp_path: Path) -> None:
    lines = [f"35990117119{i:05d},Ani Wijaya,{VILLAGE},{SITI_PHONE},,," for i in range(1, 7)]
    assert "a phone number of more than 5 people" in run(world, write(tmp_path, *lines)).output
    assert run(world, write(tmp_path, *lines[:5])).exit_code == 0


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ("name,nik,village", "the first line has to be"),
        ("nik,name,village,mother", "the first line has to be"),
        ("nik,name,village,phone,phone", "the first line has to be"),
        ("", "the first line has to be"),
    ],
)
def test_a_file_that_is_no_roster_is_said_to_be_none(world: World, tmp_path: Path, head: str, why: str) -> None:
    refused = run(world, write(tmp_path, head=head))
    assert refused.exit_code == 1
    assert why in refused.output


def test_an_empty_roster_and_one_that_names_no_slips_are_refused(world: World, tmp_path: Path) -> None:
    file = write(tmp_path)
    assert "0 lines" in run(world, file).output
    assert "--load needs --slips" in run(world, file, "--load").output
    refused, slips = load(world, file)
    assert refused.exit_code == 1
    assert not slips.exists()
    assert "No such file" in run(world, file, "--load", "--slips", str(tmp_path / "no" / "slips.csv")).output


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault(world: World, tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    file.write_bytes(b"\xef\xbb\xbf" + f"nik,name,village\r\n{SITI_NIK},{SITI},{VILLAGE}\r\n\r\n".encode())
    assert "1 lines, none with faults" in run(world, file).output


def test_more_lines_than_a_roster_may_have_end_it(tmp_path: Path) -> None:
    file = write(tmp_path, SLIP, SLIP, SLIP)
    assert len(list(read_roster(file, lines_max=3))) == 3
    with pytest.raises(BadRoster, match="more than 2 lines"):
        list(read_roster(file, lines_max=2))
    assert data.roster.LINES_MAX == 1_000_000


def test_many_lines_are_read_in_little_memory(tmp_path: Path) -> None:
    file = write(tmp_path, *([SLIP] * 50_000), b"x" * 5_000_000)
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_roster(file))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 50_001
    assert peak < 500_000, f"{peak} bytes"


def test_who_was_invited_in_this_very_moment_stops_the_load(world: World) -> None:
    """Between the look at the invitations and the writing of one, a helper writes it."""
    with world.ports.transaction() as work:
        taking = Roster(work, load=True)
        look = taking._look_up

        def look_and_lose(read: object) -> None:
            look(read)  # type: ignore[arg-type]
            invite(make_helper(world))

        taking._look_up = look_and_lose  # type: ignore[method-assign]
        columns = dict(zip(FULL.split(","), SLIP.split(","), strict=True))
        faults, invited = taking.take([(2, columns)])
        assert ["invited just now" in fault.why for fault in faults] == [True]
        assert invited == []


def test_helpers_come_by_file_and_each_bad_line_is_named(world: World, tmp_path: Path) -> None:
    file = tmp_path / "helpers.csv"
    good = f"{VILLAGE},0812-0000-0077,Pak Joko,officer,2027-12-31"
    bad = ("1,x,,king,31-12-2027", good)

    def load_them() -> Result:
        with world.app.app_context():
            return world.app.test_cli_runner().invoke(args=["villages", "helpers", str(file)])

    file.write_text("\n".join(["village,phone,name,role,until", *bad]) + "\n")
    refused = load_them()
    assert refused.exit_code == 1
    faults = [f"line 2: {name}" for name in ("village", "phone", "name", "role", "until")]
    assert refused.output.removeprefix("Error: ").split("\n")[:5] == faults
    assert world.one("SELECT count(*) FROM helpers") == 0
    file.write_text(f"village,phone,name,role,until\n{good}\n")
    assert "1 helpers loaded" in load_them().output
    assert "belum terdaftar" in invite(world.phone("+6281200000077"))
    file.write_bytes(b"\xff\xfe")
    assert "UTF-8" in load_them().output
