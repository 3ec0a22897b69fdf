"""Ports in trouble: a bank behind a network that loses things, a process that dies in the act; real ones inside."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from banks.asked import CollectRequest, MandateRequest, RefundRequest, StatusRequest
from banks.base import (
    AsksStatus,
    Bank,
    BankAnswer,
    BankUnknown,
    BankUnreachable,
    Notice,
    NoticeCall,
    NoticeReply,
    Refunds,
    Status,
)
from insurance.work import Work
from ports import Ports


class Crash(BaseException):
    """The process dies here: no handler of ours may catch it."""


@dataclass
class Trouble:
    """What the next calls to a bank meet: each word is used up by one call."""

    words: list[str]

    def next(self) -> str:
        return self.words.pop(0) if self.words else ""


class Faulty:
    """A real bank behind a network that loses requests and answers, and a process that dies in the act."""

    def __init__(self, bank: Bank, trouble: Trouble) -> None:
        self.code, self.rules = bank.code, replace(bank.rules, pace_per_s=10_000.0, parallel_max=1)
        self._bank, self._trouble = bank, trouble

    def ask(self, mandate: MandateRequest) -> BankAnswer:
        return self._bank.ask(mandate)

    def collect(self, debit: CollectRequest) -> BankAnswer:
        with self._troubled():
            return self._bank.collect(debit)
        raise AssertionError("unreachable")

    @contextmanager
    def _troubled(self) -> Iterator[None]:
        word = self._trouble.next()
        if word == "unreachable":
            raise BankUnreachable("no route")
        if word == "crash before":
            raise Crash
        failed: BaseException | None = None
        try:
            yield
        except Exception as error:
            failed = error
        if word == "crash after":
            raise Crash
        if word == "answer lost":
            raise BankUnknown("timeout")
        if failed is not None:
            raise failed

    def read_notice(self, call: NoticeCall) -> Notice:
        return self._bank.read_notice(call)

    def noticed(self, call: NoticeCall) -> NoticeReply:
        return self._bank.noticed(call)


class FaultyAsked(Faulty):
    """The same for a bank that can be asked and can refund."""

    def status(self, debit: StatusRequest) -> Status:
        assert isinstance(self._bank, AsksStatus)
        with self._troubled():
            return self._bank.status(debit)
        raise AssertionError("unreachable")

    def refund(self, refund: RefundRequest) -> BankAnswer:
        assert isinstance(self._bank, Refunds)
        with self._troubled():
            return self._bank.refund(refund)
        raise AssertionError("unreachable")


@dataclass(frozen=True)
class Dying(Ports):
    """Ports whose process dies once, in the middle of a transaction or just before its commit."""

    commits_left: list[int] = field(default_factory=lambda: [0])

    @contextmanager
    def transaction(self) -> Iterator[Work]:
        with Session(self.database, expire_on_commit=False) as db, db.begin():
            yield self.work(db)
            db.flush()
            self.commits_left[0] -= 1
            if self.commits_left[0] == -1:
                raise Crash


def dying(ports: Ports, commits: int) -> Ports:
    """The same, but the commit after so many others never happens."""
    return Dying(**{name: getattr(ports, name) for name in Ports.__dataclass_fields__}, commits_left=[commits])


def troubled(bank: Bank, trouble: Trouble) -> Bank:
    return FaultyAsked(bank, trouble) if isinstance(bank, AsksStatus) else Faulty(bank, trouble)
