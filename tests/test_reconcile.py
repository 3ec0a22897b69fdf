"""Day files against attempts, ledger and insurer: each difference is a matter with its trail, nothing is guessed."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter

import pytest
from sqlalchemy import text

from autodebit.collect import collect
from autodebit.decide import decide
from autodebit.hear import hear_notices, keep
from autodebit.settle import settle
from autodebit.unknown import ask_unknown
from banks.base import (
    BankAnswer,
    BankUnknown,
    Became,
    CollectRequest,
    Notice,
    Status,
    StatusRequest,
)
from banks.settlement import SettlementFiles, SettlementLine
from database import JOB_ANSWER_TIMEOUT_S, make_engine
from insurance import reconcile, settlements
from tests.people import NO_FUNDS
from tests.settling import BANK, DAY, Bank, line
from tests.stand_ins import Away
from tests.test_autodebit import member
from tests.world import World

NEXT = DAY + timedelta(days=1)
# The first month of the lowest bracket in the discount (data/tariffs.csv): JKK 5.000, JKM 3.400, JHT 20.000.
TOTAL_RP = 28400


@pytest.fixture
def bank(world: World, tmp_path: Path) -> Bank:
    return Bank(world, tmp_path / "settlement")


class Silent(Away):
    """A bank that gets the debit and gives no answer, and knows no status call."""

    def collect(self, debit: CollectRequest) -> BankAnswer:
        raise BankUnknown("timeout")


class Asked(Silent):
    """The same, that can be asked."""

    def __init__(self, became: Became) -> None:
        self.became = became

    def status(self, debit: StatusRequest) -> Status:
        return Status(self.became, code="4045501" if self.became is Became.NOT_FOUND else "03")


def paid(world: World) -> str:
    """Siti's November debited and confirmed; its reference."""
    member(world)
    world.collect()
    return reference(world)


def unknown(world: World, silent: Silent | None = None) -> str:
    member(world)
    collect(replace(world.ports, banks={BANK: silent or Silent()}))
    assert state(world) == "unknown"
    return reference(world)


def reference(world: World, n: int = 1) -> str:
    return str(world.one("SELECT reference FROM attempts WHERE n = :n", n=n))


def state(world: World, n: int = 1) -> str:
    return str(world.one("SELECT state FROM attempts WHERE n = :n", n=n))


def tomorrow(world: World) -> None:
    world.clock.forward(days=1)


def notice(world: World, about: str, became: Became) -> None:
    with world.ports.transaction() as work:
        keep(work, BANK, Notice(became, about, "", None, "", work.now, f"{about} {became}"))
    hear_notices(world.ports)


# A line and the books


def test_a_debit_in_the_file_is_settled_and_the_days_number_is_nought(world: World, bank: Bank) -> None:
    debit = paid(world)
    world.exchange()
    tomorrow(world)
    bank.gives([line("debit", debit)])
    (taken,) = bank.settle()
    assert (taken.found, taken.day, taken.refused) == ({"settled": 1}, DAY, "")
    assert world.rows("SELECT state, settled_on FROM attempts") == [("settled", DAY)]
    number = bank.number()
    assert {name: one.bank_rp for name, one in number.items()} == {"JKK": 5000, "JKM": 3400, "JHT": 20000}
    assert all(one.bank_rp == one.ledger_rp == one.insurer_rp for one in number.values())
    assert all(one.difference_rp == 0 for one in number.values())
    assert bank.items() == []


def test_what_bpjs_has_not_posted_is_a_difference_that_time_explains_for_three_days(world: World, bank: Bank) -> None:
    debit = paid(world)
    tomorrow(world)
    bank.gives([line("debit", debit)])
    bank.settle()
    assert [(one.difference_rp, one.open_rp) for one in bank.number().values()] == [(5000, 0), (3400, 0), (20000, 0)]
    world.clock.forward(days=3)
    bank.settle()
    assert bank.items() == [("difference", "unposted")]
    world.exchange()
    world.clock.forward(hours=2)
    bank.settle()
    assert bank.items("open", "done") == [("difference", "unposted")]
    assert bank.items() == [], "closed by itself: it is posted now"
    assert sum(one.difference_rp for one in bank.number().values()) == 0


def test_the_bank_s_own_reference_will_do(world: World, bank: Bank) -> None:
    paid(world)
    theirs = str(world.one("SELECT bank_reference FROM attempts"))
    tomorrow(world)
    bank.gives([line("debit", "THEIRS-1", bank_reference=theirs)])
    assert bank.settle()[0].found == {"settled": 1}


