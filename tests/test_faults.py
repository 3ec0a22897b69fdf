"""The worst days of the whole stack: its parts killed and frozen under a stream of callers, debits and texts.

Minutes long: `make chaos` runs it. What it saw is printed and stands in docs/reliability.md.
"""

import http.client
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import psutil
import psycopg
import pytest
import requests

from bench.processes import children_of
from bench.running import Stack, _parts_of, own_folder, running_stack
from handset.phone import Phone
from tests.people import SITI, SUKAMAJU
from tests.stream import Stream

pytestmark = pytest.mark.slow
# Issue 7: two seconds; the stream, all of the stack and this test share the machine's cores.
LATEST_S, WELL_AGAIN_S = 2.5, 30.0
CALM_S = 4.0
FAULTS = [
    *((part, "killed", 0.0) for part in ("web", "worker", "sandbox", "postgres", "valkey")),
    ("postgres", "frozen", 6.0),
    ("valkey", "frozen", 4.0),
    ("sandbox", "frozen", 12.0),
    ("worker", "frozen", 8.0),
]


def tree(pid: int) -> list[psutil.Process]:
    found = psutil.Process(pid)
    return [found, *found.children(recursive=True)]


def strike(stack: Stack, part: str, how: str, frozen_s: float) -> None:
    pid = _parts_of(stack.pid)[part]
    if how == "killed":
        os.kill(pid, signal.SIGKILL)
        return
    stopped = tree(pid)
    for process in stopped:
        process.send_signal(signal.SIGSTOP)
    time.sleep(frozen_s)
    for process in stopped:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)


def is_well(stream: Stream, sandbox: str, serial: int) -> bool:
    """A call is answered, a text is taken and answered: every part did its work."""
    number = f"+62899{serial:08d}"
    try:
        phone = stream.phone(number)
        if "1. Daftar" not in phone.dial():
            return False
        form = {"from": number, "to": "IURAN", "text": "SALDO", "date": "2026-11-27", "id": f"well-{serial}"}
        if stream._post("/sms/africastalking/inbound", form)[0] != http.HTTPStatus.OK:
            return False
        until = time.monotonic() + 12
        while time.monotonic() < until:
            found = requests.get(f"{sandbox}/version1/inbox", params={"to": number}, timeout=2).json()
            if found:
                return True
            time.sleep(0.1)
    except (OSError, AssertionError, requests.RequestException, ValueError):
        pass
    return False


def park(stream: Stream, serial: int) -> Phone:
    """A caller who was answered in the middle of an enrolment, and whose call is then dropped."""
    phone = stream.phone(f"+62888{serial:08d}")
    phone.dial()
    phone.press("1", f"359901{10 + serial % 18:02d}0790{serial + 1:04d}", SITI, "4", SUKAMAJU)
    phone.drop()
    return phone


@pytest.fixture(scope="module")
def running() -> Iterator[Stack]:
    with own_folder() as folder, running_stack(folder) as stack:
        yield stack


def test_no_fault_of_any_part_loses_or_doubles_anything(running: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = running.environ["SANDBOX_URL"]
    stream = Stream(running)
    rows, wrong, serials = list[str](), list[str](), iter(range(10_000))
    stream.start()
    try:
        time.sleep(CALM_S)
        for part, how, frozen_s in FAULTS:
            parked = park(stream, next(serials))
            answered, away_before = len(stream.took), len(stream.away)
            strike(running, part, how, frozen_s)
            struck = time.monotonic()
            while not is_well(stream, sandbox, next(serials)):
                if time.monotonic() - struck > 3 * WELL_AGAIN_S:
                    break
                time.sleep(0.05)
            well_s = time.monotonic() - struck
            took = stream.took[answered:]
            slow, away = [one for one in took if one > LATEST_S], len(stream.away) - away_before
            kept = "terputus" in _until(lambda phone=parked: phone.dial())  # type: ignore[misc]
            late = f"{max(took, default=0):.1f} s ({len(slow)})"
            name = f"{part} {how}{f' for {frozen_s:.0f} s' if frozen_s else ''}"
            rows.append(f"| {name} | {well_s:.1f} s | {late} | {away} | {'yes' if kept else 'NO'} |")
            with capsys.disabled():
                print(rows[-1], flush=True)  # noqa: T201
            if well_s > WELL_AGAIN_S:
                wrong.append(f"{part} {how}: well again after {well_s:.0f} s")
            if slow:
                wrong.append(f"{part} {how}: {len(slow)} answers after {max(slow):.1f} s")
            if not kept:
                wrong.append(f"{part} {how}: a call that had been answered was lost")
            time.sleep(CALM_S)
    finally:
        stream.stop()
    wrong += settled(running)
    with capsys.disabled():
        print(f"\n{stream.hops} hops, {stream.members} members, {stream.texts} texts")  # noqa: T201
        print("| fault | well again | latest answer (too late) | not answered | call kept |\n|---|---|---|---|---|")  # noqa: T201
        print("\n".join(rows))  # noqa: T201
    assert wrong == []
    assert stream.members > 20
    assert stream.texts > 50


def _until(ask: Callable[[], str]) -> str:
    """The answer, from a gateway that brings it again where nobody answered."""
    for _ in range(50):
        with suppress(OSError, AssertionError):
            return ask()
        time.sleep(0.2)
    return ""


def settled(stack: Stack) -> list[str]:
    """What does not hold once the background had time: debits at the bank, receipts, answers to texts."""
    url = stack.environ["DATABASE_URL"]
    wrong, until = list[str](), time.monotonic() + 60
    checks = {
        "texts without an answer": "SELECT count(*) FROM inbound_sms i WHERE word <> '=' AND NOT EXISTS "
        "(SELECT FROM message_keys WHERE key LIKE 'answer:' || i.gateway_id || '%')",
        "posted months without a receipt": "SELECT count(*) FROM months m WHERE posted_on IS NOT NULL AND NOT EXISTS "
        "(SELECT FROM message_keys WHERE key = 'posted:' || m.paid_reference)",
        "debits in doubt": "SELECT count(*) FROM attempts WHERE state = 'sent'",
        # What a killed sender had in its hands is held, by its lease, and never sent twice.
        "texts not sent": "SELECT count(*) FROM messages WHERE state = 'created' AND not_before <= now()",
    }
    while True:
        with psycopg.connect(url, autocommit=True) as db:
            left = {name: db.execute(sql).fetchone()[0] for name, sql in checks.items()}  # type: ignore[index]
            paid = db.execute("SELECT paid_reference FROM months WHERE state = 'covered'").fetchall()
        if not any(left.values()) or time.monotonic() > until:
            break
        time.sleep(1)
    wrong += [f"{count} {name}" for name, count in left.items() if count]
    book = requests.get(f"{stack.environ['SANDBOX_URL']}/bank/114/book", timeout=10).json()
    debits = [debit["partnerReferenceNo"] for debit in book["debits"]]
    accounts = [debit["accountNo"] for debit in book["debits"] if debit["status"] == "debited"]
    if len(set(debits)) != len(debits) or len(set(accounts)) != len(accounts):
        wrong.append("debited twice at the bank")
    if missing := {reference for (reference,) in paid} - set(debits):
        wrong.append(f"{len(missing)} months paid here and not debited at the bank")
    if not paid:
        wrong.append("nobody paid anything: the stream was none")
    return wrong


def test_the_parts_are_those_that_are_known(running: Stack) -> None:
    assert {"web", "worker", "sandbox", "postgres", "valkey", "console"} == set(_parts_of(running.pid))
    assert children_of(running.pid)
