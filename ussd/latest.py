"""Whether a hop with the latest input alone is new: what gateway and kept place can tell; in doubt nothing is acted on.

decisions/0009 says what can be told at which gateway, and what cannot.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from gateways.base import Phase, Turn, screen_token
from ussd.journey import Journey

# SMPP counts to 0x7FFFFFFF and begins anew (SMPP 3.4, 5.1.4); half of that behind is ahead.
SEQUENCES: Final = 2**31


class Heard(Enum):
    NEW_CALL = auto()
    INPUT = auto()
    AGAIN = auto()
    """A repeat, a late one, or an answer to a screen that does not stand: the standing screen is shown again."""
    DOUBTFUL = auto()
    """It may be a repeat: shown again too, and after that the same key counts."""


def heard(asked: Turn, journey: Journey, turn_key: Callable[[str], str]) -> Heard:
    """What `asked`, a hop of the call that `journey` belongs to, is."""
    same_wire = asked.wire == journey.wire
    if same_wire and not 0 < (asked.sequence - journey.typed) % SEQUENCES < SEQUENCES // 2:
        return Heard.AGAIN
    if asked.phase is Phase.BEGIN:
        return Heard.NEW_CALL
    if not same_wire and turn_key(asked.text) == journey.turn_key:
        return Heard.DOUBTFUL
    if journey.reply_end:
        return Heard.NEW_CALL
    if asked.answers and asked.answers != screen_token(journey.reply):
        return Heard.AGAIN
    return Heard.INPUT
