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
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    literal,
    make_url,
    text,
)
from sqlalchemy.dialects.postgresql import Insert

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
    Column("status", Text, nullable=False, comment="booked, or pending for ever"),
    _moment("at"),
    Column("number", BigInteger, Identity()),
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
        metadata.create_all(db)


def added(db: Connection, row: Insert) -> bool:
    """Insert `row`, unless its key is there already; whether it was new."""
    return db.execute(row.on_conflict_do_nothing().returning(literal(1))).first() is not None


def alone(db: Connection, lock: int) -> None:
    """Wait until no other transaction holds `lock`; it is let go at the end of this one."""
    db.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
