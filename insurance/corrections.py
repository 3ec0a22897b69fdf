"""What is wrong in a member's data is put right at a branch, and who was refused is handed to the insurer anew.

Source: UU 27/2022 art. 30: corrected within 3 x 24 hours, and the person is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete

from insurance.enrolment import BadName, read_name
from insurance.handover import SUBMITTED_AGAIN
from insurance.name_words import index_name
from insurance.operators import Sight
from insurance.places import read_rt_rw
from insurance.receipts import owe_worker
from insurance.references import new_reference
from insurance.waking import EXCHANGE, wake
from insurance.work import Work
from models import Membership, MembershipState, Village, Worker, WorkerWord
from models.event import record
from models.machine import Cause, IllegalMove, move
from models.membership import MEMBERSHIP_MOVES
from units.month import day_text


class NotCorrectable(ValueError):
    """Says what cannot be taken: `name`, `birth`, `place`, `village`, `insurer`, `on_its_way`, `state` or `nothing`."""


@dataclass(frozen=True)
class Correction:
    """As it was typed; an empty one stays as it is. `birth` is 1990-08-17, `place` 003/005, `village` ten digits."""

    name: str = ""
    birth: str = ""
    place: str = ""
    village: str = ""

    def __repr__(self) -> str:
        return "Correction(***)"


def correct(work: Work, member: Membership, wanted: Correction, sight: Sight, by: str) -> Sequence[str]:
    """What was changed. The member is told. Raises NotCorrectable; then nothing was changed."""
    work.db.refresh(member.worker, ["pin_wrong"], with_for_update={"of": Worker})
    work.db.refresh(member, ["state", "handed_over_in"], with_for_update={"of": Membership})
    worker, changed = member.worker, list[str]()
    if (wanted.name or wanted.birth) and member.state in (MembershipState.VERIFIED.value, MembershipState.ENDED.value):
        # They are the insurer's by then, whose record decides whom a claim is paid for.
        raise NotCorrectable("insurer")
    if (wanted.name or wanted.birth) and member.state == MembershipState.SUBMITTED.value and member.handed_over_in:
        # It would accept the old ones, and they could be put right nowhere afterwards. Its answer takes a day or two.
        raise NotCorrectable("on_its_way")
    values = (_name(wanted), _birth(work, wanted), _place(wanted), _village(work, wanted, sight))
    name, birth, place, village = values
    box = work.box(worker)
    if name and name != box.open(worker.name_sealed, "worker.name"):
        worker.name_sealed = box.seal(name, "worker.name")
        work.db.execute(delete(WorkerWord).where(WorkerWord.worker_id == worker.id))
        index_name(work, worker, name)
        changed.append("name")
    if birth and birth != box.open(worker.birth_sealed, "worker.birth"):
        worker.birth_sealed = box.seal(birth, "worker.birth")
        changed.append("birth")
    if place and place != worker.rt_rw:
        worker.rt_rw = place
        changed.append("place")
    if village and village != worker.village_code:
        # A group belongs to its village.
        worker.village_code, worker.group_code = village, ""
        changed.append("village")
    if not changed:
        raise NotCorrectable("nothing")
    record(work.db, worker.subject, by, "corrected", "+".join(changed), "", "", work.now)
    said = {"name": work.name(worker), "date": day_text(work.today)}
    owe_worker(work, worker, "corrected", f"corrected:{worker.id}:{work.now:%Y%m%d%H%M%S%f}", said)
    return changed


def _name(wanted: Correction) -> str:
    try:
        return read_name(wanted.name) if wanted.name else ""
    except BadName:
        raise NotCorrectable("name") from None


def _birth(work: Work, wanted: Correction) -> str:
    """Of an age at which one may be a member; that it differs from the NIK's is what has to be put right."""
    if not wanted.birth:
        return ""
    try:
        born = date.fromisoformat(wanted.birth)
    except ValueError:
        raise NotCorrectable("birth") from None
    age = work.today.year - born.year - ((work.today.month, work.today.day) < (born.month, born.day))
    if not work.settings.AGE_MIN <= age < work.settings.AGE_BELOW:
        raise NotCorrectable("birth")
    return born.isoformat()


def _place(wanted: Correction) -> str:
    """An RT with its RW."""
    if not wanted.place:
        return ""
    found = read_rt_rw(wanted.place)
    if not found:
        raise NotCorrectable("place")
    return found


def _village(work: Work, wanted: Correction, sight: Sight) -> str:
    if not wanted.village:
        return ""
    if not sight.sees(wanted.village) or work.db.get(Village, wanted.village) is None:
        raise NotCorrectable("village")
    return wanted.village


def submit_again(work: Work, member: Membership, by: str) -> None:
    """Whom the insurer refused, or asked about, goes to it anew under another reference. Raises NotCorrectable."""
    work.db.refresh(member, ["state"], with_for_update={"of": Membership})
    if member.state not in (MembershipState.REFUSED.value, MembershipState.NEEDS_HELP.value):
        raise NotCorrectable("state")
    try:
        cause = Cause(by, SUBMITTED_AGAIN, member.reference)
        move(work.db, member, MEMBERSHIP_MOVES, MembershipState.SUBMITTED, cause, work.now)
    except IllegalMove:
        raise NotCorrectable("state") from None
    # A late answer to what was handed over before is about the former reference, which the event keeps.
    member.reference, member.reason, member.submitted_at, member.handed_over_in = new_reference(), "", work.now, None
    said = {"name": work.name(member.worker), "date": day_text(work.today)}
    owe_worker(work, member.worker, "enrolled", f"enrolled:{member.worker_id}:{member.reference}", said)
    wake(work.db, EXCHANGE)
