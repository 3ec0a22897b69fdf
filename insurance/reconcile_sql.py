"""The comparison of a day as the database does it, for a million lines as for one; every value is a parameter."""

# Two tables for the length of a transaction. Each debit, return or refund of the day stands once in the first, and in
# the second once for each of its programmes. `reference` is as the line names it, `debit` our own or empty.
TABLES = (
    """
CREATE TEMPORARY TABLE moved (
    side text, reference text, debit text, month date, worker_id bigint, n smallint, amount_rp bigint, has_line boolean
) ON COMMIT DROP
""",
    """
CREATE TEMPORARY TABLE compared (
    side text, reference text, debit text, has_line boolean, programme text,
    bank_rp bigint, ledger_rp bigint, due_rp bigint, posted_rp bigint
) ON COMMIT DROP
""",
)
DROPPED = "DROP TABLE moved, compared"

# What the ledger calls a movement, and what a file calls it.
_SIDE = "CASE t.kind WHEN 'reversed' THEN 'return' WHEN 'refunded' THEN 'refund' ELSE 'debit' END"
_MOVED = "t.kind IN ('collected', 'surplus', 'reversed', 'refunded')"

# A transfer belongs to the day of the line that is about it, else to the day on which it was booked.
MOVED = (
    """
INSERT INTO moved SELECT kind, reference, debit, month, worker_id, n, amount_rp, true
  FROM settlement_lines WHERE bank_code = :bank AND day = :day
""",
    f"""
INSERT INTO moved
SELECT DISTINCT {_SIDE}, t.reference, t.reference, t.month, t.worker_id, CAST(NULL AS smallint), 0, false
  FROM transfers t
 WHERE t.at >= :begins AND t.at < :ends AND {_MOVED} AND :account IN (t.debit_account, t.credit_account)
   AND NOT EXISTS (SELECT FROM settlement_lines o
                    WHERE o.debit = t.reference AND o.debit <> '' AND o.kind = {_SIDE} AND o.day >= :first_day)
""",  # noqa: S608 - put together from the constants above
    # The planner knows nothing of rows that came a moment ago, and would take a million for one.
    "ANALYZE moved",
)

# A line is split by the amounts of its attempt, or is all SURPLUS where it was booked so; what is left of it, or all of
# a line that fits no attempt, is OTHER.
COMPARED = (
    f"""
INSERT INTO compared
SELECT side, reference, debit, has_line, programme, sum(bank_rp), sum(ledger_rp),
       CASE WHEN side = 'debit' AND programme IN ('JKK', 'JKM', 'JHT') THEN sum(ledger_rp - back_rp) ELSE 0 END,
       sum(posted_rp)
  FROM (
    SELECT side, reference, debit, has_line, bank_rp, ledger_rp, back_rp, posted_rp,
           CASE WHEN programme <> 'OTHER' AND bool_or(programme = 'SURPLUS') OVER (PARTITION BY side, reference)
                THEN 'SURPLUS' ELSE programme END AS programme
      FROM (
        SELECT m.side, m.reference, m.debit, m.has_line, p.programme, p.rp AS bank_rp, 0 AS ledger_rp, 0 AS back_rp,
               0 AS posted_rp
          FROM moved m LEFT JOIN attempts a ON a.month = m.month AND a.worker_id = m.worker_id AND a.n = m.n
         CROSS JOIN LATERAL (VALUES
            (CASE m.side WHEN 'refund' THEN 'SURPLUS' ELSE 'JKK' END, a.jkk_rp), ('JKM', a.jkm_rp), ('JHT', a.jht_rp),
            ('FEE', a.fee_rp), ('OTHER', m.amount_rp - coalesce(a.jkk_rp + a.jkm_rp + a.jht_rp + a.fee_rp, 0))
         ) p (programme, rp)
         WHERE m.has_line AND p.rp <> 0
        UNION ALL
        SELECT m.side, m.reference, m.debit, m.has_line, t.programme, 0,
               CASE WHEN {_MOVED} AND {_SIDE} = m.side THEN t.amount_rp ELSE 0 END,
               CASE WHEN t.kind IN ('reversed', 'owed_back') AND m.side = 'debit' THEN t.amount_rp ELSE 0 END,
               CASE WHEN t.kind = 'posted' AND m.side = 'debit' THEN t.amount_rp ELSE 0 END
          FROM moved m JOIN transfers t ON t.month = m.month AND t.reference = m.debit
         WHERE ({_MOVED} AND {_SIDE} = m.side) OR (m.side = 'debit' AND t.kind IN ('reversed', 'owed_back', 'posted'))
      ) one
  ) named
 GROUP BY side, reference, debit, has_line, programme
""",  # noqa: S608
    "ANALYZE compared",
)

