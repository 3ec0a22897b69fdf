"""What may happen to one posted month and its books, and what may not, as SQL of somebody with all rights; no test."""

COPIED = "month, at, worker_id, reference"
REVERSED = (
    f"INSERT INTO transfers ({COPIED}, kind, programme, debit_account, credit_account, amount_rp)"
    f" SELECT {COPIED}, 'reversed', programme, credit_account, debit_account, amount_rp"
    " FROM transfers WHERE kind = 'collected'"
)
ALIKE = (
    "month, worker_id, mandate_id, bank_code, why, jkk_rp, jkm_rp, jht_rp, fee_rp, state, due_on, needs_notice, asks,"
    " asked_at, lease_until, code, bank_reference, changed_at"
)
# What a second success of the same month leaves: another attempt that the bank took, owed back.
SECOND = f"INSERT INTO attempts (n, reference, {ALIKE}) SELECT 2, 'SECONDREF000', {ALIKE} FROM attempts"
SURPLUS = (
    f"INSERT INTO transfers ({COPIED}, kind, programme, debit_account, credit_account, amount_rp)"
    " SELECT month, changed_at, worker_id, reference, 'surplus', 'SURPLUS', 'bank:114', 'refund:114',"
    " jkk_rp + jkm_rp + jht_rp + fee_rp FROM attempts WHERE n = 2"
)
REFUNDED = (
    f"INSERT INTO transfers ({COPIED}, kind, programme, debit_account, credit_account, amount_rp)"
    f" SELECT {COPIED}, 'refunded', programme, credit_account, debit_account, amount_rp"
    " FROM transfers WHERE kind = 'surplus'"
)
OWED = (
    "INSERT INTO refunds (reference, attempt_reference, month, worker_id, n, bank_code, amount_rp, state, why,"
    " bank_reference, changed_at) SELECT 'REFUND000001', reference, month, worker_id, n, bank_code,"
    " jkk_rp + jkm_rp + jht_rp + fee_rp, 'due', 'surplus', '', changed_at FROM attempts WHERE n = (SELECT max(n) FROM"
    " attempts)"
)
DONE = "UPDATE refunds SET state = 'done'"
# The bank takes a second success back by itself, before it was refunded.
UNDONE = (
    f"INSERT INTO transfers ({COPIED}, kind, programme, debit_account, credit_account, amount_rp)"
    f" SELECT {COPIED}, 'reversed', programme, credit_account, debit_account, amount_rp"
    " FROM transfers WHERE kind = 'surplus'"
)
# What paid the month is owed back.
GIVEN_UP = (
    f"INSERT INTO transfers ({COPIED}, kind, programme, debit_account, credit_account, amount_rp)"
    f" SELECT {COPIED}, 'owed_back', programme, credit_account, 'refund:114', amount_rp"
    " FROM transfers WHERE kind = 'collected'"
)
OPENED = "UPDATE months SET state = 'open', paid_on = NULL, paid_reference = NULL, posted_on = NULL"

# What may be, and is no difference

ALLOWED = {
    "settled": ["UPDATE attempts SET state = 'settled'"],
    "reversed before anything was posted": [
        "DELETE FROM transfers WHERE kind = 'posted'",
        REVERSED,
        "UPDATE attempts SET state = 'reversed'",
        OPENED,
    ],
    "reversed after it was posted": [REVERSED, "UPDATE attempts SET state = 'reversed'", OPENED],
    "a second success, owed back": [SECOND, SURPLUS, OWED],
    "a second success, paid back": [SECOND, SURPLUS, OWED, REFUNDED, DONE],
    "a second success that its bank took back": [
        SECOND,
        SURPLUS,
        OWED,
        UNDONE,
        "UPDATE attempts SET state = 'reversed' WHERE n = 2",
    ],
    "a month that is owed back before anything was posted": [
        "DELETE FROM transfers WHERE kind = 'posted'",
        GIVEN_UP,
        OWED,
        OPENED,
    ],
    "a month that is owed back after it was posted": [GIVEN_UP, OWED, OPENED],
    "a month that a village pays": [
        "DELETE FROM transfers",
        "DELETE FROM attempts",
        "UPDATE months SET payer = 'village', paid_reference = NULL",
    ],
}

