"""Makes each bank of the settings by its product; it opens no connection."""

from collections.abc import Callable, Mapping
from typing import Final

from banks.base import Bank, Banks
from banks.bifast import BiFast
from banks.settings import BankSettings
from banks.snap_debit import SnapDebit
from units.clock import Clock, system_clock

_PRODUCTS: Final[Mapping[str, Callable[[BankSettings, Clock], Bank]]] = {"bifast": BiFast, "snap_debit": SnapDebit}


def connect_banks(settings: Mapping[str, BankSettings], clock: Clock = system_clock) -> Banks:
    """A Bank for each setting, by code; no connection is opened before the first request."""
    return {code: _PRODUCTS[bank.product](bank, clock) for code, bank in settings.items()}
