"""A village or kelurahan with its Kemendagri code, and the short code that people type."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base

# Weights of the check digit; 7 and 3 and 1 catch every single wrong digit and most swaps (as on ISO 7501 documents).
_WEIGHTS = (7, 3, 1)


def check_digit(digits: str) -> str:
    return str(sum(int(d) * _WEIGHTS[i % 3] for i, d in enumerate(digits)) % 10)


def is_short_code(typed: str) -> bool:
    """Whether the last digit is right for those before it: a typing error is caught before the look-up."""
    return typed.isascii() and typed.isdigit() and len(typed) >= 3 and check_digit(typed[:-1]) == typed[-1]


class Village(Base):
    __tablename__ = "villages"

    code: Mapped[str] = mapped_column(String(10), primary_key=True)
    """Kemendagri, ten digits without dots: PPKKCCNNNN."""
    short_code: Mapped[str] = mapped_column(String(8), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    district: Mapped[str] = mapped_column(String(60))
    regency: Mapped[str] = mapped_column(String(60))
    zone: Mapped[str] = mapped_column(String(20))
    """`Asia/Jakarta`, `Asia/Makassar` or `Asia/Jayapura`."""

    @property
    def province(self) -> str:
        return self.code[:2]

    @property
    def is_kelurahan(self) -> bool:
        # The last block starts with 1 for a kelurahan, 2 for a desa, 3 for a desa adat (Kepmendagri 300.2.2-2430/2025).
        return self.code[6] == "1"