def test_an_unknown_debit_that_the_file_has_is_booked_with_its_receipt(world: World, bank: Bank) -> None:
    debit = unknown(world)
    tomorrow(world)
    bank.gives([line("debit", debit)])
    bank.settle()
    assert state(world) == "settled"
    assert world.one("SELECT sum(amount_rp) FROM transfers WHERE kind = 'collected'") == TOTAL_RP
    assert world.one("SELECT count(*) FROM messages WHERE kind = 'paid'") == 1
    assert all(one.bank_rp == one.ledger_rp for one in bank.number().values()), "booked today, of the bank's day"
    events = world.rows("SELECT after, why FROM events WHERE subject = 'attempt' ORDER BY id")
    assert events[-2:] == [("confirmed", "file"), ("settled", "file")]


def test_a_failed_debit_that_the_file_has_was_none_and_stops_the_next_try(world: World, bank: Bank) -> None:
    member(world, NO_FUNDS)
    world.collect()
    debit = reference(world)
    tomorrow(world)
    bank.gives([line("debit", debit)])
    bank.settle()
    assert state(world) == "settled"
    assert world.rows("SELECT state FROM attempts WHERE n > 1 AND state <> 'cancelled'") == []
    assert world.one("SELECT state FROM months") == "covered"


def test_a_late_success_after_a_later_one_refunds_one(world: World, bank: Bank) -> None:
    first = paid(world)
    with world.ports.database.begin() as connection:
        # As if a first try had failed and this were the second.
        connection.execute(text("UPDATE attempts SET n = 2"))
        connection.execute(text("UPDATE attempt_references SET n = 2"))
        columns = [
            c for (c,) in world.rows("SELECT column_name FROM information_schema.columns WHERE table_name = 'attempts'")
        ]
        changed = {"n": "1", "reference": "'LATESUCCESS1'", "state": "'failed_soft'", "bank_reference": "''"}
        picked = ", ".join(changed.get(column, column) for column in columns)
        connection.execute(text(f"INSERT INTO attempts ({', '.join(columns)}) SELECT {picked} FROM attempts"))
        connection.execute(
            text("INSERT INTO attempt_references SELECT 'LATESUCCESS1', month, worker_id, 1 FROM attempt_references")
        )
    tomorrow(world)
    bank.gives([line("debit", first), line("debit", "LATESUCCESS1", bank_reference="B2")])
    assert bank.settle()[0].found == {"settled": 2}
    assert world.rows("SELECT attempt_reference, amount_rp, why FROM refunds") == [
        ("LATESUCCESS1", TOTAL_RP, "surplus")
    ]
    number = bank.number()
    assert (number["SURPLUS"].bank_rp, number["SURPLUS"].ledger_rp, number["SURPLUS"].difference_rp) == (
        TOTAL_RP,
        TOTAL_RP,
        0,
    )


def test_another_amount_books_nothing_and_is_for_a_person(world: World, bank: Bank) -> None:
    debit = unknown(world)
    tomorrow(world)
    bank.gives([line("debit", debit, TOTAL_RP - 400)])
    assert bank.settle()[0].found == {"wrong_amount": 1}
    assert state(world) == "unknown"
    assert world.one("SELECT count(*) FROM transfers") == 0
    assert bank.items() == [("difference", "wrong_amount")]
    number = bank.number()
    assert number["OTHER"].bank_rp == -400
    assert sum(one.bank_rp for one in number.values()) == TOTAL_RP - 400
    assert all(one.difference_rp and not one.open_rp for one in number.values())


def test_a_debit_that_is_none_of_ours_is_missing_here(world: World, bank: Bank) -> None:
    tomorrow(world)
    bank.gives([line("debit", "NOBODYS00001", 5000)])
    assert bank.settle()[0].found == {"missing_here": 1}
    assert bank.items() == [("difference", "missing_here")]
    one = bank.number()["OTHER"]
    assert (one.bank_rp, one.ledger_rp, one.difference_rp, one.open_rp) == (5000, 0, 5000, 0)


