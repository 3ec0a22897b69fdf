"""What can be wrong between attempts, ledger and cover: one query each, that returns only what differs; it only reads.

Each query looks at one month's partitions (`:first` up to `:past`) and gives references, or a worker's id and month,
never personal data. All that they must agree on with the use cases that write the rows stands in the constants here.
"""

# ruff: noqa: S608  What is put together here are the constants of this module; what is given comes as parameters.

# Attempts whose money the bank has taken, whatever became of it later.
TAKEN = ("confirmed", "settled", "reversed")
REVERSED = "reversed"

# How money of each kind may go: kind, from and to, as the part of the account's name before its colon.
ROUTES = (
    ("collected", "bank", "due"),
    ("collected", "bank", "fee"),
    # A second success of one month: it is owed back.
    ("surplus", "bank", "refund"),
    ("fee", "bank", "fee"),
    ("collected", "sponsor", "due"),
    ("posted", "due", "insurer"),
    ("reversed", "due", "bank"),
    ("reversed", "fee", "bank"),
    ("reversed", "insurer", "bank"),
    # What was owed back, and the bank gave back by itself.
    ("reversed", "refund", "bank"),
    # A month that was paid and given up: the insurer refused it, or the bank gave it back by hand.
    ("owed_back", "due", "refund"),
    ("owed_back", "fee", "refund"),
    ("refunded", "refund", "bank"),
    ("refunded", "refund", "sponsor"),
)

# A month that a sponsor pays outside our debits names no attempt, and has no transfers of ours.
_THROUGH_US = "NOT (m.payer <> 'self' AND m.paid_reference IS NULL)"
_MONTH_NAME = "to_char({0}.month, 'YYYY-MM') || ' of worker ' || {0}.worker_id"
_CONTRIBUTION_RP = "(a.jkk_rp + a.jkm_rp + a.jht_rp)"


def _in(alias: str) -> str:
    """On every table of a query, so that each is read in one partition only."""
    return f"{alias}.month >= :first AND {alias}.month < :past"


def _net(alias: str) -> str:
    """What came in for a month and was not taken back, and what the insurer posted: a row an attempt, without fees."""
    return f"""(
        SELECT t.month, t.worker_id, t.reference,
               sum(CASE t.kind WHEN 'collected' THEN t.amount_rp WHEN 'posted' THEN 0 ELSE -t.amount_rp END) AS rp,
               sum(t.amount_rp) FILTER (WHERE t.kind = 'collected') AS collected_rp,
               sum(t.amount_rp) FILTER (WHERE t.kind = 'posted') AS posted_rp,
               bool_or(t.kind IN ('reversed', 'owed_back')) AS is_undone
          FROM transfers t
         WHERE {_in("t")} AND t.kind IN ('collected', 'reversed', 'owed_back', 'posted')
           AND t.programme NOT IN ('FEE', 'SURPLUS')
         GROUP BY t.month, t.worker_id, t.reference
    ) {alias}"""


