"""Writes invented members with active mandates straight into the tables, by COPY: a bench's or a fault test's start."""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import psycopg

from insurance.references import new_reference
from sealing import Box, Keyring

VILLAGE = "3599012001"
AGREED_AT = datetime(2026, 10, 20, 2, 0, tzinfo=UTC)
FIRST_MONTH, EXPIRES = date(2026, 11, 1), date(2028, 11, 30)
MAX_RP, DAY = 36_800, 5


def account_no(bank_code: str, number: int) -> str:
    """Ten digits that no magic of the sandbox bank knows."""
    return f"{bank_code}{number:06d}7"


def bank_reference(bank_code: str, number: int) -> str:
    return f"EM{bank_code}SEED{number:010d}"


def _copy(db: psycopg.Connection[Any], table: str, columns: str, rows: Iterator[Sequence[object]]) -> None:
    with db.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def seed_members(db: psycopg.Connection[Any], keys: Keyring, count: int, banks: Sequence[str]) -> None:
    """`count` verified members, each with one active mandate at one of `banks` in turn; ids run from 1 on."""
    people = [(number, *keys.new_person()) for number in range(1, count + 1)]
    _copy(
        db,
        "workers",
        "id, data_key, nik_index, nik_sealed, name_sealed, birth_sealed, village_code, rt_rw, group_code, language, "
        "pin_hash, pin_wrong, pin_locks, reminders, enrolled_at",
        (_worker(number, box, wrapped) for number, box, wrapped in people),
    )
    _copy(
        db,
        "contacts",
        "worker_id, phone_index, phone_sealed, since, last_seen",
        (
            (number, keys.index("phone", phone), box.seal(phone, "contact.phone"), FIRST_MONTH, FIRST_MONTH)
            for number, box, _ in people
            for phone in (_phone(number),)
        ),
    )
    _copy(
        db,
        "memberships",
        "worker_id, state, reference, programmes, sector, base_rp, kpj_sealed, reason, submitted_at",
        (_membership(number, box) for number, box, _ in people),
    )
    _copy(
        db,
        "consents",
        "id, worker_id, kind, version, language, text_sealed, text_hash, channel, phone_index, phone_sealed, session, "
        "at",
        ((n, n, "mandate", "seed", "id", b"", "", "ussd", b"", b"", "", AGREED_AT) for n, _, _ in people),
    )
    _copy(
        db,
        "mandates",
        "id, worker_id, state, bank_code, account_sealed, account_index, account_tail, max_amount_rp, fee_rp, "
        "first_month, agreed_at, day, expires_on, no_funds_months, consent_id, bank_reference, changed_at",
        (_mandate(number, box, banks[number % len(banks)]) for number, box, _ in people),
    )
    for table in ("workers", "consents", "mandates"):
        db.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {count})")
    db.commit()
    db.execute("ANALYZE")
    db.commit()


def _phone(number: int) -> str:
    return f"+62850{number:08d}"


def _worker(number: int, box: Box, wrapped: bytes) -> Sequence[object]:
    name, birth = box.seal(f"PESERTA {number}", "worker.name"), box.seal("1985-03-05", "worker.birth")
    nik = box.seal(f"3599{number:012d}", "worker.nik")
    return (number, wrapped, os.urandom(16), nik, name, birth, VILLAGE, "", "", "id", "", 0, 0, True, AGREED_AT)


def _membership(number: int, box: Box) -> Sequence[object]:
    kpj = box.seal(f"26{number:09d}", "membership.kpj")
    return (number, "verified", new_reference(), "3", "farmer", 1_000_000, kpj, "", AGREED_AT)


def _mandate(number: int, box: Box, bank: str) -> Sequence[object]:
    account, tail = account_no(bank, number), account_no(bank, number)[-4:]
    head = (number, number, "active", bank, box.seal(account, "mandate.account"), os.urandom(16), tail, MAX_RP, 0)
    return (*head, FIRST_MONTH, AGREED_AT, DAY, EXPIRES, 0, number, bank_reference(bank, number), AGREED_AT)
