"""What must hold after each step of any history: at the bank, in the books, in the cover, in the texts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from insurance import villages
from insurance.standings import prove
from tests.world import World

BIFAST, BOUND = "114", "128"
FILED = "118"
"""A bank without an API: debit files and result files."""
DENIES_ITS_DEBITS = "0601"
VILLAGE = "3599012001"


class Checked:
    world: World
    codes: Sequence[str]
    """The banks of the members, each once."""
    endings: Mapping[int, str]
    """By member: the last digits of the account, which say how the bank behaves."""

    def book(self) -> dict[str, dict[str, Any]]:
        """Every debit in the banks' own books, by our reference."""
        found = {}
        for code in self.codes:
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
        if settled:
            self._given_back(book)
            self._posted_or_given_back()
            self._taken_back(book, tries)
            self._counted()

    def _counted(self) -> None:
        """The village's counters agree with the members' rows, whatever was on the way."""
        with self.world.ports.transaction() as work:
            villages.refresh(work, [VILLAGE])
            proof = prove(work, VILLAGE)
        assert proof.is_right, proof
        assert proof.members, "nobody is counted at all"

    def _bank_never_twice(self, book: Mapping[str, Any], tries: Sequence[Any], *, settled: bool) -> None:
        """No month stands debited twice, but for as long as its surplus is known and on its way back.

        What people have to have refunded (at a bank that cannot be asked to) stands until they have.
        """
        owed_back = {ref for (ref,) in self.world.rows("SELECT attempt_reference FROM refunds WHERE state <> 'done'")}
        standing = Counter[tuple[int, date]]()
        for one in tries:
            debit = book.get(one.reference)
            if debit is None or debit["status"] != "booked" or debit.get("refunds") or one.reference in owed_back:
                continue
            standing[one.worker_id, one.month] += settled or not _is_denied(one, debit)
        for (worker_id, month), times in standing.items():
            assert times <= 1, f"{month} of worker {worker_id} debited {times} times"

    def _known_or_waited_for(self, book: Mapping[str, Any], tries: Sequence[Any], *, settled: bool) -> None:
        """Every debited rupiah is booked here, or its attempt is open and will be asked for; none is made up."""
        for one in tries:
            debit = book.get(one.reference)
            taken = one.state in {"confirmed", "settled", "reversed"}
            assert debit is not None or not taken, f"{one.reference} is {one.state} and was never debited"
            if debit is None or debit["status"] != "booked":
                continue
            known = one.state in {"confirmed", "settled", "sent", "unknown", "manual"}
            known = known or (not settled and _is_denied(one, debit))
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
            "coalesce((SELECT sum(CASE kind WHEN 'collected' THEN t.amount_rp ELSE -t.amount_rp END) "
            "FROM transfers t WHERE t.month = m.month AND t.worker_id = m.worker_id AND programme <> 'SURPLUS' "
            "AND kind IN ('collected', 'reversed', 'owed_back')), 0) AS paid_rp FROM months m"
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
        """What came in too much, or paid a month that was given up, is owed back once, and nothing else is."""
        owed = "SELECT count(*) FROM refunds r WHERE r.attempt_reference = t.reference"
        for reference, kept_rp, refunds in self.world.rows(
            "SELECT reference, sum(CASE WHEN kind IN ('surplus', 'owed_back') THEN amount_rp ELSE -amount_rp END),"
            f" ({owed}) FROM transfers t WHERE programme = 'SURPLUS' OR kind = 'owed_back' GROUP BY reference"
        ):
            assert refunds == 1, f"{reference} came in too much and is owed back {refunds} times"
            assert kept_rp >= 0, f"{reference} was given back twice"
        stray = "SELECT attempt_reference FROM refunds WHERE attempt_reference NOT IN (SELECT reference FROM transfers)"
        assert self.world.rows(stray) == []

    def _given_back(self, book: Mapping[str, Any]) -> None:
        """The banks have refunded what our books say, and nothing is under way any more but what people have to do."""
        for reference, bank, state in self.world.rows("SELECT attempt_reference, bank_code, state FROM refunds"):
            ends = {"done" if bank == BOUND else "by_hand", "undone"}
            assert state in ends, f"the refund of {reference} at {bank} is still {state}"
        refunded = "SELECT reference, amount_rp FROM transfers WHERE kind = 'refunded'"
        by_us = [(reference, rp) for reference, rp in self.world.rows(refunded)]
        by_banks = [(ref, back["amount_rp"]) for ref, debit in book.items() for back in debit.get("refunds", ())]
        assert sorted(by_us) == sorted(by_banks), "refunded at the banks, and not so in the books"

    def _posted_or_given_back(self) -> None:
        """Every debited rupiah: no month is paid that the insurer has not, and none waits for a decision."""
        unposted = "SELECT paid_reference FROM months WHERE state = 'covered' AND posted_on IS NULL"
        assert self.world.rows(unposted) == [], "paid, and neither posted nor given back"
        assert self.world.rows("SELECT about FROM work_items WHERE kind = 'not_posted' AND closed_at IS NULL") == []

    def _taken_back(self, book: Mapping[str, Any], tries: Sequence[Any]) -> None:
        """What a bank gave back by itself is known here, but where its day file came too late to be taken."""
        if self.world.rows("SELECT 1 FROM work_items WHERE kind = 'bad_file'"):
            return
        for one in tries:
            debit = book.get(one.reference)
            if debit is not None and debit["status"] == "returned":
                assert one.state not in {"confirmed", "settled"}, f"{one.reference} was given back and is {one.state}"


def _is_denied(one: Any, debit: Mapping[str, Any]) -> bool:
    """Debited by a bank that said it had not, and has not told of it yet: nobody here can know."""
    return one.state == "failed_soft" and str(debit["accountNo"]).endswith(DENIES_ITS_DEBITS)
