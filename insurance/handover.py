"""What goes to the insurer each day and what its answer changes; three-way checking with the bank comes on top."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select, text, update

from insurance import mandates, notices, schedule, unposted
from insurance.attempts import plan_anew
from insurance.cover import CoverState, covers
from insurance.ledger import post_to_insurer
from insurance.party import party
from insurance.receipts import owe_worker
from insurance.references import new_reference
from insurance.told import as_line
from insurance.work import Work
from insurer.base import Change as Line
from insurer.base import Contribution, ContributionResult, Registration, RegistrationResult, ResultFile
from models import (
    Attempt,
    AttemptReference,
    Change,
    ChangeKind,
    CoverMonth,
    Event,
    InsurerFile,
    Membership,
    MembershipState,
    MonthState,
    Worker,
)
from models.event import OF_OPERATORS, record
from models.machine import Cause, move
from models.membership import MEMBERSHIP_MOVES
from units.month import day_text, month_name
from units.phone import masked_tail

# One file holds at most this many lines of each kind; the rest goes into the next.
FILE_LINES_MAX = 50_000
# How an answer is named after our file; the references decide, and the name tells an older refusal from a newer one.
ANSWER_PREFIX = "result-"
SUBMITTED_AGAIN = "submitted_again"
"""Why a membership that was refused is on its way anew; the event's code is the reference that it had before."""
_REASONS = ("nik_unknown", "name_differs", "already_member")


class UnknownReference(Exception):
    """The insurer answered for a reference that we never handed over: the whole file is for a person to see."""


def prepare(work: Work) -> str | None:
    """Give all that the insurer does not know yet to one new file name; None where there is nothing."""
    waiting = select(Membership.worker_id).where(
        Membership.state == MembershipState.SUBMITTED.value, Membership.handed_over_in.is_(None)
    )
    members = work.db.scalars(waiting.order_by(Membership.worker_id).limit(FILE_LINES_MAX)).all()
    paid = select(CoverMonth.month, CoverMonth.worker_id).where(
        CoverMonth.state == MonthState.COVERED.value,
        CoverMonth.handed_over_in.is_(None),
        # What was to be handed over again may have been posted by then.
        CoverMonth.posted_on.is_(None),
    )
    months = work.db.execute(paid.order_by(CoverMonth.month, CoverMonth.worker_id).limit(FILE_LINES_MAX)).all()
    changes = work.db.scalars(
        select(Change.id)
        .join(Membership, Membership.worker_id == Change.worker_id)
        .where(
            Change.handed_over_in.is_(None),
            # While a registration is on its way, or asks for help, the insurer has nothing that could change.
            Membership.kpj_sealed.is_not(None) | (Change.kind == ChangeKind.END.value),
        )
        .order_by(Change.id)
        .limit(FILE_LINES_MAX)
    ).all()
    if not members and not months and not changes:
        return None
    name = f"iuran-{work.today:%Y%m%d}-{new_reference()}.csv"
    work.db.add(InsurerFile(name=name, made_at=work.now))
    work.db.flush()
    if members:
        work.db.execute(update(Membership).where(Membership.worker_id.in_(members)).values(handed_over_in=name))
    if changes:
        work.db.execute(update(Change).where(Change.id.in_(changes)).values(handed_over_in=name))
    for month, worker_id in months:
        work.db.execute(
            update(CoverMonth)
            .where(CoverMonth.month == month, CoverMonth.worker_id == worker_id)
            .values(handed_over_in=name)
        )
    return name


def unwritten(work: Work) -> Sequence[str]:
    """Files that were named and not yet written: written again from their rows, with the same content."""
    query = select(InsurerFile.name).where(InsurerFile.written_at.is_(None)).order_by(InsurerFile.made_at)
    return work.db.scalars(query).all()


