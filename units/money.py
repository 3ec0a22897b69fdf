"""Whole rupiah as a person and as a bank reads them; never a float."""

from functools import lru_cache

from babel.numbers import format_decimal


@lru_cache(maxsize=4096)
def rupiah(amount_rp: int) -> str:
    """The amount as a villager reads it: `rupiah(28400)` is `"Rp28.400"`."""
    return "Rp" + format_decimal(amount_rp, format="#,##0", locale="id")


def snap_value(amount_rp: int) -> str:
    """The amount as SNAP's `value` wants it, String(16,2): `snap_value(36800)` is `"36800.00"`.

    Source: ASPI SNAP, Transfer Debit, `amount.value`: always two decimals.
    """
    return f"{amount_rp}.00"
