"""Whole calls as tests/transcripts/ has them: played on real servers, and the same word by word.

`make transcripts` writes them anew; what has changed then is for a reader of the difference to accept.
"""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from handset.transcript import DIALLED, Kind, NotATranscript, Step, alike, filled, read, write
from tests.helping import HELPER_PHONE, make_helper
from tests.people import BUDI, BUDI_NIK, GOOD, PIN, SITI, SITI_NIK, SITI_PHONE, SUKAMAJU, enrol
from tests.scenes import Scene
from tests.test_roster import SLIP, dial_of, load, slip_of
from tests.test_roster import write as write_roster
from tests.world import World
from ussd.drops import see_dropped

FOLDER = Path(__file__).parent / "transcripts"
CODE = "*500*73#"
WRONG_PIN, BUDI_PIN = "918273", "826491"
NEW_PHONE = "+6281311112222"
Play = Callable[[World, Path], Scene]


def siti(world: World, remark: str) -> Scene:
    return Scene(world, remark).phone("Siti", SITI_PHONE)


def member(world: World, remark: str) -> Scene:
    """Siti, enrolled and taken by BPJS before the scene begins."""
    enrol(world.phone())
    world.exchange()
    world.clock.forward(minutes=5)
    scene = siti(world, f"{remark}\nBefore: Siti is a member, PIN {PIN}.")
    scene.skip_texts()
    return scene


def authorising(scene: Scene, account: str = GOOD) -> Scene:
    scene.press(CODE, "2", "1", account, "1", "2").read_on()
    return scene.press("1", PIN)


def with_autodebit(world: World, remark: str) -> Scene:
    """Siti, whose autodebit is in force and whose November is paid."""
    enrol(world.phone())
    world.exchange()
    authorising(siti(world, ""))
    for act in (world.ask_banks, world.collect, world.exchange):
        act()
    world.clock.forward(days=1)
    scene = siti(world, f"{remark}\nBefore: Siti is a member, PIN {PIN}, autodebit in force, November paid and posted.")
    scene.skip_texts()
    return scene


def enrolment(world: World, _folder: Path) -> Scene:
    scene = siti(world, "A farmer joins from her own phone, by picking her village, and names an heir.")
    scene.press(CODE, "1", SITI_NIK, SITI, "3", "1", "1", "2", PIN, PIN).read_on()
    scene.press("1")
    scene.elsewhere("BPJS takes the registration.", world.exchange)
    return scene.press(CODE, "4", "3", PIN, "1", "Ani Rahmawati", "2", "1")


def mandate(world: World, _folder: Path) -> Scene:
    scene = authorising(member(world, "A member agrees to autodebit; the first month is debited, told and posted."))
    scene.elsewhere("The bank asks the holder of the account, who agrees.", world.ask_banks)
    scene.elsewhere("The bank debits the first month.", world.collect)
    return scene.elsewhere("BPJS posts it.", world.exchange)


def wrong_pin(world: World, _folder: Path) -> Scene:
    scene = member(world, "Three wrong PINs lock for half an hour; the right one does not help before.")
    scene.press(CODE, "3", WRONG_PIN, WRONG_PIN, WRONG_PIN)
    scene.press(CODE, "3", PIN)
    scene.later(minutes=31)
    return scene.press(CODE, "3", PIN)


def dropped(world: World, _folder: Path) -> Scene:
    scene = siti(world, "The network ends an enrolment; one SMS invites to go on; only the PIN is asked twice.")
    scene.press(CODE, "1", SITI_NIK, SITI, "3", "1", "1", "2", PIN).drop()
    scene.later(minutes=10)
    scene.elsewhere("The dropped call is seen.", lambda: see_dropped(world.ports))
    scene.press(CODE, "1", PIN, PIN).read_on()
    return scene.press("1")


def pay_now(world: World, _folder: Path) -> Scene:
    scene = with_autodebit(world, "A member pays the next month at once, by a yes of its own.")
    scene.press(CODE, "2", "2", "1").read_on()
    scene.press("1", PIN)
    scene.elsewhere("The bank debits it.", world.collect)
    return scene.elsewhere("BPJS posts it.", world.exchange)


def cancel(world: World, _folder: Path) -> Scene:
    scene = with_autodebit(world, "A member ends the autodebit by phone.")
    scene.press(CODE, "2", "1", "2", PIN)
    return scene.press(CODE, "2")


def shared_phone(world: World, _folder: Path) -> Scene:
    remark = "Two members share a phone: each is chosen by initials, and amounts need the own PIN."
    scene = with_autodebit(world, remark)
    scene.press(CODE, "1", BUDI_NIK, BUDI, "3", "1", "1", "1", BUDI_PIN, BUDI_PIN).read_on()
    scene.press("1")
    scene.press(CODE, "3", "1", BUDI_PIN, PIN)
    return scene.press(CODE, "2", "1", PIN)


def cover(world: World, _folder: Path) -> Scene:
    scene = with_autodebit(world, "Cover, amounts, the next debit and the last payments; then by SMS.")
    scene.press(CODE, "3", PIN)
    scene.read_on().press("1")
    scene.press(CODE, "3", PIN)
    scene.read_on().press("2")
    return scene.text("STATUS")


