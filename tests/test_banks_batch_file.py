"""A bank's debit and result files: what is written can be read, and nothing that does not add up is."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from banks.asked import CollectRequest, MandateRequest
from banks.base import Reason
from banks.batch_file import (
    CODES,
    BatchFiles,
    BatchResult,
    DebitResult,
    MandateResult,
    read_debit_file,
    write_result,
)
from dayfiles import BadFile
from tests.damage import sealed
from units.clock import JAKARTA

ASKED_AT = datetime(2026, 11, 23, 12, 0, tzinfo=JAKARTA)
MANDATE = MandateRequest("IU1", "1180012345", 'Siti "Ibu" Rahma, S.Pd', 100_000, date(2028, 11, 23))
DEBIT = CollectRequest("AB12CD34EF56", "EM118abc", "IU2", "1180012346", 36_800, ASKED_AT)
RESULT = BatchResult(
    "result-a.csv",
    "118",
    date(2026, 11, 23),
    "a.csv",
    [
        MandateResult("IU1", "ACTIVE", "EM118xyz", None, ""),
        MandateResult("IU3", "REFUSED", "", Reason.NAME, "NAME"),
    ],
    [
        DebitResult("AB12CD34EF56", "DONE", "118778", 36_800, None, ""),
        DebitResult("AB12CD34EF57", "REFUSED", "", 0, Reason.NO_FUNDS, "NOFUNDS"),
    ],
)
HEAD = "H,IURAN-DEBIT-RESULT,1,result-a.csv,118,2026-11-23,a.csv"


@pytest.fixture
def out_dir(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def in_dir(tmp_path: Path) -> Path:
    return tmp_path / "in"


@pytest.fixture
def files(out_dir: Path, in_dir: Path) -> BatchFiles:
    return BatchFiles("118", out_dir, in_dir)


def placed(in_dir: Path, content: bytes) -> str:
    in_dir.mkdir(exist_ok=True)
    (in_dir / "result-a.csv").write_bytes(content)
    return "result-a.csv"


def test_a_debit_file_is_read_as_it_was_written(files: BatchFiles, out_dir: Path) -> None:
    files.hand_over("a.csv", [MANDATE], [DEBIT])
    ours = read_debit_file(out_dir, "a.csv", "118")
    assert (ours.mandates, ours.debits) == ([MANDATE], [DEBIT])


def test_the_debit_file_on_disk_is_the_documented_one(files: BatchFiles, out_dir: Path) -> None:
    files.hand_over("a.csv", [MANDATE], [DEBIT])
    assert (out_dir / "a.csv").read_bytes() == sealed(
        "H,IURAN-DEBIT,1,a.csv,118",
        'M,IU1,1180012345,"Siti ""Ibu"" Rahma, S.Pd",100000,2028-11-23',
        "D,AB12CD34EF56,EM118abc,IU2,1180012346,36800,2026-11-23T12:00:00+07:00",
        numbers=[1, 1, 36_800],
    )


def test_the_same_debits_again_are_the_same_file_and_no_other_is_left(files: BatchFiles, out_dir: Path) -> None:
    files.hand_over("a.csv", [MANDATE], [DEBIT])
    first = (out_dir / "a.csv").read_bytes()
    files.hand_over("a.csv", iter([MANDATE]), iter([DEBIT]))
    assert (out_dir / "a.csv").read_bytes() == first
    assert [path.name for path in out_dir.iterdir()] == ["a.csv"]


def test_a_debit_file_that_cannot_be_finished_leaves_nothing_behind(files: BatchFiles, out_dir: Path) -> None:
    def broken() -> Iterator[CollectRequest]:
        yield DEBIT
        raise ConnectionError

    with pytest.raises(ConnectionError):
        files.hand_over("a.csv", [MANDATE], broken())
    assert list(out_dir.iterdir()) == []


def test_a_debit_file_of_another_bank_is_not_read(files: BatchFiles, out_dir: Path) -> None:
    files.hand_over("a.csv", [MANDATE], [DEBIT])
    with pytest.raises(BadFile, match=r"^a\.csv: line 1: header: another bank$"):
        read_debit_file(out_dir, "a.csv", "114")


def test_files_with_accounts_are_for_their_owner_only(files: BatchFiles, out_dir: Path, in_dir: Path) -> None:
    files.hand_over("a.csv", [MANDATE], [DEBIT])
    write_result(in_dir, RESULT)
    assert {(out_dir / "a.csv").stat().st_mode & 0o777, (in_dir / RESULT.name).stat().st_mode & 0o777} == {0o600}


def test_a_result_is_read_as_it_was_written_and_waits_until_it_is_taken(files: BatchFiles, in_dir: Path) -> None:
    write_result(in_dir, RESULT)
    assert list(files.waiting()) == ["result-a.csv"]
    assert files.read("result-a.csv") == RESULT
    for _ in range(2):
        files.take("result-a.csv")
        assert list(files.waiting()) == []
    assert (in_dir / "taken" / "result-a.csv").exists()


def test_a_refused_result_is_kept_for_a_person(files: BatchFiles, in_dir: Path) -> None:
    placed(in_dir, b"rubbish\n")
    for _ in range(2):
        files.refuse("result-a.csv")
    assert (in_dir / "refused" / "result-a.csv").read_bytes() == b"rubbish\n"


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_of_the_table_has_its_reason(files: BatchFiles, in_dir: Path, code: str) -> None:
    content = sealed(HEAD, f"M,IU1,REFUSED,,{code}", f"D,R1,REFUSED,,0,{code}", numbers=[1, 1, 0])
    result = files.read(placed(in_dir, content))
    assert (result.mandates[0].reason, result.debits[0].reason) == (CODES[code], CODES[code])


def test_a_code_that_nobody_explained_refuses_the_file_and_is_not_guessed(files: BatchFiles, in_dir: Path) -> None:
    lines = [HEAD, "D,R1,DONE,778,36800,", "D,R2,REFUSED,,0,E77"]
    with pytest.raises(BadFile, match=r"^result-a\.csv: line 3: a code that is not in our table$"):
        files.read(placed(in_dir, sealed(*lines, numbers=[0, 2, 36_800])))


@pytest.mark.parametrize(
    "head",
    [
        "H,IURAN-DEBIT-RESULT,1,result-a.csv,114,2026-11-23,a.csv",
        "H,IURAN-DEBIT-RESULT,1,result-b.csv,118,2026-11-23,a.csv",
        "H,IURAN-DEBIT-RESULT,2,result-a.csv,118,2026-11-23,a.csv",
        "H,IURAN-DEBIT,1,result-a.csv,118",
        "H,IURAN-DEBIT-RESULT,1,result-a.csv,118,2026-11-31,a.csv",
        "H,IURAN-DEBIT-RESULT,1,result-a.csv,118,23-11-2026,a.csv",
        "H,IURAN-DEBIT-RESULT,1,result-a.csv,118,2026-11-23,../a.csv",
        "H,IURAN-DEBIT-RESULT,1,result-a.csv,118,2026-11-23",
        "H,IURAN-DEBIT-RESULT,1,result-a.csv,118,2026-11-23,a.csv,more",
    ],
)
def test_a_header_of_another_bank_name_kind_or_day_refuses_the_file(files: BatchFiles, in_dir: Path, head: str) -> None:
    with pytest.raises(BadFile, match=r"^result-a\.csv: line 1: "):
        files.read(placed(in_dir, sealed(head, numbers=[0, 0, 0])))


@pytest.mark.parametrize(
    ("line", "sum_rp"),
    [
        ("D,R1,DONE,,36800,", 36_800),
        ("D,R1,DONE,778,0,", 0),
        ("D,R1,DONE,778,36800,NOFUNDS", 36_800),
        ("D,R1,DONE,778,36800.00,", 36_800),
        ("D,R1,DONE,778,-36800,", -36_800),
        ("D,R1,REFUSED,778,0,NOFUNDS", 0),
        ("D,R1,REFUSED,,36800,NOFUNDS", 36_800),
        ("D,R1,REFUSED,,0,", 0),
        ("D,R1,PERHAPS,,0,NOFUNDS", 0),
        ("D,R1,ACTIVE,778,36800,", 36_800),
        ("D,,DONE,778,36800,", 36_800),
        ("D,R1,DONE,778,36800", 36_800),
        ("DM,R1,DONE,778,36800,", 36_800),
        (",R1,DONE,778,36800,", 36_800),
    ],
)
def test_a_debit_result_that_makes_no_sense_refuses_the_file(
    files: BatchFiles, in_dir: Path, line: str, sum_rp: int
) -> None:
    with pytest.raises(BadFile, match=r"^result-a\.csv: line 2: "):
        files.read(placed(in_dir, sealed(HEAD, line, numbers=[0, 1, sum_rp])))


@pytest.mark.parametrize(
    "line",
    ["M,IU1,ACTIVE,,", "M,IU1,ACTIVE,EM1,NAME", "M,IU1,REFUSED,EM1,NAME", "M,IU1,DONE,EM1,", "M,IU1,ACTIVE,E M,"],
)
def test_a_mandate_result_that_makes_no_sense_refuses_the_file(files: BatchFiles, in_dir: Path, line: str) -> None:
    with pytest.raises(BadFile, match=r"^result-a\.csv: line 2: "):
        files.read(placed(in_dir, sealed(HEAD, line, numbers=[1, 0, 0])))


@pytest.mark.parametrize(("mandates", "debits", "sum_rp"), [(0, 1, 36_800), (1, 2, 36_800), (1, 1, 36_801), (1, 1, 0)])
def test_counts_and_sum_must_be_right(files: BatchFiles, in_dir: Path, mandates: int, debits: int, sum_rp: int) -> None:
    lines = [HEAD, "M,IU1,ACTIVE,EM1,", "D,R1,DONE,778,36800,"]
    assert files.read(placed(in_dir, sealed(*lines, numbers=[1, 1, 36_800]))).debits[0].amount_rp == 36_800
    with pytest.raises(BadFile, match=r"^result-a\.csv: line 4: trailer"):
        files.read(placed(in_dir, sealed(*lines, numbers=[mandates, debits, sum_rp])))


def test_a_reference_twice_refuses_the_file_with_the_line_of_the_second(files: BatchFiles, in_dir: Path) -> None:
    lines = [HEAD, "D,R1,DONE,778,36800,", "D,R2,DONE,779,100,", "D,R1,REFUSED,,0,NOFUNDS", "D,R3,DONE,780,100,"]
    for sum_rp in (37_000, 1):
        with pytest.raises(BadFile, match=r"^result-a\.csv: line 4: the same reference twice$"):
            files.read(placed(in_dir, sealed(*lines, numbers=[0, 4, sum_rp])))


def test_nothing_follows_the_trailer(files: BatchFiles, in_dir: Path) -> None:
    good = sealed(HEAD, "D,R1,DONE,778,36800,", numbers=[0, 1, 36_800])
    for more in (b"\n", b"x", b"D,R2,DONE,779,1,\n", good):
        with pytest.raises(BadFile, match=r"^result-a\.csv: line 4: something after the trailer$"):
            files.read(placed(in_dir, good + more))


def test_a_bad_result_is_named_and_its_content_is_not(files: BatchFiles, in_dir: Path) -> None:
    for line in ("D,1180012345,DONE,SECRET,x,", "D,R1,REFUSED,,0,SECRET", "M,1180012345,SECRET,,NAME"):
        with pytest.raises(BadFile) as refused:
            files.read(placed(in_dir, sealed(HEAD, line, numbers=[0, 1, 0])))
        assert "SECRET" not in str(refused.value)
        assert "1180012345" not in str(refused.value)


def test_a_mandate_without_a_maximum_is_named_and_no_file_is_written(files: BatchFiles, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"{MANDATE.customer_id}: a mandate has a maximum"):
        files.hand_over("a.csv", [replace(MANDATE, max_amount_rp=0)], [])
    assert list(tmp_path.rglob("*.csv")) == []
