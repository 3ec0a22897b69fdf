"""Many invented members of a village, and their months, written straight into the tables."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import psycopg
from click.testing import Result
from sqlalchemy import text

from bench.seed import seed_members
from jobs import count_standings
from tests.world import START, World
from units.month import Month, add_months, month_of

VILLAGE = "3599012001"
HEAD = "+6281200000001"
LEADER = "+6281200000055"
THIS = month_of(START.date())


def settle_in(world: World, count: int, *, rt_rw: str = "", first: int = 1) -> None:
    """`count` verified members, by ids from 1 on; those from `first` on live in `rt_rw`."""
    url = world.ports.settings.DATABASE_URL.get_secret_value()
    if not world.one("SELECT count(*) FROM workers"):
        with psycopg.connect(url) as db:
            seed_members(db, world.ports.keys, count, ["114"])
    live_in(world, rt_rw, range(first, count + 1))


def live_in(world: World, rt_rw: str, workers: Iterable[int], group: str = "") -> None:
    change(
        world, "UPDATE workers SET rt_rw = :rt_rw, group_code = :g WHERE id = ANY(:ids)", rt_rw, list(workers), group
    )


def change(world: World, sql: str, rt_rw: str, ids: list[int], group: str) -> None:
    with world.ports.database.begin() as db:
        db.execute(text(sql), {"rt_rw": rt_rw, "ids": ids, "g": group})


def pay(world: World, workers: Iterable[int], months: Iterable[Month], *, posted: bool = True) -> None:
    rows = [{"month": month, "id": worker, "on": month if posted else None} for worker in workers for month in months]
    if not rows:
        return
    with world.ports.database.begin() as db:
        db.execute(
            text(
                "INSERT INTO months (month, worker_id, state, payer, paid_on, posted_on) "
                "VALUES (:month, :id, 'covered', 'self', :month, :on)"
            ),
            rows,
        )


def months_ago(*counts: int) -> list[date]:
    return [add_months(THIS, -count) for count in counts]


def count(world: World) -> int:
    return count_standings(world.ports)


def command(world: World, *args: str) -> Result:
    with world.app.app_context():
        return world.app.test_cli_runner().invoke(args=["villages", *args])


def ask(world: World, words: str, number: str = HEAD) -> str:
    """The answer; a day's cap and the hour's are another test's matter."""
    world.clock.forward(minutes=10)
    world.phone(number).text(words)
    return world.last_sms(number).removeprefix("LATIHAN ")


def load(world: World, folder: Path, what: str, *lines: str) -> Result:
    heads = {"groups": "village,code,kind,name", "heads": "village,place,phone,from,until"}
    file = folder / f"{what}.csv"
    file.write_text("\n".join([heads[what], *lines]) + "\n")
    return command(world, what, str(file))


def village(world: World) -> None:
    """30 members: 12 in RT 003/005, 10 in RT 004/005, 8 who never said; of each a part owes months."""
    settle_in(world, 30)
    live_in(world, "003/005", range(1, 13))
    live_in(world, "004/005", range(13, 23))
    pay(world, [*range(1, 7), *range(13, 18), *range(23, 31)], [THIS])
    pay(world, [*range(7, 13), *range(18, 23)], months_ago(1))
