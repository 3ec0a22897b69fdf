"""The insurer's day files: what is written can be read, and nothing that does not add up is."""

import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from dayfiles import BadFile
from insurer.base import (
    Change,
    Contribution,
    ContributionResult,
    Insurer,
    Registration,
    RegistrationResult,
    ResultFile,
)
from insurer.dayfile import DayFiles, read_hand_over, write_result

REGISTRATION = Registration(
    "R-1", "3509014506850001", 'Siti "Ibu" Rahma, S.Pd', date(1985, 6, 5), "+6281234567890", "3509012001", "farm",
    1000000, "JKK+JKM",
)  # fmt: skip
CONTRIBUTION = Contribution("C-1", "26000000000", date(2026, 11, 1), 10000, 6800, 20000, date(2026, 11, 23))
CHANGES = [
    Change("U-1", "R-1", "26000000000", "TERMS", date(2026, 12, 1), "2", "1000000"),
    Change("U-2", "R-1", "", "END", date(2026, 12, 5), "left", ""),
]
RESULT = ResultFile(
    "result-a.csv",
    [
        RegistrationResult("R-1", "VERIFIED", "26000000000", ""),
        RegistrationResult("R-2", "REFUSED", "", "nik_unknown"),
        RegistrationResult("R-3", "NEEDS_HELP", "", "name_differs"),
    ],
    [
        ContributionResult("C-1", "POSTED", "", 20000, date(2026, 11, 24)),
        ContributionResult("C-2", "POSTED", "", None, date(2026, 11, 24)),
        ContributionResult("C-3", "REFUSED", "kpj_unknown", None, date(2026, 11, 24)),
    ],
)


