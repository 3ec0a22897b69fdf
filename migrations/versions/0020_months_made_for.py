"""Months of the big tables are made, and old texts dropped, by functions of the owner: the processes own no table."""

from alembic import op

revision = "0020"
down_revision = "0019"

# Table and month are checked against what there is: nothing else can be made, and no other table dropped, by these.
_MAKE = """
CREATE FUNCTION make_month(of_table text, of_month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
  IF of_month <> date_trunc('month', of_month) OR NOT EXISTS (
    SELECT FROM pg_partitioned_table WHERE partrelid = to_regclass(quote_ident(of_table))
  ) THEN RAISE EXCEPTION 'no month of a table of months'; END IF;
  EXECUTE format(
    'CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
    of_table || to_char(of_month, '_YYYY_MM'), of_table, of_month, of_month + interval '1 month'
  );
END $$
"""
_DROP = """
CREATE FUNCTION drop_texts_of(of_month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
  IF of_month > current_date - interval '6 months' THEN RAISE EXCEPTION 'too young to be dropped'; END IF;
  EXECUTE format('DROP TABLE %I', 'messages' || to_char(of_month, '_YYYY_MM'));
END $$
"""


def upgrade() -> None:
    for function in (_MAKE, _DROP):
        op.execute(function)
    for signature in ("make_month(text, date)", "drop_texts_of(date)"):
        op.execute(f"REVOKE EXECUTE ON FUNCTION {signature} FROM PUBLIC")
