"""The table of the contract, and one mandate at one bank of the sandbox to ask things of; holds no test."""

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import requests

from banks.asked import CodeRequest, CodeWish, CollectRequest, MandateRequest, StatusRequest
from banks.base import (
    Answer,
    AsksStatus,
    Bank,
    BankAnswer,
    BankRefused,
    BankUnknown,
    Became,
    Reason,
    SendsCodes,
    TakesCodes,
)
from banks.batch_file import BatchFiles, BatchResult
from banks.connect import connect_banks
from banks.settings import BankSettings, load_banks
from tests.sandboxed import Sandbox

PHONE, NAME = "+6281234567890", "Siti Rahmawati"
BOUND = ("113", "128")


@dataclass(frozen=True)
class Outcome:
    """`said` is an Answer, the Reason of a no, or the code of an unknown, in which xx is the service."""

    said: Answer | Reason | str
    became: Became
    """What 55 says at once, of a bank that can be asked."""

    @property
    def booked(self) -> bool:
        return self.became is Became.DONE


# By the last four digits of the account: sandbox/README.md.
OUTCOMES = {
    "2345": Outcome(Answer.DONE, Became.DONE),
    "0009": Outcome(Reason.ACCOUNT, Became.NOT_FOUND),
    "0014": Outcome(Reason.NO_FUNDS, Became.NOT_FOUND),
    "0018": Outcome(Reason.ACCOUNT, Became.NOT_FOUND),
    "0114": Outcome(Reason.NO_FUNDS, Became.NOT_FOUND),
    "0202": Outcome(Answer.PENDING, Became.PENDING),
    "0302": Outcome(Reason.LIMIT, Became.NOT_FOUND),
    "0406": Outcome(Reason.NOT_NOW, Became.NOT_FOUND),
    "0408": Outcome("timeout", Became.DONE),
    "0429": Outcome(Reason.NOT_NOW, Became.NOT_FOUND),
    "0500": Outcome("500xx00", Became.DONE),
    "0502": Outcome("timeout", Became.NOT_FOUND),
    "0503": Outcome("broken", Became.NOT_FOUND),
    "0504": Outcome("timeout", Became.DONE),
    "0600": Outcome(Answer.DONE, Became.DONE),
    "0601": Outcome(Reason.NO_FUNDS, Became.DONE),
    "0602": Outcome(Answer.DONE, Became.DONE),
    "0603": Outcome(Answer.DONE, Became.DONE),
    "0604": Outcome(Answer.DONE, Became.DONE),
    "0605": Outcome(Answer.PENDING, Became.PENDING),
    "0606": Outcome("404xx18", Became.NOT_FOUND),
    "0607": Outcome("amount", Became.DONE),
    "0608": Outcome("reference", Became.DONE),
    "0999": Outcome("http200", Became.DONE),
}


class Table:
    """One mandate at one bank and what is asked under it, by a client with short patience where `hurried`."""

    def __init__(self, sandbox: Sandbox, code: str, ending: str, *, hurried: bool = False) -> None:
        self.sandbox, self.code = sandbox, code
        settings = load_banks(sandbox.folder / "banks.toml")[code]
        assert isinstance(settings, BankSettings)
        self.bank: Bank = connect_banks({code: replace(settings, read_timeout_s=1.0 if hurried else 10.0)})[code]
        self.customer = f"IU{secrets.randbelow(10**10)}"
        self.account = f"{code}{secrets.randbelow(10**6):06d}{ending}"
        self.reference = f"IU{secrets.token_hex(5).upper()}"
        self.asked_at = datetime.now(UTC)

    def ask(self) -> BankAnswer:
        expires_on = date.today() + timedelta(days=365)
        return self.bank.ask(MandateRequest(self.customer, self.account, NAME, 40_000, expires_on, PHONE))

    def sms_code(self) -> str:
        url = f"{self.sandbox.url}/bank/{self.code}/codes"
        return str(requests.get(url, params={"customer": self.customer}, timeout=5).json()["code"])

    def confirm(self, reference: str, code: str, charge: str = "") -> BankAnswer:
        assert isinstance(self.bank, TakesCodes)
        return self.bank.confirm(CodeRequest(self.customer, reference, code, charge))

    def new_code(self, waits: BankAnswer) -> str:
        assert isinstance(self.bank, SendsCodes)
        return self.bank.send_code(CodeWish(self.customer, waits.journey))

    def mandate(self) -> BankAnswer:
        answer = self.ask()
        return self.confirm(answer.reference, self.sms_code()) if answer.answer is Answer.CODE_NEEDED else answer

    def collect(self, mandate: BankAnswer) -> Answer | Reason | str:
        request = CollectRequest(
            self.reference, mandate.reference, self.customer, self.account, 36_800, self.asked_at, mandate.token
        )
        try:
            return self.bank.collect(request).answer
        except BankRefused as refusal:
            return refusal.reason
        except BankUnknown as unknown:
            return unknown.code

    def status(self, bank_reference: str = "") -> Became:
        assert isinstance(self.bank, AsksStatus)
        return self.bank.status(StatusRequest(self.reference, bank_reference, 36_800, self.asked_at)).became

    def book(self) -> list[str]:
        return booked_under(self.sandbox, self.code, self.reference)


