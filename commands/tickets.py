"""`flask tickets`: what a complaint or a report is about, by its trail, and the answer that is owed for it."""

import click

from commands.autodebit import by_a_person
from commands.ports import job_ports
from commands.tables import make_table, show_table
from insurance import tickets as tickets_of
from units.clock import JAKARTA


@click.group("tickets")
def tickets() -> None:
    """Complaints, accidents and deaths that were told to us."""


@tickets.command("show")
@click.argument("reference")
def show(reference: str) -> None:
    """The ticket and what happened to its member in the last months: ids, states and codes, no personal data."""
    ports = job_ports()
    try:
        with ports.transaction() as work:
            ticket = tickets_of.by_reference(work, reference)
            trail = tickets_of.trail(work, ticket)
            state = "answered" if ticket.answered_at else "OVERDUE" if ticket.answer_by < work.today else "open"
            title = f"{reference} {ticket.kind}, {state}, answer by {ticket.answer_by:%d-%m-%Y}"
    except LookupError as error:
        raise click.ClickException(str(error)) from None
    if any(event.code == tickets_of.DOUBTED and event.subject == "ticket" for event in trail):
        click.echo("From a number in doubt (silent for long, or a new SIM): say nothing of the member in the answer.")
    table = make_table(title, "at", "what", "which", "by", "why", "code", "to")
    for event in trail:
        at = event.at.astimezone(JAKARTA)
        who = (event.subject, event.subject_id, event.actor, event.why, event.code, event.after)
        table.add_row(f"{at:%d-%m-%Y %H.%M}", *who)
    show_table(table)


@tickets.command("answer")
@click.argument("reference")
@click.option("--text", "words", required=True, help="What the person is told, in one SMS.")
@by_a_person
def answer(reference: str, words: str, by: str) -> None:
    """Send the answer by SMS and close the matter; a death is decided by `flask autodebit approve` instead."""
    ports = job_ports()
    try:
        with ports.transaction() as work:
            tickets_of.answer(work, reference, words, by)
    except (LookupError, tickets_of.NotAnswerable) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Ticket {reference} is answered.")