# What can be wrong

# What is done, and each difference it must show; {month} is Siti's month by her id, {ref} her attempt's reference.
WRONG: dict[str, tuple[list[str], dict[str, str]]] = {
    "an account nobody knows": (
        ["UPDATE transfers SET credit_account = 'pocket:1' WHERE kind = 'posted' AND programme = 'JKK'"],
        {"a transfer of an unknown kind, way or account": "{ref}"},
    ),
    "a programme's money in another's account": (
        ["UPDATE transfers SET credit_account = 'due:JKM' WHERE kind = 'collected' AND programme = 'JKK'"],
        {"a transfer of an unknown kind, way or account": "{ref}"},
    ),
    "money that goes the wrong way": (
        ["UPDATE transfers SET debit_account = credit_account, credit_account = debit_account WHERE kind = 'posted'"],
        {"a transfer of an unknown kind, way or account": "{ref}"},
    ),
    "a programme that was never collected": (
        ["DELETE FROM transfers WHERE kind = 'collected' AND programme = 'JKM'"],
        {
            "taken by the bank, and not collected so in the ledger": "{ref}",
            "posted to the insurer, and not collected so": "{ref}",
            "a month called posted, without its postings": "{month}",
        },
    ),
    "a fee that was never booked": (
        ["UPDATE attempts SET fee_rp = fee_rp + 1000"],
        {"taken by the bank, and not collected so in the ledger": "{ref}"},
    ),
    "an amount that the bank did not take": (
        ["UPDATE transfers SET amount_rp = amount_rp + 1 WHERE programme = 'JKK'"],
        {
            "taken by the bank, and not collected so in the ledger": "{ref}",
            "collected in the ledger, and not taken so by the bank": "{ref}",
        },
    ),
    "an attempt that failed": (
        ["UPDATE attempts SET state = 'failed_soft'"],
        {"collected in the ledger, and not taken so by the bank": "{ref}"},
    ),
    "an attempt that is gone": (
        ["DELETE FROM attempts"],
        {"collected in the ledger, and not taken so by the bank": "{ref}"},
    ),
    "another worker's money": (
        ["UPDATE transfers SET worker_id = worker_id + 1"],
        {
            "taken by the bank, and not collected so in the ledger": "{ref}",
            "collected in the ledger, and not taken so by the bank": "{ref}",
            "a month called covered, and not paid": "{month}",
            "a month paid, and not called covered": "{next month}",
            "a month called posted, without its postings": "{month}",
            "postings of a month that is not called posted": "{next month}",
        },
    ),
    "a surplus of another amount": (
        [SECOND, SURPLUS, OWED, "UPDATE transfers SET amount_rp = amount_rp - 1 WHERE kind = 'surplus'"],
        {
            "a surplus that is not what the bank took": "SECONDREF000",
            "a refund that the books do not have as it stands": "SECONDREF000",
        },
    ),
    "a surplus of an attempt that the bank refused": (
        [SECOND, SURPLUS, OWED, "UPDATE attempts SET state = 'failed_hard' WHERE n = 2"],
        {"collected in the ledger, and not taken so by the bank": "SECONDREF000"},
    ),
    "a second success that nobody owes back": (
        [SECOND],
        {"taken by the bank, and not collected so in the ledger": "SECONDREF000"},
    ),
    "a second success booked as a contribution": (
        [
            SECOND,
            f"INSERT INTO transfers ({COPIED}, kind, programme, debit_account, credit_account, amount_rp)"
            " SELECT month, at, worker_id, 'SECONDREF000', kind, programme, debit_account, credit_account, amount_rp"
            " FROM transfers WHERE kind = 'collected'",
        ],
        {"paid twice, or under a reference that is not the month's": "{month}"},
    ),
    "more posted than collected": (
        ["UPDATE transfers SET amount_rp = amount_rp + 1 WHERE kind = 'posted' AND programme = 'JKK'"],
        {
            "posted to the insurer, and not collected so": "{ref}",
            "a month called posted, without its postings": "{month}",
        },
    ),
    "reversed in part": (
        [f"{REVERSED} AND programme = 'JKK'"],
        {"an attempt and its reversal that do not agree": "{ref}"},
    ),
    "reversed with another amount": (
        [
            REVERSED,
            OPENED,
            "UPDATE attempts SET state = 'reversed'",
            "UPDATE transfers SET amount_rp = amount_rp + 1 WHERE kind = 'reversed' AND programme = 'JKK'",
            "UPDATE transfers SET amount_rp = amount_rp - 1 WHERE kind = 'reversed' AND programme = 'JKM'",
        ],
        {"taken back twice, or not as it was collected": "{ref}"},
    ),
    "reversed in the books alone": (
        [REVERSED, OPENED],
        {"an attempt and its reversal that do not agree": "{ref}"},
    ),
    "reversed by the bank alone": (
        ["UPDATE attempts SET state = 'reversed'"],
        {"an attempt and its reversal that do not agree": "{ref}"},
    ),
    "reversed, and still called covered": (
        [REVERSED, "UPDATE attempts SET state = 'reversed'"],
        {"a month called covered, and not paid": "{month}"},
    ),
    "paid back twice": (
        [
            *(SECOND, SURPLUS, OWED, REFUNDED, DONE),
            "UPDATE transfers SET amount_rp = amount_rp * 2 WHERE kind = 'refunded'",
        ],
        {
            "paid back, and more than was owed back": "SECONDREF000",
            "a refund that the books do not have as it stands": "SECONDREF000",
        },
    ),
    "owed back, and no refund of it": (
        [SECOND, SURPLUS],
        {"owed back, and no refund of it": "SECONDREF000"},
    ),
    "called refunded, and the money is still here": (
        [SECOND, SURPLUS, OWED, DONE],
        {"a refund that the books do not have as it stands": "SECONDREF000"},
    ),
    "a month owed back in part": (
        [f"{GIVEN_UP} AND programme = 'JKK'", OWED, OPENED],
        {
            "a month paid, and not called covered": "{month}",
            "a refund that the books do not have as it stands": "{ref}",
        },
    ),
    "a month owed back, and taken back by its bank as if it were not": (
        [GIVEN_UP, OWED, OPENED, REVERSED, "UPDATE attempts SET state = 'reversed'"],
        {"taken back twice, or not as it was collected": "{ref}"},
    ),
    "a month owed back, and still called covered": (
        [GIVEN_UP, OWED],
        {"a month called covered, and not paid": "{month}"},
    ),
    "paid back and never owed back": (
        [SECOND, SURPLUS, REFUNDED, "DELETE FROM transfers WHERE kind = 'surplus'"],
        {
            "paid back, and more than was owed back": "SECONDREF000",
            "taken by the bank, and not collected so in the ledger": "SECONDREF000",
        },
    ),
    "covered under a reference that paid nothing": (
        ["UPDATE months SET paid_reference = 'NOBODYSREF00'"],
        {
            "a month called covered, and not paid": "{month}",
            "paid twice, or under a reference that is not the month's": "{month}",
            "a month called posted, without its postings": "{month}",
            "postings of a month that is not called posted": "{month}",
        },
    ),
    "money taken and no cover": (
        ["UPDATE months SET state = 'missed'"],
        {"a month paid, and not called covered": "{month}"},
    ),
    "money taken and the month is gone": (
        ["DELETE FROM months"],
        {
            "a month paid, and not called covered": "{month}",
            "postings of a month that is not called posted": "{month}",
        },
    ),
    "called posted, and the insurer has nothing": (
        ["DELETE FROM transfers WHERE kind = 'posted'"],
        {"a month called posted, without its postings": "{month}"},
    ),
    "posted, and nobody says so": (
        ["UPDATE months SET posted_on = NULL"],
        {"postings of a month that is not called posted": "{month}"},
    ),
}
