"""A bank's settlement file: read whole or refused whole, in the memory of a few lines however long it is."""

import tracemalloc
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from banks.settlement import SettlementFiles, SettlementLine, settlement_name, write_settlement
from dayfiles import BadFile
from tests.damage import sealed
from units.clock import JAKARTA

DAY = date(2026, 11, 23)
NAME = settlement_name("118", DAY)
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=JAKARTA)
LINES = [
    SettlementLine("debit", "AB12CD34EF56", "118778", 36_800, NOON),
    SettlementLine("debit", "AB12CD34EF57", "118779", 16_800, NOON),
    SettlementLine("return", "AB12CD34EF57", "118780", 16_800, NOON),
    SettlementLine("refund", "AB12CD34EF50", "118781", 36_800, NOON),
]
HEAD = f"H,IURAN-SETTLEMENT,1,{NAME},118,2026-11-23"
ONE = "D,R1,118778,36800,2026-11-23T12:00:00+07:00"


@pytest.fixture
def in_dir(tmp_path: Path) -> Path:
    return tmp_path / "in"


@pytest.fixture
def files(in_dir: Path) -> SettlementFiles:
    return SettlementFiles("118", in_dir)


def placed(in_dir: Path, content: bytes) -> str:
    in_dir.mkdir(exist_ok=True)
    (in_dir / NAME).write_bytes(content)
    return NAME


def test_a_day_is_read_as_it_was_written_as_often_as_one_likes(files: SettlementFiles, in_dir: Path) -> None:
    write_settlement(in_dir, NAME, "118", DAY, LINES)
    file = files.read(NAME)
    assert (file.name, file.bank_code, file.day) == (NAME, "118", DAY)
    assert [list(file.lines), list(file.lines)] == [LINES, LINES]


def test_the_file_on_disk_is_the_documented_one(in_dir: Path) -> None:
    write_settlement(in_dir, NAME, "118", DAY, LINES)
    assert (in_dir / NAME).read_bytes() == sealed(
        HEAD,
        "D,AB12CD34EF56,118778,36800,2026-11-23T12:00:00+07:00",
        "D,AB12CD34EF57,118779,16800,2026-11-23T12:00:00+07:00",
        "R,AB12CD34EF57,118780,16800,2026-11-23T12:00:00+07:00",
        "F,AB12CD34EF50,118781,36800,2026-11-23T12:00:00+07:00",
        numbers=[2, 1, 1, 53_600, 16_800, 36_800],
    )


def test_a_day_without_a_line_is_a_file_too(files: SettlementFiles, in_dir: Path) -> None:
    write_settlement(in_dir, NAME, "118", DAY, [])
    assert list(files.read(NAME).lines) == []


def test_a_file_waits_until_it_is_taken_or_refused(files: SettlementFiles, in_dir: Path) -> None:
    for act, folder in ((files.take, "taken"), (files.refuse, "refused")):
        write_settlement(in_dir, NAME, "118", DAY, LINES)
        assert files.waiting() == [NAME]
        for _ in range(2):
            act(NAME)
            assert files.waiting() == []
        assert (in_dir / folder / NAME).exists()


@pytest.mark.parametrize(
    "head",
    [
        f"H,IURAN-SETTLEMENT,1,{NAME},114,2026-11-23",
        f"H,IURAN-SETTLEMENT,1,{NAME},118,2026-11-24",
        f"H,IURAN-SETTLEMENT,1,{NAME},118,2026-11-22",
        f"H,IURAN-SETTLEMENT,1,{NAME},118,today",
        "H,IURAN-SETTLEMENT,1,other.csv,118,2026-11-23",
        f"H,IURAN-RESULT,1,{NAME},118,2026-11-23",
        f"H,IURAN-SETTLEMENT,1,{NAME},118",
    ],
)
def test_another_bank_day_name_or_kind_refuses_the_file(files: SettlementFiles, in_dir: Path, head: str) -> None:
    content = sealed(head, ONE, numbers=[1, 0, 0, 36_800, 0, 0])
    with pytest.raises(BadFile, match=rf"^{NAME}: line [12]: "):
        files.read(placed(in_dir, content))


@pytest.mark.parametrize(
    ("at", "good"),
    [
        ("2026-11-23T00:00:00+07:00", True),
        ("2026-11-23T23:59:59+07:00", True),
        ("2026-11-22T17:00:00+00:00", True),
        ("2026-11-23T01:00:00+09:00", False),
        ("2026-11-24T00:00:00+07:00", False),
        ("2026-11-23T17:00:00+00:00", False),
        ("2026-11-23T12:00:00", False),
        ("2026-11-23T25:00:00+07:00", False),
        ("2026-11-23", False),
    ],
)
def test_every_line_is_of_the_files_own_jakarta_day(files: SettlementFiles, in_dir: Path, at: str, good: bool) -> None:
    content = sealed(HEAD, f"D,R1,118778,36800,{at}", numbers=[1, 0, 0, 36_800, 0, 0])
    if good:
        [line] = files.read(placed(in_dir, content)).lines
        assert line.at == datetime.fromisoformat(at)
        return
    with pytest.raises(BadFile, match=rf"^{NAME}: line 2: "):
        files.read(placed(in_dir, content))


