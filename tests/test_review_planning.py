"""What a hostile reader found in the planner: months that were overlooked, chunks without end, mandates past theirs."""

from dataclasses import replace

from sqlalchemy import text

from autodebit.collect import collect
from banks.base import Became
from insurance import mandates, runs
from insurance.consent import Yes
from models import Worker
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, authorise, enrol
from tests.settling import BANK, Silent, notice, reference
from tests.test_autodebit import DEC, NOV, member
from tests.test_review import change
from tests.world import World


def test_who_is_verified_after_the_next_month_was_planned_is_planned_too(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    authorise(phone)
    world.ask_banks()
    world.clock.forward(days=3)
    assert world.plan(DEC).scheduled == 0, "BPJS has not said yes"
    world.clock.forward(days=1)
    world.exchange()
    assert world.plan(DEC).scheduled == 1


def test_a_month_without_a_tariff_is_planned_once_the_tariff_is_there(world: World) -> None:
    member(world)
    world.collect()
    world.clock.forward(days=3)
    change(world, "UPDATE tariffs SET valid_from = valid_from + interval '100 years'")
    try:
        world.ports.reference.clear()
        assert world.plan(DEC).scheduled == 0
    finally:
        change(world, "UPDATE tariffs SET valid_from = valid_from - interval '100 years'")
        world.ports.reference.clear()
    world.clock.forward(days=1)
    assert world.plan(DEC).scheduled == 1


def test_a_mandate_that_could_not_be_planned_is_tried_again(world: World) -> None:
    member(world)
    world.collect()
    world.clock.forward(days=3)
    zone = world.rows("SELECT zone FROM villages WHERE code = (SELECT village_code FROM workers)")[0][0]
    change(world, "UPDATE villages SET zone = 'Nowhere/None'")
    try:
        assert world.plan(DEC).broken == 1
    finally:
        change(world, "UPDATE villages SET zone = :zone", zone=zone)
    world.clock.forward(days=1)
    assert world.plan(DEC).scheduled == 1


def test_what_failed_through_an_old_account_is_planned_through_the_new_one(world: World) -> None:
    member(world)
    with world.ports.transaction() as work:
        worker = work.db.query(Worker).one()
        yes = Yes("mandate", "v", "id", "ya", "session", BUDI_PHONE)
        mandates.authorise(work, worker, BANK, "1140022345", 5, yes, replacing=True)
    collect(replace(world.ports, banks={BANK: Silent()}))
    world.ask_banks()
    for _ in range(2):
        world.plan(NOV)
        world.clock.forward(hours=3)
    assert world.one("SELECT count(*) FROM attempts") == 1, "money may have moved"
    world.clock.forward(days=1)
    notice(world, reference(world), Became.FAILED)
    assert world.plan(NOV).scheduled == 1


def test_planning_again_takes_no_more_at_once_than_a_chunk(world: World) -> None:
    member(world)
    phone = world.phone(BUDI_PHONE)
    enrol(phone, BUDI_NIK, BUDI)
    authorise(phone, "1140022345")
    world.ask_banks()
    last = world.rows("SELECT max(id) FROM mandates")[0][0]
    with world.ports.transaction() as work:
        # Two that changed, and between them room for so many that did not.
        work.db.execute(text("SET LOCAL session_replication_role = replica"))
        work.db.execute(
            text("UPDATE attempts SET mandate_id = :new WHERE mandate_id = :old"), {"old": last, "new": last + 9000}
        )
        work.db.execute(text("UPDATE mandates SET id = :new WHERE id = :old"), {"old": last, "new": last + 9000})
    world.plan(NOV)
    world.clock.forward(minutes=30)
    world.plan(NOV)
    newest = world.rows("SELECT first_id, last_id FROM chunks ORDER BY id DESC LIMIT 1")[0]
    assert newest.last_id - newest.first_id <= runs.CHUNK_MANDATES


def test_a_mandate_that_has_expired_is_not_debited(world: World) -> None:
    member(world)
    world.collect()
    world.clock.forward(days=11)
    assert world.plan(DEC).scheduled == 1
    world.send_sms()
    change(world, "UPDATE mandates SET expires_on = '2026-12-06'")
    world.clock.forward(days=3)
    assert world.collect().by_state == {}
