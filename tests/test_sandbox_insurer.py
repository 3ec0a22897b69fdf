"""The sandbox's insurer: registrations decided, months posted, files answered once."""

import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from insurer.dayfile import DayFiles, read_hand_over
from sandbox.insurer import decide
from sandbox.store import open_engine
from tests.sandbox_running import NIK, Running, contribution, new_name, new_nik, registration
from units.clock import jakarta_day

pytestmark = pytest.mark.xdist_group("sandbox-insurer")


NOVEMBER, DECEMBER = date(2026, 11, 1), date(2026, 12, 1)


def test_registrations_are_verified_refused_or_need_help_by_their_nik(served: Running) -> None:
    name = new_name()
    people = [registration("A1", NIK), registration("A2", new_nik("0404")), registration("A3", new_nik("0303"))]
    served.files.hand_over(name, people, [])
    verified, unknown, differs = served.answered(name).registrations
    assert (verified.outcome, verified.reason, len(verified.kpj)) == ("VERIFIED", "", 11)
    assert (unknown.outcome, unknown.reason) == ("REFUSED", "nik_unknown")
    assert (differs.outcome, differs.reason) == ("NEEDS_HELP", "name_differs")


def test_a_member_keeps_the_number_and_another_reference_is_refused(served: Running) -> None:
    nik, names = "3509014506850002", [new_name() for _ in range(3)]
    kpjs = []
    for name, reference in zip(names, ("B1", "B1", "B2"), strict=True):
        served.files.hand_over(name, [registration(reference, nik)], [])
        [result] = served.answered(name).registrations
        kpjs.append((result.outcome, result.kpj, result.reason))
    assert kpjs[0] == kpjs[1]
    assert kpjs[2] == ("REFUSED", "", "already_member")


def test_a_month_is_posted_once_and_the_balance_is_what_was_posted(served: Running) -> None:
    first, second = new_name(), new_name()
    served.files.hand_over(
        first, [registration("C0", "3509014506850003")], [contribution("C9", "99999999999", NOVEMBER)]
    )
    result = served.answered(first)
    [refused] = result.contributions
    assert (refused.outcome, refused.reason, refused.jht_balance_rp) == ("REFUSED", "kpj_unknown", None)
    kpj = result.registrations[0].kpj
    months = [("C1", NOVEMBER, 20000), ("C2", NOVEMBER, 20000), ("C3", DECEMBER, 25000)]
    served.files.hand_over(second, [], [contribution(ref, kpj, month, jht) for ref, month, jht in months])
    posted = served.answered(second).contributions
    assert [(one.outcome, one.jht_balance_rp) for one in posted] == [
        ("POSTED", 20000),
        ("POSTED", 20000),
        ("POSTED", 45000),
    ]
    assert {one.as_of for one in posted} == {jakarta_day(datetime.now(UTC))}


def test_a_file_is_answered_once_by_its_name(served: Running) -> None:
    name, later = new_name(), new_name()
    served.files.hand_over(name, [registration("D1", "3509014506850004")], [])
    served.answered(name)
    served.files.take(f"result-{name}")
    served.files.hand_over(name, [registration("D1", "3509014506850004")], [])
    served.files.hand_over(later, [], [])
    served.answered(later)
    time.sleep(1.2)
    assert f"result-{name}" not in served.files.waiting()


def test_a_hand_over_that_does_not_add_up_gets_no_answer_and_stops_nobody(served: Running) -> None:
    bad, good = f"a-{new_name()}", f"b-{new_name()}"
    served.files.hand_over(bad, [registration("E1", "3509014506850005")], [])
    served.files.hand_over(good, [], [])
    served.answered(good)
    broken = f"c-{new_name()}"
    (served.out_dir / "x").write_bytes((served.out_dir / bad).read_bytes().replace(b"E1", b"E2"))
    (served.out_dir / "x").rename(served.out_dir / broken)
    served.files.hand_over(after := f"d-{new_name()}", [], [])
    served.answered(after)
    assert f"result-{broken}" not in served.files.waiting()


def test_a_file_decided_again_after_a_crash_says_the_same(served: Running, tmp_path: Path) -> None:
    people = [registration(f"F{n}", f"35090145068501{n:02d}") for n in range(20)]
    DayFiles(tmp_path, tmp_path).hand_over("f.csv", people, [contribution("F99", "26000000000", NOVEMBER)])
    ours, engine = read_hand_over(tmp_path, "f.csv"), open_engine(served.database_url)
    results = []
    for _ in range(2):
        with engine.connect() as db:
            results.append(decide(db, ours, date(2026, 11, 24)))
            db.rollback()
    engine.dispose()
    assert results[0] == results[1]
    assert len({one.kpj for one in results[0].registrations}) == 20