@pytest.mark.parametrize(
    ("counts", "sums"),
    [
        ((2, 0, 0), (36_800, 0, 0)),
        ((0, 1, 0), (0, 36_800, 0)),
        ((1, 0, 0), (36_801, 0, 0)),
        ((1, 0, 0), (0, 36_800, 0)),
        ((1, 0, 0), (36_800, 0, 1)),
    ],
)
def test_counts_and_sums_of_each_kind_must_be_right(
    files: SettlementFiles, in_dir: Path, counts: tuple[int, int, int], sums: tuple[int, int, int]
) -> None:
    with pytest.raises(BadFile, match=rf"^{NAME}: line 3: trailer"):
        files.read(placed(in_dir, sealed(HEAD, ONE, numbers=counts + sums)))


@pytest.mark.parametrize(
    "line",
    [
        ONE.replace("D,", "X,", 1),
        ONE.replace("36800", "0"),
        ONE.replace("36800", "36800.00"),
        ONE.replace("118778", ""),
        ONE.replace("R1", ""),
        ONE + ",more",
    ],
)
def test_a_line_that_makes_no_sense_refuses_the_file(files: SettlementFiles, in_dir: Path, line: str) -> None:
    with pytest.raises(BadFile, match=rf"^{NAME}: line 2: "):
        files.read(placed(in_dir, sealed(HEAD, line, numbers=[1, 0, 0, 36_800, 0, 0])))


def test_a_debit_is_in_the_file_once_and_so_is_its_refund(files: SettlementFiles, in_dir: Path) -> None:
    refund = ONE.replace("D,", "F,", 1)
    good = sealed(HEAD, ONE, refund, numbers=[1, 0, 1, 36_800, 0, 36_800])
    assert [line.kind for line in files.read(placed(in_dir, good)).lines] == ["debit", "refund"]
    with pytest.raises(BadFile, match=rf"^{NAME}: line 4: the same reference twice$"):
        files.read(placed(in_dir, sealed(HEAD, ONE, refund, ONE, numbers=[2, 0, 1, 73_600, 0, 36_800])))


def many(count: int) -> Iterator[SettlementLine]:
    for number in range(count):
        yield SettlementLine("debit", f"R{number:011d}", f"118{number}", 36_800, NOON)


def test_nothing_is_given_out_that_was_changed_after_it_was_checked(files: SettlementFiles, in_dir: Path) -> None:
    """The first thousand lines are still those that were checked; of a thousand with a change none is believed."""
    write_settlement(in_dir, NAME, "118", DAY, many(3000))
    file, path = files.read(NAME), in_dir / NAME
    good = path.read_bytes()
    path.write_bytes(good.replace(b"R00000001500,1181500,36800", b"R00000001500,1181500,36900"))
    given_out = list[SettlementLine]()
    with pytest.raises(BadFile, match=rf"^{NAME}: changed after it was checked$"):
        given_out.extend(file.lines)
    assert given_out == list(many(1023))
    for other in (good[:-2000], good.replace(b"36800", b"36801", 1), b""):
        path.write_bytes(other)
        with pytest.raises(BadFile, match="changed"):
            list(file.lines)
    path.write_bytes(good)
    assert list(file.lines) == list(many(3000))


@pytest.mark.parametrize("count", [1022, 1023, 1024, 2047, 2048])
def test_a_file_of_whole_blocks_ends_where_it_ends(files: SettlementFiles, in_dir: Path, count: int) -> None:
    write_settlement(in_dir, NAME, "118", DAY, many(count))
    assert list(files.read(NAME).lines) == list(many(count))


def test_a_long_file_takes_no_more_memory_than_its_references_at_eight_bytes(
    files: SettlementFiles, in_dir: Path
) -> None:
    def peak_bytes(count: int) -> int:
        write_settlement(in_dir, NAME, "118", DAY, many(count))
        tracemalloc.start()
        seen = sum(line.amount_rp for line in files.read(NAME).lines)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert seen == count * 36_800
        return peak

    assert peak_bytes(24_000) - peak_bytes(4_000) < 20_000 * 16


def test_a_second_line_far_away_is_found(files: SettlementFiles, in_dir: Path) -> None:
    lines = [*many(5000), SettlementLine("debit", "R00000000003", "118999999", 1, NOON)]
    write_settlement(in_dir, NAME, "118", DAY, lines)
    with pytest.raises(BadFile, match=rf"^{NAME}: line 5002: the same reference twice$"):
        files.read(NAME)
