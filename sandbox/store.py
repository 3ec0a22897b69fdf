"""The sandbox's own tables, in the schema `sandbox`; the product's tables are never read or written here."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Engine,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    inspect,
    literal,
    make_url,
    text,
)
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.schema import CreateColumn

SCHEMA = "sandbox"
# A dozen parallel requests and two threads; a laptop's server has 60 connections for everybody.
_POOL_SIZE, _POOL_OVERFLOW_MAX, _POOL_WAIT_S = 4, 10, 20
_PREPARE_LOCK = 0x5A_B0_01

metadata = MetaData(schema=SCHEMA)


def _moment(name: str, *, empty: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=empty)


tokens = Table(
    "tokens",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("bank", Text, nullable=False),
    _moment("expires_at"),
)
external_ids = Table(
    "external_ids",
    metadata,
    Column("bank", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("external_id", Text, primary_key=True),
)
accounts = Table(
    "accounts",
    metadata,
    Column("bank", Text, primary_key=True),
    Column("account_no", Text, primary_key=True),
    Column("holder", Text, nullable=False),
)
mandates = Table(
    "mandates",
    metadata,
    Column("reference", Text, primary_key=True),
    Column("bank", Text, nullable=False),
    Column("account_no", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("max_amount_rp", BigInteger),
    _moment("expires_at"),
    _moment("given_at"),
    Column("number", BigInteger, Identity()),
    # The same request again is the same mandate: e-mandate carries no reference of ours.
    UniqueConstraint(
        "bank", "account_no", "customer_id", "max_amount_rp", "expires_at", postgresql_nulls_not_distinct=True
    ),
)
debits = Table(
    "debits",
    metadata,
    Column("bank", Text, primary_key=True),
    Column("partner_reference", Text, primary_key=True),
    Column("reference", Text, nullable=False),
    Column("mandate", Text, nullable=False),
    Column("account_no", Text, nullable=False),
    Column("amount_rp", BigInteger, nullable=False),
    Column("status", Text, nullable=False, comment="pending, booked, returned or cancelled, as of the last ripening"),
    _moment("at"),
    Column("number", BigInteger, Identity()),
    # Columns of a later day stand last and may be empty: a sandbox of an earlier day has rows without them.
    Column("service", Text, server_default="71", comment="71, or 54 where `mandate` is a binding"),
    Column("answered", Text, server_default="20000", comment="the case of the first answer"),
    _moment("booked_at", empty=True),
    _moment("returned_at", empty=True),
    _moment("cancelled_at", empty=True),
    Index("debits_turning", "status", postgresql_where=text("status = 'pending' OR returned_at IS NOT NULL")),
)
refunds = Table(
    "refunds",
    metadata,
    Column("bank", Text, primary_key=True),
    Column("refund_no", Text, primary_key=True, comment="ours: partnerRefundNo"),
    Column("reference", Text, nullable=False, comment="the bank's: refundNo"),
    Column("partner_reference", Text, nullable=False, index=True, comment="of the debit"),
    Column("amount_rp", BigInteger, nullable=False),
    _moment("at"),
)
bindings = Table(
    "bindings",
    metadata,
    Column("reference", Text, primary_key=True),
    Column("bank", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("account_no", Text, nullable=False),
    Column("max_amount_rp", BigInteger),
    _moment("expires_at"),
    _moment("given_at"),
    Column("state", Text, nullable=False, comment="waiting for its code, bound, or ended"),
    Column("phone", Text, nullable=False),
    Column("journey", Text, nullable=False, comment="X-EXTERNAL-ID of its first request"),
    Column("code", Text, nullable=False),
    _moment("code_until"),
    Column("tries", Integer, nullable=False),
    Column("token", Text, nullable=False, unique=True),
    Column("link", Text, nullable=False, unique=True),
    Column("number", BigInteger, Identity()),
    Index("bindings_customer", "bank", "customer_id"),
)
notices = Table(
    "notices",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("bank", Text, nullable=False),
    Column("partner_reference", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("path", Text, nullable=False, comment="below the product's base"),
    Column("body", Text, nullable=False),
    _moment("due_at"),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("state", Text, nullable=False, server_default="waiting", comment="waiting, brought, given_up or dropped"),
    Index("notices_waiting", "due_at", "id", postgresql_where=text("state = 'waiting'")),
    Index("notices_debit", "bank", "partner_reference"),
)
faults = Table(
    "faults",
    metadata,
    Column("bank", Text, primary_key=True),
    Column("account_no", Text, primary_key=True),
    Column("day", Date, primary_key=True),
)
messages = Table(
    "messages",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("message_id", Text, nullable=False, unique=True),
    Column("recipient", Text, nullable=False, index=True),
    Column("sender", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("parts", Integer, nullable=False),
    _moment("at"),
)
members = Table(
    "members",
    metadata,
    Column("kpj", Text, primary_key=True),
    Column("nik_digest", Text, nullable=False, unique=True),
    Column("reference", Text, nullable=False),
)
postings = Table(
    "postings",
    metadata,
    Column("kpj", Text, primary_key=True),
    Column("month", Date, primary_key=True),
    Column("jht_rp", BigInteger, nullable=False),
)
day_files = Table(
    "day_files",
    metadata,
    Column("name", Text, primary_key=True),
    Column("bad", Boolean, nullable=False),
)


def open_engine(database_url: str) -> Engine:
    """An engine over psycopg 3 that never puts a row's values into an error's text."""
    return create_engine(
        make_url(database_url).set(drivername="postgresql+psycopg"),
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW_MAX,
        pool_timeout=_POOL_WAIT_S,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": 5, "application_name": "iuran-sandbox"},
    )


def prepare(engine: Engine) -> None:
    """Make schema and tables where they are missing; two processes may start at once."""
    with engine.begin() as db:
        alone(db, _PREPARE_LOCK)
        db.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        _add_columns(db)
        metadata.create_all(db)
        for table in metadata.sorted_tables:
            for index in table.indexes:
                index.create(db, checkfirst=True)


def _add_columns(db: Connection) -> None:
    """What a sandbox of an earlier day has not got yet: its people and their accounts stay."""
    there = inspect(db)
    for table in metadata.sorted_tables:
        if there.has_table(table.name, SCHEMA):
            old = {column["name"] for column in there.get_columns(table.name, SCHEMA)}
            for column in table.columns:
                if column.name not in old:
                    db.execute(
                        text(f"ALTER TABLE {table} ADD COLUMN {CreateColumn(column).compile(dialect=db.dialect)}")
                    )


def added(db: Connection, row: Insert) -> bool:
    """Insert `row`, unless its key is there already; whether it was new."""
    return db.execute(row.on_conflict_do_nothing().returning(literal(1))).first() is not None


def alone(db: Connection, lock: int) -> None:
    """Wait until no other transaction holds `lock`; it is let go at the end of this one."""
    db.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
