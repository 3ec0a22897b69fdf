"""The folders of the settings through which banks exchange files with us; it opens none of them."""

from collections.abc import Mapping

from banks.batch_file import BatchFiles
from banks.settings import AnyBank, BatchSettings
from banks.settlement import SettlementFiles


def connect_batch_banks(settings: Mapping[str, AnyBank]) -> Mapping[str, BatchFiles]:
    """Debit and result files of each bank without an API, by its code."""
    return {
        code: BatchFiles(code, bank.out_dir, bank.in_dir, bank.cut_off)
        for code, bank in settings.items()
        if isinstance(bank, BatchSettings)
    }


def connect_settlements(settings: Mapping[str, AnyBank]) -> Mapping[str, SettlementFiles]:
    """The day's files of each bank that gives them, by its code."""
    return {
        code: SettlementFiles(code, bank.settlement_dir)
        for code, bank in settings.items()
        if bank.settlement_dir is not None
    }
