"""The draft of a breach report (UU 27/2022 art. 46) from the audit log: what an account that was misused got to see."""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import select, text

from insurance.trails import LOOKS
from insurance.work import Work
from models import Event, Membership
from models.event import OF_OPERATORS, record
from units.clock import JAKARTA
from units.month import add_months, day_text, month_of

NOTICE_WITHIN = timedelta(hours=3 * 24)
"""Source: UU 27/2022 art. 46(1), three times 24 hours, to the person and to the agency."""

_SHOWN: Mapping[str, str] = {
    "listed": "nama, empat angka akhir NIK, desa, status kepesertaan",
    "viewed": "nama, tanggal lahir, empat angka akhir NIK dan rekening, awal nomor HP, desa, KPJ, iuran, SMS, "
    "persetujuan, ahli waris",
    "trail": "riwayat perubahan (tanpa nama)",
    "copied": "seluruh data tanpa disamarkan, termasuk NIK dan nomor HP",
    "ticket": "nama, awal nomor HP, isi pengaduan",
    "consents": "isi persetujuan",
}


@dataclass(frozen=True)
class Draft:
    words: str
    """Markdown, in Indonesian: for people to complete, sign and send."""
    members: str
    """CSV: each member's reference, what was seen, how often, when first and last. No names: they are for the mail."""
    count: int
    due: datetime

    def __repr__(self) -> str:
        return f"Draft({self.count} members)"


def draft(work: Work, operator: str, since: date, until: date, found: datetime, by: str) -> Draft:
    """What `operator` saw from `since` to `until` (Jakarta days). It reads the events of those months, whole."""
    seen = _seen(work, operator, since, until)
    record(work.db, ("operator", operator), by, "breach", "", "", "drafted", work.now)
    ids = sorted({int(worker_id) for worker_id, *_ in seen})
    references: dict[int, str] = {}
    for first in range(0, len(ids), 1000):
        some = select(Membership.worker_id, Membership.reference).where(
            Membership.worker_id.in_(ids[first : first + 1000])
        )
        references |= {row.worker_id: row.reference for row in work.db.execute(some)}
    due = (found + NOTICE_WITHIN).astimezone(JAKARTA)
    words = _words(operator, since, until, found.astimezone(JAKARTA), due, seen, len(ids))
    return Draft(words, _members(seen, references), len(ids), due)


def _seen(work: Work, operator: str, since: date, until: date) -> Sequence[tuple[str, str, datetime]]:
    """Worker's id, how it was seen, when; in the order of time."""
    begin, end = (datetime.combine(day, time(), JAKARTA) for day in (since, until + timedelta(days=1)))
    query = (
        select(Event.subject_id, Event.why, Event.at)
        .where(
            Event.month.between(month_of(since), add_months(month_of(until), 1)),
            Event.at >= begin,
            Event.at < end,
            Event.actor == operator,
            text(OF_OPERATORS),
            Event.subject == "worker",
            Event.why.in_(LOOKS),
        )
        .order_by(Event.at, Event.id)
    )
    return [(worker_id, why, at) for worker_id, why, at in work.db.execute(query)]


def _members(seen: Sequence[tuple[str, str, datetime]], references: Mapping[int, str]) -> str:
    times, first, last = (
        Counter[tuple[int, str]](),
        dict[tuple[int, str], datetime](),
        dict[tuple[int, str], datetime](),
    )
    for worker_id, why, at in seen:
        key = (int(worker_id), why)
        times[key] += 1
        first.setdefault(key, at)
        last[key] = at
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(("referensi", "dilihat", "kali", "pertama", "terakhir"))
    for key in sorted(times):
        moments = (f"{at.astimezone(JAKARTA):%Y-%m-%dT%H:%M}" for at in (first[key], last[key]))
        lines.writerow((references.get(key[0], str(key[0])), key[1], times[key], *moments))
    return out.getvalue()


def _words(
    operator: str,
    since: date,
    until: date,
    found: datetime,
    due: datetime,
    seen: Sequence[tuple[str, str, datetime]],
    count: int,
) -> str:
    kinds = Counter(why for _, why, _ in seen)
    people = {why: len({worker_id for worker_id, one, _ in seen if one == why}) for why in kinds}
    rows = [f"| {_SHOWN[why]} | {people[why]} | {kinds[why]} |" for why in LOOKS if why in kinds]
    return "\n".join(
        (
            "# Konsep pemberitahuan kegagalan pelindungan data pribadi",
            "",
            f"Konsep dari catatan audit; dilengkapi dan ditandatangani manusia. Batas kirim: {due:%d-%m-%Y %H.%M} WIB",
            "(3 x 24 jam sejak diketahui, UU 27/2022 pasal 46), kepada peserta dan kepada lembaga.",
            "",
            "## Data yang terungkap",
            "",
            "| data | peserta | kali dilihat |",
            "|---|---|---|",
            *(rows or ["| tidak ada yang tercatat | 0 | 0 |"]),
            "",
            f"Jumlah peserta: {count}. Daftarnya (referensi saja): peserta.csv.",
            "",
            "## Kapan dan bagaimana",
            "",
            f"Akun `{operator}` dipakai dari {day_text(since)} sampai {day_text(until)}; diketahui "
            f"{found:%d-%m-%Y %H.%M} WIB. Cara terjadinya: ........",
            "",
            "## Upaya penanganan dan pemulihan",
            "",
            f"- Akun dimatikan (`flask operators off {operator}`): ........",
            "- Kata sandi dan faktor kedua diganti (`flask operators new-way-in`): ........",
            "- Peserta diberi tahu lewat: ........",
            "",
        )
    )