def test_a_debit_that_the_bank_lacks_is_named_and_explained(world: World, bank: Bank) -> None:
    paid(world)
    world.exchange()
    tomorrow(world)
    bank.gives([])
    bank.settle()
    assert bank.items() == [("difference", "missing_at_bank")]
    assert world.one("SELECT amount_rp FROM work_items") == TOTAL_RP
    number = bank.number()
    assert (number["JHT"].bank_rp, number["JHT"].ledger_rp, number["JHT"].difference_rp) == (0, 20000, 20000)
    assert all(one.open_rp == 0 for one in number.values())
    assert state(world) == "confirmed"


def test_what_the_next_days_file_has_is_missing_no_longer(world: World, bank: Bank) -> None:
    debit = paid(world)
    world.exchange()
    tomorrow(world)
    bank.gives([])
    bank.settle()
    tomorrow(world)
    bank.gives([line("debit", debit, day=NEXT)], NEXT)
    bank.settle()
    assert bank.items() == []
    assert bank.items("done") == [("difference", "missing_at_bank")]
    assert bank.number() == {}, "the debit belongs to the bank's day now"
    assert all(one.difference_rp == 0 for one in bank.number(NEXT).values())


def test_one_too_many_never_hides_one_too_few(world: World, bank: Bank) -> None:
    paid(world)
    tomorrow(world)
    bank.gives([line("debit", "NOBODYS00001")])
    bank.settle()
    assert sum(one.bank_rp - one.ledger_rp for one in bank.number().values()) == 0
    assert sum(one.difference_rp for one in bank.number().values()) >= 2 * TOTAL_RP


def test_the_same_debit_on_two_days_is_a_second_debit(world: World, bank: Bank) -> None:
    debit = paid(world)
    world.clock.forward(days=2)
    bank.gives([line("debit", debit)])
    bank.gives([line("debit", debit, day=NEXT)], NEXT)
    assert [one.found for one in bank.settle()] == [{"settled": 1}, {"twice": 1}]
    assert bank.items() == [("difference", "twice")]
    assert bank.number(NEXT)["OTHER"].difference_rp == TOTAL_RP


# What is given back


def test_a_return_reverses_the_debit_and_opens_the_month(world: World, bank: Bank) -> None:
    debit = paid(world)
    tomorrow(world)
    bank.gives([line("return", debit), line("debit", debit)])
    assert bank.settle()[0].found == {"settled": 1, "reversed": 1}
    assert state(world) == "reversed"
    assert world.one("SELECT state FROM months") == "open"
    assert {(one.bank_rp, one.ledger_rp, one.difference_rp) for one in bank.number().values()} <= {(0, 0, 0)}
    assert bank.items() == []


def test_a_return_whose_debit_comes_in_a_late_file_is_booked_with_it(world: World, bank: Bank) -> None:
    debit = unknown(world)
    world.clock.forward(days=2)
    bank.gives([line("return", debit, day=NEXT)], NEXT)
    assert bank.settle()[0].found == {"return_unbooked": 1}
    assert state(world) == "unknown", "nothing by guess"
    bank.gives([line("debit", debit)])
    bank.settle()
    assert state(world) == "reversed"
    assert bank.items() == []
    assert all(one.difference_rp == 0 for day in (DAY, NEXT) for one in bank.number(day).values())


def test_a_return_that_a_notice_had_told_is_matched(world: World, bank: Bank) -> None:
    debit = paid(world)
    world.clock.forward(hours=1)
    notice(world, debit, Became.FAILED)
    assert state(world) == "reversed"
    tomorrow(world)
    bank.gives([line("debit", debit), line("return", debit)])
    assert bank.settle()[0].found == {"matched": 2}
    assert all(one.difference_rp == 0 for one in bank.number().values())


@pytest.mark.parametrize(
    ("before", "found"), [("unknown", "refunded"), ("by_hand", "refunded"), ("due", "refund_unasked")]
)
def test_a_refund_in_the_file_is_done_if_it_was_on_its_way(world: World, bank: Bank, before: str, found: str) -> None:
    debit = paid(world)
    with world.ports.database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO refunds (reference, attempt_reference, month, worker_id, n, bank_code, amount_rp, state,"
                " why, bank_reference, changed_at) SELECT 'REFUND000001', reference, month, worker_id, n, bank_code,"
                " 28400, :before, 'surplus', '', now() FROM attempts"
            ),
            {"before": before},
        )
    tomorrow(world)
    bank.gives([line("debit", debit), line("refund", debit)])
    assert bank.settle()[0].found == {"settled": 1, found: 1}
    assert world.one("SELECT state FROM refunds") == ("done" if found == "refunded" else before)
    assert [code for _, code in bank.items()] == ([] if found == "refunded" else [found])
    assert bank.number()["SURPLUS"].open_rp == 0


