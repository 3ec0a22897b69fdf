"""Who is calling and what the call may touch: the answers so far, the words, and a transaction opened only if used."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from insurance import contacts
from insurance.work import Work
from models import Contact, Worker
from sealing import Keyring
from texts import Texts
from ussd.page import Page

# The screens that stand between a call and what it asked for (ussd/menu.py).
PROVE, HELD = "prove", "sim.held"


class Detour(Exception):
    """Before this screen another one has to be answered, or is the last word; `to` names it."""

    def __init__(self, to: str) -> None:
        super().__init__(to)
        self.to = to


@dataclass
class Caller:
    """One hop's view. `work` opens the database on first use: most hops need none."""

    phone: str
    phone_index: bytes
    session: str
    language: str
    answers: dict[str, str]
    texts: Texts
    keys: Keyring
    code: str
    open_work: Callable[[], Work]
    acted: bool = False
    """Whether something was done in this hop, so that a failure from here on is no `nothing has changed`."""
    proved: str = ""
    """Whose PIN was typed right in this hop; the journey keeps it for the rest of the call."""
    left: str = ""
    """The screen that a dropped call was on, while its caller is asked whether to go on."""
    retype: bool = False
    """Whether that call's PIN has to be typed again."""
    pages: dict[tuple[str, ...], list[Page]] = field(default_factory=dict, repr=False)
    """Screens without facts as they were cut before, shared by all calls of a process."""
    picked_from: tuple[object, object, Sequence[Any]] | None = field(default=None, repr=False)
    """The list that this hop looked at last: of which screen, after which answers, and its choices."""
    _unseen: bool = False
    _work: Work | None = field(default=None, repr=False)
    _contacts: Sequence[Contact] | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        return "Caller(***)"

    @property
    def work(self) -> Work:
        if self._work is None:
            self._work = self.open_work()
        return self._work

    def line(self, name: str, /, **facts: str) -> str:
        return self.texts.line(name, self.language, **facts)

    def word(self, name: str) -> str:
        return self.texts.word(name, self.language)

    @contextmanager
    def binding(self) -> Iterator[None]:
        """Within it the caller is spoken to in the language a consent may be given in (rulings 14)."""
        own, self.language = self.language, self.texts.binding(self.language)
        try:
            yield
        finally:
            self.language = own

    def workers(self) -> list[Worker]:
        return [contact.worker for contact in self._at_number()]

    def trusted(self) -> list[Worker]:
        """Those at this number of whom something may be said by initials: nobody else holds it, as far as we know."""
        return [contact.worker for contact in self._at_number() if not contacts.is_doubted(self.work, contact)]

    def _at_number(self) -> Sequence[Contact]:
        if self._contacts is None:
            self._contacts = contacts.at(self.work, self.phone_index)
        return self._contacts

    def contact(self) -> Contact:
        """This number as that of the one who was picked, or of the only one it reaches; never of another number."""
        picked = self.answers.get("worker")
        for contact in self._at_number():
            if picked is None or str(contact.worker_id) == picked:
                return contact
        raise LookupError("no such worker at this number")

    def picked(self) -> Worker:
        """Who was picked, without a sign that it is them: only for what asks for that sign, or shows nothing."""
        return self.contact().worker

    def known(self) -> Worker:
        """Who may be named: a number that was silent for long, or has another SIM, needs the PIN. Raises Detour."""
        contact = self.contact()
        if contacts.is_doubted(self.work, contact) and not self._may_see(contact):
            raise Detour(PROVE)
        return contact.worker

    def worker(self) -> Worker:
        """The person: on a number of several, and wherever `known` asks it, only with the PIN in this call.

        Raises Detour. Whatever shows an amount, a bank or an account, and whatever acts, takes the person from here.
        """
        contact, worker = self.contact(), self.known()
        if len(self._at_number()) > 1 and not self._may_see(contact):
            raise Detour(PROVE)
        return worker

    def check_hold(self) -> None:
        """Raises Detour where this number has a new SIM: nothing is changed from it for a while."""
        if contacts.held_until(self.work, self.contact()) is not None:
            raise Detour(HELD)

    def prove(self) -> None:
        """The right PIN of the one who was picked was typed in this hop."""
        contact = self.contact()
        contacts.prove(self.work, contact)
        self.proved = str(contact.worker_id)

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """Within it nothing is shown and nothing is done, only compared: nobody has to show who is calling."""
        self._unseen = True
        try:
            yield
        finally:
            self._unseen = False

    def _may_see(self, contact: Contact) -> bool:
        return self._unseen or str(contact.worker_id) in (self.proved, self.answers.get("proved"))