_ABOUT = "concat_ws(' ', CAST(:bank AS text), CAST(:day AS date), c.side, c.reference, {code})"

# Two differences are found by what is not there: a booking that no line of the bank is about, a month not posted in
# time. Any other that has no item yet is a fault of ours: it stays unexplained, so that somebody looks.
UNEXPECTED = f"""
SELECT about, code, amount_rp FROM (
    SELECT {_ABOUT.format(code="CAST(:missing AS text)")} AS about, CAST(:missing AS text) AS code,
           sum(c.ledger_rp) AS amount_rp
      FROM compared c WHERE NOT c.has_line GROUP BY c.side, c.reference
    UNION ALL
    SELECT {_ABOUT.format(code="CAST(:unposted AS text)")}, CAST(:unposted AS text), sum(c.due_rp - c.posted_rp)
      FROM compared c WHERE :late AND c.due_rp > c.posted_rp GROUP BY c.side, c.reference
) found
 WHERE NOT EXISTS (SELECT FROM work_items w WHERE w.kind = 'difference' AND w.about = found.about)
 LIMIT :limit
"""  # noqa: S608

CLOSED = """
SELECT w.id FROM work_items w
 WHERE w.kind = 'difference' AND w.state IN ('open', 'approved') AND w.bank_code = :bank
   AND w.code = ANY(:codes) AND starts_with(w.about, concat_ws(' ', CAST(:bank AS text), CAST(:day AS date), ''))
   AND NOT EXISTS (
        SELECT FROM compared c WHERE c.side = split_part(w.about, ' ', 3) AND c.reference = split_part(w.about, ' ', 4)
           AND CASE WHEN w.code = :unposted THEN c.due_rp <> c.posted_rp ELSE c.bank_rp <> c.ledger_rp END)
"""

# An item that people closed still explains: its trail says what they decided.
NUMBERS = f"""
INSERT INTO reconciled_days AS known
    (bank_code, day, programme, bank_rp, ledger_rp, insurer_rp, difference_rp, explained_rp, counted_at)
SELECT :bank, :day, p.programme, coalesce(sum(s.sign * s.bank_rp), 0), coalesce(sum(s.sign * s.ledger_rp), 0),
       coalesce(sum(s.posted_rp), 0), coalesce(sum(s.books_rp + s.posting_rp), 0),
       coalesce(sum(CASE WHEN s.books_rp = 0 THEN 0 WHEN EXISTS (
                SELECT FROM work_items w JOIN unnest(CAST(:codes AS text[])) AS it (code) ON it.code <> :unposted
                 WHERE w.kind = 'difference' AND w.about = concat(s.about, it.code)) THEN s.books_rp ELSE 0 END
              + CASE WHEN s.posting_rp = 0 THEN 0 WHEN NOT :late THEN s.posting_rp WHEN EXISTS (
                SELECT FROM work_items w
                 WHERE (w.kind = 'difference' AND w.about = concat(s.about, CAST(:unposted AS text)))
                    OR (w.kind = 'reversed_posted' AND w.about = s.debit)) THEN s.posting_rp ELSE 0 END), 0),
       :now
  FROM unnest(CAST(:programmes AS text[])) AS p (programme)
  LEFT JOIN (
    SELECT c.*, CASE c.side WHEN 'debit' THEN 1 ELSE -1 END AS sign, abs(c.bank_rp - c.ledger_rp) AS books_rp,
           abs(c.due_rp - c.posted_rp) AS posting_rp, {_ABOUT.format(code="''")} AS about
      FROM compared c
  ) s ON s.programme = p.programme
 GROUP BY p.programme
ON CONFLICT (bank_code, day, programme) DO UPDATE SET bank_rp = excluded.bank_rp, ledger_rp = excluded.ledger_rp,
    insurer_rp = excluded.insurer_rp, difference_rp = excluded.difference_rp, explained_rp = excluded.explained_rp,
    counted_at = excluded.counted_at
"""  # noqa: S608

UNFILED = """
SELECT DISTINCT bank FROM (
    SELECT split_part(unnest(ARRAY[t.debit_account, t.credit_account]), 'bank:', 2) AS bank FROM transfers t
     WHERE t.at >= :begins AND t.at < :ends AND t.kind IN ('collected', 'surplus', 'reversed', 'refunded')
) booked
 WHERE bank <> '' AND NOT EXISTS (
    SELECT FROM settlement_files f WHERE f.bank_code = bank AND f.day = :day AND f.taken_at IS NOT NULL)
 ORDER BY bank
"""