# Absent


def test_a_bank_that_cannot_be_asked_frees_a_debit_only_by_two_days_files(world: World, bank: Bank) -> None:
    unknown(world)
    tomorrow(world)
    bank.gives([])
    bank.settle()
    assert state(world) == "unknown", "it may stand in the next day's file"
    tomorrow(world)
    bank.gives([], NEXT)
    settle(replace(bank.ports, banks={BANK: Silent()}))
    assert state(world) == "failed_soft"
    assert state(world, 2) == "noticed" or state(world, 2) == "scheduled"
    assert world.one("SELECT code FROM attempts WHERE n = 1") == "absent"


def test_a_missing_file_frees_nothing(world: World, bank: Bank) -> None:
    unknown(world)
    world.clock.forward(days=2)
    bank.gives([], NEXT)
    settle(replace(bank.ports, banks={BANK: Silent()}))
    assert state(world) == "unknown"


@pytest.mark.parametrize(("became", "after"), [(Became.NOT_FOUND, "failed_soft"), (Became.PENDING, "unknown")])
def test_a_bank_that_can_be_asked_is_asked_after_its_file(world: World, bank: Bank, became: Became, after: str) -> None:
    silent = Asked(became)
    ports = replace(bank.ports, banks={BANK: silent})
    unknown(world, silent)
    world.clock.forward(hours=5)
    ask_unknown(ports)
    assert state(world) == "unknown", "not found before the file frees nothing"
    tomorrow(world)
    bank.gives([])
    settle(ports)
    assert state(world) == "unknown"
    ask_unknown(ports)
    assert state(world) == after


def test_a_wrong_amount_is_not_absence(world: World, bank: Bank) -> None:
    debit = unknown(world)
    world.clock.forward(days=2)
    bank.gives([line("debit", debit, 100)])
    bank.gives([], NEXT)
    settle(replace(bank.ports, banks={BANK: Silent()}))
    assert state(world) == "unknown"


# Files


def test_the_same_file_again_changes_nothing(world: World, bank: Bank) -> None:
    debit = unknown(world)
    tomorrow(world)
    for _ in range(3):
        bank.gives([line("debit", debit)])
        (taken,) = bank.settle()
        assert taken.refused == ""
    assert world.one("SELECT count(*) FROM settlement_lines") == 1
    assert world.one("SELECT count(*) FROM messages WHERE kind = 'paid'") == 1
    assert bank.items() == []


def test_a_day_under_another_name_or_with_other_lines_is_for_a_person(world: World, bank: Bank) -> None:
    debit = paid(world)
    tomorrow(world)
    bank.gives([line("debit", debit)])
    bank.settle()
    bank.gives([line("debit", debit)], name="again.csv")
    assert bank.refused() == "again.csv: the same day again"
    bank.gives([line("debit", debit), line("debit", "NOBODYS00001")])
    assert bank.refused() == f"day-{DAY}.csv: the day has another file already"
    assert bank.items() == [("bad_file", "the same day again"), ("bad_file", "the day has another file already")]
    assert world.one("SELECT count(*) FROM settlement_lines") == 1
    assert (bank.folder / "refused" / "again.csv").exists()


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (cut, "too long, or cut off"),
        (lambda content: content.replace(b"28400", b"28401", 1), "trailer: counts, sum or checksum"),
        (lambda content: content.replace(b",114,", b",128,", 1), "header: another bank"),
        (lambda content: content + content, "something after the trailer"),
    ],
)
def test_a_file_that_does_not_add_up_books_nothing(world: World, bank: Bank, damage: object, why: str) -> None:
    assert callable(damage)
    debit = unknown(world)
    tomorrow(world)
    path = bank.folder / bank.gives([line("debit", debit)])
    path.write_bytes(damage(path.read_bytes()))
    refused = bank.refused()
    assert refused.startswith(f"{path.name}: line ")
    assert refused.endswith(why)
    assert bank.items() == [("bad_file", refused.removeprefix(f"{path.name}: ")[:40])]
    assert state(world) == "unknown"
    assert debit not in refused
    bank.gives([line("debit", debit)])
    assert bank.settle()[0].found == {"settled": 1}, "the right file is taken after the bad one"


