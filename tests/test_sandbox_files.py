"""The sandbox's bank without an API, and every bank's settlement file: debited once, answered once, settled so."""

import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import requests
from psycopg import sql
from sqlalchemy import make_url
from sqlalchemy.dialects.postgresql import insert

from banks.base import Reason
from banks.batch_file import BatchFiles, BatchResult, read_debit_file
from banks.settlement import SettlementFiles
from sandbox.batch import decide
from sandbox.server import running
from sandbox.settings import Settings, init, read_banks
from sandbox.settlement import SandboxSettlement
from sandbox.store import debits, open_engine
from tests.sandbox_place import DAY, Hand, Place, debit, mandate, new_name, new_reference
from units.clock import JAKARTA

pytestmark = pytest.mark.xdist_group("sandbox-files")


@pytest.fixture(scope="module")
def place(pg_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    name = f"sandbox_files_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(pg_server_url, autocommit=True) as db:
        db.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = make_url(pg_server_url).set(database=name).render_as_string(hide_password=False)
    folder, clock, engine = tmp_path_factory.mktemp("sandbox"), Hand(), open_engine(url)
    init(folder, "http://127.0.0.1:1")
    settings = Settings(url, read_banks(folder), "http://127.0.0.1:1", "sandbox", files=folder)
    with running(settings, clock=clock) as at:
        yield Place(at, folder, engine, clock)
    engine.dispose()
    with psycopg.connect(pg_server_url, autocommit=True) as db:
        db.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


# --- debit files


def test_a_mandate_and_then_its_debit_are_answered_with_the_banks_references(place: Place) -> None:
    given = place.mandate()
    made = debit(given)
    result = place.answer([], [made])
    [done] = result.debits
    assert (result.bank_code, result.day) == ("118", DAY)
    assert (done.reference, done.outcome, done.amount_rp) == (made.reference, "DONE", 36_800)
    assert place.debited(made.reference) == [36_800]


def test_the_thread_answers_by_itself_and_says_which_file_it_answers(place: Place) -> None:
    name = new_name()
    place.files.hand_over(name, [mandate()], [])
    until = time.monotonic() + 10
    while f"result-{name}" not in place.files.waiting():
        assert time.monotonic() < until, "no answer of the bank"
        threading.Event().wait(0.05)
    assert place.files.read(f"result-{name}").answers == name


@pytest.mark.parametrize(
    ("ending", "reason"),
    [("0014", Reason.NO_FUNDS), ("0018", Reason.ACCOUNT), ("0009", Reason.ACCOUNT), ("0302", Reason.LIMIT)],
)
def test_magic_accounts_refuse_a_debit_in_the_files_own_words(place: Place, ending: str, reason: Reason) -> None:
    made = debit(place.mandate(ending))
    [refused] = place.answer([], [made]).debits
    assert (refused.outcome, refused.reason, refused.amount_rp) == ("REFUSED", reason, 0)
    assert place.debited(made.reference) == []


@pytest.mark.parametrize(("ending", "reason"), [("0005", Reason.HOLDER), ("0010", Reason.NAME)])
def test_magic_accounts_refuse_a_mandate(place: Place, ending: str, reason: Reason) -> None:
    [refused] = place.answer([mandate(ending)], []).mandates
    assert (refused.outcome, refused.reason, refused.mandate_reference) == ("REFUSED", reason, "")


def test_another_holders_name_is_refused_and_the_same_mandate_again_is_the_same(place: Place) -> None:
    asked, reference = place.mandate()
    [again] = place.answer([asked], []).mandates
    [other] = place.answer([replace(asked, customer_id="IU1", account_name="BUDI SANTOSO")], []).mandates
    assert (again.outcome, again.mandate_reference) == ("ACTIVE", reference)
    assert (other.outcome, other.reason) == ("REFUSED", Reason.NAME)


def test_nothing_is_debited_without_a_mandate_above_it_or_after_its_end(place: Place) -> None:
    given = place.mandate(max_amount_rp=36_800)
    stranger = place.mandate()
    ended = mandate()
    place.clock.now -= timedelta(days=800)
    [old] = place.answer([replace(ended, expires_on=date(2026, 11, 22))], []).mandates
    place.clock.now += timedelta(days=800)
    made = [
        debit(given, 36_801),
        debit((given[0], "EM118nothing")),
        debit((given[0], stranger[1])),
        debit((ended, old.mandate_reference)),
        debit(given, 36_800),
    ]
    result = place.answer([], made)
    assert [one.code for one in result.debits] == ["LIMIT", "NOMANDATE", "NOMANDATE", "ENDED", ""]
    assert [place.debited(one.reference) for one in made] == [[], [], [], [], [36_800]]


def test_a_file_handed_over_twice_is_answered_once_and_debits_once(place: Place) -> None:
    given, name = place.mandate(), new_name()
    made = debit(given)
    place.answer([], [made], name)
    place.files.hand_over(name, [], [made])
    place.bank.answer_waiting()
    assert f"result-{name}" not in place.files.waiting()
    assert place.debited(made.reference) == [36_800]


def test_a_reference_in_two_files_is_debited_once_and_answered_by_what_was_debited(place: Place) -> None:
    made = debit(place.mandate())
    first = place.answer([], [made])
    again = place.answer([], [made])
    other = place.answer([], [replace(made, amount_rp=99_000)])
    assert again.debits == first.debits == other.debits
    assert place.debited(made.reference) == [36_800]


def test_a_refused_reference_may_come_again(place: Place) -> None:
    given = place.mandate(max_amount_rp=36_800)
    made = debit(given, 36_801)
    assert place.answer([], [made]).debits[0].outcome == "REFUSED"
    assert place.answer([], [replace(made, amount_rp=36_800)]).debits[0].outcome == "DONE"


def test_a_file_decided_again_after_a_crash_says_the_same(place: Place) -> None:
    """The result is written before the commit, so the client may have read what is then decided once more."""
    asked, name = mandate(), new_name()
    place.files.hand_over(name, [asked], [debit((asked, "EM118nothing")), debit(place.mandate())])
    place.bank.answer_waiting()
    theirs = read_debit_file(place.folder / "batch" / "118" / "out", name, "118")
    fresh = replace(theirs, debits=[replace(one, reference=new_reference()) for one in theirs.debits])
    results = list[BatchResult]()
    for _ in range(2):
        with place.engine.connect() as db:
            results.append(decide(db, "118", fresh, place.clock()))
            db.rollback()
    assert results[0] == results[1]
    assert [one.outcome for one in results[0].debits] == ["REFUSED", "DONE"]


def test_two_answering_at_once_debit_once(place: Place) -> None:
    made, name = debit(place.mandate()), new_name()
    place.files.hand_over(name, [], [made])
    threads = [threading.Thread(target=place.bank.answer_waiting) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.amount_rp for one in place.files.read(f"result-{name}").debits] == [36_800]
    assert place.debited(made.reference) == [36_800]


def test_a_debit_file_that_does_not_add_up_gets_no_answer_and_debits_nothing(place: Place, tmp_path: Path) -> None:
    made, name = debit(place.mandate()), new_name()
    BatchFiles("118", tmp_path, tmp_path).hand_over(name, [], [made])
    bad = (tmp_path / name).read_bytes().replace(b",36800,", b",36801,")
    (place.folder / "batch" / "118" / "out" / name).write_bytes(bad)
    for _ in range(2):
        place.bank.answer_waiting()
    assert f"result-{name}" not in place.files.waiting()
    assert place.debited(made.reference) == []


# --- settlement files


def booked(place: Place, code: str, at: datetime, amount_rp: int = 36_800, status: str = "booked") -> str:
    reference = new_reference()
    with place.engine.begin() as db:
        db.execute(
            insert(debits).values(
                bank=code, partner_reference=reference, reference=f"{code}{reference}", mandate="EM", account_no="1",
                amount_rp=amount_rp, status=status, at=at,
            )
        )  # fmt: skip
    return reference


def test_a_settlement_file_has_what_was_booked_from_midnight_to_midnight_in_jakarta(place: Place) -> None:
    day, midnight = date(2026, 7, 1), datetime(2026, 7, 1, tzinfo=JAKARTA)
    booked(place, "114", midnight - timedelta(seconds=1))
    first = booked(place, "114", midnight)
    last = booked(place, "114", midnight + timedelta(days=1) - timedelta(seconds=1), 16_800)
    booked(place, "114", midnight + timedelta(days=1))
    booked(place, "114", midnight, status="pending")
    booked(place, "110", midnight)
    lines = place.settle("114", day)
    assert [(line.kind, line.reference, line.amount_rp) for line in lines] == [
        ("debit", first, 36_800),
        ("debit", last, 16_800),
    ]
    assert lines[0].bank_reference == f"114{first}"


def test_what_a_debit_file_booked_is_in_the_days_settlement_of_that_bank(place: Place) -> None:
    made = debit(place.mandate())
    [done] = place.answer([], [made]).debits
    [line] = [line for line in place.settle("118", DAY) if line.reference == made.reference]
    assert (line.bank_reference, line.amount_rp) == (done.bank_reference, done.amount_rp)


def test_a_day_settled_twice_is_the_same_file(place: Place) -> None:
    booked(place, "113", datetime(2026, 7, 2, 9, tzinfo=JAKARTA))
    place.settle("113", date(2026, 7, 2))
    [name] = place.settlements["113"].waiting()
    path = place.folder / "settlement" / "113" / name
    first = path.read_bytes()
    place.settle("113", date(2026, 7, 2))
    assert path.read_bytes() == first
    assert list(place.settlements["113"].waiting()) == [name]


def test_yesterday_is_settled_once_and_not_again_after_it_was_taken(place: Place) -> None:
    settling = SandboxSettlement(place.engine, place.folder, ["128"], place.clock)
    settlements: SettlementFiles = place.settlements["128"]
    settling.settle_yesterday()
    assert settlements.waiting() == ["settlement-128-2026-11-22.csv"]
    settlements.take("settlement-128-2026-11-22.csv")
    settling.settle_yesterday()
    assert settlements.waiting() == []


@pytest.mark.parametrize(
    ("path", "code"), [("999/settle?day=2026-11-23", 404), ("114/settle", 400), ("114/settle?day=2026-11-31", 400)]
)
def test_no_file_comes_of_a_bank_or_a_day_that_is_none(place: Place, path: str, code: int) -> None:
    assert requests.post(f"{place.url}/bank/{path}", timeout=5).status_code == code


def test_only_a_post_settles(place: Place) -> None:
    assert requests.get(f"{place.url}/bank/114/settle?day=2026-11-23", timeout=5).status_code == 405


@pytest.mark.parametrize(
    ("named", "day"), [("20261207", date(2026, 12, 7)), ("20261101", DAY), ("20269999", DAY), ("", DAY)]
)
def test_a_result_is_never_older_than_the_day_in_the_name_of_its_file(place: Place, named: str, day: date) -> None:
    assert place.answer([mandate()], [], f"debit-118-{named}-{new_name()}").day == day
