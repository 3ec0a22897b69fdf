"""Posts money as transfers, one a programme; a fact told twice is posted once, and nothing posted is changed."""

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from insurance.work import Work
from models import Attempt, Transfer

FEE = "FEE"


def bank_account(bank_code: str) -> str:
    """Money the bank has debited for us and not yet settled."""
    return f"bank:{bank_code}"


def due_account(programme: str) -> str:
    """What we owe the insurer for a programme."""
    return f"due:{programme}"


def insurer_account(programme: str) -> str:
    """What the insurer has posted."""
    return f"insurer:{programme}"


def _post(work: Work, attempt: Attempt, kind: str, moves: Mapping[str, tuple[str, str, int]]) -> None:
    rows = [
        {
            "month": attempt.month,
            "at": work.now,
            "worker_id": attempt.worker_id,
            "reference": attempt.reference,
            "kind": kind,
            "programme": programme,
            "debit_account": debit,
            "credit_account": credit,
            "amount_rp": amount_rp,
        }
        for programme, (debit, credit, amount_rp) in moves.items()
    ]
    work.db.execute(insert(Transfer).on_conflict_do_nothing(), rows)


def post_collected(work: Work, attempt: Attempt, bank_code: str) -> None:
    """The bank debited the worker: from the bank's account to what is due, by programme; the fee on its own."""
    bank = bank_account(bank_code)
    moves = {programme: (bank, due_account(programme), rp) for programme, rp in attempt.by_programme.items()}
    if attempt.fee_rp:
        moves[FEE] = (bank, f"fee:{bank_code}", attempt.fee_rp)
    _post(work, attempt, "collected", moves)


def post_to_insurer(work: Work, attempt: Attempt) -> None:
    """The insurer posted the month: what was due is theirs."""
    moves = {
        programme: (due_account(programme), insurer_account(programme), rp)
        for programme, rp in attempt.by_programme.items()
    }
    _post(work, attempt, "posted", moves)


def paid_total_rp(work: Work, worker_id: int) -> int:
    """All contributions of a worker that came in through us, without bank fees."""
    query = select(func.coalesce(func.sum(Transfer.amount_rp), 0)).where(
        Transfer.worker_id == worker_id, Transfer.kind == "collected", Transfer.programme != FEE
    )
    return int(work.db.scalar(query) or 0)
