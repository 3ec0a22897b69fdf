"""Complaints, accidents and deaths as a call takes them: without a PIN, for who reports may hold the phone alone."""

from insurance import contacts, genuine, tickets
from models import TicketKind, Worker
from models.ticket import COMPLAINTS
from texts import Facts
from units.month import day_text
from ussd.caller import Caller
from ussd.screens import Choice, Refused


def complaints(caller: Caller) -> list[Choice]:
    return [Choice(kind.value, caller.word(f"ticket.{kind.value}")) for kind in COMPLAINTS]


def _worker(caller: Caller) -> Worker | None:
    return caller.picked() if caller.workers() else None


def complain(caller: Caller) -> None:
    """A stranger may as well: our texts may come to a number that was another's."""
    kind = TicketKind(caller.answers["complaint"])
    worker = _worker(caller)
    doubted = worker is not None and contacts.is_doubted(caller.work, caller.contact())
    tickets.open_ticket(caller.work, kind, caller.phone, caller.language, worker, doubted=doubted)


def accident(caller: Caller) -> None:
    tickets.open_ticket(caller.work, TicketKind.ACCIDENT, caller.phone, caller.language, caller.known())


def death(caller: Caller) -> None:
    tickets.report_death(caller.work, caller.known(), caller.phone, caller.language)


def reference(_caller: Caller, typed: str) -> str:
    """Twelve letters and digits; which of them are none of ours is the very answer."""
    try:
        return genuine.read(typed)
    except genuine.NoReference:
        raise Refused("genuine.ref") from None


def genuine_facts(caller: Caller) -> Facts:
    ref, told_of = caller.answers["ref"], caller.trusted()
    return {"said": genuine.about(caller.work, ref, caller.phone_index, caller.workers(), told_of, caller.language)}


def _answer_by(caller: Caller, *kinds: TicketKind) -> Facts:
    """Of the number's newest open one of these kinds: of what was just done, or was done before."""
    found = tickets.latest(caller.work, caller.phone, kinds)
    return {"date": day_text(found.answer_by if found else caller.work.today)}


def complaint_facts(caller: Caller) -> Facts:
    return _answer_by(caller, *COMPLAINTS)


def accident_facts(caller: Caller) -> Facts:
    return _answer_by(caller, TicketKind.ACCIDENT)


def death_facts(caller: Caller) -> Facts:
    return _answer_by(caller, TicketKind.DEATH)


def who_facts(caller: Caller) -> Facts:
    return {"name": caller.work.name(caller.known())}
