"""Who leads a village after whom, what members learn of who looked, where they live and whether they are named."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, SITI_NIK, SITI_PHONE, enrol
from tests.villagers import HEAD, LEADER, VILLAGE, ask, command, load, months_ago, pay, settle_in, village
from tests.world import World

SUCCESSOR, STRANGER = "+6281200000066", "+6281200000077"


def code_in(world: World, number: str) -> str:
    return str(re.findall(r"GANTI (\d{6})", world.last_sms(number))[0])


def test_a_successor_leads_once_both_have_sent_their_code(world: World) -> None:
    village(world)
    ask(world, "MINGGUAN YA")
    ask(world, "GANTI 0812-0000-0066")
    old, new = code_in(world, HEAD), code_in(world, SUCCESSOR)
    assert "***0066" in world.last_sms(HEAD)
    assert "setelah nomor yang lain" in ask(world, f"GANTI {new}", SUCCESSOR)
    assert "terdaftar 30" in ask(world, "CEK"), "one yes changes nothing"
    assert "belum terdaftar" in ask(world, "CEK", SUCCESSOR)
    assert "sudah berganti" in ask(world, f"GANTI {old}")
    assert "sudah berganti" in world.last_sms(SUCCESSOR)
    assert "terdaftar 30" in ask(world, "CEK", SUCCESSOR)
    assert "belum terdaftar" in ask(world, "CEK")
    assert world.rows("SELECT weekly FROM heads WHERE village_code = :v ORDER BY id", v=VILLAGE) == [(False,), (True,)]


def test_codes_of_a_succession_are_each_ones_own_few_and_short_lived(world: World) -> None:
    ask(world, "GANTI 081200000066")
    old, new = code_in(world, HEAD), code_in(world, SUCCESSOR)
    assert "salah" in ask(world, f"GANTI {new}"), "the successor's code from the head's number"
    assert "salah" in ask(world, f"GANTI {old}", STRANGER)
    for _ in range(2):
        ask(world, "GANTI 000000")
    assert "salah" in ask(world, f"GANTI {old}"), "three wrong ones end it"
    world.clock.forward(minutes=30)
    ask(world, "GANTI 081200000066")
    old, new = code_in(world, HEAD), code_in(world, SUCCESSOR)
    world.clock.forward(hours=25)
    assert "salah" in ask(world, f"GANTI {old}")
    assert world.one("SELECT count(*) FROM heads WHERE term_until < now()") == 0


def test_a_number_cannot_be_filled_with_codes_nor_take_over_where_several_share_it(world: World) -> None:
    ask(world, "GANTI 081200000066")
    texts = len(world.owed_to(SUCCESSOR))
    world.clock.forward(seconds=20)
    world.phone(HEAD).text("GANTI 081200000066")
    assert "tidak bisa" in world.last_sms(HEAD)
    assert len(world.owed_to(SUCCESSOR)) == texts
    shared = world.phone(BUDI_PHONE)
    enrol(shared)
    enrol(shared, BUDI_NIK, BUDI)
    assert "tidak bisa" in ask(world, f"GANTI 0{BUDI_PHONE[3:]}")
    assert "tidak bisa" in ask(world, f"GANTI 0{HEAD[3:]}")
    assert "misalnya GANTI 08" in ask(world, "GANTI siapa")


def test_who_leads_already_is_not_made_to_lead_twice(world: World, tmp_path: Path) -> None:
    load(world, tmp_path, "heads", f"{VILLAGE},,{LEADER},2026-01-01,2027-12-31")
    assert "tidak bisa" in ask(world, f"GANTI 0{LEADER[3:]}")


def test_stop_ends_what_comes_on_mondays(world: World) -> None:
    ask(world, "MINGGUAN YA")
    assert "dihentikan" in ask(world, "STOP")
    assert world.one("SELECT count(*) FROM heads WHERE weekly") == 0


def test_members_learn_how_often_the_counts_were_looked_at(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    assert "tidak ada pengurus desa" in ask(world, "SIAPA", SITI_PHONE)
    ask(world, "CEK")
    ask(world, "MENUNGGAK")
    ask(world, "CEK RT 003/005")
    assert "kepala desa 2x, ketua kelompok 0x, terakhir 23-11-2026" in ask(world, "SIAPA", SITI_PHONE), "not of an RT"
    ask(world, "RT 3/5", SITI_PHONE)
    assert "3x" in ask(world, "SIAPA", SITI_PHONE)
    world.clock.forward(days=91)
    phone.dial()
    (head,) = world.rows("SELECT id FROM heads WHERE village_code = :v", v=VILLAGE)
    events = world.rows("SELECT actor, why, code FROM events WHERE subject = 'village' ORDER BY id")
    who = f"head {head.id}"
    assert [tuple(row) for row in events] == [(who, "check", ""), (who, "behind", ""), (who, "check", "r003/005")]


def test_a_member_says_where_they_live_and_to_which_group_they_belong(world: World, tmp_path: Path) -> None:
    enrol(world.phone())
    load(world, tmp_path, "groups", f"{VILLAGE},TANI1,farmers,Tani Makmur")
    assert ask(world, "RT 003/005", SITI_PHONE).startswith("RT 003/005 dicatat")
    assert "misalnya RT 003/005" in ask(world, "RT lima", SITI_PHONE)
    assert ask(world, "KELOMPOK tani1", SITI_PHONE).startswith("TANI1 dicatat")
    assert "tidak ada di desa" in ask(world, "KELOMPOK LAIN", SITI_PHONE)
    assert world.rows("SELECT rt_rw, group_code FROM workers") == [("003/005", "TANI1")]
    enrol(world.phone(), BUDI_NIK, BUDI)
    assert "Beberapa peserta" in ask(world, "RT 1/1", SITI_PHONE)


@contextmanager
def names_on(world: World) -> Iterator[None]:
    settings = world.ports.settings
    object.__setattr__(settings, "VILLAGE_NAMES_BASIS", "Perdes 3/2026")
    try:
        yield
    finally:
        object.__setattr__(settings, "VILLAGE_NAMES_BASIS", "")


def agree(world: World, number: str) -> None:
    code = re.findall(r"YA (\d{6})", ask(world, "NAMA", number))[0]
    assert "Baik, inisial" in ask(world, f"NAMA YA {code}", number)


def test_nobody_is_named_unless_a_law_is_cited_and_the_member_agreed(world: World) -> None:
    village(world)
    seventh, first = "+6285000000007", "+6285000000001"
    assert "tidak pernah melihat nama" in ask(world, "NAMA", seventh)
    assert "tidak pernah" in ask(world, "NAMA YA 123456", seventh)
    with names_on(world):
        assert "salah" in ask(world, "NAMA YA", seventh), "whoever forges a number does not read its SMS"
        assert world.one("SELECT count(*) FROM consents WHERE kind = 'named'") == 0
        agree(world, first)
        other = re.findall(r"YA (\d{6})", ask(world, "NAMA", seventh))[0]
        assert "salah" in ask(world, f"NAMA YA {other}", first), "each has a code of its own"
        agree(world, seventh)
        assert ask(world, "MENUNGGAK") == "Sukamaju Jaya, menunggak dan setuju disebut: P.7. 003/005"
        assert "Inisial Anda disebut 23-11-2026" in ask(world, "SIAPA", seventh)
        assert "disebut" not in ask(world, "SIAPA", first), "who owes nothing is named to nobody"
        ask(world, "NAMA TIDAK", seventh)
        assert "disebut" not in ask(world, "MENUNGGAK")
        code = re.findall(r"YA (\d{6})", ask(world, "NAMA", seventh))[0]
        world.clock.forward(days=2)
        assert "salah" in ask(world, f"NAMA YA {code}", seventh), "it is of a day"
    with world.ports.database.begin() as db:
        db.execute(text("UPDATE workers SET named_since = now()"))
    assert "disebut" not in ask(world, "MENUNGGAK"), "off is off"


def test_of_many_who_agreed_those_alone_are_recorded_as_named_who_fit(world: World) -> None:
    settle_in(world, 30, rt_rw="003/005")
    pay(world, range(1, 31), months_ago(1))
    with world.ports.database.begin() as db:
        db.execute(text("UPDATE workers SET named_since = now()"))
    with names_on(world):
        said = ask(world, "MENUNGGAK").split(": ")[1]
    entries = said.split(", ")
    assert all(re.fullmatch(r"P\.\d+\. 003/005", entry) for entry in entries), "whole ones"
    assert world.one("SELECT count(*) FROM workers WHERE named_on IS NOT NULL") == len(entries)


def test_a_roster_says_where_people_live(world: World, tmp_path: Path) -> None:
    load(world, tmp_path, "groups", f"{VILLAGE},TANI1,farmers,Tani Makmur")
    file = tmp_path / "roster.csv"
    head = "nik,name,village,phone,sector,base,programmes,rt_rw,group"
    file.write_text(f"{head}\n{SITI_NIK},Siti Rahmawati,{VILLAGE},{SITI_PHONE},farmer,1000000,2,RT 3/RW 5,tani1\n")
    done = command(world, "roster", str(file), "--load", "--slips", str(tmp_path / "slips.csv"))
    assert done.exit_code == 0, done.output
    code = re.findall(r"YA (\d{6})", world.last_sms())[0]
    world.phone().text(f"YA {code}")
    assert world.rows("SELECT rt_rw, group_code FROM workers") == [("003/005", "TANI1")]
    file.write_text(f"{head}\n{BUDI_NIK},Budi,{VILLAGE},,,,,lima,NELAYAN\n")
    seen = command(world, "roster", str(file))
    assert "the RT/RW is not like 003/005" in seen.output
    assert "the village has no group of that code" in seen.output


def test_an_erased_village_line_of_a_person_says_nothing(world: World) -> None:
    """What a look-up leaves: a village, a day and a number of times."""
    village(world)
    ask(world, "CEK")
    columns = world.rows("SELECT column_name FROM information_schema.columns WHERE table_name = 'lookups'")
    assert {name for (name,) in columns} == {"village_code", "day", "place", "role", "times"}
