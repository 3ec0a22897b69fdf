"""What is kept unreadable at rest: sealed fields, persons' own keys, blind indexes, PIN hashes."""

import base64
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sealing
from sealing import Box, Keyring, PinChecksBusy, Unreadable

DATA, INDEX, PEPPER = b"d" * 32, b"i" * 32, b"p" * 32
BOX = Box(DATA)
PIN, OTHER_PIN = "274913", "274914"


def keyring(data: bytes = DATA, index: bytes = INDEX, pepper: bytes = PEPPER) -> Keyring:
    return Keyring(data, index, pepper)


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_what_is_sealed_opens_again_and_is_never_the_same_bytes_twice(text: str) -> None:
    sealed, again = BOX.seal(text, "worker.name"), BOX.seal(text, "worker.name")
    assert BOX.open(sealed, "worker.name") == BOX.open(again, "worker.name") == text
    assert sealed != again
    assert len(text) < 4 or text.encode() not in sealed


NONCE = slice(1, 13)


def nonces(_number: int) -> list[bytes]:
    return [BOX.seal("x", "a")[NONCE] for _ in range(2000)]


def test_no_nonce_is_used_twice_by_threads_that_seal_at_once() -> None:
    with ThreadPoolExecutor(8) as threads:
        used = [nonce for found in threads.map(nonces, range(8)) for nonce in found]
    assert len(set(used)) == len(used) == 16_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_process_does_not_go_on_with_its_parents_nonces() -> None:
    BOX.seal("x", "a")
    out, into = os.pipe()
    child = os.fork()
    if not child:
        os.write(into, b"".join(nonces(0)[:300]))
        os._exit(0)
    os.close(into)
    with os.fdopen(out, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    theirs = {told[at : at + 12] for at in range(0, len(told), 12)}
    assert len(theirs) == 300
    assert theirs.isdisjoint(nonces(0))


def test_a_sealed_field_cannot_be_moved_to_another_place() -> None:
    sealed = BOX.seal("3599014503850007", "worker.nik")
    with pytest.raises(Unreadable, match=r"^worker\.name$"):
        BOX.open(sealed, "worker.name")


def test_another_key_reads_nothing() -> None:
    with pytest.raises(Unreadable):
        Box(PEPPER).open(BOX.seal("x", "a"), "a")


def test_bytes_cut_short_anywhere_are_unreadable_and_nothing_worse() -> None:
    sealed = BOX.seal("Siti", "worker.name")
    for length in range(len(sealed)):
        with pytest.raises(Unreadable):
            BOX.open(sealed[:length], "worker.name")
    with pytest.raises(Unreadable):
        BOX.open(sealed + b"\0", "worker.name")


@given(st.binary(max_size=80))
def test_bytes_that_are_not_ours_are_unreadable_and_nothing_worse(sealed: bytes) -> None:
    with pytest.raises(Unreadable):
        BOX.open(sealed, "worker.name")
    with pytest.raises(Unreadable):
        keyring().person(sealed)


def test_a_byte_changed_anywhere_is_noticed_the_version_too() -> None:
    sealed = BOX.seal("Siti", "worker.name")
    unnoticed = []
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 0x02
        try:
            BOX.open(bytes(changed), "worker.name")
            unnoticed.append(at)
        except Unreadable:
            continue
    assert unnoticed == []


def test_a_refusal_says_the_place_and_never_what_is_in_it() -> None:
    sealed = BOX.seal("3599014503850007", "worker.nik")
    with pytest.raises(Unreadable) as refused:
        Box(INDEX).open(sealed, "worker.nik")
    assert str(refused.value) == "worker.nik"
    assert refused.value.__context__ is None


# A person's own key


def test_a_persons_key_comes_back_from_its_wrapped_form() -> None:
    box, wrapped = keyring().new_person()
    assert keyring().person(wrapped).open(box.seal("Siti", "worker.name"), "worker.name") == "Siti"


def test_each_person_has_a_key_of_their_own() -> None:
    keys = keyring()
    (siti, siti_wrapped), (budi, budi_wrapped) = keys.new_person(), keys.new_person()
    assert siti_wrapped != budi_wrapped
    with pytest.raises(Unreadable):
        budi.open(siti.seal("Siti", "worker.name"), "worker.name")
    with pytest.raises(Unreadable):
        keys.shared.open(siti.seal("Siti", "worker.name"), "worker.name")


def test_a_person_is_erased_by_destroying_the_wrapped_key() -> None:
    keys = keyring()
    box, wrapped = keys.new_person()
    box.seal("Siti", "worker.name")
    for destroyed in (b"", bytes(len(wrapped)), wrapped[:-1]):
        with pytest.raises(Unreadable, match=r"^person key$"):
            keys.person(destroyed)


def test_a_wrapped_key_opens_under_its_own_master_only() -> None:
    _, wrapped = keyring().new_person()
    with pytest.raises(Unreadable):
        keyring(data=b"D" * 32).person(wrapped)
    with pytest.raises(Unreadable):
        Box(DATA).open(wrapped, "worker.name")


def test_the_shared_box_is_not_the_master_key_itself() -> None:
    sealed = keyring().shared.seal("x", "head.phone")
    assert keyring().shared.open(sealed, "head.phone") == "x"
    with pytest.raises(Unreadable):
        Box(DATA).open(sealed, "head.phone")
    with pytest.raises(Unreadable):
        keyring(data=b"D" * 32).shared.open(sealed, "head.phone")


# Blind indexes


def test_a_blind_index_is_stable_sixteen_bytes_and_shows_nothing() -> None:
    index = keyring().index("nik", "3599014503850007")
    assert index == keyring().index("nik", "3599014503850007")
    assert len(index) == 16
    assert b"3599" not in index
    # Fixed for ever: a changed value would orphan every row that is stored.
    assert index.hex() == "7611e4ac3d71ac476ea6c441c5b89429"


def test_a_blind_index_differs_by_kind_value_and_index_key_only() -> None:
    plain = keyring().index("nik", "1")
    assert plain != keyring().index("phone", "1")
    assert plain != keyring().index("nik", "2")
    assert plain != keyring(index=b"I" * 32).index("nik", "1")
    assert plain == keyring(data=b"D" * 32, pepper=b"P" * 32).index("nik", "1")


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8")), min_size=2, max_size=6, unique=True))
def test_two_values_never_share_an_index(values: list[str]) -> None:
    keys = keyring()
    assert len({keys.index("phone", value) for value in values}) == len(values)


# PINs


def test_a_pin_is_verified_by_its_hash_and_only_that_pin() -> None:
    keys = keyring()
    pin_hash = keys.hash_pin(PIN)
    assert keys.is_pin(PIN, pin_hash)
    assert not keys.is_pin(OTHER_PIN, pin_hash)
    assert pin_hash.startswith("$argon2id$")
    assert PIN not in pin_hash
    assert pin_hash != keys.hash_pin(PIN), "the salt is new each time"


def test_a_stolen_hash_is_worth_nothing_without_the_pepper() -> None:
    pin_hash = keyring().hash_pin(PIN)
    assert not keyring(pepper=b"P" * 32).is_pin(PIN, pin_hash)
    assert keyring(data=b"D" * 32, index=b"I" * 32).is_pin(PIN, pin_hash)


def at_once(keys: Keyring, pin_hash: str, threads: int) -> list[str]:
    """What each of so many checks that start together came to."""
    start, came_to = threading.Barrier(threads), list[str]()

    def check() -> None:
        start.wait()
        try:
            came_to.append("right" if keys.is_pin(PIN, pin_hash) else "wrong")
        except PinChecksBusy:
            came_to.append("busy")

    running = [threading.Thread(target=check) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return came_to


def test_four_pin_checks_at_once_are_answered_and_a_crowd_is_told_to_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = keyring()
    pin_hash = keys.hash_pin(PIN)
    assert at_once(keys, pin_hash, 4) == ["right"] * 4
    # A fast machine is through with any crowd in half a second; in a thousandth none is.
    monkeypatch.setattr(sealing, "_PIN_WAIT_S", 0.001)
    crowd = at_once(keys, pin_hash, 40)
    assert crowd.count("busy") >= 1
    assert crowd.count("right") >= 4
    assert set(crowd) == {"busy", "right"}
    assert at_once(keys, pin_hash, 4) == ["right"] * 4, "the places of the refused and of the done are free again"


def test_no_pin_is_right_for_an_erased_hash_and_the_place_is_given_back() -> None:
    keys = keyring()
    pin_hash = keys.hash_pin(PIN)
    for _ in range(8):
        assert not keys.is_pin(PIN, "no hash at all")
        assert not keys.is_pin(PIN, "")
    assert keys.is_pin(PIN, pin_hash)


# Nothing shows


def test_no_key_stands_in_what_a_log_or_a_traceback_prints() -> None:
    keys = keyring()
    box, _ = keys.new_person()
    shown = " ".join(f"{thing!r} {thing}" for thing in (keys, box, keys.shared, BOX))
    for secret in (DATA, INDEX, PEPPER):
        for spelling in (secret.decode(), secret.hex(), base64.b64encode(secret).decode()):
            assert spelling not in shown
