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
    # Table names come from the tuple above and dates from a date: nothing typed by anyone gets here.
    connection.execute(
        text(
            f"CREATE TABLE IF NOT EXISTS {table}_{month:%Y_%m} PARTITION OF {table} "
            f"FOR VALUES FROM ('{month:%Y-%m-%d}') TO ('{add_months(month, 1):%Y-%m-%d}')"
        )
    )


def months_before(connection: Connection, table: str, month: Month) -> list[Month]:
    """The months before `month` of which `table` has a partition, the oldest first."""
    names = connection.scalars(
        text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = CAST(:table AS regclass)"),
        {"table": table},
    )
    made = (date(int(name[-7:-3]), int(name[-2:]), 1) for name in names)
    return sorted(one for one in made if one < month)


def drop_month(connection: Connection, table: str, month: Month) -> None:
    """Delete a month's rows for ever; where the table is in use for longer than two seconds, the next round does it."""
    connection.execute(text("SET LOCAL lock_timeout = '2s'"))
    connection.execute(text(f"DROP TABLE {table}_{month:%Y_%m}"))
