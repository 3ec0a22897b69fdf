"""The product's side of a running sandbox's folders: hands debit files over, takes results and settlement files."""

import uuid
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import Engine

from banks.asked import CollectRequest, MandateRequest
from banks.batch_file import BatchFiles, BatchResult
from banks.folders import connect_batch_banks, connect_settlements
from banks.settings import load_banks
from banks.settlement import SettlementLine
from sandbox.batch import SandboxBatch
from units.clock import JAKARTA

NAME, EXPIRES = "SITI RAHMAWATI", date(2028, 11, 23)
DAY = date(2026, 11, 23)


class Hand:
    """A clock that stands at noon in Jakarta until it is moved."""

    now = datetime(2026, 11, 23, 12, 0, tzinfo=JAKARTA)

    def __call__(self) -> datetime:
        return self.now.astimezone(UTC)


class Place:
    """A sandbox that serves, and the product's side of its folders."""

    def __init__(self, url: str, folder: Path, engine: Engine, clock: Hand) -> None:
        self.url, self.folder, self.engine, self.clock = url, folder, engine, clock
        banks = load_banks(folder / "banks.toml")
        self.files: BatchFiles = connect_batch_banks(banks)["118"]
        self.settlements = connect_settlements(banks)
        self.bank = SandboxBatch(engine, folder, "118", clock)

    def book(self) -> dict[str, Any]:
        book: dict[str, Any] = requests.get(f"{self.url}/bank/118/book", timeout=5).json()
        return book

    def debited(self, *references: str) -> list[int]:
        return [row["amount_rp"] for row in self.book()["debits"] if row["partnerReferenceNo"] in references]

    def answer(self, mandates: list[MandateRequest], made: list[CollectRequest], name: str = "") -> BatchResult:
        """Hand a file over and take its result; the sandbox's own thread may be the one that answers."""
        name = name or new_name()
        self.files.hand_over(name, mandates, made)
        self.bank.answer_waiting()
        result = self.files.read(f"result-{name}")
        self.files.take(result.name)
        return result

    def mandate(self, ending: str = "", max_amount_rp: int = 100_000) -> tuple[MandateRequest, str]:
        asked = mandate(ending, max_amount_rp)
        [given] = self.answer([asked], []).mandates
        assert given.outcome == "ACTIVE"
        return asked, given.mandate_reference

    def settle(self, code: str, day: date) -> list[SettlementLine]:
        answer = requests.post(f"{self.url}/bank/{code}/settle", params={"day": day.isoformat()}, timeout=5)
        return list(self.settlements[code].read(answer.json()["name"]).lines)


def new_name() -> str:
    return f"debit-{uuid.uuid4().hex}.csv"


def new_reference() -> str:
    return uuid.uuid4().hex[:12].upper()


def mandate(ending: str = "", max_amount_rp: int = 100_000) -> MandateRequest:
    account_no = f"118{uuid.uuid4().int % 10**6:06d}{ending or '7777'}"
    return MandateRequest(f"IU{uuid.uuid4().int % 10**9}", account_no, NAME, max_amount_rp, EXPIRES)


def debit(of: tuple[MandateRequest, str], amount_rp: int = 36_800, reference: str = "") -> CollectRequest:
    asked, mandate_reference = of
    at = datetime(2026, 11, 23, 12, 0, tzinfo=JAKARTA)
    return CollectRequest(
        reference or new_reference(), mandate_reference, asked.customer_id, asked.account_no, amount_rp, at
    )
