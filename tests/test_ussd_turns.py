"""A gateway may repeat, delay, reorder and race its turns: the rows are those of a quiet call."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.people import GOOD, PIN, SITI, SITI_NIK, SITI_PHONE, SUKAMAJU
from tests.world import World

ENROLMENT = ("1", SITI_NIK, SITI, "4", SUKAMAJU, "1", "1", "2", PIN, PIN, "98", "1")
MANDATE = ("1", "1", GOOD, "1", "2", "98", "1", PIN)
KEYS = (*ENROLMENT, *MANDATE)
# What a turn may meet: come again, bring an earlier one with it (before, after or beside it), come from two at once.
REPEATED, RACED, LATE, EARLY, BESIDE = "repeated", "raced", "late", "early", "beside"
# A call is 21 turns with three PIN hashes: to shrink a failure costs minutes, and its steps can be read as they are.
EXAMPLES, PHASES = 15, (Phase.explicit, Phase.reuse, Phase.generate)
# Said to one who waited for a second, as on a slow machine; nothing was done then.
BUSY = "sistem sedang ramai"
Trouble = tuple[str, int]
TROUBLES = st.tuples(st.sampled_from((REPEATED, RACED, LATE, EARLY, BESIDE)), st.integers(0, len(KEYS)))


@dataclass
class Gateway:
    """One call's turns, each of which it may deliver when and as often as it likes."""

    world: World
    session: str
    text: list[str] = field(default_factory=list)
    """All that was typed by each turn so far."""

    def deliver(self, turn: int) -> str:
        form = {
            "phoneNumber": SITI_PHONE,
            "serviceCode": "*500*73#",
            "text": self.text[turn],
            "sessionId": self.session,
            "networkCode": "99999",
        }
        answer = self.world.app.test_client().post("/ussd/africastalking", data=form)
        assert answer.status_code == 200
        return answer.get_data(as_text=True)

    def at_once(self, *turns: int) -> list[str]:
        with ThreadPoolExecutor(len(turns)) as pool:
            return list(pool.map(self.deliver, turns))

    def take(self, typed: str, troubles: list[Trouble]) -> str:
        """A new turn, and what happens to it; the answer that the caller saw last."""
        self.text.append(typed)
        now = len(self.text) - 1
        for kind, which in troubles:
            earlier = which % (now + 1)
            if kind == EARLY and earlier < now:
                self.deliver(earlier)
            elif kind == BESIDE:
                self.at_once(now, earlier)
            elif kind == RACED:
                heard = {answer for answer in self.at_once(now, now, now) if BUSY not in answer}
                assert len(heard) == 1, "all who asked the same got the same"
        shown = self.deliver(now)
        for kind, which in troubles:
            if kind in (REPEATED, LATE):
                again = self.deliver(now if kind == REPEATED else which % (now + 1))
                assert again == shown, "what stands is said again, and nothing moves back"
        return shown


def call(world: World, troubles: dict[int, list[Trouble]]) -> tuple[str, dict[str, list[tuple[object, ...]]]]:
    """The last screen and all rows of a call in which a worker enrols and authorises a debit."""
    world.reset()
    gateway, typed, shown = Gateway(world, "ATUid_turns"), "", ""
    for turn, key in enumerate(("", *KEYS)):
        typed = f"{typed}*{key}" if typed else key
        shown = gateway.take(typed, troubles.get(turn, []))
    return shown, rows(world)


def rows(world: World) -> dict[str, list[tuple[object, ...]]]:
    """What the call left, without what differs from call to call by chance: numbers, references, sealed bytes."""
    queries = {
        "workers": "SELECT village_code, language, pin_wrong, pin_locks, nik_index, enrolled_at FROM workers",
        "contacts": "SELECT phone_index, since FROM contacts",
        "memberships": "SELECT state, programmes, sector, base_rp FROM memberships",
        "mandates": "SELECT state, bank_code, account_index, max_amount_rp FROM mandates",
        "consents": "SELECT kind, version, text_hash, language FROM consents ORDER BY kind",
        "messages": "SELECT kind, state, phone_index FROM messages ORDER BY kind",
        "message_keys": "SELECT count(*) FROM message_keys",
        "events": "SELECT subject, actor, why, code, before, after FROM events ORDER BY id",
        "jobs": "SELECT task_name, count(*) FROM procrastinate_jobs GROUP BY 1 ORDER BY 1",
    }
    return {table: [tuple(row) for row in world.rows(sql)] for table, sql in queries.items()}


def test_turns_repeated_delayed_reordered_or_raced_leave_the_rows_of_a_quiet_call(world: World) -> None:
    quiet = call(world, {})
    assert "Permintaan dikirim" in quiet[0]
    assert [len(quiet[1][table]) for table in ("workers", "memberships", "mandates", "consents")] == [1, 1, 1, 2]

    @settings(max_examples=EXAMPLES, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])
    @given(troubles=st.dictionaries(st.integers(0, len(KEYS)), st.lists(TROUBLES, min_size=1, max_size=3), max_size=12))
    def however_delivered(troubles: dict[int, list[Trouble]]) -> None:
        assert call(world, troubles) == quiet

    however_delivered()
