"""A mandate whose bank gave no clear answer: asked after, told to the member, decided by people; not used meanwhile."""

from dataclasses import replace

import pytest

from autodebit.collect import collect
from autodebit.decide import decide
from autodebit.mandates import ask_after, ask_banks
from banks.asked import MandateQuestion, MandateRequest
from banks.base import Answer, Bank, BankAnswer, BankRefused, BankUnknown, BankUnreachable, Reason
from insurance import work_items
from ports import Ports
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, PIN, SITI_PHONE, authorise, enrol
from tests.stand_ins import Paying, WithCodes
from tests.test_mandate_change import OTHER, states
from tests.world import World


class Mute(Paying):
    """A bank that takes every request for a mandate and says neither yes nor no."""

    def ask(self, mandate: MandateRequest) -> BankAnswer:
        raise BankUnknown("504")


class Recalling(Mute):
    """The same, but it can be asked after its mandates; `says` is what it answers then."""

    def __init__(self) -> None:
        super().__init__()
        self.questions: list[MandateQuestion] = []
        self.says: BankAnswer | Exception = BankAnswer(Answer.PENDING, "")

    def mandate_status(self, mandate: MandateQuestion) -> BankAnswer:
        self.questions.append(mandate)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def asked(world: World, bank: Bank) -> Ports:
    """Siti's mandate, without a clear answer of `bank`."""
    ports = replace(world.ports, banks={"114": bank})
    phone = world.phone()
    enrol(phone)
    world.exchange()
    authorise(phone)
    ask_banks(ports)
    assert states(world) == ["unknown"]
    return ports


def items(world: World) -> list[tuple[int, str]]:
    return [(n, state) for n, state in world.rows("SELECT id, state FROM work_items WHERE kind = 'mandate_outcome'")]


def texts(world: World, about: str) -> int:
    return sum(about in text for text in world.owed_to(SITI_PHONE))


def test_a_lost_yes_is_learned_by_asking_and_the_first_month_is_debited(world: World) -> None:
    bank = Recalling()
    ports = asked(world, bank)
    assert ask_after(ports) == 0, "not within the first minute"
    bank.says = BankAnswer(Answer.DONE, "LINK-1", "token-1")
    world.clock.forward(minutes=1)
    assert ask_after(ports) == 1
    assert states(world) == ["active"]
    assert "aktif" in world.last_sms()
    assert collect(ports).by_state == {"confirmed": 1}
    assert [(debit.mandate_reference, debit.token) for debit in bank.debits] == [("LINK-1", "token-1")]


@pytest.mark.parametrize(
    "says",
    [BankAnswer(Answer.PENDING, ""), BankRefused(Reason.OURS, "4040801"), BankUnknown("500"), BankUnreachable("away")],
    ids=["pending", "not found", "no answer", "unreachable"],
)
def test_what_is_no_yes_changes_nothing_and_is_asked_ever_more_rarely(
    world: World, says: BankAnswer | Exception
) -> None:
    bank = Recalling()
    bank.says = says
    ports = asked(world, bank)
    minute = 0
    # That one minute before is too early shows that no minute between would have asked.
    for due in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024):
        world.clock.forward(minutes=due - minute - 1)
        assert ask_after(ports) == 0, f"a minute before {due}"
        world.clock.forward(minutes=1)
        assert ask_after(ports) == 1
        minute = due
    world.clock.forward(minutes=24 * 60 - 1 - minute)
    assert ask_after(ports) == 0, "in what is left of the day"
    assert len(bank.questions) == 11
    assert states(world) == ["unknown"]
    assert collect(ports).by_state == {}


def test_a_silent_bank_is_asked_one_question_a_round(world: World) -> None:
    bank = Recalling()
    bank.says = BankUnreachable("away")
    ports = asked(world, bank)
    phone = world.phone(BUDI_PHONE)
    enrol(phone, BUDI_NIK, BUDI)
    authorise(phone, OTHER)
    ask_banks(ports)
    world.clock.forward(minutes=1)
    assert (ask_after(ports), ask_after(ports), ask_after(ports)) == (1, 1, 0)
    assert len({question.customer_id for question in bank.questions}) == 2


def test_after_a_day_a_person_is_asked_and_the_member_told_once(world: World) -> None:
    ports = asked(world, Mute())
    world.clock.forward(hours=23)
    ask_after(ports)
    assert (items(world), texts(world, "belum menjawab")) == ([], 0)
    for _ in range(3):
        world.clock.forward(hours=1)
        ask_after(ports)
    assert [state for _, state in items(world)] == ["open"]
    assert texts(world, "Bank Jatim belum menjawab soal autodebit ***2345. Belum ada uang diambil.") == 1


