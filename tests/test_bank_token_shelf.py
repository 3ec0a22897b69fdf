"""One B2B token for all processes: over a real Valkey, real sockets and, once, real processes."""

import json
import multiprocessing
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from redis import Redis

from banks.base import Answer, BankUnreachable
from banks.bifast import BiFast
from banks.settings import BankSettings
from banks.token_shelf import TokenShelf
from ports import make_redis
from sealing import Keyring
from tests.test_banks_loopback import DEBIT, NOW, LoopbackBank, at_port, collect, snap_reply

pytest_plugins = ["tests.test_banks_loopback"]

KEYS = b"d" * 32, b"i" * 32, b"p" * 32
PROCESSES = 4


@pytest.fixture
def valkey(redis_url: str) -> Iterator[Redis]:
    redis = make_redis(redis_url)
    redis.flushdb()
    yield redis
    redis.close()


Maker = Callable[..., BiFast]


def shelf_on(redis: Redis) -> TokenShelf:
    return TokenShelf(redis, Keyring(*KEYS).shared)


@pytest.fixture
def process(bank: LoopbackBank, base: BankSettings, valkey: Redis) -> Maker:
    """What one process has of its own: a client of the bank, and the shelf that all share."""

    def make(redis: Redis | None = None, at: list[Any] | None = None, **changes: Any) -> BiFast:
        moment = at or [NOW]
        return BiFast(
            replace(at_port(base, bank.port), **changes),
            lambda: moment[0],
            shelf_on(valkey if redis is None else redis),
        )

    return make


def _in_a_process(url: str, settings: BankSettings, start: Any, _number: int) -> str:
    bank = BiFast(
        replace(settings, private_key=generate_private_key(65537, 2048)), lambda: NOW, shelf_on(make_redis(url))
    )
    start.wait(60)
    return bank.collect(DEBIT).answer.value


def test_many_processes_that_start_at_once_ask_for_one_token(
    bank: LoopbackBank, base: BankSettings, redis_url: str, valkey: Redis
) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        start = manager.Barrier(PROCESSES)
        # A key cannot be handed to another process, and the scripted bank checks none.
        without_key: Any = None
        settings = replace(at_port(base, bank.port), private_key=without_key)
        one = partial(_in_a_process, redis_url, settings, start)
        with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
            assert list(pool.map(one, range(PROCESSES))) == [Answer.DONE.value] * PROCESSES
    assert (bank.tokens, len(bank.calls)) == (1, PROCESSES)
    assert {call.headers["Authorization"] for call in bank.calls} == {"Bearer token-1"}


def test_a_token_that_the_bank_turns_away_is_asked_for_anew_once_for_all(bank: LoopbackBank, process: Maker) -> None:
    processes = [process() for _ in range(3)]
    for one in processes:
        collect(one)
    bank.replies = [snap_reply(401, "4017101")]
    collect(processes[0])
    assert bank.tokens == 2
    for one in processes[1:]:
        bank.replies = [snap_reply(401, "4017101")]
        collect(one)
    assert bank.tokens == 2
    assert bank.calls[-1].headers["Authorization"] == "Bearer token-2"


def test_a_token_that_is_over_is_asked_for_anew_once_for_all(bank: LoopbackBank, process: Maker) -> None:
    at = [NOW]
    processes = [process(at=at) for _ in range(3)]
    for later, tokens in ((0, 1), (839, 1), (840, 2)):
        at[0] = NOW + timedelta(seconds=later)
        for one in processes:
            collect(one)
        assert bank.tokens == tokens


def test_a_token_is_sealed_where_it_lies_and_goes_when_it_is_over(
    bank: LoopbackBank, process: Maker, valkey: Redis
) -> None:
    collect(process())
    (key,) = valkey.keys("bank:token:*")
    assert key == b"bank:token:114"
    kept = valkey.get(key)
    assert isinstance(kept, bytes)
    assert b"token-1" not in kept
    assert 0 < valkey.pttl(key) <= 840_000


@pytest.mark.parametrize("name", ["client_id", "base_url"])
def test_a_token_that_was_given_to_another_client_or_elsewhere_is_not_used(
    name: str, bank: LoopbackBank, process: Maker
) -> None:
    collect(process())
    change = {"client_id": "iuran-other", "base_url": f"http://localhost:{bank.port}/bank/114"}[name]
    collect(process(**{name: change}))
    assert bank.tokens == 2


@pytest.mark.parametrize("rubbish", [b"", b"rubbish", b"\x01" + bytes(40)])
def test_what_is_no_token_of_ours_on_the_shelf_is_not_used(
    rubbish: bytes, bank: LoopbackBank, process: Maker, valkey: Redis
) -> None:
    valkey.set("bank:token:114", rubbish)
    assert collect(process()).answer is Answer.DONE
    assert bank.tokens == 1


def test_without_valkey_each_process_fetches_its_own_and_goes_on(bank: LoopbackBank, process: Maker) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        away = make_redis(f"redis://127.0.0.1:{held.getsockname()[1]}/0")
        for _ in range(2):
            assert collect(process(redis=away)).answer is Answer.DONE
    assert bank.tokens == 2


def test_who_fails_to_fetch_keeps_nobody_from_the_next_try(bank: LoopbackBank, process: Maker, valkey: Redis) -> None:
    bank.token_replies = [snap_reply(503, "5037300")]
    with pytest.raises(BankUnreachable):
        collect(process())
    assert valkey.keys("bank:token:*") == []
    assert collect(process()).answer is Answer.DONE


def test_a_fetcher_that_died_keeps_the_others_only_for_a_while(
    bank: LoopbackBank, process: Maker, valkey: Redis
) -> None:
    valkey.set("bank:token:114:turn", "dead", px=150)
    assert collect(process()).answer is Answer.DONE
    assert bank.tokens == 1


def test_who_waited_for_the_turn_takes_what_was_fetched_meanwhile(
    bank: LoopbackBank, base: BankSettings, process: Maker, valkey: Redis
) -> None:
    settings = at_port(base, bank.port)
    owner = f"{settings.base_url}{settings.token_path}|{settings.client_id}"
    fetched = Keyring(*KEYS).shared.seal(
        json.dumps(["token-of-another", (NOW + timedelta(minutes=9)).isoformat()]), f"bank.token:114:{owner}"
    )

    class PutsMeanwhile(Redis):
        """The turn comes only after another process has left its token."""

        def lock(self, *args: Any, **how: Any) -> Any:
            valkey.set("bank:token:114", fetched)
            return super().lock(*args, **how)

    redis = PutsMeanwhile(connection_pool=valkey.connection_pool)
    assert collect(process(redis=redis)).answer is Answer.DONE
    assert bank.tokens == 0
    assert bank.calls[0].headers["Authorization"] == "Bearer token-of-another"


def test_without_a_shelf_each_client_has_its_own(bank: LoopbackBank, base: BankSettings, key: RSAPrivateKey) -> None:
    for _ in range(2):
        collect(BiFast(at_port(base, bank.port), lambda: NOW))
    assert bank.tokens == 2