@pytest.mark.parametrize("day", [DAY + timedelta(days=1), DAY - timedelta(days=45), DAY + timedelta(days=31)])
def test_a_day_that_is_not_over_or_long_ago_is_refused(world: World, bank: Bank, day: date) -> None:
    tomorrow(world)
    bank.gives([], day)
    assert bank.refused().endswith("not a day of the last 31 that is over")


def test_a_bank_that_owes_its_file_is_a_matter_until_it_comes(world: World, bank: Bank) -> None:
    debit = paid(world)
    world.exchange()
    tomorrow(world)
    bank.settle()
    assert bank.items() == [], "it has today to send it"
    tomorrow(world)
    bank.settle()
    assert bank.items() == [("difference", "no_file")]
    bank.gives([line("debit", debit)])
    bank.settle()
    assert bank.items() == []


# Crashes and volume


@pytest.fixture
def crowd(bank: Bank) -> Iterator[Bank]:
    """A bank whose files are long: with the patience of a job, and the rows away at one stroke afterwards."""
    url = bank.world.ports.settings.DATABASE_URL.get_secret_value()
    engine = make_engine(url, answer_timeout_s=JOB_ANSWER_TIMEOUT_S, connections_max=2)
    yield replace(bank, engine=engine)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        tables = "months, attempts, attempt_references, transfers, events, settlement_lines, settlement_files"
        connection.execute(text(f"TRUNCATE {tables}"))
    engine.dispose()


def many(bank: Bank, count: int) -> Iterator[SettlementLine]:
    """So many confirmed and posted debits of today, whose owners are numbers only; a line for each."""
    made = """
        CREATE TEMPORARY TABLE made ON COMMIT DROP AS
        SELECT DATE '2026-11-01' AS month, id AS worker_id, 'R' || lpad(id::text, 11, '0') AS reference
          FROM generate_series(1000001, 1000000 + :count) AS id;
    """
    with bank.ports.database.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(made.replace(":count", str(count))))
        connection.execute(
            text("INSERT INTO months SELECT month, worker_id, 'covered', 'self', '2026-11-23', reference FROM made")
        )
        connection.execute(text("INSERT INTO attempt_references SELECT reference, month, worker_id, 1 FROM made"))
        connection.execute(
            text(
                "INSERT INTO attempts (month, worker_id, n, bank_code, why, reference, jkk_rp, jkm_rp, jht_rp, fee_rp,"
                " state, due_on, needs_notice, asks, code, bank_reference, changed_at, asked_at)"
                " SELECT month, worker_id, 1, '114', 'monthly', reference, 5000, 3400, 20000, 0,"
                " 'confirmed', '2026-11-23', true, 0, '', '', :now, :now FROM made"
            ),
            {"now": bank.world.clock.now},
        )
        for kind, source, target in (("collected", "bank:114", "due:"), ("posted", "due:", "insurer:")):
            connection.execute(
                text(
                    "INSERT INTO transfers (month, at, worker_id, reference, kind, programme, debit_account,"
                    " credit_account, amount_rp) SELECT month, :now, worker_id, reference, :kind, p, :source,"
                    " :target || p, rp FROM made, (VALUES ('JKK', 5000), ('JKM', 3400), ('JHT', 20000)) AS v (p, rp)"
                ),
                {"now": bank.world.clock.now, "kind": kind, "source": source, "target": target},
            )
    for number in range(1000001, 1000001 + count):
        yield line("debit", f"R{number:011}", bank_reference=f"B{number}")


