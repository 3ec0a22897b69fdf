"""What an attacker found in the calls, ended ones, dropped ones, names, or would find in Redis; each stays mended."""

from typing import Any

import pytest

from handset.phone import Phone
from tests.people import (
    PIN,
    SITI,
    SITI_NIK,
    SUKAMAJU,
)
from tests.world import World
from ussd.journeys import COUNTS_TTL_S, JOURNEY_TTL_S, LANGUAGE_TTL_S, SECRETS_TTL_S, SESSION_TTL_S, WATCHED_TTL_S


def test_an_answer_after_three_wrong_ones_ended_the_call_agrees_to_nothing(world: World) -> None:
    phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU, "1", "1", "2", PIN, PIN)
    phone.read_on()
    phone.press("9", "9", "9")
    assert not phone.live
    assert "terputus" in phone.press("1")
    assert world.one("SELECT count(*) FROM workers") == 0


def test_going_back_from_the_question_of_a_dropped_call_leads_past_no_question(world: World) -> None:
    phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU, "1")
    phone.drop()
    assert "Kembali" not in phone.dial()
    assert "Pilih angka" in phone.press("0")
    phone.press("1", "0", "0", "0", "0")
    phone.drop()
    phone.dial()
    assert "nama lengkap" in phone.press("1"), "where it was dropped, not where it was dropped before"


@pytest.mark.parametrize("name", ["Budi {x}", "Budi<b>", "B€€€", "Budi;DROP", "A[[[", "Siti\\n"])
def test_what_no_name_holds_is_refused(world: World, name: str) -> None:
    phone = world.phone()
    phone.dial()
    assert "dengan huruf" in phone.press("1", SITI_NIK, name)


def test_a_name_that_grows_in_capitals_is_measured_in_capitals(world: World) -> None:
    phone = world.phone()
    phone.dial()
    assert "terlalu panjang" in phone.press("1", SITI_NIK, "ß" * 60)


def test_no_screen_after_a_pin_repeats_it_and_redis_holds_nothing_readable(world: World) -> None:
    phone: Phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU, "1", "1", "2", PIN, PIN)
    assert PIN not in phone.screen
    assert SITI_NIK not in phone.screen
    redis: Any = world.ports.redis
    read = {b"string": redis.get, b"hash": redis.hgetall, b"zset": lambda key: redis.zrange(key, 0, -1)}
    for key in redis.scan_iter():
        held = repr(read[redis.type(key)](key)).encode()
        assert not any(secret.encode() in key + held for secret in (PIN, SITI_NIK, SITI, "81234567890"))


def test_all_that_redis_keeps_of_a_call_runs_out_and_a_typed_pin_soonest(world: World) -> None:
    phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU, "1", "1", "2", PIN, PIN)
    redis = world.ports.redis
    left_s = {key.decode().split(":")[0]: redis.ttl(key) for key in redis.scan_iter()}
    assert 0 < left_s.pop("p") <= SECRETS_TTL_S
    assert 0 < left_s.pop("n") <= 60, "how often it called in this minute"
    assert 0 < left_s.pop("s") <= SESSION_TTL_S
    assert SECRETS_TTL_S < left_s.pop("j") <= JOURNEY_TTL_S
    assert 0 < left_s.pop("c") <= WATCHED_TTL_S
    assert 0 < left_s.pop("f") <= COUNTS_TTL_S
    assert SESSION_TTL_S < left_s.pop("l") <= LANGUAGE_TTL_S, "read from the rows once, then known"
    assert left_s == {}, "the lock is gone with the turn"
