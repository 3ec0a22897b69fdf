"""The draft after a breach: what an account saw in some days, whom it concerns, by when they are told; no names."""

from pathlib import Path

import pytest
from click.testing import Result

from models import Role
from tests.console_desk import Console, paid_member
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, SITI, SITI_NIK, SITI_PHONE, enrol
from tests.world import World


@pytest.fixture
def looked(console: Console) -> Console:
    """branch.one listed two, opened Siti twice; another operator opened Budi."""
    world = console.world
    paid_member(world)
    enrol(world.phone(BUDI_PHONE), BUDI_NIK, BUDI)
    desk = console.desk(Role.BRANCH)
    desk.post("/people/", typed=SITI)
    for _ in range(2):
        desk.get(f"/people/{reference(world, 0)}")
    console.desk(Role.ADMIN).get(f"/people/{reference(world, 1)}")
    return console


def reference(world: World, number: int) -> str:
    return str(world.rows("SELECT reference FROM memberships ORDER BY worker_id")[number][0])


def draft(world: World, folder: Path, **other: str) -> Result:
    given = {"operator": "branch.one", "from": "2026-11-23", "until": "2026-11-24", "found": "2026-11-24T10:30"}
    args = [part for name, value in (given | other).items() for part in (f"--{name}", value)]
    with world.app.app_context():
        return world.app.test_cli_runner().invoke(args=["privacy", "breach", str(folder), *args, "--by", "ani"])


def test_it_says_what_was_seen_of_whom_and_by_when_they_are_told(looked: Console, tmp_path: Path) -> None:
    world = looked.world
    done = draft(world, tmp_path / "b")
    assert "1 members; the notice is due 27-11-2026 10.30 WIB" in done.output
    words = (tmp_path / "b" / "laporan.md").read_text()
    assert "| nama, tanggal lahir" in words
    assert "| 1 | 2 |" in words
    assert "Batas kirim: 27-11-2026 10.30 WIB" in words
    lines = (tmp_path / "b" / "peserta.csv").read_text().splitlines()
    mine = reference(world, 0)
    assert [line.split(",")[:3] for line in lines[1:]] == [[mine, "listed", "1"], [mine, "viewed", "2"]]
    for secret in (SITI, SITI.upper(), SITI_NIK, SITI_PHONE):
        assert secret not in words + "".join(lines)
    assert (tmp_path / "b" / "peserta.csv").stat().st_mode & 0o077 == 0


def test_other_days_and_other_accounts_are_not_in_it(looked: Console, tmp_path: Path) -> None:
    assert "0 members" in draft(looked.world, tmp_path / "a", until="2026-11-22", **{"from": "2026-11-01"}).output
    assert "0 members" in draft(looked.world, tmp_path / "c", operator="nobody.one").output
    assert "1 members" in draft(looked.world, tmp_path / "d", operator="admin.one").output


def test_that_it_was_drafted_is_kept_and_no_file_is_written_over(looked: Console, tmp_path: Path) -> None:
    draft(looked.world, tmp_path / "b")
    assert looked.events("breach")[-1] == ("operator", "branch.one", "ani", "")
    again = draft(looked.world, tmp_path / "b")
    assert again.exit_code == 1
    assert "File exists" in again.output


def test_who_looked_at_a_member_is_told_to_the_member(looked: Console) -> None:
    world = looked.world
    with world.app.app_context():
        shown = world.app.test_cli_runner().invoke(args=["privacy", "seen", reference(world, 0), "--by", "ani"]).output
    assert shown.count("branch.one") == 3
    assert "admin.one" not in shown


def test_the_proof_of_consent_and_the_copy(looked: Console, tmp_path: Path) -> None:
    world = looked.world
    with world.app.app_context():
        runner = world.app.test_cli_runner()
        shown = runner.invoke(args=["privacy", "consents", reference(world, 0), "--by", "ani"]).output
        runner.invoke(args=["privacy", "copy", reference(world, 0), str(tmp_path / "siti.json"), "--by", "ani"])
    assert shown.count(": whole") == 2
    assert "mandate by ussd" in shown
    copied = (tmp_path / "siti.json").read_text()
    assert SITI_NIK in copied
    assert (tmp_path / "siti.json").stat().st_mode & 0o077 == 0
    assert [event[2] for event in looked.events("copied")] == ["ani"]