BOOKS = {
    "a transfer of an unknown kind, way or account": f"""
        SELECT DISTINCT t.reference FROM transfers t
         WHERE {_in("t")} AND (
               NOT concat_ws(' ', t.kind, split_part(t.debit_account, ':', 1), split_part(t.credit_account, ':', 1))
                   = ANY(:routes)
            OR split_part(t.debit_account, ':', 1) IN ('due', 'insurer')
               AND split_part(t.debit_account, ':', 2) <> t.programme
            OR split_part(t.credit_account, ':', 1) IN ('due', 'insurer')
               AND split_part(t.credit_account, ':', 2) <> t.programme)""",
    "taken by the bank, and not collected so in the ledger": f"""
        SELECT DISTINCT a.reference FROM attempts a
         CROSS JOIN LATERAL (VALUES ('JKK', a.jkk_rp), ('JKM', a.jkm_rp), ('JHT', a.jht_rp), ('FEE', a.fee_rp))
               AS p (programme, rp)
          LEFT JOIN transfers t ON {_in("t")} AND t.month = a.month AND t.worker_id = a.worker_id
               AND t.reference = a.reference AND t.kind = 'collected' AND t.programme = p.programme
         WHERE {_in("a")} AND a.state = ANY(:taken) AND p.rp > 0 AND t.amount_rp IS DISTINCT FROM p.rp
           AND NOT EXISTS (SELECT FROM transfers s WHERE {_in("s")} AND s.month = a.month
                              AND s.reference = a.reference AND s.kind = 'surplus')""",
    "collected in the ledger, and not taken so by the bank": f"""
        SELECT DISTINCT t.reference FROM transfers t
          LEFT JOIN attempts a ON {_in("a")} AND a.month = t.month AND a.worker_id = t.worker_id
               AND a.reference = t.reference AND a.state = ANY(:taken)
         WHERE {_in("t")} AND (t.kind = 'surplus' AND a.reference IS NULL
            OR t.kind = 'collected' AND t.amount_rp IS DISTINCT FROM CASE t.programme
               WHEN 'JKK' THEN a.jkk_rp WHEN 'JKM' THEN a.jkm_rp WHEN 'JHT' THEN a.jht_rp WHEN 'FEE' THEN a.fee_rp
               END)""",
    "a surplus that is not what the bank took": f"""
        SELECT a.reference FROM attempts a
          JOIN transfers t ON {_in("t")} AND t.month = a.month AND t.reference = a.reference
               AND t.kind IN ('surplus', 'collected')
         WHERE {_in("a")}
         GROUP BY a.reference, {_CONTRIBUTION_RP} + a.fee_rp
        HAVING bool_or(t.kind = 'surplus') AND sum(t.amount_rp) <> {_CONTRIBUTION_RP} + a.fee_rp""",
    "posted to the insurer, and not collected so": f"""
        SELECT DISTINCT t.reference FROM transfers t
          LEFT JOIN transfers c ON {_in("c")} AND c.month = t.month AND c.worker_id = t.worker_id
               AND c.reference = t.reference AND c.programme = t.programme AND c.kind = 'collected'
         WHERE {_in("t")} AND t.kind = 'posted'
           AND (t.programme = 'FEE' OR c.amount_rp IS DISTINCT FROM t.amount_rp)""",
    "taken back twice, or not as it was collected": f"""
        SELECT DISTINCT t.reference FROM transfers t
         WHERE {_in("t")} AND t.kind IN ('collected', 'reversed', 'owed_back') AND t.programme <> 'SURPLUS'
         GROUP BY t.reference, t.worker_id, t.programme
        HAVING bool_or(t.kind <> 'collected')
           AND (count(*) FILTER (WHERE t.kind <> 'collected') > 1
                OR sum(CASE t.kind WHEN 'collected' THEN t.amount_rp ELSE -t.amount_rp END) <> 0)""",
    "an attempt and its reversal that do not agree": f"""
        SELECT a.reference FROM attempts a
          LEFT JOIN (SELECT t.month, t.reference, sum(t.amount_rp) AS rp FROM transfers t
                      WHERE {_in("t")} AND t.kind = 'reversed'
                      GROUP BY t.month, t.reference) r ON r.month = a.month AND r.reference = a.reference
         WHERE {_in("a")}
           AND coalesce(r.rp, 0) <> CASE a.state WHEN :reversed THEN {_CONTRIBUTION_RP} + a.fee_rp ELSE 0 END""",
    "owed back, and no refund of it": f"""
        SELECT DISTINCT t.reference FROM transfers t
          LEFT JOIN refunds r ON r.attempt_reference = t.reference
         WHERE {_in("t")} AND t.kind IN ('surplus', 'owed_back') AND r.reference IS NULL""",
    "a refund that the books do not have as it stands": f"""
        SELECT r.attempt_reference FROM refunds r
          LEFT JOIN (SELECT t.reference, sum(t.amount_rp) FILTER (WHERE t.kind = 'refunded') AS back_rp,
                            sum(t.amount_rp) FILTER (WHERE t.kind IN ('surplus', 'owed_back')) AS owed_rp
                       FROM transfers t
                      WHERE {_in("t")} AND t.kind IN ('surplus', 'owed_back', 'refunded')
                      GROUP BY t.reference) b ON b.reference = r.attempt_reference
         WHERE {_in("r")} AND (b.owed_rp IS DISTINCT FROM r.amount_rp
            OR coalesce(b.back_rp, 0) <> CASE r.state WHEN 'done' THEN r.amount_rp ELSE 0 END)""",
    "paid back, and more than was owed back": f"""
        SELECT t.reference FROM transfers t
         WHERE {_in("t")} AND 'refund' IN (split_part(t.debit_account, ':', 1), split_part(t.credit_account, ':', 1))
         GROUP BY t.reference
        HAVING sum(t.amount_rp * CASE split_part(t.debit_account, ':', 1) WHEN 'refund' THEN 1 ELSE -1 END) > 0""",
}

COVER = {
    "a month called covered, and not paid": f"""
        SELECT {_MONTH_NAME.format("m")} FROM months m
          LEFT JOIN {_net("n")} ON n.month = m.month AND n.worker_id = m.worker_id AND n.reference = m.paid_reference
         WHERE {_in("m")} AND m.state = 'covered' AND {_THROUGH_US} AND coalesce(n.rp, 0) <= 0""",
    "a month paid, and not called covered": f"""
        SELECT {_MONTH_NAME.format("n")} FROM {_net("n")}
          LEFT JOIN months m ON {_in("m")} AND m.month = n.month AND m.worker_id = n.worker_id
         WHERE n.rp > 0 AND (m.state IS DISTINCT FROM 'covered' OR m.paid_reference IS NULL)""",
    "paid twice, or under a reference that is not the month's": f"""
        SELECT {_MONTH_NAME.format("n")} FROM {_net("n")}
          LEFT JOIN months m ON {_in("m")} AND m.month = n.month AND m.worker_id = n.worker_id
         WHERE n.rp > 0 AND m.paid_reference <> n.reference""",
    "a month called posted, without its postings": f"""
        SELECT {_MONTH_NAME.format("m")} FROM months m
          LEFT JOIN {_net("n")} ON n.month = m.month AND n.worker_id = m.worker_id AND n.reference = m.paid_reference
         WHERE {_in("m")} AND m.posted_on IS NOT NULL AND {_THROUGH_US}
           AND (n.posted_rp IS NULL OR n.posted_rp IS DISTINCT FROM n.collected_rp)""",
    "postings of a month that is not called posted": f"""
        SELECT {_MONTH_NAME.format("n")} FROM {_net("n")}
          LEFT JOIN months m ON {_in("m")} AND m.month = n.month AND m.worker_id = n.worker_id
               AND m.paid_reference = n.reference
         WHERE n.posted_rp > 0 AND NOT n.is_undone AND m.posted_on IS NULL""",
}
