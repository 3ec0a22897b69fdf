"""Monthly partitions of the big tables: made ahead, so that no insert ever finds its month missing."""

from datetime import date

from sqlalchemy import Connection, text

from units.month import Month, add_months, month_of

PARTITIONED = ("months", "attempts", "transfers", "messages", "events", "settlement_lines")
# Paying ahead goes to 12 months; four months back hold what arrives late, like a bank's day file of 92 days ago.
MONTHS_BACK, MONTHS_AHEAD = 4, 14


def ensure_partitions(connection: Connection, today: date) -> None:
    """Make the partitions around `today` that are missing; a repeat does nothing."""
    first = add_months(month_of(today), -MONTHS_BACK)
    for table in PARTITIONED:
        for ahead in range(MONTHS_BACK + MONTHS_AHEAD + 1):
            _ensure(connection, table, add_months(first, ahead))


def _ensure(connection: Connection, table: str, month: Month) -> None:
    # A function of the tables' owner makes it: the processes' own role may not.
    connection.execute(text("SELECT make_month(:table, :month)"), {"table": table, "month": month})


def months_before(connection: Connection, table: str, month: Month) -> list[Month]:
    """The months before `month` of which `table` has a partition, the oldest first."""
    names = connection.scalars(
        text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = CAST(:table AS regclass)"),
        {"table": table},
    )
    made = (date(int(name[-7:-3]), int(name[-2:]), 1) for name in names)
    return sorted(one for one in made if one < month)


def drop_texts_of(connection: Connection, month: Month) -> None:
    """Delete a month's texts for ever; where they are in use for longer than two seconds, the next round does it."""
    connection.execute(text("SET LOCAL lock_timeout = '2s'"))
    connection.execute(text("SELECT drop_texts_of(:month)"), {"month": month})
