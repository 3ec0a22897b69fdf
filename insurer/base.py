"""What the insurer is to us: a daily pair of files. Its true format is unconfirmed and therefore one file here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol


@dataclass(frozen=True)
class Registration:
    reference: str
    nik: str
    name: str
    birth: date
    phone: str
    village_code: str
    sector: str
    base_rp: int
    programmes: str

    def __repr__(self) -> str:
        return f"Registration({self.reference})"


@dataclass(frozen=True)
class Contribution:
    """One month of one worker by programme, paid on `paid_on`; `kpj` is the insurer's own number."""

    reference: str
    kpj: str
    month: date
    jkk_rp: int
    jkm_rp: int
    jht_rp: int
    paid_on: date

    def __repr__(self) -> str:
        return f"Contribution({self.reference})"


@dataclass(frozen=True)
class Change:
    """What changed in a membership from `from_on` on; `kpj` is empty where the insurer never gave one.

    `member` is the reference by which it was registered.

    `kind` says what `value` and `detail` are: TERMS programmes and base in rupiah, HEIR1 and HEIR2 name and relation,
    PHONE the number, END `left` or `died`.
    """

    reference: str
    member: str
    kpj: str
    kind: str
    from_on: date
    value: str
    detail: str

    def __repr__(self) -> str:
        return f"Change({self.reference}, {self.kind})"


@dataclass(frozen=True)
class RegistrationResult:
    """`outcome` is VERIFIED (with `kpj`), REFUSED or NEEDS_HELP (both with `reason`)."""

    reference: str
    outcome: str
    kpj: str
    reason: str

    def __repr__(self) -> str:
        return f"RegistrationResult({self.reference}, {self.outcome})"


@dataclass(frozen=True)
class ContributionResult:
    """`outcome` is POSTED or REFUSED; `jht_balance_rp` is theirs, as of `as_of`, or None."""

    reference: str
    outcome: str
    reason: str
    jht_balance_rp: int | None
    as_of: date


@dataclass(frozen=True)
class ResultFile:
    name: str
    registrations: Sequence[RegistrationResult]
    contributions: Sequence[ContributionResult]


class Insurer(Protocol):
    def hand_over(
        self,
        name: str,
        registrations: Iterable[Registration],
        contributions: Iterable[Contribution],
        changes: Iterable[Change] = (),
    ) -> None:
        """Write one file, whole or not at all; the same name again replaces it with the same content."""
        ...

    def waiting(self) -> Iterable[str]:
        """Names of result files not yet taken."""
        ...

    def read(self, name: str) -> ResultFile:
        """Raises BadFile."""
        ...

    def take(self, name: str) -> None:
        """Put a read file aside, after what it says was committed."""
        ...

    def refuse(self, name: str) -> None:
        """Put a bad file aside for a person to see."""
        ...
