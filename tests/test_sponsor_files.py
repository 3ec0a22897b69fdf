"""Promises and payments of sponsors come by file: all lines, or none with every bad one named."""

import re
from pathlib import Path

from click.testing import Result

from tests.test_sponsors import months, villager
from tests.villagers import HEAD, ask
from tests.world import World


def run(world: World, command: str, file: Path) -> Result:
    with world.app.app_context():
        return world.app.test_cli_runner().invoke(args=["sponsors", command, str(file)])


def test_promises_and_payments_come_by_file(world: World, tmp_path: Path) -> None:
    villager(world)
    who = world.one("SELECT reference FROM memberships")
    file = tmp_path / "promises.csv"
    file.write_text(f"member,payer,from_month,months\n{who},village,2026-11,3\n")
    made = run(world, "promise", file)
    assert made.exit_code == 0
    promised = made.output.strip().removeprefix(f"{who},")
    file.write_text(f"reference,month,amount_rp\n{promised},2026-11,28400\n{promised},2026-12,28400\n")
    assert run(world, "receive", file).exit_code == 0
    assert [state for _, state, _ in months(world)] == ["covered", "covered", "open"]
    again = run(world, "receive", file)
    assert again.exit_code == 1
    assert "line 2: 2026-11 is paid already\nline 3: 2026-12 is paid already" in again.output
    assert world.one("SELECT count(*) FROM attempts") == 2


def test_the_village_whose_fund_paid_gets_one_receipt_that_can_be_checked(world: World, tmp_path: Path) -> None:
    villager(world)
    who = world.one("SELECT reference FROM memberships")
    file = tmp_path / "promises.csv"
    file.write_text(f"member,payer,from_month,months\n{who},village,2026-11,2\n")
    promised = run(world, "promise", file).output.strip().removeprefix(f"{who},")
    file.write_text(f"reference,month,amount_rp\n{promised},2026-11,28400\n{promised},2026-12,28400\n")
    assert run(world, "receive", file).exit_code == 0
    (receipt,) = world.owed_to(HEAD)
    assert "Dana desa Sukamaju Jaya: 2 iuran, Rp56.800, diterima 23-11-2026." in receipt
    assert "SITI" not in receipt
    reference = re.findall(r"Ref (\w+)", receipt)[0]
    assert "asli" in ask(world, f"ASLI {reference}").lower()
    assert "bukan untuk nomor ini" in ask(world, f"ASLI {reference}", "+6285700000099")
    assert world.one("SELECT count(*) FROM work_items WHERE kind = 'fraud'") == 0


def test_one_bad_line_and_no_line_is_taken(world: World, tmp_path: Path) -> None:
    villager(world)
    who = world.one("SELECT reference FROM memberships")
    file = tmp_path / "promises.csv"
    bad = (
        "NEVERGIVEN00,village,2026-12,1",
        f"{who},village,12-2026,1",
        f"{who},village,2026-12,one",
        f"{who},x,2026-12,1",
    )
    file.write_text("\n".join(["member,payer,from_month,months", f"{who},village,2026-11,1", *bad]) + "\n")
    refused = run(world, "promise", file)
    assert refused.exit_code == 1
    for line in ("nothing was taken", "line 3: no member", "line 4: a month", "line 5: a number", "line 6: payer"):
        assert line in refused.output
    assert months(world) == []
    assert world.one("SELECT count(*) FROM sponsorships") == 0
    for words, why in (("member;payer\n", "first line"), ("member,payer,from_month,months\n", "0 lines")):
        file.write_text(words)
        assert why in run(world, "promise", file).output
    file.write_bytes(b"\xff\xfe")
    assert "UTF-8" in run(world, "promise", file).output
