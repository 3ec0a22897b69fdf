"""What heads and leaders of parts are told by SMS, and what they are not."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from insurance import villages
from insurance.small_cells import OTHER
from jobs import send_weekly_counts
from tests.people import SITI_NIK, enrol
from tests.test_dialled import dial
from tests.villagers import (
    HEAD,
    LEADER,
    THIS,
    VILLAGE,
    ask,
    command,
    live_in,
    load,
    months_ago,
    pay,
    settle_in,
    village,
)
from tests.world import World

STRANGER = "+6281200000077"


def test_a_head_asks_for_the_village_and_for_parts_of_it(world: World) -> None:
    village(world)
    assert ask(world, "CEK") == (
        "Sukamaju Jaya 23-11-2026: terdaftar 30, terlindungi 19, masa tenggang 11, nonaktif 0, belum tercatat 0"
    )
    part = "RT 003/005 23-11-2026: terdaftar 12, terlindungi 6, masa tenggang 6, nonaktif 0, belum tercatat 0"
    for words in ("CEK RT 003/005", "cek rt 3/5", "CEK#RT 03#RW 05", "CEK RT 003 RW 005", "CEK 3/5", "CEK RT 3"):
        assert ask(world, words) == part, words
    assert ask(world, "CEK RW 5").startswith("RW 005 23-11-2026: terdaftar 22,")
    assert "tidak ada" in ask(world, "CEK RT 9")
    assert "tidak ada" in ask(world, "CEK TANI1")


def test_an_rt_of_several_rws_is_asked_about(world: World) -> None:
    village(world)
    live_in(world, "003/006", range(23, 31))
    assert "salah satu: 003/005, 003/006" in ask(world, "CEK RT 003")


def test_who_is_new_this_week_is_said_where_they_are_not_few(world: World) -> None:
    for serial in range(1, 7):
        enrol(world.phone(f"+628123456780{serial}"), f"359901171090{serial:04d}")
        if serial == 4:
            assert "Baru" not in ask(world, "CEK")
    assert ask(world, "CEK").endswith("Baru 7 hari 6")


def test_a_part_is_hidden_where_the_rest_of_the_village_would_be_few(world: World) -> None:
    settle_in(world, 15)
    live_in(world, "003/005", range(1, 12))
    pay(world, range(1, 16), [THIS])
    assert "di sini atau di bagian lain" in ask(world, "CEK RT 003/005"), (
        "the village's 15 less these 11 are four people"
    )


def test_arrears_are_counted_by_rt_and_small_ones_go_together(world: World) -> None:
    village(world)
    assert ask(world, "MENUNGGAK") == "Sukamaju Jaya 23-11-2026: menunggak 11 dari 30: RT 003/005 6, RT 004/005 5"
    step = ". Warga cek sendiri: SMS STATUS"
    assert ask(world, "MENUNGGAK RT 3/5") == f"RT 003/005 23-11-2026: menunggak 6 dari 12{step}"
    assert "tidak ada" in ask(world, "MENUNGGAK RT 9")
    pay(world, [7, 8], [THIS])
    assert "tidak ditampilkan" in ask(world, "MENUNGGAK RT 4/5"), "9 less its 5 would tell of the other's 4"
    said = f"Sukamaju Jaya 23-11-2026: menunggak 9 dari 30{step}"
    assert ask(world, "MENUNGGAK") == said, "RT 004's 5 would tell of the 4"
    pay(world, [9, 10, 11, 12, 18], [THIS])
    assert "tidak ditampilkan" in ask(world, "MENUNGGAK")


def test_a_village_of_which_only_the_whole_may_be_said_is_told_what_to_do(world: World) -> None:
    settle_in(world, 8)
    pay(world, range(1, 5), [THIS])
    assert ask(world, "CEK") == (
        "Sukamaju Jaya 23-11-2026: terdaftar 8. Rincian tidak ditampilkan karena jumlahnya sedikit. "
        "Ajak warga: SMS DAFTAR"
    )
    pay(world, range(5, 9), [THIS])
    assert ask(world, "MENUNGGAK").endswith("menunggak 0 dari 8"), "where nobody owes, nothing is to be done"


def test_many_rts_fit_one_sms_and_the_rest_are_one_number(world: World) -> None:
    settle_in(world, 120)
    for rt in range(20):
        live_in(world, f"{rt + 1:03}/001", range(rt * 6 + 1, rt * 6 + 7))
    pay(world, range(1, 121), months_ago(1))
    said = ask(world, "MENUNGGAK")
    listed = [int(count) for count in re.findall(r"RT \d{3}/\d{3} (\d+)", said)]
    assert len(said) + len("LATIHAN ") <= 160
    assert len(listed) >= 4
    assert sum(listed) + int(said.rsplit("lainnya ", 1)[1]) == 120


def test_by_rt_nobody_can_be_made_out_by_subtraction(world: World) -> None:
    settle_in(world, 19)
    live_in(world, "001/001", range(1, 8))
    live_in(world, "002/001", range(8, 16))
    pay(world, range(1, 20), months_ago(1))
    with world.ports.transaction() as work:
        villages.refresh(work, [VILLAGE])
        counts = villages.counts(work, VILLAGE)
    assert counts.behind_by_neighbourhood() == {"002/001": 8, OTHER: 11}


def test_what_two_answers_hide_their_difference_does_not_tell(world: World) -> None:
    """Ten in grace and two lapsed: of the twelve who are behind, neither number is told beside the sum."""
    settle_in(world, 38)
    pay(world, range(1, 21), [THIS])
    pay(world, range(21, 31), months_ago(1))
    pay(world, range(31, 33), months_ago(4))
    assert ask(world, "CEK").endswith("terlindungi 20, belum tercatat 6, lainnya 12")
    assert "menunggak 12 dari 38" in ask(world, "MENUNGGAK")
    pay(world, [33, 34], [THIS])
    assert ask(world, "CEK").endswith("terlindungi 22, lainnya 16"), "four who wait go with them"
    assert "tidak ditampilkan" in ask(world, "MENUNGGAK"), "16 less 12 would tell of the four"


def test_a_part_of_whose_village_few_live_elsewhere_says_nothing_of_arrears_either(world: World) -> None:
    settle_in(world, 20)
    live_in(world, "001/005", range(1, 19))
    pay(world, range(9, 21), [THIS])
    pay(world, range(1, 9), months_ago(1))
    for words in ("CEK RT 1/5", "MENUNGGAK RT 1/5"):
        assert "di sini atau di bagian lain" in ask(world, words), words


def test_a_village_that_is_still_being_counted_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    settle_in(world, 12)
    monkeypatch.setattr(villages, "REFRESHED_MAX", 3)
    assert "sedang dihitung ulang" in ask(world, "CEK")
    assert world.one("SELECT count(*) FROM lookups") == 0
    monkeypatch.undo()
    assert "terdaftar 12" in ask(world, "CEK")


def test_a_number_that_heads_nothing_learns_nothing(world: World) -> None:
    village(world)
    for words in ("CEK", "CEK RT 003/005", "MENUNGGAK", "DAFTAR", "MINGGUAN YA", "GANTI 081200000066"):
        assert ask(world, words, STRANGER).startswith("Nomor ini belum terdaftar."), words
    assert world.one("SELECT count(*) FROM lookups") == 0


def test_a_leader_of_a_group_is_told_of_it_alone(world: World, tmp_path: Path) -> None:
    village(world)
    live_in(world, "003/005", range(1, 13), "TANI1")
    term = f"{LEADER},2026-01-01,2027-12-31"
    assert load(world, tmp_path, "groups", f"{VILLAGE},TANI1,farmers,Tani Makmur").output == "1 groups loaded.\n"
    assert load(world, tmp_path, "heads", f"{VILLAGE},TANI1,{term}").output == "1 heads loaded.\n"
    for words in ("CEK", "CEK RT 004/005"):
        assert ask(world, words, LEADER).startswith("TANI1 23-11-2026: terdaftar 12,"), words
    assert ask(world, "CEK TANI1").startswith("TANI1 23-11-2026: terdaftar 12,"), "the head may ask too"
    assert "menunggak" in ask(world, "MENUNGGAK", LEADER)
    assert "RT" not in ask(world, "MENUNGGAK", LEADER).split(":")[1]
    load(world, tmp_path, "heads", f"{VILLAGE},TANI1,{LEADER},2026-01-01,2026-11-01")
    assert ask(world, "CEK", LEADER).startswith("Nomor ini belum terdaftar."), "the term is over"


def test_files_of_groups_and_heads_are_taken_whole_or_not_at_all(world: World, tmp_path: Path) -> None:
    bad = load(
        world,
        tmp_path,
        "groups",
        f"{VILLAGE},TANI1,farmers,Tani Makmur",
        f"{VILLAGE},RT1,farmers,Tani",
        "9999999999,NELAYAN,kings,",
    )
    assert bad.exit_code == 1
    said = [line.split(":")[:2] for line in bad.output.replace("Error: ", "").splitlines()]
    assert said == [["line 3", " code"], ["line 4", " village"], ["line 4", " kind"], ["line 4", " name"]]
    assert world.one("SELECT count(*) FROM village_groups") == 0
    heads = load(
        world,
        tmp_path,
        "heads",
        f"{VILLAGE},RT 3/5,{LEADER},2026-01-01,2026-12-31",
        f"{VILLAGE},NELAYAN,021123,2026-13-01,",
        f"{VILLAGE},,{LEADER},2026-12-31,2026-01-01",
    )
    assert heads.exit_code == 1
    assert "line 2" not in heads.output
    for fault in ("line 3: place", "line 3: phone", "line 3: from", "line 3: until", "line 4: until: before from"):
        assert fault in heads.output
    assert load(world, tmp_path, "heads").exit_code == 1
    file = tmp_path / "no_place.csv"
    file.write_text(f"village,phone,from,until\n{VILLAGE},{LEADER},2026-01-01,2027-01-01\n")
    assert command(world, "heads", str(file)).output == "1 heads loaded.\n", "without a column for it: of the village"


def test_a_head_says_how_people_of_the_village_join(world: World) -> None:
    said = ask(world, "DAFTAR")
    assert "tekan *500*73*35013#" in said
    assert "Kode desa: 35013" in said
    (short,) = re.findall(r"\*500\*73\*([0-9]+)#", said)
    phone = world.phone()
    dial(phone, short)
    assert "Pekerjaan utama" in phone.press("1", SITI_NIK, "Siti Rahmawati"), "the village is not asked for any more"


def test_the_counts_come_on_mondays_at_eight_in_the_village(world: World, tmp_path: Path) -> None:
    village(world)
    papua = "+6281200000004"
    assert "MINGGUAN YA" in ask(world, "MINGGUAN")
    for number in (HEAD, papua):
        assert "tiap Senin" in ask(world, "MINGGUAN YA", number)
    before = len(world.owed_to(HEAD))
    # Monday: 08.05 in Papua is 06.05 in Java.
    world.clock.now = datetime(2026, 11, 29, 23, 5, tzinfo=UTC)
    send_weekly_counts(world.ports)
    assert len(world.owed_to(HEAD)) == before
    assert "kurang dari 5" in world.last_sms(papua) or "terdaftar 0" in world.last_sms(papua)
    world.clock.now = datetime(2026, 11, 30, 1, 3, tzinfo=UTC)
    for _ in range(2):
        send_weekly_counts(world.ports)
    assert len(world.owed_to(HEAD)) == before + 1
    assert "30-11-2026: terdaftar 30" in world.last_sms(HEAD)
    world.clock.forward(days=1)
    send_weekly_counts(world.ports)
    assert len(world.owed_to(HEAD)) == before + 1, "not on a Tuesday"
    assert "dihentikan" in ask(world, "MINGGUAN TIDAK")
    world.clock.now = datetime(2026, 12, 7, 1, 3, tzinfo=UTC)
    send_weekly_counts(world.ports)
    assert len(world.owed_to(HEAD)) == before + 2


def test_who_opted_out_at_the_gateway_gets_no_counts_by_themselves(world: World) -> None:
    ask(world, "MINGGUAN YA")
    optout = {"senderId": "IURAN", "phoneNumber": HEAD}
    assert world.app.test_client().post("/sms/africastalking/optout", data=optout).status_code == 200
    world.clock.now = datetime(2026, 11, 30, 1, 3, tzinfo=UTC)
    send_weekly_counts(world.ports)
    assert world.one("SELECT count(*) FROM message_keys WHERE key LIKE 'weekly:%'") == 0


def test_a_missed_hour_is_made_up_for_on_the_same_day(world: World) -> None:
    ask(world, "MINGGUAN YA")
    world.clock.now = datetime(2026, 11, 30, 8, 33, tzinfo=UTC)
    send_weekly_counts(world.ports)
    assert world.one("SELECT count(*) FROM message_keys WHERE key LIKE 'weekly:%'") == 1
