"""What is told of a hop that brings the latest input alone: new, again, in doubt, or of a new call."""

import pytest

from gateways.base import Phase, Turn, screen_token
from ussd.journey import Journey
from ussd.latest import Heard, heard

STANDS = Journey(session="s", typed=5, wire="a", turn_key="k1", reply="1. Ya 2. Tidak")
OVER = STANDS.but(reply_end=True)
LAST = 2**31 - 1


def hop(text: str = "2", sequence: int = 6, wire: str = "a", phase: Phase = Phase.CONTINUE, answers: str = "") -> Turn:
    return Turn("s", "+6281234567890", "*1#", "", text, phase, False, sequence, wire, answers)


@pytest.mark.parametrize(
    ("asked", "stands", "what"),
    [
        (hop(), STANDS, Heard.INPUT),
        (hop("1"), STANDS, Heard.INPUT),
        (hop(sequence=9), STANDS, Heard.INPUT),
        (hop(sequence=5), STANDS, Heard.AGAIN),
        (hop(sequence=1), STANDS, Heard.AGAIN),
        (hop(sequence=1), STANDS.but(typed=LAST), Heard.INPUT),
        (hop(sequence=LAST), STANDS.but(typed=1), Heard.AGAIN),
        (hop(sequence=5, phase=Phase.BEGIN), STANDS, Heard.AGAIN),
        (hop("", phase=Phase.BEGIN), STANDS, Heard.NEW_CALL),
        (hop("", sequence=1, wire="b", phase=Phase.BEGIN), STANDS, Heard.NEW_CALL),
        (hop("1", sequence=1, wire="b"), STANDS, Heard.DOUBTFUL),
        (hop("2", sequence=1, wire="b"), STANDS, Heard.INPUT),
        (hop(), OVER, Heard.NEW_CALL),
        (hop(sequence=5), OVER, Heard.AGAIN),
        (hop("1", sequence=1, wire="b"), OVER, Heard.DOUBTFUL),
        (hop("2", sequence=1, wire="b"), OVER, Heard.NEW_CALL),
        (hop(answers=screen_token("1. Ya 2. Tidak")), STANDS, Heard.INPUT),
        (hop(answers=screen_token("another screen")), STANDS, Heard.AGAIN),
    ],
)
def test_a_hop_is_new_where_the_gateway_says_so_and_in_doubt_nothing_is_acted_on(
    asked: Turn, stands: Journey, what: Heard
) -> None:
    assert heard(asked, stands, lambda text: f"k{text}") is what
