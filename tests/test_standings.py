"""Counters of villages: kept by the changes themselves, read without a look at any member, and proved."""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from click.testing import Result
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from commands.ports import job_ports
from insurance import standings, villages
from insurance.cover import CoverState, History, compute
from insurance.small_cells import GROUPS, VillageCount
from jobs import count_standings, send_weekly_counts
from models.partitions import ensure_partitions
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, authorise, enrol
from tests.villagers import HEAD, THIS, VILLAGE, ask, count, live_in, months_ago, pay, settle_in
from tests.world import World
from units.month import add_months


def verify(world: World, *options: str) -> Result:
    with world.app.app_context():
        return world.app.test_cli_runner().invoke(args=["villages", "verify", *options])


def counted(world: World, place: str = "") -> VillageCount:
    with world.ports.transaction() as work:
        villages.refresh(work, [VILLAGE])
        return villages.counts(work, VILLAGE).of(place)


def assert_proved(world: World) -> None:
    with world.ports.transaction() as work:
        proof = standings.prove(work, VILLAGE)
    assert proof.is_right, proof


def group_of(history: History, world: World) -> str:
    """As insurance/cover.py says it, which knows no counter."""
    with world.ports.transaction() as work:
        cover = compute(history.paid, history.posted, work.today, work.settings.DUE_DAY)
    if cover.state is CoverState.PROTECTED:
        return "protected"
    if cover.in_grace:
        return "grace"
    return "lapsed" if cover.state is CoverState.LAPSED else "waiting"


@pytest.mark.parametrize("seed", range(3))
def test_the_counters_say_on_any_day_what_cover_says_of_each_member(world: World, seed: int) -> None:
    """Months paid ahead, with gaps, not posted yet: and then half a year goes by without a job that counts."""
    chance, members = random.Random(seed), 40
    settle_in(world, members)
    around = [add_months(THIS, ahead) for ahead in range(-4, 6)]
    with Session(world.ports.database) as db, db.begin():
        ensure_partitions(db.connection(), THIS)
    known = {}
    for worker in range(1, members + 1):
        months = [month for month in around if chance.random() < 0.5]
        posted = [month for month in months if chance.random() < 0.8]
        pay(world, [worker], posted)
        pay(world, [worker], set(months) - set(posted), posted=False)
        known[worker] = History(set(months), set(posted))
    for days in (0, 8, 10, 20, 31, 40, 60):
        world.clock.forward(days=days)
        wanted = Counter(group_of(history, world) for history in known.values())
        assert counted(world).groups == {group: wanted[group] for group in GROUPS}, world.clock.now
    assert_proved(world)