def helped(world: World, _folder: Path) -> Scene:
    make_helper(world)
    remark = "A village officer prepares; Siti says yes by SMS from her own phone and then makes a PIN."
    scene = Scene(world, f"{remark}\nBefore: Joko is an officer of the village.")
    scene.phone("Siti", SITI_PHONE).phone("Joko", HELPER_PHONE)
    scene.press(CODE, "5", "3", SITI_NIK, SITI, "1", "1", "1", SITI_PHONE).read_on()
    scene.press("1")
    code = scene.code()
    scene.phone("Siti", SITI_PHONE).text(f"YA {code}")
    return scene.press(CODE, "4", "1", code, PIN, PIN)


def roster(world: World, folder: Path) -> Scene:
    _, slips = load(world, write_roster(folder, f"{SLIP}2"))
    scene = siti(world, "A village's roster names Siti; the printed slip has a code and what to dial.")
    slip = scene.name(slip_of(slips, SITI), "slip")
    scene.press(dial_of(slips, SITI), slip, PIN, PIN).read_on()
    return scene.press("1")


def complaint(world: World, _folder: Path) -> Scene:
    scene = with_autodebit(world, "Three keys complain of a debit; an answer is owed by a day.")
    return scene.press(CODE, "5", "2", "2")


def new_number(world: World, _folder: Path) -> Scene:
    scene = member(world, "A member moves to another number: asked for by the old one, confirmed by the new one.")
    scene.phone("Baru", NEW_PHONE).phone("Siti", SITI_PHONE)
    scene.press(CODE, "4").read_on()
    scene.press("4", NEW_PHONE, "1", PIN)
    scene.phone("Baru", NEW_PHONE).text(f"NOMOR {scene.code()}")
    return scene.press(CODE, "3")


def whole_way(world: World, _folder: Path) -> Scene:
    scene = siti(world, "From the first call to the second month: enrol, authorise, debit, receipts, balance.")
    scene.press(CODE, "1", SITI_NIK, SITI, "4", SUKAMAJU, "1", "1", "2", PIN, PIN).read_on()
    scene.press("1")
    scene.elsewhere("BPJS takes the registration.", world.exchange)
    authorising(scene)
    scene.elsewhere("The bank agrees and debits; BPJS posts.", world.ask_banks, world.collect, world.exchange)
    scene.press(CODE, "3", PIN)
    scene.later(days=4)
    scene.elsewhere("December is planned and announced.", lambda: world.plan(date(2026, 12, 1)))
    scene.later(days=10)
    scene.elsewhere("The bank debits; BPJS posts.", world.collect, world.exchange)
    return scene.text("STATUS")


SCENES: tuple[Play, ...] = (
    *(enrolment, mandate, wrong_pin, dropped, pay_now, cancel, shared_phone, cover),
    *(helped, roster, complaint, new_number, whole_way),
)


@pytest.mark.parametrize("play", SCENES, ids=lambda play: play.__name__)
def test_a_call_reads_as_its_transcript_says(world: World, tmp_path: Path, play: Play) -> None:
    played, file = write(play(world, tmp_path).steps), FOLDER / f"{play.__name__}.txt"
    if os.environ.get("TRANSCRIPTS") == "write":
        file.write_text(played)
    assert file.exists(), "no transcript: `make transcripts` writes it"
    assert played == file.read_text(), f"{file.name} is stale: `make transcripts` writes it anew"


def test_every_transcript_has_its_scene_and_is_read_as_it_was_written() -> None:
    files = sorted(FOLDER.glob("*.txt"))
    assert [file.stem for file in files] == sorted(play.__name__ for play in SCENES)
    for file in files:
        assert write(read(file.read_text())) == file.read_text()


def test_a_line_without_a_sign_is_no_transcript() -> None:
    with pytest.raises(NotATranscript, match="line 2: 'hello'"):
        read("# so\nhello\n")
    with pytest.raises(NotATranscript, match="@ Siti"):
        read("@ Siti\n")


@pytest.mark.parametrize(
    ("expected", "came", "found"),
    [
        ("Iuran Nov 2026 dibayar 23-11-2026.", "Iuran Jan 2027 dibayar 02-01-2027.", {}),
        ("terkunci sampai 23-11-2026 09.30 WIB", "terkunci sampai 24-11-2026 10.02 WITA", {}),
        ("Ref {ref}. Info 175", "Ref A1B2C3D4E5F6. Info 175", {"ref": "A1B2C3D4E5F6"}),
        ("Balas YA {code} (S.R.)", "Balas YA 004711 (S.R.)", {"code": "004711"}),
        ("{helper} ajak", "Pak Joko ajak", {"helper": "Pak Joko"}),
        ("Balas YA {code}", "Balas YA 47", None),
        ("Rp8.400/bln", "Rp16.800/bln", None),
        ("Daftar?", "Daftar", None),
    ],
)
def test_alike_is_what_differs_by_its_day_and_its_places_alone(
    expected: str, came: str, found: dict[str, str] | None
) -> None:
    assert alike(expected, came) == found


def test_a_place_is_filled_with_what_arrived() -> None:
    assert filled("YA {code}", {"code": "123456"}) == "YA 123456"
    with pytest.raises(KeyError):
        filled("{slip}", {})


def test_what_looks_like_a_service_code_is_dialled() -> None:
    assert DIALLED.fullmatch("*500*73*1#")
    assert not DIALLED.fullmatch("0813")
    assert Step(Kind.PRESS, "1").screen == ""
