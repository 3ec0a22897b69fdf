"""What must hold after each step of any history: at the bank, in the books, in the cover, in the texts."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from tests.world import World

BIFAST, BOUND = "114", "128"
DENIES_ITS_DEBITS = "0601"


class Checked:
    world: World
    endings: Mapping[int, str]
    """By member: the last digits of the account, which say how the bank behaves."""

    def book(self) -> dict[str, dict[str, Any]]:
        """Every debit in the banks' own books, by our reference."""
        found = {}
        for code in (BIFAST, BOUND):
            for debit in self.world.sandbox.book(code)["debits"]:
                found[debit["partnerReferenceNo"]] = debit
        return found

    def check(self, *, settled: bool = False) -> None:
        """`settled`: the banks have said all they know, so that nothing may be excused any more."""
        book = self.book()
        tries = self.world.rows(
            "SELECT reference, month, worker_id, n, state, jkk_rp + jkm_rp + jht_rp + fee_rp AS total FROM attempts"
        )
        self._bank_never_twice(book, tries, settled=settled)
        self._known_or_waited_for(book, tries, settled=settled)
        self._posted_and_covered(tries)
        self._one_receipt_each(tries)
        self._one_refund_each()

    def _bank_never_twice(self, book: Mapping[str, Any], tries: Sequence[Any], *, settled: bool) -> None:
        """No month stands debited twice, but where a bank denied a debit that it had made: until one is refunded.

        What people have to have refunded (at a bank that cannot be asked to) stands until they have.
        """
        by_hand = {ref for (ref,) in self.world.rows("SELECT attempt_reference FROM refunds WHERE state = 'by_hand'")}
        standing: dict[tuple[int, date], list[str]] = {}
        for one in tries:
            debit = book.get(one.reference)
            given_back = debit is not None and (debit.get("refunds") or one.reference in by_hand)
            if debit is not None and debit["status"] == "booked" and not given_back:
                standing.setdefault((one.worker_id, one.month), []).append(one.reference)
        first = self.world.rows("SELECT min(id) FROM workers")[0][0]
        for (worker_id, month), references in standing.items():
            if settled or self.endings[worker_id - first] != DENIES_ITS_DEBITS:
                assert len(references) <= 1, f"{month} of worker {worker_id - first} debited {len(references)} times"

    def _known_or_waited_for(self, book: Mapping[str, Any], tries: Sequence[Any], *, settled: bool) -> None:
        """Every debited rupiah is booked here, or its attempt is open and will be asked for."""
        waits = {"sent", "unknown", "manual"}
        for one in tries:
            debit = book.get(one.reference)
            if debit is None or debit["status"] != "booked":
                continue
            denied = not settled and debit["accountNo"].endswith(DENIES_ITS_DEBITS)
            known = denied or one.state in {"confirmed", "settled", *waits}
            assert known, f"{one.reference} is debited at the bank and {one.state} here"
            assert debit["amount_rp"] == one.total, "the bank debited another amount than we asked for"

    def _posted_and_covered(self, tries: Sequence[Any]) -> None:
        money = dict(
            self.world.rows(
                "SELECT reference, sum(CASE WHEN kind IN ('collected', 'surplus') THEN amount_rp "
                "WHEN kind = 'reversed' THEN -amount_rp ELSE 0 END) FROM transfers GROUP BY reference"
            )
        )
        for one in tries:
            expected = one.total if one.state in ("confirmed", "settled") else 0
            assert money.get(one.reference, 0) == expected, (
                f"{one.state} but {money.get(one.reference, 0)} in the books"
            )
        covered = self.world.rows(
            "SELECT m.month, m.worker_id, m.state, m.paid_reference, m.posted_on, "
            "coalesce((SELECT sum(CASE kind WHEN 'collected' THEN t.amount_rp WHEN 'reversed' THEN -t.amount_rp END) "
            "FROM transfers t WHERE t.month = m.month AND t.worker_id = m.worker_id AND programme <> 'SURPLUS' "
            "AND kind IN ('collected', 'reversed')), 0) AS paid_rp FROM months m"
        )
        for row in covered:
            assert (row.state == "covered") == (row.paid_rp > 0), f"{row.month} is {row.state} with Rp{row.paid_rp}"
            assert row.posted_on is None or row.state == "covered", "protected without money"
            if row.state == "covered":
                assert any(
                    one.reference == row.paid_reference and one.state in ("confirmed", "settled") for one in tries
                )

    def _one_receipt_each(self, tries: Sequence[Any]) -> None:
        keys = {key for (key,) in self.world.rows("SELECT key FROM message_keys")}
        retried = {(one.worker_id, one.month, one.n) for one in tries}
        for one in tries:
            told = [kind for kind in ("paid", "surplus") if f"{kind}:{one.reference}" in keys]
            if one.state in ("confirmed", "settled", "reversed"):
                assert len(told) == 1, f"{one.state} with {len(told)} receipts"
            else:
                assert not told, f"a receipt for what is {one.state}"
            if one.state == "reversed" and told == ["paid"]:
                assert f"reversed:{one.reference}" in keys
            if one.state in ("failed_soft", "failed_hard"):
                said = f"{one.state}:{one.reference}" in keys
                again = (one.worker_id, one.month, one.n + 1) in retried
                assert said or again, f"{one.state} and nobody was told"

    def _one_refund_each(self) -> None:
        """What came in too much is owed back once, and nothing else is."""
        owed = "SELECT count(*) FROM refunds r WHERE r.attempt_reference = t.reference"
        for reference, kept_rp, refunds in self.world.rows(
            "SELECT reference, sum(CASE kind WHEN 'surplus' THEN amount_rp ELSE -amount_rp END),"
            f" ({owed}) FROM transfers t WHERE programme = 'SURPLUS' GROUP BY reference"
        ):
            assert refunds == 1, f"{reference} came in too much and is owed back {refunds} times"
            assert kept_rp >= 0, f"{reference} was given back twice"
        stray = "SELECT attempt_reference FROM refunds WHERE attempt_reference NOT IN (SELECT reference FROM transfers)"
        assert self.world.rows(stray) == []