def test_every_change_on_the_way_of_a_member_is_counted(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    assert counted(world).groups["waiting"] == counted(world).joined == 1
    world.exchange()
    authorise(phone)
    world.ask_banks()
    world.plan(THIS)
    world.collect()
    assert counted(world).groups["protected"] == 0, "paid, and the insurer has yet to say so"
    world.exchange()
    assert counted(world).groups["protected"] == 1
    assert_proved(world)
    with world.ports.database.begin() as db:
        db.execute(text("UPDATE months SET state = 'open', posted_on = NULL"))
    assert counted(world).groups["waiting"] == 1, "a reversal takes it back, whoever writes it"
    with world.ports.database.begin() as db:
        db.execute(text("UPDATE memberships SET state = 'ended'"))
    assert counted(world).enrolled == 0
    assert_proved(world)


def test_who_moves_is_counted_in_the_new_place_alone(world: World) -> None:
    settle_in(world, 6, rt_rw="003/005")
    pay(world, range(1, 7), [THIS])
    assert counted(world, "r003/005").groups["protected"] == counted(world, "w005").enrolled == 6
    live_in(world, "004/005", [1])
    assert [counted(world, place).enrolled for place in ("r003/005", "r004/005", "w005", "")] == [5, 1, 6, 6]
    with world.ports.database.begin() as db:
        db.execute(text("UPDATE workers SET village_code = '3599012002' WHERE id = 2"))
    assert [counted(world, place).enrolled for place in ("r003/005", "")] == [4, 5]
    assert_proved(world)


def test_the_week_is_counted_from_the_day_of_enrolment(world: World) -> None:
    enrol(world.phone())
    world.clock.forward(days=6)
    enrol(world.phone(BUDI_PHONE), BUDI_NIK, BUDI)
    assert counted(world).joined == 2
    world.clock.forward(days=1)
    assert counted(world).joined == 1


@pytest.mark.parametrize("members", [50, 400])
def test_an_answer_reads_as_many_rows_whatever_the_size(world: World, members: int) -> None:
    settle_in(world, members, rt_rw="003/005")
    pay(world, range(1, members + 1), months_ago(0, 1, 2))
    count(world)
    asked, rows = list[str](), list[int]()

    def seen(_db: object, cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)
        rows.append(int(getattr(cursor, "rowcount", 0)))

    event.listen(world.ports.database, "after_cursor_execute", seen)
    try:
        assert counted(world).groups["protected"] == members
    finally:
        event.remove(world.ports.database, "after_cursor_execute", seen)
    assert len(asked) == 3, asked
    assert max(rows) <= 8, "a few for each part"


def test_two_who_count_the_same_members_count_them_once(world: World) -> None:
    settle_in(world, 400)
    count(world)
    for month in months_ago(0, 1, 2, 3):
        # So many marks that each of those at work finds all members among its own.
        pay(world, range(1, 401), [month])
    with world.ports.database.begin() as db:
        db.execute(
            text("INSERT INTO standing_marks (worker_id, village_code) SELECT worker_id, village_code FROM standings")
        )
    threads = [threading.Thread(target=count, args=(world,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    count(world)
    assert counted(world).groups["protected"] == 400
    assert_proved(world)


def test_mondays_counts_and_the_job_that_counts_do_not_lock_each_other_out(world: World) -> None:
    for number in (HEAD, "+6281200000002"):
        ask(world, "MINGGUAN YA", number)
    settle_in(world, 2500)
    with world.ports.database.begin() as db:
        db.execute(text("UPDATE workers SET village_code = '3599012002' WHERE id % 2 = 0"))
    world.clock.now = datetime(2026, 11, 30, 1, 3, tzinfo=UTC)
    # With a job's patience: one of them waits for another's rows for as long as that one counts.
    with world.app.app_context():
        ports = job_ports()
    jobs = (count_standings, send_weekly_counts, count_standings)
    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(job, ports) for job in jobs]:
            done.result()
    ports.database.dispose()


def test_verify_names_a_village_whose_counters_are_wrong_and_mends_it(world: World) -> None:
    settle_in(world, 8, rt_rw="003/005")
    pay(world, range(1, 9), [THIS])
    count(world)
    assert verify(world).exit_code == 0
    assert "8 members counted, 0 villages wrong" in verify(world).output
    with world.ports.database.begin() as db:
        db.execute(text("UPDATE village_counters SET n = n + 1 WHERE kind = 'posted' AND place = ''"))
    found = verify(world, "--mend")
    assert found.exit_code == 2
    assert VILLAGE in found.output
    assert "1 villages wrong" in found.output
    count(world)
    assert verify(world).exit_code == 0
    assert counted(world).groups["protected"] == 8


def test_verify_finds_a_member_that_nobody_counted(world: World) -> None:
    settle_in(world, 8)
    count(world)
    with world.ports.database.begin() as db:
        db.execute(text("UPDATE memberships SET state = 'ended' WHERE worker_id = 3"))
    assert verify(world).exit_code == 0, "who is marked is about to be counted"
    with world.ports.database.begin() as db:
        db.execute(text("DELETE FROM standing_marks"))
    found = verify(world, "--village", VILLAGE)
    assert found.exit_code == 2
    assert verify(world, "--village", "0000000000").exit_code == 1


def test_a_village_of_whom_a_transaction_is_open_answers_without_waiting_for_it(world: World) -> None:
    settle_in(world, 6)
    count(world)
    with world.ports.database.connect() as db:
        db.execute(text("UPDATE memberships SET state = 'ended' WHERE worker_id = 3"))
        assert counted(world).enrolled == 6
        db.commit()
    assert counted(world).enrolled == 5


def test_the_head_is_answered_from_the_counters(world: World) -> None:
    settle_in(world, 30)
    pay(world, range(1, 13), [THIS])
    pay(world, range(13, 21), months_ago(1))
    pay(world, range(21, 26), months_ago(4))
    world.phone(HEAD).text("CEK")
    said = "terdaftar 30, terlindungi 12, masa tenggang 8, nonaktif 5, belum tercatat 5"
    assert said in world.last_sms(HEAD)
    world.clock.now = datetime(2026, 12, 3, 2, tzinfo=UTC)
    world.phone(HEAD).text("CEK")
    said = "terdaftar 30, terlindungi 0, masa tenggang 8, nonaktif 5, belum tercatat 17"
    assert said in world.last_sms(HEAD), "before the due day nothing is held against who paid last month"


def test_days_of_joining_that_nobody_asks_for_any_more_are_not_kept(world: World) -> None:
    def days() -> int:
        return int(world.one("SELECT count(DISTINCT at) FROM village_counters WHERE kind = 'joined' AND n <> 0"))

    enrol(world.phone())
    count(world)
    assert days() == 1
    world.clock.forward(days=standings.JOINED_DAYS + 1)
    enrol(world.phone(BUDI_PHONE), BUDI_NIK, BUDI)
    count(world)
    assert (days(), counted(world).joined) == (1, 1)
    with world.ports.database.begin() as db:
        db.execute(text("UPDATE workers SET rt_rw = '001002'"))
    count(world)
    assert (days(), counted(world).enrolled) == (1, 2)
    assert_proved(world)
