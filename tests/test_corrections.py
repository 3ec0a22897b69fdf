"""Data put right at a branch: who was refused or asked about goes to the insurer anew; each change is told and kept."""

import pytest

from insurance import handover
from insurer.base import RegistrationResult, ResultFile
from models import Role
from tests.console_desk import Console, Desk, paid_member
from tests.people import SITI_PHONE, enrol
from tests.world import World

# Of a NIK that ends so the sandbox insurer says that the name differs (sandbox/README.md).
ASKED_ABOUT = "3599014503850303"
VILLAGE, OTHER_VILLAGE, ELSEWHERE = "3599012001", "3599012002", "9199012001"


@pytest.fixture
def refused(console: Console) -> str:
    """Somebody whom the insurer asked about; the reference."""
    world = console.world
    enrol(world.phone(), ASKED_ABOUT)
    world.exchange()
    assert world.one("SELECT state FROM memberships") == "needs_help"
    return str(world.one("SELECT reference FROM memberships"))


def correct(desk: Desk, reference: str, **typed: str) -> str:
    desk.post(f"/people/{reference}/correct", page=f"/people/{reference}", **typed)
    return desk.get(f"/people/{reference}").get_data(as_text=True)


def opened(world: World, column: str) -> str:
    data_key, sealed = world.rows(f"SELECT data_key, {column}_sealed FROM workers")[0]
    return world.ports.keys.person(data_key).open(sealed, f"worker.{column}")


def test_name_and_birth_are_put_right_told_and_kept(console: Console, refused: str) -> None:
    desk, world = console.desk(Role.BRANCH), console.world
    shown = correct(desk, refused, name="Siti Rahmawatie", birth="1985-03-06")
    assert "Disimpan; peserta diberi tahu" in shown
    assert opened(world, "name") == "SITI RAHMAWATIE"
    assert opened(world, "birth") == "1985-03-06"
    assert "Data SITI RAHMAWATIE diperbaiki di kantor cabang BPJS 23-11-2026" in world.last_sms()
    assert console.events("corrected")[0][2:] == ("branch.one", "name+birth")
    desk.post("/people/", typed="rahmawatie")
    assert refused in desk.text, "found by the new name"
    desk.post("/people/", typed="rahmawati")
    assert refused not in desk.text


def test_then_it_goes_to_the_insurer_anew_under_another_reference(console: Console, refused: str) -> None:
    desk, world = console.desk(Role.BRANCH), console.world
    correct(desk, refused, name="Siti Rahmawatie")
    desk.post(f"/people/{refused}/again", page=f"/people/{refused}")
    reference = str(world.one("SELECT reference FROM memberships"))
    assert reference != refused
    assert desk.last.headers["Location"].endswith(f"/people/{reference}")
    assert world.one("SELECT state FROM memberships") == "submitted"
    world.exchange()
    assert world.one("SELECT state FROM memberships") == "needs_help", "as the sandbox says of this NIK each time"
    assert world.one("SELECT count(*) FROM message_keys WHERE key LIKE 'needs_help:%'") == 2, "it was asked anew"
    assert [event[2] for event in console.events("submitted_again")] == ["branch.one"] * 2


def test_a_late_answer_to_the_former_reference_holds_up_nobody_else(console: Console, refused: str) -> None:
    desk, world = console.desk(Role.BRANCH), console.world
    desk.post(f"/people/{refused}/again", page=f"/people/{refused}")
    late = RegistrationResult(refused, "VERIFIED", "21012345678", "")
    with world.ports.transaction() as work:
        handover.apply(work, ResultFile("result-late.csv", [late], []))
    assert world.one("SELECT state FROM memberships") == "submitted", "and is no answer to the second"
    unknown = RegistrationResult("NEVERGIVEN00", "VERIFIED", "21012345678", "")
    with pytest.raises(handover.UnknownReference), world.ports.transaction() as work:
        handover.apply(work, ResultFile("result-late.csv", [unknown], []))


