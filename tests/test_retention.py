"""What is kept for a while only: counted in a dry run, emptied or deleted by night, and what must stay stays."""

from datetime import date

import pytest
from click.testing import Result
from sqlalchemy import text

from insurance import retention
from jobs import keep_no_longer
from models.partitions import months_before
from tests.console_desk import paid_member
from tests.people import SITI_PHONE, enrol
from tests.world import World

STRANGER = "+6281299990000"


def command(world: World, *args: str) -> Result:
    with world.app.app_context():
        return world.app.test_cli_runner().invoke(args=["privacy", "retention", *args])


@pytest.fixture
def busy(world: World) -> World:
    """A stranger wrote and was answered, a member wrote, and gateways reported."""
    enrol(world.phone())
    world.phone(STRANGER).text("HALO")
    world.phone().text("SALDO")
    world.send_sms()
    with world.ports.database.begin() as db:
        db.execute(text("UPDATE messages SET state = 'delivered'"))
        db.execute(
            text(
                "INSERT INTO gateway_reports (kind, gateway_id, status, detail, outcome, known, heard, received_at) "
                "SELECT 'delivery', 'x', 'Success', '', '', true, true, :now"
            ),
            {"now": world.clock.now},
        )
        db.execute(text("INSERT INTO code_tries VALUES ('x', :day, 1)"), {"day": world.clock.now.date()})
    return world


def kept(world: World) -> tuple[int, int, int, int]:
    """Texts that came in, texts to strangers, reports, tries that still hold something."""
    return (
        world.one("SELECT count(*) FROM inbound_sms WHERE length(text_sealed) > 0 AND length(sender_sealed) > 0"),
        world.one("SELECT count(*) FROM messages WHERE worker_id IS NULL AND length(text_sealed) > 0"),
        world.one("SELECT count(*) FROM gateway_reports"),
        world.one("SELECT count(*) FROM code_tries"),
    )


def test_a_dry_run_counts_and_changes_nothing(busy: World) -> None:
    assert kept(busy) == (2, 1, 1, 1)
    busy.clock.forward(days=91)
    done = command(busy)
    assert "Nothing was changed" in done.output
    assert kept(busy) == (2, 1, 1, 1)
    counted = {
        line.split("│")[1].strip(): line.split("│")[3].strip() for line in done.output.splitlines() if "│" in line
    }
    assert counted["texts that came in"] == "2"
    assert counted["texts to strangers and heads"] == "1"


def test_by_night_what_is_past_its_time_goes_and_what_the_member_was_told_stays(busy: World) -> None:
    to_siti = busy.owed_to(SITI_PHONE)
    busy.clock.forward(days=91)
    keep_no_longer(busy.ports)
    assert kept(busy) == (0, 0, 0, 0)
    assert busy.one("SELECT count(*) FROM inbound_sms") == 2, "that something came, and its word, stays"
    assert busy.owed_to(SITI_PHONE) == to_siti


def test_nothing_goes_before_its_time(busy: World) -> None:
    busy.clock.forward(days=89)
    keep_no_longer(busy.ports)
    assert kept(busy) == (2, 1, 1, 1)


def test_a_text_that_is_still_on_its_way_keeps_its_words(busy: World) -> None:
    with busy.ports.database.begin() as db:
        db.execute(text("UPDATE messages SET state = 'held'"))
    busy.clock.forward(days=91)
    keep_no_longer(busy.ports)
    assert kept(busy)[1] == 1


def test_many_go_in_chunks(busy: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    busy.clock.forward(days=91)
    keep_no_longer(busy.ports)
    assert kept(busy) == (0, 0, 0, 0)


OLD, NEWER = date(2024, 10, 1), date(2024, 11, 1)


def test_old_months_of_texts_are_deleted_with_their_keys_and_ids(world: World) -> None:
    paid_member(world)
    with world.ports.database.begin() as db:
        for month, end in ((OLD, NEWER), (NEWER, date(2024, 12, 1))):
            db.execute(
                text(
                    f"CREATE TABLE messages_{month:%Y_%m} PARTITION OF messages "
                    f"FOR VALUES FROM ('{month}') TO ('{end}')"
                )
            )
            db.execute(text("CREATE TEMP TABLE copied ON COMMIT DROP AS SELECT * FROM messages LIMIT 1"))
            db.execute(text("UPDATE copied SET month = :month"), {"month": month})
            db.execute(text("INSERT INTO messages OVERRIDING SYSTEM VALUE SELECT * FROM copied"))
            db.execute(text("INSERT INTO message_keys SELECT 'k' || month, month, id FROM copied"))
            db.execute(text("INSERT INTO gateway_messages SELECT 'g' || month, month, id FROM copied"))
            db.execute(text("DROP TABLE copied"))
    sent = world.one("SELECT count(*) FROM messages")
    with world.ports.database.connect() as connection:
        assert months_before(connection, "messages", date(2025, 1, 1)) == [OLD, NEWER]
    try:
        assert "months of texts" in command(world).output
        keep_no_longer(world.ports)
        with world.ports.database.connect() as connection:
            assert months_before(connection, "messages", date(2025, 1, 1)) == [NEWER], "24 whole months are kept"
        assert world.one("SELECT count(*) FROM messages") == sent - 1
        for table in ("message_keys", "gateway_messages"):
            assert world.rows(f"SELECT month FROM {table} WHERE month < '2025-01-01'") == [(NEWER,)]
    finally:
        # The database is the other tests' too.
        with world.ports.database.begin() as db:
            for month in (OLD, NEWER):
                db.execute(text(f"DROP TABLE IF EXISTS messages_{month:%Y_%m}"))


def test_rows_past_their_time_are_found_by_their_indexes(world: World) -> None:
    with world.ports.transaction() as work:
        work.db.execute(text("SET LOCAL enable_seqscan = off"))
        for rule, index in (("texts that came in", "ix_inbound_sms_kept"), ("texts to strangers", "messages_2")):
            found = next(one for one in retention.RULES if one.what.startswith(rule))
            assert isinstance(found, retention.Rule)
            plan = work.db.scalars(text(f"EXPLAIN SELECT 1 FROM {found.rows}"), {"before": world.clock.now})
            shown = "\n".join(plan)
            assert index in shown
            assert "Seq Scan" not in shown
