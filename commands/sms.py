"""`flask sms`: the gateways that take texts, their shares and refusals, and whom no text reaches."""

import signal
from functools import partial

import click
from sqlalchemy import select

from commands.autodebit import UNCLEAR, by_a_person
from commands.ports import call_ports, job_ports
from commands.tables import make_table, show_table
from models import Message, MessageState, SmsRoute, Visit, Worker
from sms import routing, taking

LISTED_MAX = 200


@click.group("sms")
def sms() -> None:
    """Texts: gateways, what waits, and visits."""


@sms.command("status")
def status() -> None:
    """Each gateway's share, and the oldest text that waits. Leaves with 2 where a gateway refuses our account."""
    ports = job_ports()
    with ports.transaction() as work:
        rows = list(work.db.scalars(select(SmsRoute).where(SmsRoute.name.in_(ports.sms)).order_by(SmsRoute.name)))
        due = Message.state == MessageState.CREATED.value, Message.not_before <= work.now
        oldest = work.db.scalar(select(Message.not_before).where(*due).order_by(Message.not_before).limit(1))
        waits_s = int((work.now - oldest).total_seconds()) if oldest else 0
    table = make_table("Gateways for texts", "gateway", "share", "state")
    for row in rows:
        table.add_row(row.name, str(row.weight), f"stopped {row.stopped_code}" if row.stopped_at else "open")
    show_table(table)
    click.echo(f"The oldest text that is due waits {waits_s} s.")
    if any(row.stopped_at for row in rows):
        raise click.exceptions.Exit(UNCLEAR)


@sms.command("smpp")
def smpp() -> None:
    """Take members' texts and the reports of ours from the operator's SMSC until told to stop."""
    from gateways.smpp_inbox import Inbox
    from gateways.smpp_wire import sms_smsc

    ports = call_ports()
    if "smpp" not in ports.settings.sms_routes:
        raise click.ClickException("SMS_ROUTES does not name smpp")
    decimal_ids = ports.settings.SMS_SMPP_DECIMAL_IDS
    inbox = Inbox(sms_smsc(ports.settings), partial(taking.keep, ports), decimal_ids=decimal_ids)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: inbox.stop())
    inbox.run()


@sms.command("resume")
@click.argument("gateway")
@by_a_person
def resume(gateway: str, by: str) -> None:
    """Give a gateway texts again, once its account is paid or its key mended; it is asked anew by itself as well."""
    with job_ports().transaction() as work:
        done = routing.resumed(work, gateway, by)
    if not done:
        raise click.ClickException(f"gateway {gateway!r} is not stopped")
    click.echo(f"{gateway} takes texts again.")


@sms.command("visits")
@click.argument("village_code")
def visits(village_code: str) -> None:
    """Members of a village whom no text reaches, by initials: somebody should go and see."""
    with job_ports().transaction() as work:
        query = select(Visit).where(Visit.village_code == village_code, Visit.done_at.is_(None)).order_by(Visit.since)
        found = list(work.db.scalars(query).unique())
        table = make_table(f"To visit in {village_code}", "member", "since")
        for visit in found:
            worker = work.db.get_one(Worker, visit.worker_id)
            table.add_row(work.initials(worker), f"{visit.since:%d-%m-%Y}")
    show_table(table)


@sms.command("quarantine")
def quarantine() -> None:
    """Texts that came in and broke us: id, when and why, never their words. Leaves with 2 where there are any."""
    with job_ports().transaction() as work:
        found = [(row.gateway_id, row.received_at, row.reason) for row in taking.quarantined(work, LISTED_MAX)]
    table = make_table("Set aside", "id", "received", "reason")
    for gateway_id, received_at, reason in found:
        table.add_row(gateway_id, f"{received_at:%Y-%m-%d %H:%M}", reason)
    show_table(table)
    if found:
        raise click.exceptions.Exit(UNCLEAR)


@sms.command("read")
@click.argument("text_id")
@by_a_person
def read(text_id: str, by: str) -> None:
    """The words of a text that is set aside; that you read them is recorded."""
    with job_ports().transaction() as work:
        try:
            words = taking.read_quarantined(work, text_id, by)
        except LookupError as error:
            raise click.ClickException(str(error)) from None
    click.echo(words)


@sms.command("again")
@click.argument("text_id")
@by_a_person
def again(text_id: str, by: str) -> None:
    """Answer a text that was set aside, once the fault is mended; that it was you is recorded."""
    with job_ports().transaction() as work:
        try:
            word = taking.handle_again(work, text_id, by)
        except LookupError as error:
            raise click.ClickException(str(error)) from None
    if word == taking.UNANSWERED:
        raise click.ClickException("it breaks us still")
    click.echo(f"Answered as {word or 'no command'}.")
