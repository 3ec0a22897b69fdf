"""What the insurer answers: taken whole or not at all, told, and visible while money is not posted."""

from datetime import date
from pathlib import Path

import pytest

from data import BadVillages, load_villages
from insurance import handover
from insurance.open_items import OpenItem, open_items
from insurer.base import ContributionResult, ResultFile
from tests.people import SITI_PHONE
from tests.test_autodebit import member
from tests.world import World


def test_money_that_bpjs_will_not_post_is_told_and_stays_visible(world: World) -> None:
    member(world)
    world.collect()
    reference = world.one("SELECT paid_reference FROM months")
    refused = ContributionResult(reference, "REFUSED", "kpj_unknown", None, date(2026, 11, 23))
    with world.ports.transaction() as work:
        handover.apply(work, ResultFile("result-x.csv", [], [refused]))
        handover.apply(work, ResultFile("result-x.csv", [], [refused]))
    texts = [sms for sms in world.owed_to(SITI_PHONE) if "belum bisa mencatat iuran Nov 2026" in sms]
    assert len(texts) == 1
    assert f"Ref {reference}" in texts[0]
    assert world.one("SELECT count(*) FROM months WHERE state = 'covered' AND posted_on IS NULL") == 1


def test_a_refused_file_of_the_insurer_is_a_matter_for_people_and_holds_up_no_other(world: World) -> None:
    member(world)
    folder = world.sandbox.folder / "in"
    (folder / "result-broken.csv").write_bytes(b"rubbish\n")
    world.collect()
    world.exchange()
    assert world.one("SELECT about FROM work_items WHERE kind = 'bad_file'") == "BPJS result-broken.csv"
    assert (folder / "refused" / "result-broken.csv").exists()
    assert world.one("SELECT count(*) FROM months WHERE posted_on IS NOT NULL") == 1


def test_an_answer_for_a_reference_we_never_gave_changes_nothing(world: World) -> None:
    member(world)
    unknown = ContributionResult("NEVERGIVEN00", "POSTED", "", 1, date(2026, 11, 23))
    with pytest.raises(handover.UnknownReference), world.ports.transaction() as work:
        handover.apply(work, ResultFile("result-x.csv", [], [unknown]))
    assert world.one("SELECT count(*) FROM transfers") == 0


def test_what_waits_for_a_person_is_listed_by_reference(world: World) -> None:
    member(world)
    world.collect()
    reference = world.one("SELECT paid_reference FROM months")
    with world.ports.transaction() as work:
        assert open_items(work) == []
    world.clock.forward(days=4)
    with world.ports.transaction() as work:
        assert open_items(work) == [OpenItem("money taken and not posted", reference, date(2026, 11, 23))]


def test_villages_are_imported_all_or_none_with_each_bad_line_named(world: World, tmp_path: Path) -> None:
    good = (
        "code,short,name,district,regency,zone,head_phone\n3598012001,4501,Desa Rekaan,Kec. R,Kab. R,Asia/Makassar,\n"
    )
    file = tmp_path / "villages.csv"
    file.write_text(
        good + "35980120,45,,Kec. R,Kab. R,Asia/Tokyo,123\n3598012001,4501,Dua,Kec. R,Kab. R,Asia/Jakarta,\n"
    )
    with pytest.raises(BadVillages) as bad, world.ports.transaction() as work:
        load_villages(work, file)
    for fault in (
        "line 3: code",
        "line 3: short",
        "line 3: name",
        "line 3: zone",
        "line 3: head_phone",
        "line 4: code",
    ):
        assert fault in str(bad.value)
    assert world.rows("SELECT 1 FROM villages WHERE code LIKE '3598%'") == []
    file.write_text(good)
    with world.ports.transaction() as work:
        assert load_villages(work, file) == 1
    phone = world.phone()
    phone.dial()
    assert "Desa Rekaan" in phone.press("1", "3598014503850007", "Siti")