def given_to_people(world: World, bank: Bank) -> tuple[Ports, int]:
    ports = asked(world, bank)
    world.clock.forward(hours=25)
    ask_after(ports)
    ports = replace(ports, settings=ports.settings.model_copy(update={"APPROVALS_MIN": 2}))
    return ports, items(world)[0][0]


def test_two_people_who_name_the_same_reference_of_the_bank_make_it_active(world: World) -> None:
    bank = Mute()
    ports, item = given_to_people(world, bank)
    assert "2 people have to agree" in decide(ports, item, "ani", "agreed", "EM-0077")
    with pytest.raises(work_items.Disagreed):
        decide(ports, item, "budi", "agreed", "EM-0078")
    assert states(world) == ["unknown"]
    assert "is active" in decide(ports, item, "budi", "agreed", "EM-0077")
    assert [state for _, state in items(world)] == ["done"]
    assert "aktif" in world.last_sms()
    collect(ports)
    assert [debit.mandate_reference for debit in bank.debits] == ["EM-0077"]


def test_two_people_who_say_that_the_bank_did_not_agree_end_it_and_the_member_may_ask_anew(world: World) -> None:
    ports, item = given_to_people(world, Mute())
    for by in ("ani", "budi"):
        decide(ports, item, by, "not_agreed")
    assert states(world) == ["rejected"]
    assert world.one("SELECT count(*) FROM work_items WHERE kind = 'cancel_at_bank' AND state = 'open'") == 1
    assert "ditolak bank" in world.last_sms()
    authorise(world.phone())
    assert states(world) == ["rejected", "consented"]


@pytest.mark.parametrize(
    ("decision", "reference", "why"),
    [
        ("agreed", "", "needs the bank's own reference"),
        ("agreed", "x" * 31, "at most 30"),
        ("agreed", "EM 1", "letters and digits"),
        ("not_agreed", "EM-1", "has no reference"),
        ("debited", "", "does not fit"),
        ("settled_by_hand", "", "does not fit"),
    ],
)
def test_a_decision_that_cannot_be_is_refused_and_changes_nothing(
    world: World, decision: str, reference: str, why: str
) -> None:
    ports, item = given_to_people(world, Mute())
    with pytest.raises(ValueError, match=why):
        decide(ports, item, "ani", decision, reference)
    with pytest.raises(work_items.NeedsOutcome), ports.transaction() as work:
        work_items.refuse(work, item, "ani")
    assert world.rows("SELECT 1 FROM approvals") == []
    assert states(world) == ["unknown"]


def test_nobody_can_agree_for_a_bank_that_debits_by_its_own_token(world: World) -> None:
    class MuteWithCodes(WithCodes):
        def ask(self, mandate: MandateRequest) -> BankAnswer:
            raise BankUnknown("504")

    ports, item = given_to_people(world, MuteWithCodes())
    with pytest.raises(ValueError, match="brings the token"):
        decide(ports, item, "ani", "agreed", "BIND-1")


def test_who_cancels_meanwhile_closes_the_matter_and_is_asked_after_no_more(world: World) -> None:
    bank = Recalling()
    ports, _ = given_to_people(world, bank)
    phone = world.phone()
    phone.dial()
    assert "Tidak ada debit baru" in phone.press("2", "1", "2", PIN)
    assert [state for _, state in items(world)] == ["done"]
    world.clock.forward(days=2)
    bank.says = BankAnswer(Answer.DONE, "LINK-1")
    assert ask_after(ports) == 0
    assert states(world) == ["cancelled"]


def test_a_yes_that_comes_while_the_member_cancels_does_not_come_alive(world: World) -> None:
    phone = world.phone()

    class WhileCancelling(Recalling):
        def mandate_status(self, mandate: MandateQuestion) -> BankAnswer:
            phone.dial()
            phone.press("2", "1", "2", PIN)
            return BankAnswer(Answer.DONE, "LINK-1", "token-1")

    ports = asked(world, WhileCancelling())
    world.clock.forward(minutes=1)
    assert ask_after(ports) == 1
    assert states(world) == ["cancelled"]
    assert world.one("SELECT bank_reference FROM mandates") == "LINK-1", "by this name it is ended at the bank"
