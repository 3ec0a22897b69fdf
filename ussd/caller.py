"""Who is calling and what the call may touch: the answers so far, the words, and a transaction opened only if used."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from insurance.work import Work
from models import Worker
from sealing import Keyring
from texts import Texts
from ussd.page import Page


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
    left: str = ""
    """The screen that a dropped call was on, while its caller is asked whether to go on."""
    retype: bool = False
    """Whether that call's PIN has to be typed again."""
    pages: dict[tuple[str, ...], list[Page]] = field(default_factory=dict, repr=False)
    """Screens without facts as they were cut before, shared by all calls of a process."""
    picked_from: tuple[object, object, Sequence[Any]] | None = field(default=None, repr=False)
    """The list that this hop looked at last: of which screen, after which answers, and its choices."""
    _work: Work | None = field(default=None, repr=False)
    _workers: list[Worker] | None = field(default=None, repr=False)

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
        if self._workers is None:
            self._workers = list(self.work.workers_at(self.phone_index))
        return self._workers

    def worker(self) -> Worker:
        """The one that was picked, or the only one this number reaches; never one of another number."""
        workers = self.workers()
        picked = self.answers.get("worker")
        for worker in workers:
            if picked is None or str(worker.id) == picked:
                return worker
        raise LookupError("no such worker at this number")
