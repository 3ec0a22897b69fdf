"""What the system holds of those at one number, for who learns how it works; the sandbox's people are invented."""

from sqlalchemy import select

from insurance.person import person
from insurance.trails import trail
from insurance.work import Work
from models import Contact, Membership
from units.clock import JAKARTA
from units.money import rupiah
from units.month import day_text, month_name

Fact = tuple[str, str]
EVENTS_SHOWN = 12


def did(work: Work, phone: str) -> list[dict[str, object]]:
    """Of each person at `phone` (E.164) a title and facts, each a name and a value; none if nobody is there."""
    known = select(Contact.worker_id).where(Contact.phone_index == work.keys.index("phone", phone))
    query = select(Membership).where(Membership.worker_id.in_(known)).order_by(Membership.worker_id)
    return [_one(work, member) for member in work.db.scalars(query).unique()]


def _one(work: Work, member: Membership) -> dict[str, object]:
    seen = person(work, member)
    facts: list[Fact] = [("Kepesertaan", seen.state), ("Perlindungan", seen.cover.state.value)]
    if seen.cover.until:
        facts.append(("Terlindungi s.d.", day_text(seen.cover.until)))
    facts += [
        (f"Autodebit ***{mandate.account[-4:]}", f"{mandate.state}, {rupiah(mandate.max_amount_rp)}")
        for mandate in seen.mandates
    ]
    for month in seen.months:
        paid = f", {rupiah(month.amount_rp)}" if month.amount_rp is not None else ""
        facts.append((month_name(month.month, "id"), f"{month.state}{paid}"))
        facts += [(f"Percobaan {n}", f"{state} {code}".strip()) for n, state, code, _ in month.tries]
    facts += [("SMS", f"{message.kind}: {message.state}") for message in seen.messages]
    for event in trail(work, member)[:EVENTS_SHOWN]:
        moved = f": {event.before} > {event.after}" if event.before != event.after else ""
        facts.append((f"{event.at.astimezone(JAKARTA):%H.%M.%S}", f"{event.what} {event.why}{moved}"))
    return {"title": f"{seen.name} ({seen.reference})", "facts": facts}
