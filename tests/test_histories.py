"""Any history of faults: no month debited twice, every rupiah posted or refunded, one receipt a fact, cover = postings.

`make test` runs about fifty histories; `make histories` thousands (HISTORIES=5000, the seed is printed).
"""

import os
import random
from collections import Counter
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from insurance import bank_words, contributions, refunds
from tests.file_histories import FileStory
from tests.histories import ENDINGS, Story
from tests.history_checks import BIFAST, BOUND, DENIES_ITS_DEBITS, FILED
from tests.world import World

HISTORIES = int(os.environ.get("HISTORIES", "24"))
# By which a run of many can be told again: a fresh one each time, unless it is named. `make test` needs none.
SEED = int(os.environ.get("HISTORIES_SEED") or random.getrandbits(32)) if "HISTORIES" in os.environ else None
STEPS = 14
WORDS = st.sampled_from(("", "", "unreachable", "crash before", "crash after", "answer lost"))
TROUBLE = st.lists(WORDS, max_size=3)
# After how many commits the process dies, where it does: few notices wait at once, and settling has many commits.
DIES_HEARING = st.none() | st.integers(0, 1)
DIES_SETTLING = st.none() | st.integers(0, 12)

REACHED = "SELECT DISTINCT kind FROM transfers UNION SELECT DISTINCT state FROM refunds"


class History(RuleBasedStateMachine):
    """One history; a subclass names the world that all of them are told in."""

    world: World
    banks = (BIFAST, BOUND)
    endings = ENDINGS
    tells: type[Story] = Story
    begins_silent = False
    """With days without notices, where the histories are to be about what comes after them."""
    begins_refused = False
    """With first months that the insurer will not post."""
    story: Story
    reached: Counter[str]
    """How many histories came to a surplus, a reversal, a refund that ended in some state."""

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        ending = st.sampled_from(self.endings)
        self.story = self.tells(self.world, self.banks, [data.draw(ending), data.draw(ending)])
        if self.begins_refused:
            self.story.collect()
            self.story.insure("REFUSED")
        if self.begins_silent:
            self.story.go_on_without_notices()

    @rule()
    def plan(self) -> None:
        self.story.plan()

    @rule(trouble=TROUBLE)
    def collect(self, trouble: list[str]) -> None:
        self.story.collect(trouble)

    @rule(commits=st.integers(0, 4))
    def die_collecting(self, commits: int) -> None:
        self.story.die_collecting(commits)

    @rule(commits=st.integers(0, 3))
    def die_planning(self, commits: int) -> None:
        self.story.die_planning(commits)

    @rule()
    def send_texts(self) -> None:
        self.story.send_texts()

    @rule(hours=st.sampled_from((1, 7, 26, 50, 130)))
    def wait(self, hours: int) -> None:
        self.story.wait(hours)

    @rule(order=st.sampled_from(("as they came", "backwards", "twice", "never")), commits=DIES_HEARING)
    def deliver(self, order: str, commits: int | None) -> None:
        self.story.deliver(order, commits)

    @rule(trouble=TROUBLE)
    def ask(self, trouble: list[str]) -> None:
        self.story.ask(trouble)

    @rule(commits=DIES_SETTLING)
    def settle(self, commits: int | None) -> None:
        self.story.settle(commits)

    @rule()
    def usual_day(self) -> None:
        self.story.usual_day()

    @rule()
    def go_on_without_notices(self) -> None:
        self.story.go_on_without_notices()

    @rule(outcome=st.sampled_from(("POSTED", "POSTED", "REFUSED")))
    def insure(self, outcome: str) -> None:
        self.story.insure(outcome)

    @rule(decision=st.sampled_from(("refund", "hand_over_again")))
    def decide_refused(self, decision: str) -> None:
        self.story.decide_refused(decision)

    @rule(number=st.integers(0, 1), how=st.sampled_from(("cancel", "pause", "resume")))
    def change_mind(self, number: int, how: str) -> None:
        self.story.change_mind(number, how)

    @rule(trouble=TROUBLE)
    def refund(self, trouble: list[str]) -> None:
        self.story.refund(trouble)

    def teardown(self) -> None:
        if hasattr(self, "story"):
            self.story.let_the_dust_settle()
            self.reached.update(kind for (kind,) in self.world.rows(REACHED))

    @precondition(lambda self: hasattr(self, "story"))
    @invariant()
    def everything_holds(self) -> None:
        self.story.check()