def test_what_the_insurer_is_looking_at_is_not_changed_behind_it(console: Console) -> None:
    """It would accept one name and birth, and we should keep another for good."""
    world, desk = console.world, console.desk(Role.BRANCH)
    enrol(world.phone(), "3599014503850001")
    reference = str(world.one("SELECT reference FROM memberships"))
    assert "Disimpan" in correct(desk, reference, name="Siti Lain"), "not handed over yet"
    with world.ports.transaction() as work:
        handover.prepare(work)
    assert "sedang diperiksa BPJS" in correct(desk, reference, birth="1985-03-06")
    assert "sedang diperiksa BPJS" in correct(desk, reference, name="Siti Lagi")
    assert opened(world, "name") == "SITI LAIN"
    assert "Disimpan" in correct(desk, reference, place="3/5"), "the insurer's record has no RT"


def test_only_who_was_refused_goes_anew(console: Console) -> None:
    paid_member(console.world)
    reference = str(console.world.one("SELECT reference FROM memberships"))
    desk = console.desk(Role.BRANCH)
    desk.post(f"/people/{reference}/again", page=f"/people/{reference}")
    assert "Hanya yang ditolak atau perlu bantuan" in desk.get(f"/people/{reference}").get_data(as_text=True)
    assert console.world.one("SELECT state FROM memberships") == "verified"


def test_whom_the_insurer_has_accepted_keeps_name_and_birth(console: Console) -> None:
    paid_member(console.world)
    reference = str(console.world.one("SELECT reference FROM memberships"))
    before = opened(console.world, "name")
    assert "diubah di BPJS lebih dahulu" in correct(console.desk(Role.BRANCH), reference, name="Wati")
    assert opened(console.world, "name") == before


def test_rt_and_village_are_put_right_of_anybody_and_the_counts_follow(console: Console) -> None:
    world = console.world
    paid_member(world)
    reference = str(world.one("SELECT reference FROM memberships"))
    desk = console.desk(Role.BRANCH)
    correct(desk, reference, place="3/5", village=OTHER_VILLAGE)
    assert world.rows("SELECT village_code, rt_rw FROM workers") == [(OTHER_VILLAGE, "003/005")]
    assert console.events("corrected")[0][3] == "place+village"
    with world.app.app_context():
        assert world.app.test_cli_runner().invoke(args=["villages", "verify"]).exit_code == 0


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": "12345"}, "Nama itu kosong"),
        ({"name": "A" * 70}, "Nama itu kosong, terlalu panjang"),
        ({"birth": "1985-02-31"}, "Tanggal lahir itu tidak ada"),
        ({"birth": "2024-01-01"}, "usianya di luar batas"),
        ({"birth": "1901-01-01"}, "usianya di luar batas"),
        ({"place": "RW 5"}, "RT/RW ditulis seperti"),
        ({"village": "9999999999"}, "Kode desa itu tidak dikenal"),
        ({"village": ELSEWHERE}, "Kode desa itu tidak dikenal di wilayah Anda"),
        ({}, "Tidak ada yang berubah"),
        ({"name": "Siti Rahmawati", "village": VILLAGE}, "Tidak ada yang berubah"),
        ({"name": "Wati", "place": "x"}, "RT/RW ditulis seperti"),
    ],
)
def test_what_cannot_be_is_said_and_changes_nothing(
    console: Console, refused: str, typed: dict[str, str], said: str
) -> None:
    world = console.world
    before = world.rows("SELECT * FROM workers")
    texts = len(world.owed_to(SITI_PHONE))
    assert said in correct(console.desk(Role.BRANCH), refused, **typed)
    assert world.rows("SELECT * FROM workers") == before
    assert len(world.owed_to(SITI_PHONE)) == texts


def test_who_may_not_see_the_member_corrects_nothing(console: Console, refused: str) -> None:
    desk = console.desk(Role.BRANCH, "branch.two", "9199")
    assert desk.post(f"/people/{refused}/correct", page="/people/", name="Wati").status_code == 404
    assert desk.post(f"/people/{refused}/again", page="/people/").status_code == 404
    assert console.events("corrected") == []
