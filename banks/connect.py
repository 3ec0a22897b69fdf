"""Makes each bank of the settings by its product; it opens no connection."""

from collections.abc import Callable, Mapping
from typing import Final

from banks.base import Bank, Banks
from banks.bifast import BiFast
from banks.settings import AnyBank, BankSettings
from banks.snap_debit import SnapDebit
from units.clock import Clock, system_clock

_PRODUCTS: Final[Mapping[str, Callable[[BankSettings, Clock], Bank]]] = {"bifast": BiFast, "snap_debit": SnapDebit}


def connect_banks(settings: Mapping[str, AnyBank], clock: Clock = system_clock) -> Banks:
    """A Bank for each setting that has an API, by code; no connection is opened before the first request."""
    with_api = {code: bank for code, bank in settings.items() if isinstance(bank, BankSettings)}
    return {code: _PRODUCTS[bank.product](bank, clock) for code, bank in with_api.items()}
