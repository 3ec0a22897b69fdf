"""Many rows in one statement: only the rows that were named, whatever they have in common; errors of one kind."""

from collections.abc import Mapping, Sequence
from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from insurance.work import Work
from models import AttemptReference, GatewayReport
from models.bulk import copy_rows, update_rows
from tests.world import World

KEYS = ("kind", "gateway_id", "status")
Key = tuple[str, str, str]
# Every way in which the keys of some rows can be alike.
ALL: list[Key] = [(kind, gateway_id, status) for kind in "ab" for gateway_id in "123" for status in "xy"]


def fill(work: Work) -> None:
    columns = (*KEYS, "detail", "phone_index", "known", "outcome", "heard", "received_at")
    copy_rows(work.db, GatewayReport, columns, [(*key, "old", b"\x00\xff", True, "", False, work.now) for key in ALL])


def details(world: World, rows: Sequence[Mapping[str, object]]) -> dict[Key, str]:
    """What every row says after `rows` were written over those that are there."""
    with world.ports.transaction() as work:
        fill(work)
        assert update_rows(work.db, GatewayReport, KEYS, rows, known=False) == len(rows)
        query = "SELECT kind, gateway_id, status, detail, known, phone_index FROM gateway_reports"
        read = work.db.execute(text(query)).all()
        work.db.execute(text("DELETE FROM gateway_reports"))
    assert {bool(row[4]) for row in read if row[3] == "old"} <= {True}
    assert {bool(row[4]) for row in read if row[3] != "old"} == {False}
    assert {bytes(row[5]) for row in read} == {b"\x00\xff"}
    return {(row[0], row[1], row[2]): row[3] for row in read}


@pytest.mark.parametrize(
    "named",
    [
        [("a", "1", "x")],
        [("a", "1", "x"), ("a", "3", "x")],
        [("a", "2", "x"), ("a", "2", "y")],
        [("a", "2", "y"), ("b", "2", "y")],
        [("a", "1", "x"), ("a", "2", "y")],
        [("a", "1", "x"), ("b", "2", "x")],
        [("a", "1", "y"), ("b", "2", "x"), ("b", "3", "y")],
    ],
)
def test_those_rows_are_changed_that_were_named_and_no_other(world: World, named: list[Key]) -> None:
    keyed = [dict(zip(KEYS, key, strict=True)) for key in named]
    untouched = dict.fromkeys(ALL, "old")
    assert details(world, [{**key, "detail": "new"} for key in keyed]) == untouched | dict.fromkeys(named, "new")
    each = {key: f"new {place}" for place, key in enumerate(named)}
    assert details(world, [{**key, "detail": each[one]} for key, one in zip(keyed, named, strict=True)]) == (
        untouched | each
    )


def test_a_key_that_is_there_already_is_the_error_that_every_caller_knows(world: World) -> None:
    row = ("ABCDEFGHJKMN", date(2026, 12, 1), 1, 1)
    with pytest.raises(IntegrityError), world.ports.transaction() as work:
        copy_rows(work.db, AttemptReference, ("reference", "month", "worker_id", "n"), [row, row])
    assert world.one("SELECT count(*) FROM attempt_references") == 0
