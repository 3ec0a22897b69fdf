"""A roster of people to invite: every line is looked at, some hundreds at a time, and all that is wrong is said."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select, text

from insurance.enrolment import AgeOutside, BadName, check_age, read_name
from insurance.helpers import officials
from insurance.invitations import EXPIRED_AT_ONCE, Invited, Person, add, expire
from insurance.places import read_rt_rw
from insurance.work import Work
from models import Bracket, Invitation, Village, VillageGroup, Worker
from models.membership import PROGRAMMES, SECTORS
from units.nik import NotANik, parse_nik
from units.phone import NotAPhone, canonical_phone

AT_ONCE = 500
# What was on earlier lines is kept by the database, by blind index, so that a million of them need no memory of ours.
_TABLES = (
    "CREATE TEMPORARY TABLE roster_niks (nik_index bytea PRIMARY KEY, line integer) ON COMMIT DROP",
    "CREATE TEMPORARY TABLE roster_phones (phone_index bytea PRIMARY KEY, people integer) ON COMMIT DROP",
)
_NIKS = text(
    "INSERT INTO roster_niks SELECT * FROM unnest(CAST(:niks AS bytea[]), CAST(:lines AS integer[])) "
    "ON CONFLICT DO NOTHING"
)
_FIRST = text("SELECT nik_index, line FROM roster_niks WHERE nik_index = ANY(CAST(:niks AS bytea[]))")
_PHONES = text(
    "INSERT INTO roster_phones AS known SELECT * FROM unnest(CAST(:phones AS bytea[]), CAST(:people AS integer[])) "
    "ON CONFLICT (phone_index) DO UPDATE SET people = known.people + excluded.people RETURNING phone_index, people"
)
_WORDS = {
    "length": "the NIK has not 16 digits",
    "region": "no region has such a NIK",
    "date": "no day of birth in the NIK",
    "serial": "no serial in the NIK",
    "empty": "no name",
    "long": "the name is too long",
}

Line = tuple[int, Mapping[str, str] | str]


@dataclass(frozen=True)
class Fault:
    """Why a line cannot be taken: in words, without what stands in it."""

    line: int
    why: str


def _place(line: Mapping[str, str], groups: Collection[str], faults: list[str]) -> tuple[str, str]:
    """RT/RW and group as they are kept, empty where the line leaves them open."""
    rt_rw, group = line.get("rt_rw", ""), line.get("group", "").upper()
    if rt_rw and not (rt_rw := read_rt_rw(rt_rw)):
        faults.append("the RT/RW is not like 003/005")
    if group and group not in groups:
        faults.append("the village has no group of that code")
    return rt_rw, group


@dataclass
class _Read:
    """A line and what was made of it: a person, or faults."""

    line: int
    faults: list[str]
    person: Person | None = None


class Roster:
    """One file's way through one transaction; nothing is written before `load` is true, and the caller rolls back."""

    def __init__(self, work: Work, *, load: bool) -> None:
        self._work, self._load = work, load
        self._bases = {str(base) for base in work.db.scalars(select(Bracket.base_rp))}
        self._villages: dict[str, Village] = {}
        self._groups: dict[str, set[str]] = {}
        for table in _TABLES:
            work.db.execute(text(table))
        while expire(work) == EXPIRED_AT_ONCE:
            # Those that ran out would hold their NIKs against the new ones.
            pass

    def take(self, lines: Sequence[Line]) -> tuple[list[Fault], list[Invited]]:
        """The faults of these lines, and the invitations of those without where they are loaded."""
        self._read_villages(lines)
        read = [self._read(number, line) for number, line in lines]
        self._look_up(read)
        faults = [Fault(one.line, why) for one in read for why in one.faults]
        if faults:
            # Nothing will be loaded any more; the rest is read for its faults alone.
            self._load = False
        if not self._load:
            return faults, []
        by_village: dict[str, list[Person]] = {}
        for one in read:
            assert one.person is not None
            by_village.setdefault(one.person.village_code, []).append(one.person)
        invited = [
            one for code, people in by_village.items() for one in add(self._work, people, self._villages[code].name)
        ]
        if len(invited) < len(read):
            # Somebody else invited one of them in this very moment; which one the next preview says.
            return [Fault(read[0].line, "somebody in these lines was invited just now: run it again")], []
        return [], invited

    def _read_villages(self, lines: Sequence[Line]) -> None:
        codes = {line["village"] for _, line in lines if not isinstance(line, str)} - self._villages.keys()
        if codes:
            found = self._work.db.scalars(select(Village).where(Village.code.in_(codes)))
            # An unknown one is not remembered: rubbish would fill the memory.
            self._villages |= {village.code: village for village in found}
            groups = select(VillageGroup.village_code, VillageGroup.code).where(VillageGroup.village_code.in_(codes))
            for village_code, code in self._work.db.execute(groups):
                self._groups.setdefault(village_code, set()).add(code)

    def _read(self, number: int, line: Mapping[str, str] | str) -> _Read:
        if isinstance(line, str):
            return _Read(number, [line])
        faults, work = list[str](), self._work
        nik = name = phone = ""
        try:
            parsed = parse_nik(line["nik"], work.today)
            nik = parsed.digits
            check_age(work, parsed)
        except NotANik as error:
            faults.append(_WORDS[str(error)])
        except AgeOutside:
            faults.append(f"not from {work.settings.AGE_MIN} to {work.settings.AGE_BELOW - 1} years old")
        try:
            name = read_name(line["name"])
        except BadName as error:
            faults.append(_WORDS[str(error)])
        if line["village"] not in self._villages:
            faults.append("unknown village: its ten digits of Kemendagri are needed")
        try:
            phone = canonical_phone(line["phone"]) if line.get("phone") else ""
        except NotAPhone:
            faults.append("no Indonesian mobile number")
        sector, base, programmes = (line.get(column, "") for column in ("sector", "base", "programmes"))
        if sector and sector not in SECTORS:
            faults.append(f"the sector is none of {', '.join(SECTORS)}")
        if base and base not in self._bases:
            faults.append("the base is none of the brackets")
        if programmes and programmes not in PROGRAMMES:
            faults.append(f"the programmes are none of {', '.join(PROGRAMMES)}")
        rt_rw, group = _place(line, self._groups.get(line["village"], set()), faults)
        base_rp = int(base) if base in self._bases else 0
        person = Person(nik, name, line["village"], phone, sector, base_rp, programmes, rt_rw, group)
        return _Read(number, faults, person)

    def _look_up(self, read: Sequence[_Read]) -> None:
        """What only the database knows: NIKs that stand twice, are enrolled or invited, and whose phones these are."""
        keys = self._work.keys
        self._look_up_niks([(one, keys.index("nik", one.person.nik)) for one in read if one.person and one.person.nik])
        self._look_up_phones(
            [(one, keys.index("phone", one.person.phone)) for one in read if one.person and one.person.phone]
        )

    def _look_up_niks(self, indexed: Sequence[tuple[_Read, bytes]]) -> None:
        db, niks = self._work.db, [index for _, index in indexed]
        db.execute(_NIKS, {"niks": niks, "lines": [one.line for one, _ in indexed]})
        first = {bytes(index): line for index, line in db.execute(_FIRST, {"niks": niks})}
        enrolled = set(db.scalars(select(Worker.nik_index).where(Worker.nik_index.in_(niks))))
        invited = set(db.scalars(select(Invitation.nik_index).where(Invitation.nik_index.in_(niks))))
        for one, index in indexed:
            if first[index] != one.line:
                one.faults.append(f"the NIK of line {first[index]} again")
            if index in enrolled:
                one.faults.append("enrolled already")
            elif index in invited:
                one.faults.append("invited already, and not answered yet")

    def _look_up_phones(self, indexed: Sequence[tuple[_Read, bytes]]) -> None:
        db, most = self._work.db, self._work.settings.PHONE_WORKERS_MAX
        counted = Counter(index for _, index in indexed)
        rows = db.execute(_PHONES, {"phones": list(counted), "people": list(counted.values())})
        people = {bytes(index): count for index, count in rows}
        acting = officials(self._work, list(counted))
        for one, index in indexed:
            if people[index] > most:
                one.faults.append(f"a phone number of more than {most} people")
            if index in acting:
                one.faults.append("the phone number of a helper or a head")
