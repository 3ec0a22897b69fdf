"""A phone in the terminal: what is typed is dialled or pressed; a few words begin with a stroke. Sandbox only."""

from collections.abc import Callable

from handset.phone import NotAnAnswer, Phone
from handset.transcript import DIALLED

HELP = """\
*500*73#      dial; the village's code may stand behind: *500*73*35013#
1             press an answer, while a call is on; an empty line dials
/sms WORDS    send an SMS        /inbox    read what came
/drop         the network ends the call
/number +62.. take another phone /quit"""


class Terminal:
    """Takes a line, says what the phone shows. `make_phone` gives the phone of a number; it may refuse one."""

    def __init__(self, make_phone: Callable[[str], Phone], number: str, say: Callable[[str], object]) -> None:
        self._make_phone, self._say = make_phone, say
        self._phone = make_phone(number)

    @property
    def prompt(self) -> str:
        return f"{self._phone.number}{' (call)' if self._phone.live else ''}> "

    def take(self, line: str) -> bool:
        """Whether another line is wanted. Raises what the phone's own HTTP raises."""
        command, _, words = line.strip().partition(" ")
        if command == "/quit":
            return False
        if command.startswith("/"):
            self._command(command, words.strip())
        else:
            self._dial_or_press(line.strip())
        return True

    def _command(self, command: str, words: str) -> None:
        if command == "/sms" and words:
            self._say("sent" if self._phone.text(words) == 200 else "the product did not take it")
        elif command == "/inbox":
            texts = self._phone.received()
            self._say("\n".join(texts) or "nothing came yet")
        elif command == "/drop":
            self._phone.drop()
        elif command == "/number" and words:
            self._phone = self._make_phone(words)
        else:
            self._say(HELP)

    def _dial_or_press(self, typed: str) -> None:
        try:
            if self._phone.live and not DIALLED.fullmatch(typed):
                shown = self._phone.press(typed)
            elif not typed or DIALLED.fullmatch(typed):
                self._phone.code = typed or self._phone.code
                shown = self._phone.dial()
            else:
                self._say(HELP)
                return
        except NotAnAnswer as error:
            self._say(f"no answer: {error}")
            return
        self._say(shown if self._phone.live else f"{shown}\n(the call is over)")
