"""`flask privacy`: what members may ask for by UU 27/2022, how long things are kept, and the draft after a breach."""

import json
import os
from datetime import datetime
from pathlib import Path

import click

from commands.autodebit import by_a_person
from commands.ports import job_ports
from commands.tables import make_table, show_table
from insurance import breach as breaches
from insurance import erasures, people, person, retention, trails
from insurance.operators import ALL
from insurance.work import Work
from models import Erasure, Membership
from models.machine import Cause
from sealing import Unreadable
from units.clock import JAKARTA


@click.group("privacy")
def privacy() -> None:
    """What members may ask of us by the law on personal data."""


_reference = click.argument("reference")


def _seen(work: Work, reference: str, by: str, why: str) -> Membership:
    """Whoever looks is recorded. Raises ClickException."""
    try:
        return people.seen(work, ALL, reference, by, why)
    except LookupError:
        raise click.ClickException("no membership has this reference") from None


def _write_own(path: Path, text: str) -> None:
    """For its owner's eyes alone, and never over what is there."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from None
    with open(handle, "w", encoding="utf-8") as file:
        file.write(text)


@privacy.command("copy")
@_reference
@click.argument("file", type=click.Path(path_type=Path))
@by_a_person
def copy(reference: str, file: Path, by: str) -> None:
    """All that is kept of a member, nothing masked, as JSON into FILE: hand it over and delete it."""
    ports = job_ports()
    with ports.transaction() as work:
        member = _seen(work, reference, by, "copied")
        try:
            whole = person.copy_of(work, member)
        except Unreadable:
            raise click.ClickException("this member's data were erased") from None
    _write_own(file, json.dumps(whole, ensure_ascii=False, indent=2, default=str) + "\n")
    click.echo(f"{file}: written, readable by you alone.")


@privacy.command("consents")
@_reference
@by_a_person
def consents(reference: str, by: str) -> None:
    """The proof of each consent: when, by which channel, the very words, and whether they have the hash kept then."""
    ports = job_ports()
    with ports.transaction() as work:
        member = _seen(work, reference, by, "consents")
        try:
            given = person.person(work, member).consents
        except Unreadable:
            raise click.ClickException("this member's data were erased") from None
    for one in given:
        whole = "whole" if one.is_whole else "NOT THE WORDS OF THEN"
        click.echo(f"{one.at.astimezone(JAKARTA):%d-%m-%Y %H.%M} {one.kind} by {one.channel}, words {one.version}")
        click.echo(f"  {one.words}")
        click.echo(f"  SHA-256 {one.text_hash}: {whole}")


@privacy.command("seen")
@_reference
@by_a_person
def seen(reference: str, by: str) -> None:
    """Who looked at a member in the last months, and at what."""
    ports = job_ports()
    with ports.transaction() as work:
        looks = trails.looks(work, _seen(work, reference, by, "trail"))
    table = make_table(f"{reference}: who looked", "at", "who", "at what")
    for one in looks:
        table.add_row(f"{one.at.astimezone(JAKARTA):%d-%m-%Y %H.%M}", one.actor, one.why)
    show_table(table)


@privacy.command("erase")
@_reference
@click.option("--number-ends", required=True, help="Last four digits of the own number, as the member says them.")
@by_a_person
def erase(reference: str, number_ends: str, by: str) -> None:
    """A member at a branch, with the KTP, wants to be erased. The number is told and may say no for some days."""
    ports = job_ports()
    try:
        with ports.transaction() as work:
            row = erasures.ask(work, _seen(work, reference, by, "erasure"), number_ends, by)
            due = work.local_time(row.due_at, row.worker)
    except erasures.OtherNumber:
        raise click.ClickException("the number on file ends otherwise: the text would reach somebody else") from None
    except erasures.ErasureWaits:
        raise click.ClickException("this was asked for already") from None
    click.echo(f"Autodebit has stopped and the member was told by SMS. Erased after {due}, unless BUKAN comes before.")


@privacy.command("keep")
@_reference
@by_a_person
def keep(reference: str, by: str) -> None:
    """The member changed their mind: the erasure is stopped. Autodebit has to be set up again."""
    ports = job_ports()
    with ports.transaction() as work:
        if not erasures.stop(work, _seen(work, reference, by, "erasure").worker, Cause(by, "branch")):
            raise click.ClickException("no erasure of this member waits")
    click.echo("Stopped.")


@privacy.command("erasures")
def waiting() -> None:
    """The erasures that wait: until when the member may say no, and what still needs the data after that."""
    ports = job_ports()
    with ports.transaction() as work:
        rows = [_row(work, one) for one in erasures.all_waiting(work)]
    table = make_table("Erasures that wait", "member", "asked", "due", "waits for")
    for row in rows:
        table.add_row(*row)
    show_table(table)


@privacy.command("erased")
def erased() -> None:
    """The ids of all who were erased, one a line: kept beside the backups, for `flask restore --erased`."""
    ports = job_ports()
    with ports.transaction() as work:
        for worker_id in erasures.erased_ids(work):
            click.echo(worker_id)


def _row(work: Work, one: Erasure) -> tuple[str, str, str, str]:
    reference = work.db.get_one(Membership, one.worker_id).reference
    asked, due = (f"{at.astimezone(JAKARTA):%d-%m-%Y %H.%M}" for at in (one.asked_at, one.due_at))
    return reference, asked, due, one.waits_for or "the member"


@privacy.command("retention")
@click.option("--apply", "is_applied", is_flag=True, help="Do it now, as the worker does every night.")
def keep_for(is_applied: bool) -> None:
    """How long each kind of thing is kept, and how many are past it. Without --apply nothing is changed."""
    ports = job_ports()
    table = make_table("Retention", "what", "kept for", "past it")
    for rule in retention.RULES:
        with ports.transaction() as work:
            past = retention.apply_all(ports.transaction, rule) if is_applied else rule.count(work)
            table.add_row(rule.what, rule.kept_for(work.settings), str(past))
    show_table(table)
    click.echo("Done." if is_applied else "Nothing was changed: --apply does it.")


@privacy.command("breach")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--operator", required=True, help="Whose account was misused, as events name it.")
@click.option("--from", "since", required=True, type=click.DateTime(["%Y-%m-%d"]), help="First day, Jakarta.")
@click.option("--until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Last day, Jakarta.")
@click.option("--found", required=True, type=click.DateTime(["%Y-%m-%dT%H:%M"]), help="When it was found, Jakarta.")
@by_a_person
def breach(folder: Path, operator: str, since: datetime, until: datetime, found: datetime, by: str) -> None:
    """Draft the report of a breach (art. 46) from the audit log, into FOLDER: the draft, and who is to be told."""
    ports = job_ports()
    with ports.transaction() as work:
        report = breaches.draft(work, operator, since.date(), until.date(), found.replace(tzinfo=JAKARTA), by)
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise click.ClickException(f"{folder}: {error.strerror}") from None
    _write_own(folder / "laporan.md", report.words)
    _write_own(folder / "peserta.csv", report.members)
    click.echo(f"{folder}: {report.count} members; the notice is due {report.due:%d-%m-%Y %H.%M} WIB.")
