"""Histories of two members, two banks and everything that goes wrong between them; what must hold after each step.

Steps are drawn by Hypothesis. The bank is the sandbox over HTTP; what fails is the network, the process or the order of
things, by ports swapped around the real ones. Time is the world's clock, which the sandbox follows.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import requests

from autodebit.collect import collect_lane, tidy
from autodebit.decide import decide
from autodebit.hear import hear_notices
from autodebit.mandates import ask_banks, tell_banks
from autodebit.plan import plan
from autodebit.refunds import send_refunds
from autodebit.settle import settle
from autodebit.unknown import ask_unknown
from banks.base import Banks
from banks.connect import connect_banks
from banks.settings import BankSettings, load_banks
from insurance import handover, mandates
from insurance.proving import prove
from insurance.settlements import FILE_DAYS_MAX
from insurer.base import ContributionResult, ResultFile
from jobs import seal_ledger
from models import Worker
from models.machine import Cause
from ports import Ports
from sandbox.magic import MAGIC
from sms.sender import drain
from tests.crew import join
from tests.history_checks import Checked
from tests.troubled import Crash, Trouble, dying, troubled
from tests.world import Deaf, World
from units.clock import jakarta_day
from units.month import add_months, month_of

NIKS = ("3599014503850007", "3599011708900003")
PHONES = ("+6281234567890", "+6285700000002")
# Every ending that makes the sandbox bank lie or stumble (sandbox/README.md), more often those that move money back.
# "2345" is an ordinary account.
ENDINGS = ("2345", *sorted(MAGIC), *("0600", "0601") * 2)
SILENT = {"0408", "0502", "0504"}
"""Those whose bank answers late or never: its client waits less here, and hangs up on the late one."""
IMPATIENT_S = 0.5


class Story(Checked):
    """One history: two members with mandates, and the steps that a test may take."""

    def __init__(self, world: World, banks: Sequence[str], endings: Sequence[str]) -> None:
        self.world, self.endings, self.codes = world, dict(enumerate(endings)), sorted(set(banks))
        world.reset()
        for path in (world.sandbox.folder / "settlement").rglob("*.csv"):
            path.unlink()
        self.trouble = Trouble([])
        self.ports = replace(
            world.ports,
            banks={code: troubled(bank, self.trouble) for code, bank in self._clients().items()},
            sms={Deaf.name: Deaf()},
        )
        self.settled_until = jakarta_day(world.clock.now)
        """The first day whose files the banks have not given yet."""
        self.kept: list[dict[str, Any]] = []
        """Notices that were taken from the bank and not delivered."""
        for number, (bank, ending) in enumerate(zip(banks, endings, strict=True)):
            self._join(number, bank, f"{bank}{number:03d}{ending}")
        ask_banks(self.ports)

    def _clients(self) -> Banks:
        """Of the members' banks that have an API."""
        banks = self.world.ports.banks
        if SILENT & {*self.endings.values()}:
            known = load_banks(self.world.sandbox.folder / "banks.toml")
            snap = {code: bank for code, bank in known.items() if isinstance(bank, BankSettings)}
            hasty = {code: replace(bank, read_timeout_s=IMPATIENT_S) for code, bank in snap.items()}
            banks = connect_banks(hasty, self.world.clock)
        return {code: banks[code] for code in self.codes if code in banks}

    def _join(self, number: int, bank: str, account: str) -> None:
        join(self.ports, bank, account, NIKS[number], PHONES[number], f"PESERTA {'AB'[number]}")

    # Steps

    def survive(self, step: Any, *arguments: Any) -> None:
        """A step in whose middle the process may die; what it left is for the next steps to mend."""
        with suppress(Crash):
            step(*arguments)

    def _dying(self, commits: int | None) -> Ports:
        return self.ports if commits is None else dying(self.ports, commits)

    def plan(self, ports: Ports | None = None) -> None:
        this = month_of(jakarta_day(self.world.clock.now))
        for month in (this, add_months(this, 1)):
            plan(ports or self.ports, month)

    def collect(self, trouble: Sequence[str] = (), ports: Ports | None = None) -> None:
        self.trouble.words[:] = trouble
        tidy(self.ports)
        for code in self.codes:
            self.survive(collect_lane, ports or self.ports, code)
        self.trouble.words.clear()

    def die_collecting(self, commits: int) -> None:
        self.collect(ports=dying(self.ports, commits))

    def die_planning(self, commits: int) -> None:
        self.survive(self.plan, dying(self.ports, commits))

    def ask(self, trouble: Sequence[str] = ()) -> None:
        self.trouble.words[:] = trouble
        self.survive(ask_unknown, self.ports)
        self.trouble.words.clear()

    def send_texts(self) -> None:
        drain(self.ports)

    def wait(self, hours: int) -> None:
        self.world.clock.forward(hours=hours)

    def take_notices(self) -> None:
        for code in self.codes:
            self.kept += self.world.sandbox.take_notices(code)

    def deliver(self, order: str, commits: int | None = None) -> None:
        """Bring the notices that were taken: as they came, backwards, each twice, or never; we may die hearing them."""
        self.take_notices()
        brought = {"backwards": self.kept[::-1], "twice": self.kept * 2, "never": []}.get(order, self.kept)
        self.kept = []
        client = self.world.app.test_client()
        for notice in brought:
            answer = client.post(notice["path"], data=notice["body"], headers=notice["headers"])
            assert answer.status_code in (200, 401), answer.status_code
        self.survive(hear_notices, self._dying(commits))

    def go_on_without_notices(self) -> None:
        """Days in which no notice arrives: a debit that its bank denied is tried again before the bank tells of it."""
        if jakarta_day(self.world.clock.now) - self.settled_until > timedelta(days=FILE_DAYS_MAX - 14):
            # A file later than the product takes is a person's matter, and another story.
            self.settle()
        for _ in range(7):
            self.send_texts()
            self.wait(24)
            self.collect()

    def insure(self, outcome: str = "POSTED") -> str:
        """The insurer posts, or refuses, all it is told of; the name of our file, empty where there was nothing."""
        with self.ports.transaction() as work:
            name = handover.prepare(work)
        if name is None:
            return ""
        with self.ports.transaction() as work:
            _, paid, _ = handover.content(work, name)
            handover.written(work, name)
            today = jakarta_day(work.now)
        said = [ContributionResult(one.reference, outcome, "", 20_000, today) for one in paid]
        with self.ports.transaction() as work:
            handover.apply(work, ResultFile(f"result-{name}", [], said))
        return name

    def decide_refused(self, decision: str) -> None:
        """People decide what becomes of every month that the insurer refused."""
        for (item,) in self.world.rows("SELECT id FROM work_items WHERE kind = 'not_posted' AND closed_at IS NULL"):
            decide(self.ports, item, "ani", decision)

    def change_mind(self, number: int, how: str) -> None:
        acts: Mapping[str, Any] = {
            "cancel": lambda work, worker: mandates.cancel(work, worker, Cause("member", "test")),
            "pause": lambda work, worker: mandates.pause(work, worker, 1),
            "resume": lambda work, worker: mandates.resume(work, worker, Cause("member", "test")),
        }
        with suppress(mandates.NoMandate), self.ports.transaction() as work:
            worker = work.db.query(Worker).order_by(Worker.id).all()[number]
            acts[how](work, worker)
        tell_banks(self.ports)

    def refund(self, trouble: Sequence[str] = ()) -> None:
        self.trouble.words[:] = trouble
        self.survive(send_refunds, self.ports)
        self.trouble.words.clear()

    def settle(self, commits: int | None = None) -> None:
        """Each bank's file of every day that is over and not given yet, taken; we may die in the middle of it."""
        today = jakarta_day(self.world.clock.now)
        while self.settled_until < today:
            for code in self.codes:
                where = f"{self.world.sandbox.url}/bank/{code}/settle"
                requests.post(where, params={"day": self.settled_until.isoformat()}, timeout=10).raise_for_status()
            self.settled_until += timedelta(days=1)
        self.survive(settle, self._dying(commits))

    def usual_day(self) -> None:
        """A day on which nothing goes wrong."""
        self.wait(26)
        self.send_texts()
        self.plan()
        self.collect()
        self.hear_all()

    def hear_all(self) -> None:
        """Whatever banks and insurer have to say by now, and what follows from it."""
        self.deliver("as they came")
        self.ask()
        self.settle()
        self.insure()
        self.decide_refused("refund")
        self.refund()

    def let_the_dust_settle(self) -> None:
        """A week without faults: whatever was in doubt is known then, or with people after five days."""
        for _ in range(7):
            self.usual_day()
            self.check()
        open_ones = self.world.rows(
            "SELECT reference, state, changed_at FROM attempts WHERE state IN ('sent', 'unknown')"
        )
        recent = self.world.clock.now - timedelta(days=6)
        assert all(one.changed_at > recent for one in open_ones), "in doubt for a week, and nobody was asked"
        # What a bank denied on the last of these days it tells of after it: nothing new is sent before that.
        self.wait(26)
        self.hear_all()
        self.check(settled=True)
        seal_ledger(self.ports)
        with self.ports.transaction() as work:
            assert prove(work).differences == []
