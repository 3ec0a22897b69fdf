"""Complaints, accidents and deaths as a call takes them: no PIN, for whoever reports holds the phone and not the PIN."""

from insurance import tickets
from models import TicketKind, Worker
from models.ticket import COMPLAINTS
from texts import Facts
from units.month import day_text
from ussd.caller import Caller
from ussd.screens import Choice


def complaints(caller: Caller) -> list[Choice]:
    return [Choice(kind.value, caller.word(f"ticket.{kind.value}")) for kind in COMPLAINTS]


def _worker(caller: Caller) -> Worker | None:
    return caller.worker() if caller.workers() else None


def complain(caller: Caller) -> None:
    """A stranger may as well: our texts may come to a number that was another's."""
    kind = TicketKind(caller.answers["complaint"])
    tickets.open_ticket(caller.work, kind, caller.phone, caller.language, _worker(caller))


def accident(caller: Caller) -> None:
    tickets.open_ticket(caller.work, TicketKind.ACCIDENT, caller.phone, caller.language, caller.worker())


def death(caller: Caller) -> None:
    tickets.report_death(caller.work, caller.worker(), caller.phone, caller.language)


def ticket_facts(caller: Caller) -> Facts:
    """Of the number's newest open one: what was just done, or was done before."""
    found = tickets.latest(caller.work, caller.phone)
    if found is None:
        return {"ref": "-", "date": "-"}
    return {"ref": found.reference, "date": day_text(found.answer_by)}


def who_facts(caller: Caller) -> Facts:
    return {"name": caller.work.name(caller.worker())}
