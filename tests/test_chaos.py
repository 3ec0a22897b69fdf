"""One fault after the other while people call, text and pay: nothing is lost or done twice, and all mends itself."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from bench.running import own_folder, post
from handset.phone import NotAnAnswer, Phone
from tests.faulty_stack import Pair, running_pair
from tests.people import authorise, enrol
from tests.sandboxed import wait_for
from tests.stream import ANSWER_S, LOST, Stream, is_trouble

RECOVERED_S = 30.0
FAULT_S = float(os.environ.get("CHAOS_FAULT_S", "5"))
# A machine of two cores starts a Python process in some seconds, so nothing is asked before all runs.
READY_S = 90.0

pytestmark = pytest.mark.slow
Fault = Callable[[Pair], None]


def for_a_while(proxy: str, **how: float) -> Fault:
    def fault(pair: Pair) -> None:
        faulty, before = getattr(pair, proxy), {}
        for name, value in how.items():
            before[name] = getattr(faulty, name)
            setattr(faulty, name, value)
        time.sleep(FAULT_S)
        for name, value in before.items():
            setattr(faulty, name, value)

    return fault


def refused(proxy: str) -> Fault:
    def fault(pair: Pair) -> None:
        faulty = getattr(pair, proxy)
        faulty.refusing = True
        faulty.cut()
        time.sleep(FAULT_S)
        faulty.refusing = False

    return fault


FAULTS: dict[str, Fault] = {
    "web killed -9": lambda pair: pair.kill("web"),
    "worker killed -9": lambda pair: pair.kill("worker"),
    "bank and gateway killed -9": lambda pair: pair.kill("sandbox"),
    "PostgreSQL killed -9": lambda pair: pair.kill("postgres"),
    "Valkey killed -9": lambda pair: pair.kill("valkey"),
    "database cut": lambda pair: pair.database.cut(),
    "database refuses": refused("database"),
    "database silent": for_a_while("database", paused=True),
    "database slow": for_a_while("database", slow_s=0.05),
    "database dropped without RST": lambda pair: pair.database.drop(),
    "store cut": lambda pair: pair.store.cut(),
    "store refuses": refused("store"),
    "store silent": for_a_while("store", paused=True),
    "store slow": for_a_while("store", slow_s=0.05),
    "store dropped without RST": lambda pair: pair.store.drop(),
}


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with own_folder() as folder, running_pair(folder) as pair:
        wait_for(lambda: all_well(pair), "everything", READY_S)
        yield pair
        logged = "".join(path.read_text(errors="replace") for path in _logs(folder))
        assert "SITI RAHMAWATI" not in logged.upper(), "personal data in a log"


def _logs(folder: Path) -> list[Path]:
    return [*(folder / "var" / "log").glob("*.log"), *folder.glob("*.log")]


def phone_at(port: int, number: str) -> Phone:
    return Phone(number, lambda path, form: post(port, path, form), lambda _number: [])


def answers_a_dial(port: int) -> bool:
    phone = phone_at(port, "+6285099999999")
    try:
        return not is_trouble(phone.dial()) and phone.live
    except LOST:
        return False


def all_well(pair: Pair) -> bool:
    """Both webs answer, both workers have given a sign since now, and no text that was due waits.

    One that a dead sender had in its hands is in doubt for the length of its lease, by design.
    """
    try:
        alive = pair.one("SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '8 s'")
        late = "not_before < now() - interval '2 s'"
        due = f"SELECT count(*) FROM messages WHERE state = 'created' AND {late}"
        return alive >= 2 and pair.one(due) == 0 and all(answers_a_dial(port) for port in pair.ports)
    except psycopg.Error:
        return False


def pays(pair: Pair, n: int) -> None:
    """A member whose mandate the bank is about to be asked for, and whose first month is debited then."""
    phone = phone_at(pair.stack.port, f"+62817{n:08d}")
    enrol(phone, f"359901{1 + n % 28:02d}0790{n:04d}", "Budi Santoso")
    authorise(phone, f"114{n:03d}{2000 + n:04d}")


@pytest.mark.parametrize("name", FAULTS)
def test_whatever_breaks_nothing_is_lost_or_done_twice_and_all_mends_itself(
    pair: Pair, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    number = list(FAULTS).index(name) * 10
    before = dict(pair.started)
    stream = Stream(pair.ports)
    stream.begin()
    try:
        for n in (1, 2):
            pays(pair, number + n)
        broken_at = time.monotonic()
        FAULTS[name](pair)
        over_at = time.monotonic()
        # What a worker that hangs last wrote is young for a while: only what comes after the fault is a sign.
        time.sleep(max(0.0, broken_at + 9 - time.monotonic()))
        wait_for(lambda: all_well(pair), "recovery", RECOVERED_S + 15)
        recovered_s = time.monotonic() - over_at
    finally:
        stream.end()
    slowest_s = max(took for _, took in stream.took_s)
    again = {part: count - before.get(part, 0) for part, count in pair.started.items() if count > before.get(part, 0)}
    with capsys.disabled():
        sys.stdout.write(
            f"\n{name}: {len(stream.took_s)} hops, slowest {slowest_s:.2f} s, {stream.troubled} told to try again, "
            f"{stream.unanswered} calls to nobody, {len(stream.texts)} texts, {len(stream.left)} journeys; "
            f"well {recovered_s:.0f} s after the fault; started again by the keeper: {again or 'none'}\n"
        )
    assert slowest_s <= ANSWER_S
    assert recovered_s <= RECOVERED_S
    assert lost_texts(pair, stream) == []
    assert lost_journeys(pair, stream) == []
    check_money(pair)


def lost_texts(pair: Pair, stream: Stream) -> list[str]:
    found = {row[0] for row in pair.rows("SELECT key FROM message_keys WHERE key LIKE 'answer:%'")}
    return [one for one in stream.texts if f"answer:{one}" not in found]


def lost_journeys(pair: Pair, stream: Stream) -> list[str]:
    """Each is taken up: the first words of a redial ask whether to go on."""
    lost = []
    for number in stream.left:
        phone = phone_at(pair.stack.port, number)
        try:
            if "lanjut" not in phone.dial().lower():
                lost.append(number)
        except NotAnAnswer:
            lost.append(number)
    return lost


def check_money(pair: Pair) -> None:
    twice = "SELECT count(*) FROM (SELECT mandate FROM sandbox.debits WHERE status = 'booked' GROUP BY mandate"
    assert pair.one(f"{twice} HAVING count(*) > 1) AS twice") == 0
    unreceipted = "SELECT DISTINCT reference FROM transfers WHERE kind = 'collected' AND NOT EXISTS "
    assert pair.rows(unreceipted + "(SELECT FROM message_keys WHERE key LIKE '%paid:' || reference || '%')") == []
    posted = "SELECT worker_id, month FROM months WHERE posted_on IS NOT NULL AND paid_on IS NULL"
    assert pair.rows(posted) == []
