"""The 16 digits of a national identity number: what they say, and where they cannot be right."""

import re
from dataclasses import dataclass
from datetime import date

# Ages that can be a worker's at all; the programme's own limits are settings (programme.md 1.4, unconfirmed).
_AGE_MIN, _AGE_MAX = 10, 110


class NotANik(ValueError):
    """Raised with a short reason: `length`, `region`, `date` or `serial`; never with the digits."""


@dataclass(frozen=True)
class Nik:
    digits: str
    birth: date
    woman: bool

    def __repr__(self) -> str:
        return "Nik(***)"

    @property
    def district(self) -> str:
        """Kemendagri code of the district of first issue (not of today's home), six digits."""
        return self.digits[:6]

    def age_on(self, day: date) -> int:
        return day.year - self.birth.year - ((day.month, day.day) < (self.birth.month, self.birth.day))


def parse_nik(typed: str, today: date) -> Nik:
    """Read `PPKKCC DDMMYY SSSS`; women have 40 added to the day. Text all along: Papua's exceed 2**53.

    An unknown district is no error: districts split and old codes stay valid (programme.md 2.1).
    Raises NotANik.
    """
    digits = re.sub(r"[\s.\-]", "", typed)
    if not re.fullmatch(r"[0-9]{16}", digits):
        raise NotANik("length")
    if not ("11" <= digits[:2] <= "99") or digits[2:4] == "00" or digits[4:6] == "00":
        raise NotANik("region")
    if digits[12:] == "0000":
        raise NotANik("serial")
    day, month, year = int(digits[6:8]), int(digits[8:10]), int(digits[10:12])
    woman = day > 40
    for century in (1900, 2000):
        try:
            birth = date(century + year, month, day - 40 if woman else day)
        except ValueError:
            continue
        nik = Nik(digits, birth, woman)
        if _AGE_MIN <= nik.age_on(today) < _AGE_MAX:
            return nik
    raise NotANik("date")
