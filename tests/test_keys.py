"""Master keys rotated while all goes on: read with both, written with one, all put under the new, the old one gone."""

import base64
import dataclasses
import os

import pytest
from click.testing import Result

from insurance import rotation
from ports import make_keys
from sealing import Box, Keyring, Unreadable
from tests.console_desk import paid_member
from tests.helping import invite, make_helper
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, PIN, SITI_PHONE
from tests.world import World

NEW = os.urandom(32)


def keys_of(world: World, data: bytes, *others: bytes) -> Keyring:
    settings = world.ports.settings
    return Keyring(data, settings.key("INDEX_KEY"), settings.key("PIN_PEPPER"), others)


@pytest.fixture
def old(world: World) -> bytes:
    """The key so far, after a day on which every kind of sealed row came to be."""
    paid_member(world)
    invite(make_helper(world), BUDI_NIK, BUDI, BUDI_PHONE)
    for sender, words in ((SITI_PHONE, "SALDO"), ("+6281299990000", "HALO"), ("+6281200000001", "GANTI 081277770000")):
        world.phone(sender).text(words)
    return world.ports.settings.key("DATA_KEY")


def rotate(world: World, keys: Keyring, *args: str) -> Result:
    """With the product's processes holding `keys`."""
    before = world.app.extensions["ports"]
    world.app.extensions["ports"] = dataclasses.replace(before, keys=keys)
    try:
        with world.app.app_context():
            return world.app.test_cli_runner().invoke(args=["keys", "rotate", *args])
    finally:
        world.app.extensions["ports"] = before


def left_for(world: World, keys: Keyring) -> dict[str, tuple[int, int]]:
    """By place: rows that are to be put under the key in use, and rows that no key opens."""
    ports = dataclasses.replace(world.ports, keys=keys)
    found: dict[str, tuple[int, int]] = {}
    for place in rotation.places():
        with ports.transaction() as work:
            done = rotation.rotate_some(work, place, None, dry_run=True)
        found[place.name] = (found.get(place.name, (0, 0))[0] + done.changed, done.unreadable)
    return found


def test_all_of_it_opens_with_the_new_key_alone_afterwards(world: World, old: bytes) -> None:
    before = left_for(world, keys_of(world, NEW, old))
    assert {place for place, (left, _) in before.items() if left} >= {
        *("workers", "invitations", "heads", "helpers", "messages", "inbound_sms", "successions"),
    }
    done = rotate(world, keys_of(world, NEW, old))
    assert done.exit_code == 0, done.output
    assert "workers: 1 rows, 1 put under the new key" in done.output
    assert set(left_for(world, keys_of(world, NEW)).values()) == {(0, 0)}


def test_with_the_new_key_the_product_goes_on(world: World, old: bytes) -> None:
    rotate(world, keys_of(world, NEW, old))
    keys = keys_of(world, NEW)
    data_key, sealed = world.rows("SELECT data_key, name_sealed FROM workers")[0]
    assert keys.person(data_key).open(sealed, "worker.name") == "Siti Rahmawati".upper()
    assert make_keys(world.ports.settings) is not None


def test_a_dry_run_changes_nothing_and_says_what_is_left(world: World, old: bytes) -> None:
    rows = world.rows("SELECT data_key FROM workers")
    done = rotate(world, keys_of(world, NEW, old), "--dry-run")
    assert done.exit_code == 2
    assert "workers: 1 rows, 1 to be put under the new key" in done.output
    assert world.rows("SELECT data_key FROM workers") == rows


def test_what_was_broken_off_is_begun_again(world: World, old: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "AT_ONCE", 1)
    keys = keys_of(world, NEW, old)
    ports = dataclasses.replace(world.ports, keys=keys)
    messages = next(place for place in rotation.places() if place.name == "messages")
    with ports.transaction() as work:
        first = rotation.rotate_some(work, messages, None)
    assert (first.seen, first.changed) == (1, 1)
    assert first.next is not None
    done = rotate(world, keys)
    total = world.one("SELECT count(*) FROM messages WHERE worker_id IS NULL")
    assert f"messages: {total} rows, {total - 1} put under the new key" in done.output
    again = rotate(world, keys)
    assert f"messages: {total} rows, 0 put under the new key" in again.output


def test_what_opens_with_neither_key_is_told(world: World, old: bytes) -> None:
    done = rotate(world, keys_of(world, NEW, os.urandom(32)))
    assert done.exit_code == 2
    assert "workers: 1 open with neither key" in done.output


def test_before_the_new_key_is_in_use_both_processes_read_each_other(world: World, old: bytes) -> None:
    """The order of docs/operations.md: first everybody reads both, then everybody writes with the new one."""
    earlier, later = keys_of(world, old, NEW), keys_of(world, NEW, old)
    box, wrapped = later.new_person()
    assert earlier.person(wrapped).open(box.seal("x", "a"), "a") == "x"
    assert earlier.shared.open(later.shared.seal("x", "a"), "a") == "x"
    assert later.shared.open(earlier.shared.seal("x", "a"), "a") == "x"
    with pytest.raises(Unreadable):
        keys_of(world, old).person(wrapped)


def test_a_fresh_key_is_printed_whole_and_never_the_same(world: World) -> None:
    with world.app.app_context():
        printed = {world.app.test_cli_runner().invoke(args=["keys", "new"]).output.strip() for _ in range(3)}
    assert len(printed) == 3
    assert {len(base64.b64decode(key, validate=True)) for key in printed} == {32}


def test_sealing_anew_keeps_text_and_place() -> None:
    old, new = Box(b"o" * 32), Box(b"n" * 32, [b"o" * 32])
    fresh = new.anew(old.seal("0812", "head.phone"), "head.phone")
    assert fresh is not None
    assert Box(b"n" * 32).open(fresh, "head.phone") == "0812"
    assert new.anew(fresh, "head.phone") is None
    with pytest.raises(Unreadable):
        new.anew(old.seal("0812", "head.phone"), "helper.phone")


def test_a_pin_holds_after_it(world: World, old: bytes) -> None:
    rotate(world, keys_of(world, NEW, old))
    pin_hash = world.one("SELECT pin_hash FROM workers")
    assert keys_of(world, NEW).is_pin(PIN, pin_hash)