def run(world: World, histories: int, **told: Any) -> Counter[str]:
    """So many histories; how many of them reached what."""
    reached = Counter[str]()
    chosen = settings(
        max_examples=histories,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=SEED is None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    # The draws of `make test` hang on the name: other banks are to be told other histories.
    machine = type(
        f"Told_{'_'.join(told.get('banks', ('any',)))}", (History,), {"world": world, "reached": reached, **told}
    )
    if SEED is not None:
        machine = seed(SEED)(machine)
    try:
        run_state_machine_as_test(machine, settings=chosen)
    except BaseException as error:
        if SEED is not None:
            error.add_note(f"The same again: HISTORIES={HISTORIES} HISTORIES_SEED={SEED} make histories")
        raise
    return reached


@pytest.mark.parametrize("banks", [(BIFAST, BIFAST), (BIFAST, BOUND), (BOUND, BIFAST), (BOUND, BOUND)])
def test_no_history_of_faults_debits_twice_or_loses_a_rupiah(world: World, banks: tuple[str, str]) -> None:
    run(world, HISTORIES // 4, banks=banks)


@pytest.mark.parametrize("begins_silent", [False, True])
def test_no_history_of_debit_and_result_files_debits_twice_or_loses_a_rupiah(world: World, begins_silent: bool) -> None:
    """What such a bank can say no to, it says; the other endings are ordinary there."""
    endings = ("2345", "2345", "2345", "0005", "0014", "0018", "0114", "0302")
    histories, banks = max(4, HISTORIES // 20), (FILED, FILED)
    reached = run(world, histories, banks=banks, endings=endings, tells=FileStory, begins_silent=begins_silent)
    assert reached["collected"] > histories // 3, f"of {histories} histories too few came to a debit: {dict(reached)}"


def test_a_denied_debit_that_only_a_file_five_weeks_late_tells_of_is_given_back(world: World) -> None:
    """Found by HISTORIES=2000 HISTORIES_SEED=20261126, when a file older than 31 days was refused."""
    story = Story(world, (BIFAST, BIFAST), ("2345", DENIES_ITS_DEBITS))
    story.plan()
    for _ in range(28):
        story.send_texts()
        story.wait(24)
        story.collect()
    story.deliver("never")
    story.wait(130)
    story.settle()
    story.let_the_dust_settle()
    assert world.one("SELECT count(*) FROM refunds") == 1


@pytest.mark.parametrize(("bank", "refunded"), [(BOUND, "done"), (BIFAST, "by_hand")])
def test_where_a_bank_denies_its_debits_what_came_twice_is_given_back_once(
    world: World, bank: str, refunded: str
) -> None:
    histories = max(4, HISTORIES // 10)
    reached = run(world, histories, banks=(bank, bank), endings=("0601",), begins_silent=True)
    assert reached[refunded] > histories // 2, f"of {histories} histories too few came to a refund: {dict(reached)}"


def test_what_bpjs_refuses_is_given_back_once_or_posted_in_the_end(world: World) -> None:
    histories = max(6, HISTORIES // 10)
    reached = run(world, histories, banks=(BOUND, BIFAST), endings=("2345", "0600"), begins_refused=True)
    assert reached["owed_back"] > histories // 3, f"of {histories} histories too few were refused: {dict(reached)}"


def test_the_histories_notice_a_surplus_that_nobody_owes_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refunds, "owe_refund", lambda *_: None)
    with pytest.raises(AssertionError, match=r"is owed back 0 times|debited 2 times"):
        run(world, 60, banks=(BOUND, BOUND), endings=("0601",))


def test_the_histories_notice_when_an_unknown_outcome_is_taken_for_a_failure(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard that a lost answer blocks its month is taken away: a debit is found that nobody here knows of."""

    def failed(work: object, outcomes: list[contributions.Outcome]) -> None:
        failures = [contributions.Failure(one.one, one.to, "no_funds", one.code) for one in outcomes]
        contributions.fail_all(work, failures, hard=False)  # type: ignore[arg-type]

    monkeypatch.setattr(contributions, "unknown_all", failed)
    with pytest.raises(AssertionError, match=r"is debited at the bank and failed|debited 2 times"):
        run(world, 60, endings=("0500", "0999"))


def test_the_histories_notice_a_reversal_that_is_not_posted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reversing entry is taken away: the books keep money that the bank gave back."""
    monkeypatch.setattr(bank_words, "post_reversed", lambda *_, **__: None)
    with pytest.raises(AssertionError, match=r"reversed but \d"):
        run(world, 60, endings=("0600",))
