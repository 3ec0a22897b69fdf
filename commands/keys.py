"""`flask keys`: a fresh key, and everything put under a new master key while all goes on (docs/operations.md, Keys)."""

import base64
import os

import click

from commands.ports import job_ports
from insurance import rotation


@click.group("keys")
def keys() -> None:
    """The keys over personal data."""


@keys.command("new")
def new() -> None:
    """Print a fresh key of 32 bytes, in Base64. It is kept nowhere."""
    click.echo(base64.b64encode(os.urandom(32)).decode())


@keys.command("rotate")
@click.option("--dry-run", is_flag=True, help="Only count what DATA_KEY_OTHER still protects.")
def rotate(dry_run: bool) -> None:
    """Put everything under DATA_KEY that DATA_KEY_OTHER protects. May be broken off and begun again at any time.

    Leaves with 0 when nothing is left for the other key, 2 when something is, or when something opens with neither.
    """
    ports = job_ports()
    left = lost = 0
    for place in rotation.places():
        seen = changed = unreadable = 0
        after: rotation.Key | None = None
        while True:
            with ports.transaction() as work:
                done = rotation.rotate_some(work, place, after, dry_run=dry_run)
            seen, changed, unreadable = seen + done.seen, changed + done.changed, unreadable + done.unreadable
            if done.next is None:
                break
            after = done.next
        click.echo(f"{place.name}: {seen} rows, {changed} {'to be put' if dry_run else 'put'} under the new key")
        if unreadable:
            click.echo(f"{place.name}: {unreadable} open with neither key", err=True)
        left, lost = left + (changed if dry_run else 0), lost + unreadable
    if left or lost:
        raise SystemExit(2)
    click.echo("Nothing is left under the other key: take DATA_KEY_OTHER away, and destroy it once no backup needs it.")
