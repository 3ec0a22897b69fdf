"""Any file with a bank, as Hypothesis makes them: read as it was written, and never read once it was damaged."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from banks.asked import CollectRequest, MandateRequest
from banks.batch_file import CODES, BatchFiles, BatchResult, DebitResult, MandateResult, read_debit_file, write_result
from banks.settlement import SettlementFiles, SettlementLine, settlement_name, write_settlement
from dayfiles import BadFile
from tests.damage import damaged
from units.clock import JAKARTA

DAY = date(2026, 11, 23)
NAME = settlement_name("118", DAY)


def batch(folder: Path) -> BatchFiles:
    return BatchFiles("118", folder, folder)


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=20)
REFERENCES = st.from_regex(r"[A-Z0-9]{1,12}", fullmatch=True)
RUPIAH = st.integers(1, 10**12)
DAYS = st.dates(date(2026, 1, 1), date(2030, 12, 31))
MANDATES = st.lists(
    st.builds(MandateRequest, REFERENCES, st.from_regex(r"[0-9]{10,16}", fullmatch=True), NAMES, RUPIAH, DAYS),
    unique_by=lambda one: one.customer_id,
    max_size=5,
)
DEBITS = st.lists(
    st.builds(
        CollectRequest, REFERENCES, REFERENCES, REFERENCES, st.from_regex(r"[0-9]{10,16}", fullmatch=True), RUPIAH,
        st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(JAKARTA)).map(
            lambda at: at.replace(microsecond=0)
        ),
    ),
    unique_by=lambda one: one.reference,
    max_size=5,
)  # fmt: skip
MANDATE_RESULTS = st.one_of(
    st.builds(MandateResult, REFERENCES, st.just("ACTIVE"), REFERENCES, st.none(), st.just("")),
    st.builds(
        lambda who, code: MandateResult(who, "REFUSED", "", CODES[code], code), REFERENCES, st.sampled_from(list(CODES))
    ),
)
DEBIT_RESULTS = st.one_of(
    st.builds(DebitResult, REFERENCES, st.just("DONE"), REFERENCES, RUPIAH, st.none(), st.just("")),
    st.builds(
        lambda ref, code: DebitResult(ref, "REFUSED", "", 0, CODES[code], code),
        REFERENCES,
        st.sampled_from(list(CODES)),
    ),
)
RESULTS = st.builds(
    BatchResult,
    st.just("result-a.csv"),
    st.just("118"),
    DAYS,
    st.just("a.csv"),
    st.lists(MANDATE_RESULTS, unique_by=lambda one: one.customer_id, max_size=5),
    st.lists(DEBIT_RESULTS, unique_by=lambda one: one.reference, max_size=5),
)
one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@one_folder
@given(mandates=MANDATES, debits=DEBITS)
def test_any_debit_file_is_read_as_it_was_written(
    tmp_path: Path, mandates: list[MandateRequest], debits: list[CollectRequest]
) -> None:
    batch(tmp_path).hand_over("a.csv", mandates, debits)
    ours = read_debit_file(tmp_path, "a.csv", "118")
    assert (ours.mandates, ours.debits) == (mandates, debits)


@one_folder
@given(result=RESULTS)
def test_any_result_is_read_as_it_was_written(tmp_path: Path, result: BatchResult) -> None:
    write_result(tmp_path, result)
    assert batch(tmp_path).read(result.name) == result


@one_folder
@given(result=RESULTS, data=st.data())
def test_a_result_that_was_damaged_on_its_way_is_never_read(
    tmp_path: Path, result: BatchResult, data: st.DataObject
) -> None:
    write_result(tmp_path, result)
    good = (tmp_path / result.name).read_bytes()
    bad = data.draw(damaged(good))
    assume(bad != good)
    (tmp_path / result.name).write_bytes(bad)
    with pytest.raises(BadFile):
        batch(tmp_path).read(result.name)


@one_folder
@given(mandates=MANDATES, debits=DEBITS, data=st.data())
def test_a_debit_file_that_was_damaged_on_its_way_is_never_read(
    tmp_path: Path, mandates: list[MandateRequest], debits: list[CollectRequest], data: st.DataObject
) -> None:
    batch(tmp_path).hand_over("a.csv", mandates, debits)
    good = (tmp_path / "a.csv").read_bytes()
    bad = data.draw(damaged(good))
    assume(bad != good)
    (tmp_path / "a.csv").write_bytes(bad)
    with pytest.raises(BadFile):
        read_debit_file(tmp_path, "a.csv", "118")


MOMENTS = st.integers(0, 86_399).map(lambda second: datetime(2026, 11, 22, 17, tzinfo=UTC) + timedelta(seconds=second))
ANY_LINES = st.lists(
    st.builds(
        SettlementLine,
        st.sampled_from(["debit", "return", "refund"]),
        REFERENCES,
        REFERENCES,
        st.integers(1, 10**12),
        MOMENTS,
    ),
    unique_by=lambda line: (line.kind, line.reference),
    max_size=6,
)


@one_folder
@given(lines=ANY_LINES)
def test_any_day_is_read_as_it_was_written(tmp_path: Path, lines: list[SettlementLine]) -> None:
    write_settlement(tmp_path, NAME, "118", DAY, lines)
    assert list(SettlementFiles("118", tmp_path).read(NAME).lines) == lines


@one_folder
@given(lines=ANY_LINES, data=st.data())
def test_a_day_that_was_damaged_on_its_way_is_never_read(
    tmp_path: Path, lines: list[SettlementLine], data: st.DataObject
) -> None:
    write_settlement(tmp_path, NAME, "118", DAY, lines)
    good = (tmp_path / NAME).read_bytes()
    bad = data.draw(damaged(good))
    assume(bad != good)
    (tmp_path / NAME).write_bytes(bad)
    with pytest.raises(BadFile):
        SettlementFiles("118", tmp_path).read(NAME)