def content(work: Work, name: str) -> tuple[list[Registration], list[Contribution], list[Line]]:
    members = work.db.scalars(
        select(Membership).where(Membership.handed_over_in == name).order_by(Membership.worker_id)
    ).unique()
    months = work.db.execute(
        select(Attempt, Membership, CoverMonth.paid_on)
        .join(CoverMonth, (CoverMonth.month == Attempt.month) & (CoverMonth.worker_id == Attempt.worker_id))
        .join(Membership, Membership.worker_id == Attempt.worker_id)
        .where(CoverMonth.handed_over_in == name, Attempt.reference == CoverMonth.paid_reference)
        .order_by(Attempt.month, Attempt.worker_id)
    ).unique()
    changes = work.db.execute(
        select(Change, Membership)
        .join(Membership, Membership.worker_id == Change.worker_id)
        .where(Change.handed_over_in == name)
        .order_by(Change.id)
    ).unique()
    return (
        [_registration(work, member) for member in members],
        [
            Contribution(
                reference=attempt.reference,
                kpj=work.box(member.worker).open(member.kpj_sealed or b"", "membership.kpj"),
                month=attempt.month,
                jkk_rp=attempt.jkk_rp,
                jkm_rp=attempt.jkm_rp,
                jht_rp=attempt.jht_rp,
                paid_on=paid_on or attempt.due_on,
            )
            for attempt, member, paid_on in months
        ],
        [as_line(work, change, member) for change, member in changes],
    )


def _registration(work: Work, member: Membership) -> Registration:
    worker, box = member.worker, work.box(member.worker)
    phones = [box.open(contact.phone_sealed, "contact.phone") for contact in worker.contacts[:1]]
    return Registration(
        reference=member.reference,
        nik=box.open(worker.nik_sealed, "worker.nik"),
        name=box.open(worker.name_sealed, "worker.name"),
        birth=date.fromisoformat(box.open(worker.birth_sealed, "worker.birth")),
        phone=phones[0] if phones else "",
        village_code=worker.village_code,
        sector=member.sector,
        base_rp=member.base_rp,
        programmes=member.programmes,
    )


def written(work: Work, name: str) -> None:
    work.db.get_one(InsurerFile, name).written_at = work.now


def apply(work: Work, result: ResultFile) -> None:
    """Take every line of a result file, or none: the caller commits. A line that was taken before changes nothing.

    Raises UnknownReference.
    """
    for registration in result.registrations:
        _apply_registration(work, registration)
    answered = result.name.removeprefix(ANSWER_PREFIX)
    for contribution in result.contributions:
        _apply_contribution(work, contribution, answered)
    unposted.close_posted(work)
    file = work.db.get(InsurerFile, answered)
    if file is not None:
        file.answered_at = work.now


def _was_ours(work: Work, reference: str) -> bool:
    """Whether a member had it who left, or was handed over anew under another: nothing waits for its answer.

    The events of people are gone through for it, and only where no membership and no change knows the reference.
    """
    if work.db.scalar(select(Change.id).where(Change.member == reference).limit(1)) is not None:
        return True
    former = select(Event.id).where(text(OF_OPERATORS), Event.why == SUBMITTED_AGAIN, Event.code == reference)
    return work.db.scalar(former.limit(1)) is not None


