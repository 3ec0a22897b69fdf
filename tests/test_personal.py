"""Every column with personal data is in the table that erasure and rotation go by."""

from insurance.personal import DELETED, EMPTIED, NOT_A_MEMBERS, SHARED, WORKER, WRAPPED
from models import Base


def test_every_sealed_or_hashed_column_is_accounted_for() -> None:
    emptied: dict[str, set[str]] = {"workers": {*WORKER, "nik_index"}}
    for one in EMPTIED:
        emptied.setdefault(one.table.__tablename__, set()).update(one.columns)
    deleted = {table.__tablename__ for table in DELETED}
    found = 0
    for table in Base.metadata.tables.values():
        if table.name in deleted or table.name in NOT_A_MEMBERS:
            continue
        personal = {column.name for column in table.columns if column.type.python_type is bytes}
        found += len(personal)
        assert personal <= emptied.get(table.name, set()), table.name
    assert found > 20


def test_every_sealed_column_has_its_key_named() -> None:
    """What is sealed with the shared key is known, so that no rotation leaves it behind."""
    persons = {one.table.__tablename__ for one in EMPTIED} | {table.__tablename__ for table in DELETED} | {"workers"}
    shared = {one.table.__tablename__ for one in SHARED}
    assert {one.class_.__tablename__ for one in WRAPPED} == {"workers", "invitations"}
    for table in Base.metadata.tables.values():
        sealed = {column.name for column in table.columns if column.name.endswith("_sealed")}
        if sealed and table.name not in persons:
            assert table.name in shared, table.name
    for one in SHARED:
        columns = {column.name for column in one.table.__table__.c if column.name.endswith("_sealed")}
        assert columns == {name for name, _ in one.columns}
