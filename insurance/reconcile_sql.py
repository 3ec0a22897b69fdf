"""The comparison of a day as the database does it, for a million lines as for one; every value is a parameter."""

# One row for each debit, return or refund of the day and each programme of it. `reference` is as the line names it.
TABLE = """
CREATE TEMPORARY TABLE compared (
    side text, reference text, debit text, month date, programme text, has_line boolean,
    bank_rp bigint, ledger_rp bigint, due_rp bigint, posted_rp bigint
) ON COMMIT DROP
"""

# What the ledger calls a movement, and what a file calls it.
_SIDE = "CASE t.kind WHEN 'reversed' THEN 'return' WHEN 'refunded' THEN 'refund' ELSE 'debit' END"
_MOVED = "t.kind IN ('collected', 'surplus', 'reversed', 'refunded')"

# A transfer belongs to the day of the line that is about it, else to the day on which it was booked. A line is split
# by the amounts of its attempt; what is left of it, or all of a line that fits no attempt, is OTHER.
COMPARE = f"""
INSERT INTO compared
WITH line AS (
    SELECT kind AS side, reference, debit, month, worker_id, n, amount_rp FROM settlement_lines
     WHERE bank_code = :bank AND day = :day
), booked AS (
    SELECT l.side, l.reference, t.programme, sum(t.amount_rp) AS rp
      FROM line l JOIN transfers t ON t.month = l.month AND t.reference = l.debit
     WHERE {_MOVED} AND {_SIDE} = l.side GROUP BY 1, 2, 3
), given_back AS (
    SELECT DISTINCT side, reference FROM booked WHERE programme = 'SURPLUS'
), said AS (
    SELECT l.side, l.reference, p.programme, p.rp
      FROM line l LEFT JOIN attempts a ON a.month = l.month AND a.worker_id = l.worker_id AND a.n = l.n
      LEFT JOIN given_back g ON g.side = l.side AND g.reference = l.reference
     CROSS JOIN LATERAL (
        SELECT g.reference IS NULL AND l.side <> 'refund' AS plain,
               coalesce(a.jkk_rp + a.jkm_rp + a.jht_rp + a.fee_rp, 0) AS total_rp
     ) k
     CROSS JOIN LATERAL (VALUES
        ('JKK', CASE WHEN k.plain THEN a.jkk_rp END), ('JKM', CASE WHEN k.plain THEN a.jkm_rp END),
        ('JHT', CASE WHEN k.plain THEN a.jht_rp END), ('FEE', CASE WHEN k.plain THEN a.fee_rp END),
        ('SURPLUS', CASE WHEN NOT k.plain THEN k.total_rp END), ('OTHER', l.amount_rp - k.total_rp)
     ) p (programme, rp)
     WHERE coalesce(p.rp, 0) <> 0
), both_sides AS (
    SELECT l.side, l.reference, l.debit, l.month, s.programme, true AS has_line, s.bank_rp, s.ledger_rp
      FROM (SELECT side, reference, programme, coalesce(s.rp, 0) AS bank_rp, coalesce(b.rp, 0) AS ledger_rp
              FROM said s FULL JOIN booked b USING (side, reference, programme)) s
      JOIN line l USING (side, reference)
    UNION ALL
    SELECT {_SIDE}, t.reference, t.reference, t.month, t.programme, false, 0, t.amount_rp
      FROM transfers t
     WHERE t.at >= :begins AND t.at < :ends AND {_MOVED} AND :account IN (t.debit_account, t.credit_account)
       AND NOT EXISTS (SELECT FROM settlement_lines o
                        WHERE o.debit = t.reference AND o.debit <> '' AND o.kind = {_SIDE} AND o.day >= :first_day)
), later AS (
    SELECT t.reference, t.programme, coalesce(sum(t.amount_rp) FILTER (WHERE t.kind = 'reversed'), 0) AS back_rp,
           coalesce(sum(t.amount_rp) FILTER (WHERE t.kind = 'posted'), 0) AS posted_rp
      FROM transfers t
      JOIN (SELECT DISTINCT month, debit FROM both_sides WHERE side = 'debit') d
        ON t.month = d.month AND t.reference = d.debit
     WHERE t.kind IN ('reversed', 'posted') GROUP BY 1, 2
)
SELECT b.side, b.reference, b.debit, b.month, b.programme, b.has_line, b.bank_rp, b.ledger_rp,
       CASE WHEN b.side = 'debit' AND b.programme IN ('JKK', 'JKM', 'JHT')
            THEN b.ledger_rp - coalesce(l.back_rp, 0) ELSE 0 END,
       CASE WHEN b.side = 'debit' THEN coalesce(l.posted_rp, 0) ELSE 0 END
  FROM both_sides b LEFT JOIN later l ON l.reference = b.debit AND l.programme = b.programme
"""  # noqa: S608 - put together from the constants above

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

CLOSED = f"""
SELECT w.id FROM work_items w
 WHERE w.kind = 'difference' AND w.state IN ('open', 'approved') AND w.bank_code = :bank
   AND w.code = ANY(:codes) AND starts_with(w.about, concat_ws(' ', CAST(:bank AS text), CAST(:day AS date), ''))
   AND NOT EXISTS (
        SELECT FROM compared c WHERE w.about = {_ABOUT.format(code="w.code")}
           AND CASE WHEN w.code = :unposted THEN c.due_rp <> c.posted_rp ELSE c.bank_rp <> c.ledger_rp END)
"""  # noqa: S608

# An item that people closed still explains: its trail says what they decided.
NUMBERS = f"""
INSERT INTO reconciled_days AS known
    (bank_code, day, programme, bank_rp, ledger_rp, insurer_rp, difference_rp, explained_rp, counted_at)
SELECT :bank, :day, p.programme, coalesce(sum(s.sign * s.bank_rp), 0), coalesce(sum(s.sign * s.ledger_rp), 0),
       coalesce(sum(s.posted_rp), 0), coalesce(sum(s.books_rp + s.posting_rp), 0),
       coalesce(sum(CASE WHEN s.books_rp = 0 THEN 0 WHEN EXISTS (
                SELECT FROM work_items w JOIN unnest(CAST(:codes AS text[])) AS code ON code <> :unposted
                 WHERE w.kind = 'difference' AND w.about = concat(s.about, code)) THEN s.books_rp ELSE 0 END
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