def _apply_registration(work: Work, line: RegistrationResult) -> None:
    query = select(Membership).where(Membership.reference == line.reference).with_for_update(of=Membership)
    member = work.db.scalars(query).unique().one_or_none()
    if member is None:
        if not _was_ours(work, line.reference):
            raise UnknownReference(line.reference)
        return
    if member.state != MembershipState.SUBMITTED.value:
        return
    worker, reason = member.worker, line.reason if line.reason in _REASONS else "other"
    to = MembershipState[line.outcome]
    move(work.db, member, MEMBERSHIP_MOVES, to, Cause("insurer", "answer", line.reason), work.now)
    fresh = work.is_fresh(member.submitted_at)
    if to is MembershipState.VERIFIED:
        member.kpj_sealed = work.box(worker).seal(line.kpj, "membership.kpj")
        member.kpj_index = work.keys.index("kpj", line.kpj)
        kind, facts = _verified_text(work, worker, line.kpj)
        owe_worker(work, worker, kind, f"verified:{line.reference}", facts, told_at_once=fresh)
        return
    member.reason = reason
    kind = "refused" if to is MembershipState.REFUSED else "needs_help"
    facts = {"name": work.name(worker), "reason": work.texts.word(f"reason.{reason}", worker.language)}
    owe_worker(work, worker, kind, f"{kind}:{line.reference}", facts, told_at_once=fresh)
    if to is MembershipState.REFUSED and mandates.live(work, worker.id) is not None:
        mandates.cancel(work, worker, Cause("insurer", "refused", line.reason))


def _verified_text(work: Work, worker: Worker, kpj: str) -> tuple[str, dict[str, str]]:
    """What the member is to do next: set up autodebit, wait for the bank, or have money ready."""
    facts = {"name": work.name(worker), "kpj": masked_tail(kpj)}
    work.db.flush()
    mandate = mandates.live(work, worker.id)
    if mandate is None:
        return "verified", facts
    # Months that were planned while the insurer's yes was missing left this mandate out.
    plan_anew(work, [mandate.id])
    attempt = schedule.schedule_first(work, mandate)
    if attempt is None or attempt.needs_notice:
        return "verified_waiting", facts
    return "verified_debit", {**facts, **notices.facts(attempt, party(work, mandate.id))}


def _apply_contribution(work: Work, line: ContributionResult, answered: str) -> None:
    known = work.db.get(AttemptReference, line.reference)
    if known is None:
        raise UnknownReference(line.reference)
    month = work.db.get_one(CoverMonth, (known.month, known.worker_id), with_for_update=True)
    attempt = work.db.get_one(Attempt, (known.month, known.worker_id, known.n))
    is_posted = line.outcome == "POSTED"
    if month.state != MonthState.COVERED.value or month.paid_reference != line.reference:
        # Given back since; another debit may have paid the month.
        if is_posted:
            unposted.posted_in_vain(work, attempt)
        return
    if not is_posted:
        unposted.refused(work, attempt, month, line, answered)
        return
    if month.posted_on is not None:
        return
    member = work.db.get_one(Membership, known.worker_id)
    fresh = attempt.asked_at is not None and work.is_fresh(attempt.asked_at) and not attempt.needs_notice
    month.posted_on = work.today
    post_to_insurer(work, [attempt])
    record(work.db, month.subject, "insurer", "posted", "", month.state, month.state, work.now)
    if line.jht_balance_rp is not None and (member.jht_as_of is None or member.jht_as_of <= line.as_of):
        member.jht_balance_rp, member.jht_as_of = line.jht_balance_rp, line.as_of
    _tell_posted(work, member, month, line.reference, told_at_once=fresh)


def _tell_posted(work: Work, member: Membership, month: CoverMonth, reference: str, *, told_at_once: bool) -> None:
    work.db.flush()
    worker = member.worker
    cover = covers(work.db, [worker.id], work.today, work.settings.DUE_DAY)[worker.id]
    kpj = work.box(worker).open(member.kpj_sealed or b"", "membership.kpj")
    shared = {
        "month": month_name(month.month, worker.language),
        "name": work.name(worker),
        "kpj": masked_tail(kpj),
        "ref": reference,
    }
    key = f"posted:{reference}"
    verified = member.state == MembershipState.VERIFIED.value
    if verified and cover.state is CoverState.PROTECTED and cover.until is not None:
        until = day_text(cover.until)
        owe_worker(work, worker, "posted", key, {"until": until, **shared}, told_at_once=told_at_once)
    else:
        owe_worker(work, worker, "posted_past", key, shared, told_at_once=told_at_once)
