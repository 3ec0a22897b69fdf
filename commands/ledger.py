"""The `flask ledger` commands: seal what may be sealed, and verify seals, books and cover. They mend nothing.

What only a command needs (Procrastinate, rich) is imported inside it, as in the other commands.
"""

import dataclasses
import re

import click
from flask import current_app

from database import make_engine
from insurance.proving import Proof, prove
from ports import Ports
from units.money import rupiah

# One statement reads a month, or a segment, of a nation: nobody waits at a phone for it.
_ANSWER_TIMEOUT_S = 3600.0
_KNOWN = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")


def _ports() -> Ports:
    """The web's ports with one patient connection."""
    ports: Ports = current_app.extensions["ports"]
    url = ports.settings.DATABASE_URL.get_secret_value()
    return dataclasses.replace(ports, database=make_engine(url, answer_timeout_s=_ANSWER_TIMEOUT_S, connections_max=1))


@click.group("ledger")
def ledger() -> None:
    """The books and the event log: sealed, and proved."""


@ledger.command("seal")
def seal() -> None:
    """Seal events and transfers now, as the worker does every hour."""
    from jobs import seal_ledger

    click.echo(f"{seal_ledger(_ports())} segments sealed.")


@ledger.command("verify")
@click.option("--known", "known_text", default=None, help="A seal written down outside, NUMBER:HASH, to be met again.")
def verify(known_text: str | None) -> None:
    """Prove that sealed rows and seals are untouched, the books are whole, and cover is what was posted.

    Leaves with 0 when all holds, 2 when something differs: one line for each kind, by reference, no personal data.
    """
    known = None
    if known_text is not None:
        found = _KNOWN.fullmatch(known_text)
        if found is None:
            raise click.ClickException("a seal is written NUMBER:HASH, the hash as 64 hex digits")
        known = (int(found[1]), found[2])
    with _ports().transaction() as work:
        proof = prove(work, known)
    _print_tables(proof)
    by_kind = dict[str, list[str]]()
    for difference in proof.differences:
        by_kind.setdefault(difference.what, []).append(difference.which)
    for what, which in by_kind.items():
        click.echo(f"DIFFERS: {what}: {', '.join(which)}")
    if by_kind:
        raise click.exceptions.Exit(2)
    if proof.seals:
        click.echo("All holds.")
    else:
        click.echo("Books and cover hold. Nothing is sealed yet: what was changed before the first seal is not seen.")
        click.echo("The worker seals every hour, `flask ledger seal` now.")


def _print_tables(proof: Proof) -> None:
    from rich.console import Console
    from rich.table import Table

    console, counts, accounts = Console(width=120), Table(title="Ledger"), Table(title="Accounts")
    counts.add_column("what")
    counts.add_column("count", justify="right")
    for what, count in (
        ("seals", proof.seals),
        ("rows sealed", proof.sealed_rows),
        ("rows not sealed yet", proof.unsealed_rows),
    ):
        counts.add_row(what, str(count))
    accounts.add_column("account")
    for column in ("into", "out of"):
        accounts.add_column(column, justify="right")
    for balance in proof.balances:
        accounts.add_row(balance.account, rupiah(balance.into_rp), rupiah(balance.out_of_rp))
    console.print(counts)
    console.print(accounts)
    if proof.head:
        # Whole on one line, to be kept where nobody here can write.
        click.echo(f"last seal {proof.head}")