# What a file's result is said in (banks/batch_file.py): there is a word for each of these and for nothing in between.
FILE_ENDINGS = ("2345", "0009", "0014", "0018", "0302")


class FileTable:
    """The same at the bank without an API: one file is handed over, the sandbox answers it, its result is read."""

    def __init__(self, sandbox: Sandbox, code: str, ending: str) -> None:
        self.sandbox, self.code = sandbox, code
        self.folder = sandbox.folder / "batch" / code
        self.files = BatchFiles(code, self.folder / "out", self.folder / "in")
        self.customer = f"IU{secrets.randbelow(10**10)}"
        self.account = f"{code}{secrets.randbelow(10**6):06d}{ending}"
        self.reference = f"IU{secrets.token_hex(5).upper()}"
        self.asked_at = datetime.now(UTC)

    def mandate(self) -> str:
        """The bank's reference of a mandate that it gave. Raises BankRefused."""
        expires_on = date.today() + timedelta(days=365)
        result = self._exchange([MandateRequest(self.customer, self.account, NAME, 40_000, expires_on, PHONE)], [])
        (line,) = result.mandates
        if line.reason is not None:
            raise BankRefused(line.reason, line.code)
        return line.mandate_reference

    def collect(self, mandate: str) -> Answer | Reason:
        request = CollectRequest(self.reference, mandate, self.customer, self.account, 36_800, self.asked_at)
        (line,) = self._exchange([], [request]).debits
        assert (line.reference, line.amount_rp) == (self.reference, 36_800 if line.reason is None else 0)
        return line.reason or Answer.DONE

    def _exchange(self, mandates: list[MandateRequest], debits: list[CollectRequest]) -> BatchResult:
        name = f"contract-{secrets.token_hex(5)}.csv"
        self.files.hand_over(name, mandates, debits)
        self.sandbox.look()
        result = self.files.read(f"result-{name}")
        assert (result.bank_code, result.answers) == (self.code, name)
        self.files.take(result.name)
        return result

    def book(self) -> list[str]:
        return booked_under(self.sandbox, self.code, self.reference)


def booked_under(sandbox: Sandbox, code: str, reference: str) -> list[str]:
    """The status of each debit that the bank wrote under our reference."""
    return [debit["status"] for debit in sandbox.book(code)["debits"] if debit["partnerReferenceNo"] == reference]


class Moved:
    """The sandbox's clock: some seconds ahead of ours, within what a signature may be old."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._url = f"{sandbox.url}/clock"
        self.set(None)

    def set(self, now: str | None) -> None:
        assert requests.put(self._url, json={"now": now}, timeout=5).status_code == 200

    def ahead(self, seconds: int) -> None:
        self.set((datetime.now(UTC) + timedelta(seconds=seconds)).isoformat())


def expected(outcome: Outcome, code: str) -> Answer | Reason | str:
    if isinstance(outcome.said, Answer | Reason):
        return outcome.said
    return outcome.said.replace("xx", "54" if code in BOUND else "71")