@pytest.fixture
def out_dir(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def in_dir(tmp_path: Path) -> Path:
    return tmp_path / "in"


@pytest.fixture
def files(out_dir: Path, in_dir: Path) -> DayFiles:
    return DayFiles(out_dir, in_dir)


def sealed(*lines: str, registrations: int, contributions: int, sum_rp: int, changes: int | None = None) -> bytes:
    """A file whose trailer is right, made here and not by the code that is tested; only ours counts changes."""
    body = "".join(f"{line}\n" for line in lines).encode()
    digest = hashlib.sha256(body).hexdigest()
    more = "" if changes is None else f",{changes}"
    return body + f"T,{registrations},{contributions}{more},{sum_rp},{digest}\n".encode()


def placed(in_dir: Path, content: bytes) -> str:
    in_dir.mkdir(exist_ok=True)
    (in_dir / "result-a.csv").write_bytes(content)
    return "result-a.csv"


def test_a_hand_over_is_read_as_it_was_written(files: DayFiles, out_dir: Path) -> None:
    files.hand_over("a.csv", [REGISTRATION], [CONTRIBUTION], CHANGES)
    ours = read_hand_over(out_dir, "a.csv")
    assert (ours.registrations, ours.contributions, ours.changes) == ([REGISTRATION], [CONTRIBUTION], CHANGES)


@pytest.mark.parametrize("bad", [{"kind": "SEX"}, {"value": ""}, {"member": ""}, {"kpj": "12"}])
def test_a_change_that_says_nothing_we_know_is_refused(files: DayFiles, out_dir: Path, bad: dict[str, str]) -> None:
    files.hand_over("a.csv", [], [], [replace(CHANGES[0], **bad)])  # type: ignore[arg-type]  # Texts all of them.
    with pytest.raises(BadFile, match="line 2"):
        read_hand_over(out_dir, "a.csv")


def test_the_file_on_disk_is_the_documented_one(files: DayFiles, out_dir: Path) -> None:
    files.hand_over("a.csv", [REGISTRATION], [CONTRIBUTION], CHANGES)
    assert (out_dir / "a.csv").read_bytes() == sealed(
        "H,IURAN-HANDOVER,1,a.csv",
        'R,R-1,3509014506850001,"Siti ""Ibu"" Rahma, S.Pd",1985-06-05,+6281234567890,3509012001,farm,1000000,JKK+JKM',
        "C,C-1,26000000000,2026-11,10000,6800,20000,2026-11-23",
        "U,U-1,R-1,26000000000,TERMS,2026-12-01,2,1000000",
        "U,U-2,R-1,,END,2026-12-05,left,",
        registrations=1,
        contributions=1,
        changes=2,
        sum_rp=36800,
    )


def test_the_same_hand_over_again_is_the_same_file_and_no_other_is_left(files: DayFiles, out_dir: Path) -> None:
    files.hand_over("a.csv", [REGISTRATION], [CONTRIBUTION])
    first = (out_dir / "a.csv").read_bytes()
    files.hand_over("a.csv", iter([REGISTRATION]), iter([CONTRIBUTION]))
    assert (out_dir / "a.csv").read_bytes() == first
    assert [path.name for path in out_dir.iterdir()] == ["a.csv"]


def test_files_with_niks_are_for_their_owner_only(files: DayFiles, out_dir: Path, in_dir: Path) -> None:
    files.hand_over("a.csv", [REGISTRATION], [])
    write_result(in_dir, RESULT)
    assert {(out_dir / "a.csv").stat().st_mode & 0o777, (in_dir / RESULT.name).stat().st_mode & 0o777} == {0o600}


def test_a_line_break_in_a_name_breaks_no_line(files: DayFiles, out_dir: Path) -> None:
    odd = Registration(**{**vars(REGISTRATION), "name": "Siti\r\nC,C-9,x\u2028Rahma"})
    files.hand_over("a.csv", [odd], [])
    assert read_hand_over(out_dir, "a.csv").registrations[0].name == "Siti C,C-9,x Rahma"


@pytest.mark.parametrize("name", ["../a.csv", "a/b.csv", ".a.csv", "a.txt", "", "a\n.csv", "a.csv\n"])
def test_a_hand_over_never_leaves_its_folder(files: DayFiles, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        files.hand_over(name, [], [])


@pytest.mark.parametrize("name", ["../a.csv", "a/b.csv", ".a.csv", "", "..", "a\\b.csv"])
def test_no_name_leads_out_of_the_in_folder(files: DayFiles, name: str) -> None:
    for act in (files.read, files.take, files.refuse):
        with pytest.raises(BadFile):
            act(name)


def test_a_result_is_read_as_it_was_written(files: DayFiles, in_dir: Path) -> None:
    insurer: Insurer = files
    write_result(in_dir, RESULT)
    assert list(insurer.waiting()) == ["result-a.csv"]
    assert insurer.read("result-a.csv") == RESULT


def test_every_changed_byte_is_noticed(files: DayFiles, in_dir: Path) -> None:
    write_result(in_dir, RESULT)
    good = (in_dir / RESULT.name).read_bytes()
    for at in range(len(good)):
        placed(in_dir, good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(BadFile):
            files.read(RESULT.name)


def test_every_cut_is_noticed(files: DayFiles, in_dir: Path) -> None:
    write_result(in_dir, RESULT)
    good = (in_dir / RESULT.name).read_bytes()
    for size in range(len(good)):
        placed(in_dir, good[:size])
        with pytest.raises(BadFile):
            files.read(RESULT.name)


HEAD = "H,IURAN-RESULT,1,result-a.csv"


@pytest.mark.parametrize(
    "line",
    [
        "R,R-1,VERIFIED,,",
        "R,R-1,VERIFIED,2600000000,",
        "R,R-1,VERIFIED,26000000000,why",
        "R,R-1,VERIFIED,٢٦٠٠٠٠٠٠٠٠٠,",
        "R,R-1,REFUSED,,",
        "R,R-1,REFUSED,26000000000,nik_unknown",
        "R,R-1,NEEDS_HELP,,Name differs",
        "R,R-1,PERHAPS,,why",
        "R,,REFUSED,,why",
        "R,R-1,REFUSED,,why,more",
        "X,R-1,REFUSED,,why",
        '"R,R-1,REFUSED,,why',
        'R,"R-1"x,REFUSED,,why',
        "",
    ],
)
def test_a_registration_result_that_makes_no_sense_refuses_the_file(files: DayFiles, in_dir: Path, line: str) -> None:
    name = placed(in_dir, sealed(HEAD, line, registrations=1, contributions=0, sum_rp=0))
    with pytest.raises(BadFile, match=r"^result-a\.csv: line 2: "):
        files.read(name)


@pytest.mark.parametrize(
    ("line", "sum_rp"),
    [
        ("C,C-1,POSTED,why,20000,2026-11-24", 20000),
        ("C,C-1,POSTED,,-1,2026-11-24", -1),
        ("C,C-1,POSTED,,020000,2026-11-24", 20000),
        ("C,C-1,POSTED,,20000.00,2026-11-24", 20000),
        ("C,C-1,POSTED,,20000,2026-11-31", 20000),
        ("C,C-1,POSTED,,20000,20261124", 20000),
        ("C,C-1,REFUSED,kpj_unknown,20000,2026-11-24", 20000),
        ("C,C-1,REFUSED,,,2026-11-24", 0),
        ("C,C-1,DONE,,20000,2026-11-24", 20000),
        ("C,C-1,POSTED,,20000", 20000),
    ],
)
def test_a_contribution_result_that_makes_no_sense_refuses_the_file(
    files: DayFiles, in_dir: Path, line: str, sum_rp: int
) -> None:
    name = placed(in_dir, sealed(HEAD, line, registrations=0, contributions=1, sum_rp=sum_rp))
    with pytest.raises(BadFile, match=r"^result-a\.csv: line 2: "):
        files.read(name)


@pytest.mark.parametrize(
    ("registrations", "contributions", "sum_rp"), [(2, 1, 20000), (1, 0, 20000), (1, 1, 20001), (1, 1, 0)]
)
def test_counts_and_sum_must_be_right(
    files: DayFiles, in_dir: Path, registrations: int, contributions: int, sum_rp: int
) -> None:
    lines = [HEAD, "R,R-1,VERIFIED,26000000000,", "C,C-1,POSTED,,20000,2026-11-24"]
    good = sealed(*lines, registrations=1, contributions=1, sum_rp=20000)
    assert files.read(placed(in_dir, good)).contributions[0].jht_balance_rp == 20000
    counts = {"registrations": registrations, "contributions": contributions, "sum_rp": sum_rp}
    with pytest.raises(BadFile, match=r"line 4: trailer"):
        files.read(placed(in_dir, sealed(*lines, **counts)))


def test_one_reference_has_one_result(files: DayFiles, in_dir: Path) -> None:
    lines = [HEAD, "R,R-1,VERIFIED,26000000000,", "R,R-1,REFUSED,,why"]
    with pytest.raises(BadFile, match="line 3: the same reference twice"):
        files.read(placed(in_dir, sealed(*lines, registrations=2, contributions=0, sum_rp=0)))


def test_a_file_of_another_kind_or_name_is_refused(files: DayFiles, in_dir: Path) -> None:
    for head in ("H,IURAN-HANDOVER,1,result-a.csv", "H,IURAN-RESULT,2,result-a.csv", "H,IURAN-RESULT,1,result-b.csv"):
        with pytest.raises(BadFile, match="line 1: header"):
            files.read(placed(in_dir, sealed(head, registrations=0, contributions=0, sum_rp=0)))


def test_nothing_follows_the_trailer(files: DayFiles, in_dir: Path) -> None:
    good = sealed(HEAD, registrations=0, contributions=0, sum_rp=0)
    with pytest.raises(BadFile, match="line 3: something after the trailer"):
        files.read(placed(in_dir, good + b"R,R-1,REFUSED,,why\n"))


def test_a_bad_file_is_named_and_its_content_is_not(files: DayFiles, in_dir: Path) -> None:
    name = placed(in_dir, sealed(HEAD, "R,R-1,SECRET,3509014506850001,", registrations=1, contributions=0, sum_rp=0))
    with pytest.raises(BadFile) as refused:
        files.read(name)
    assert "SECRET" not in str(refused.value)
    assert "3509014506850001" not in str(refused.value)


def test_half_written_and_hidden_files_do_not_wait(files: DayFiles, in_dir: Path, tmp_path: Path) -> None:
    assert list(files.waiting()) == []
    write_result(in_dir, RESULT)
    for name in (".result-b.csv", "result-c.csv.part"):
        (in_dir / name).write_bytes(b"x")
    (in_dir / "folder.csv").mkdir()
    (tmp_path / "elsewhere").write_bytes(b"x")
    (in_dir / "link.csv").symlink_to(tmp_path / "elsewhere")
    assert list(files.waiting()) == ["result-a.csv"]


def test_a_taken_file_waits_no_more_and_taking_it_twice_is_taking_it_once(files: DayFiles, in_dir: Path) -> None:
    write_result(in_dir, RESULT)
    for _ in range(2):
        files.take(RESULT.name)
        assert (in_dir / "taken" / RESULT.name).exists()
        assert list(files.waiting()) == []


def test_a_refused_file_is_kept_for_a_person(files: DayFiles, in_dir: Path) -> None:
    name = placed(in_dir, b"rubbish\n")
    files.refuse(name)
    assert (in_dir / "refused" / name).read_bytes() == b"rubbish\n"
    assert list(files.waiting()) == []
