"""Makes each bank of the settings by its product; it opens no connection."""

from collections.abc import Callable, Mapping
from typing import Final

from banks.base import Bank, Banks
from banks.bifast import BiFast
from banks.settings import AnyBank, BankSettings
from banks.snap_debit import SnapDebit
from banks.token_shelf import TokenShelf
from units.clock import Clock, system_clock

_PRODUCTS: Final[Mapping[str, Callable[[BankSettings, Clock, TokenShelf | None], Bank]]] = {
    "bifast": BiFast,
    "snap_debit": SnapDebit,
}


def connect_banks(
    settings: Mapping[str, AnyBank], clock: Clock = system_clock, shelf: TokenShelf | None = None
) -> Banks:
    """A Bank for each setting that has an API, by code; no connection is opened before the first request.

    `shelf` is where all processes keep their banks' tokens; without one each fetches its own.
    """
    with_api = {code: bank for code, bank in settings.items() if isinstance(bank, BankSettings)}
    return {code: _PRODUCTS[bank.product](bank, clock, shelf) for code, bank in with_api.items()}
