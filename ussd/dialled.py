"""What was dialled behind the service code: a village's short code fills the village; rubbish is named and left."""

from collections.abc import Sequence

from insurance import enrolment
from texts.longest import VILLAGE_SHOWN_SEPTETS
from units.gsm import shorten
from ussd.caller import Caller
from ussd.engine import BACK, HOME, MORE
from ussd.journey import START, Journey
from ussd.screens import Menu, Tree


def beyond(service_code: str, code: str) -> tuple[str, ...] | None:
    """`*500*73*35013#` is `("35013",)` behind `*500*73#`; None where it is not our code.

    A gateway that routes by the whole string may bring the rest here, in the text, or not at all (gateways.md 2.3).
    """
    if service_code == code:
        return ()
    ours = code.removesuffix("#") + "*"
    if code and service_code.startswith(ours) and service_code.endswith("#"):
        return tuple(service_code.removeprefix(ours).removesuffix("#").split("*"))
    return None


def straight_to(menu: Tree, code: str, option: str) -> str:
    """What to dial to begin behind an option of the first menu: `*500*73*1#`. Only for one that asks, never acts."""
    screen = menu[START]
    if not isinstance(screen, Menu):
        raise TypeError("the first screen has no options")
    return f"{code.removesuffix('#')}*{list(screen.options).index(option) + 1}#"


def take_village(menu: Tree, journey: Journey, typed: Sequence[str], caller: Caller) -> tuple[Journey, Sequence[str]]:
    """The journey with the dialled village and what was typed after it; keys of the first menu are left as they are."""
    first, *rest = typed
    screen = menu[START]
    options = len(screen.options) if isinstance(screen, Menu) else 0
    if first in ("", BACK, HOME, MORE, *(str(number) for number in range(1, options + 1))):
        return journey, typed
    found = enrolment.village_by_short_code(caller.work, first)
    if found is None:
        return journey.but(line=caller.line("village.unknown")), ()
    line = caller.line("village.linked", village=shorten(found.name, VILLAGE_SHOWN_SEPTETS))
    return journey.but(answers={"linked": found.code}, line=line), rest
