"""Any history of faults: no month debited twice, every rupiah posted or refunded, one receipt a fact, cover = postings.

`make test` runs about a hundred histories; `make histories` thousands (HISTORIES=5000, the seed is printed).
"""

import os
from collections import Counter

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
from tests.histories import ENDINGS, Story
from tests.history_checks import BIFAST, BOUND
from tests.world import World

HISTORIES = int(os.environ.get("HISTORIES", "100"))
# By which a run of many can be told again; `make histories` names one.
SEED = int(os.environ["HISTORIES_SEED"]) if "HISTORIES_SEED" in os.environ else None
STEPS = 14
WORDS = st.sampled_from(("", "", "unreachable", "crash before", "crash after", "answer lost"))
TROUBLE = st.lists(WORDS, max_size=3)


class History(RuleBasedStateMachine):
    """One history; a subclass names the world that all of them are told in."""

    world: World
    banks = (BIFAST, BOUND)
    endings = ENDINGS
    story: Story
    ends: Counter[str]
    """How many refunds ended in which state, over all histories."""

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        ending = st.sampled_from(self.endings)
        self.story = Story(self.world, self.banks, [data.draw(ending), data.draw(ending)])

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

    @rule(order=st.sampled_from(("as they came", "backwards", "twice", "never")))
    def deliver(self, order: str) -> None:
        self.story.deliver(order)

    @rule(trouble=TROUBLE)
    def ask(self, trouble: list[str]) -> None:
        self.story.ask(trouble)

    @rule()
    def settle(self) -> None:
        self.story.settle()

    @rule()
    def usual_day(self) -> None:
        self.story.usual_day()

    @rule()
    def go_on_without_notices(self) -> None:
        self.story.go_on_without_notices()

    @rule()
    def insure(self) -> None:
        self.story.insure()

    @rule(number=st.integers(0, 1), how=st.sampled_from(("cancel", "pause", "resume")))
    def change_mind(self, number: int, how: str) -> None:
        self.story.change_mind(number, how)

    @rule(trouble=TROUBLE)
    def refund(self, trouble: list[str]) -> None:
        self.story.refund(trouble)

    def teardown(self) -> None:
        if hasattr(self, "story"):
            self.story.let_the_dust_settle()
            self.ends.update(state for (state,) in self.world.rows("SELECT state FROM refunds"))

    @precondition(lambda self: hasattr(self, "story"))
    @invariant()
    def everything_holds(self) -> None:
        self.story.check()


def run(world: World, histories: int, **told: tuple[str, ...]) -> Counter[str]:
    """So many histories; how their refunds ended."""
    ends = Counter[str]()
    chosen = settings(
        max_examples=histories,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize="HISTORIES" not in os.environ,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    machine = type("Told", (History,), {"world": world, "ends": ends, **told})
    if SEED is not None:
        machine = seed(SEED)(machine)
    run_state_machine_as_test(machine, settings=chosen)
    return ends


@pytest.mark.parametrize("banks", [(BIFAST, BIFAST), (BIFAST, BOUND), (BOUND, BIFAST), (BOUND, BOUND)])
def test_no_history_of_faults_debits_twice_or_loses_a_rupiah(world: World, banks: tuple[str, str]) -> None:
    run(world, HISTORIES // 4, banks=banks)


@pytest.mark.parametrize(("bank", "refunded"), [(BOUND, "done"), (BIFAST, "by_hand")])
def test_where_a_bank_denies_its_debits_what_came_twice_is_given_back_once(
    world: World, bank: str, refunded: str
) -> None:
    ends = run(world, max(6, HISTORIES // 10), banks=(bank, bank), endings=("0601",))
    assert ends[refunded], f"no history came to a refund: {dict(ends)}"


def test_the_histories_notice_a_surplus_that_nobody_owes_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refunds, "owe_refund", lambda *_: None)
    with pytest.raises(AssertionError, match=r"is owed back 0 times"):
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