def test_a_crash_in_the_middle_is_gone_on_from(world: World, crowd: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd.gives(many(crowd, 2500))
    tomorrow(world)
    taking, calls = settlements.take, 0

    def dies(*given: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise SystemExit
        return taking(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(settlements, "take", dies)
    with pytest.raises(SystemExit):
        crowd.settle()
    monkeypatch.undo()
    assert world.one("SELECT count(*) FROM settlement_lines") == 1000
    assert world.one("SELECT done FROM settlement_files WHERE taken_at IS NULL") == 1000
    assert world.one("SELECT count(*) FROM reconciled_days") == 0, "half a file says nothing about the day"
    (taken,) = crowd.settle()
    assert (taken.found, taken.refused) == ({"settled": 1500}, "")
    assert world.one("SELECT count(*) FROM attempts WHERE state = 'settled'") == 2500
    assert world.one("SELECT count(*) FROM events WHERE after = 'settled'") == 2500
    assert sum(one.difference_rp for one in crowd.number().values()) == 0


def test_a_crash_before_the_file_is_put_aside_repeats_nothing(world: World, bank: Bank) -> None:
    debit = paid(world)
    tomorrow(world)
    name = bank.gives([line("debit", debit)])

    class Dies(SettlementFiles):
        def take(self, name: str) -> None:
            raise SystemExit

    with pytest.raises(SystemExit):
        settle(replace(bank.ports, settlements={BANK: Dies(BANK, bank.folder)}))
    (taken,) = bank.settle()
    assert (taken.found, taken.refused) == ({}, "")
    assert (bank.folder / "taken" / name).exists()
    assert world.one("SELECT count(*) FROM events WHERE after = 'settled'") == 1


def test_twenty_thousand_lines_take_seconds(world: World, crowd: Bank) -> None:
    crowd.gives(many(crowd, 20_000))
    tomorrow(world)
    began = perf_counter()
    (taken,) = crowd.settle()
    assert (taken.found, taken.refused) == ({"settled": 20_000}, "")
    took_s = perf_counter() - began
    number = crowd.number()
    assert (number["JHT"].bank_rp, number["JHT"].insurer_rp) == (400_000_000, 400_000_000)
    assert sum(one.difference_rp for one in number.values()) == 0
    assert took_s < 60, f"{took_s:.1f} s"


def test_a_longer_file_takes_no_more_memory(world: World, crowd: Bank) -> None:
    peaks = []
    for count in (1_000, 5_000):
        world.reset()
        tracemalloc.start()
        crowd.gives(many(crowd, count), name=f"{count}.csv")
        tomorrow(world)
        tracemalloc.reset_peak()
        assert crowd.settle()[0].day == DAY
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5


def test_another_process_with_the_same_file_is_left_alone(world: World, bank: Bank) -> None:
    lines = list(many(bank, 2))
    bank.gives(lines)
    tomorrow(world)
    file = SettlementFiles(BANK, bank.folder).read(f"day-{DAY}.csv")
    with world.ports.transaction() as work:
        assert settlements.begin(work, file, settlements.content(file.lines)) == 0
        settlements.take(work, BANK, DAY, 0, lines)
    with world.ports.transaction() as work, pytest.raises(settlements.Busy):
        settlements.take(work, BANK, DAY, 0, lines)


def test_books_that_were_changed_behind_our_back_are_not_explained(world: World, bank: Bank) -> None:
    debit = paid(world)
    world.exchange()
    tomorrow(world)
    bank.gives([line("debit", debit)])
    bank.settle()
    with world.ports.database.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE transfers SET amount_rp = 1 WHERE programme = 'JHT'"))
    with world.ports.transaction() as work:
        reconcile.count(work, BANK, DAY)
    assert bank.number()["JHT"].open_rp == 19999


def test_a_difference_that_a_person_closed_stays_explained_by_its_trail(world: World, bank: Bank) -> None:
    tomorrow(world)
    bank.gives([line("debit", "NOBODYS00001", 5000)])
    bank.settle()
    decide(world.ports, int(world.one("SELECT id FROM work_items")), "ani", "settled_by_hand")
    bank.settle()
    assert bank.items() == []
    assert bank.number()["OTHER"].open_rp == 0
    trail = world.rows("SELECT actor, why, after FROM events WHERE subject = 'work_item' ORDER BY id")
    assert trail == [("system", "difference", "open"), ("ani", "settled_by_hand", "done")]


# Commands


def test_the_commands_take_and_show_and_leave_a_code_that_tells(world: World, bank: Bank) -> None:
    debit = paid(world)
    tomorrow(world)
    runner = world.app.test_cli_runner()
    world.app.extensions["ports"], kept = bank.ports, world.app.extensions["ports"]
    try:
        shown = runner.invoke(args=["reconcile", "show", "--day", str(DAY)])
        assert (shown.exit_code, "its file was not taken" in shown.output) == (2, True)
        bank.gives([line("debit", debit)])
        taken = runner.invoke(args=["reconcile", "take"])
        assert (taken.exit_code, "settled 1" in taken.output) == (0, True)
        shown = runner.invoke(args=["reconcile", "show"])
        assert (shown.exit_code, "Rp20.000" in shown.output) == (0, True)
        (bank.folder / "broken.csv").write_text("H\n")
        assert runner.invoke(args=["reconcile", "take"]).exit_code == 2
        assert runner.invoke(args=["reconcile", "show", "--day", "x"]).exit_code == 1
    finally:
        world.app.extensions["ports"] = kept
