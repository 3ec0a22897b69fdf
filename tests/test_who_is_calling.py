"""A number is not a person: shared phones, numbers that were silent, new SIMs, several numbers of one worker."""

from datetime import date

from click.testing import Result

from handset.phone import Phone
from models import Contact, Worker
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, GOOD, PIN, SITI_PHONE, SUKAMAJU, authorise, enrol
from tests.world import World

ASKED = "Ketik PIN Anda untuk melanjutkan"
OTHER_PIN = "918273"
MONEY = ("Rp", "Bank Jatim", "***2345")


def enrol_budi(phone: Phone) -> None:
    phone.dial()
    phone.press("1", BUDI_NIK, BUDI, "4", SUKAMAJU, "1", "1", "2", OTHER_PIN, OTHER_PIN)
    phone.read_on()
    phone.press("1")


def shared(world: World) -> Phone:
    """Siti's number, with her autodebit, and Budi on it too."""
    phone = world.phone()
    enrol(phone)
    authorise(phone)
    enrol_budi(phone)
    return phone


def silent(world: World, days: int = 90) -> Phone:
    phone = world.phone()
    enrol(phone)
    world.clock.forward(days=days)
    return phone


def sim_changed(world: World, lines: str = f"{SITI_PHONE},2026-11-23T08:00+07:00\n") -> Result:
    with world.app.app_context():
        return world.app.test_cli_runner().invoke(args=["workers", "sim-changed"], input=lines)


def test_a_shared_phone_shows_no_bank_account_or_amount_before_the_pin(world: World) -> None:
    phone = shared(world)
    phone.dial()
    assert ASKED in phone.press("2", "1")
    shown = "\n".join(screen for _, screen in phone.calls[-3:])
    assert not any(said in shown for said in (*MONEY, "SITI"))
    assert "PIN salah" in phone.press(OTHER_PIN)
    assert not any(said in phone.screen for said in MONEY)
    assert all(said in phone.press(PIN) for said in MONEY)


def test_the_pin_of_one_opens_nothing_of_the_other_in_the_same_call(world: World) -> None:
    phone = shared(world)
    phone.dial()
    phone.press("2", "1", PIN)
    assert ASKED in phone.press("00", "2", "1"), "the phone may have been handed on"
    phone.press("00", "2", "2", OTHER_PIN)
    assert "Bank rekening" in phone.screen
    assert "Untuk siapa" in phone.press("0")
    assert ASKED in phone.press("1")


def test_on_a_shared_phone_cover_is_said_and_amounts_need_the_pin(world: World) -> None:
    phone = shared(world)
    phone.dial()
    assert "SITI RAHMAWATI: belum terlindungi" in phone.press("3", "1")
    assert "Lihat jumlah: ketik PIN" in phone.screen
    assert "Iuran lewat kami" in phone.press(PIN)


def test_a_phone_of_one_worker_asks_no_pin_to_show_the_autodebit(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    authorise(phone)
    phone.dial()
    assert all(said in phone.press("2") for said in MONEY)


def test_a_call_on_a_shared_phone_that_dropped_is_taken_up_behind_the_pin_and_nothing_is_typed_twice(
    world: World,
) -> None:
    phone = world.phone()
    enrol(phone)
    enrol_budi(phone)
    phone.dial()
    phone.press("2", "1", PIN, "1", GOOD, "1", "2")
    assert "Saya setuju Bank Jatim ***2345" in phone.screen
    phone.drop()
    assert "Lanjutkan" in phone.dial()
    assert ASKED in phone.press("1")
    phone.drop()
    assert "Lanjutkan" in phone.dial()
    assert ASKED in phone.press("1")
    assert "Saya setuju Bank Jatim ***2345" in phone.press(PIN)
    phone.read_on()
    phone.press("1")
    assert "Permintaan dikirim" in phone.press(PIN)


def test_who_takes_up_anothers_call_does_not_learn_its_bank(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    enrol_budi(phone)
    phone.dial()
    assert "rekening Bank Jatim" in phone.press("2", "1", PIN, "1")
    phone.drop()
    phone.dial()
    assert ASKED in phone.press("1")
    assert "Bank" not in phone.press(OTHER_PIN)
    assert "rekening Bank Jatim" in phone.press(PIN)


def test_who_takes_up_at_the_last_pin_reads_the_terms_again(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    enrol_budi(phone)
    phone.dial()
    phone.press("2", "1", PIN, "1", GOOD, "1", "2")
    phone.read_on()
    phone.press("1")
    phone.drop()
    phone.dial()
    assert ASKED in phone.press("1")
    assert "Saya setuju Bank Jatim ***2345" in phone.press(PIN)
    phone.read_on()
    assert "menyetujui" in phone.press("1")
    assert "Permintaan dikirim" in phone.press(PIN)


def test_a_number_that_was_silent_names_nobody_before_the_pin(world: World) -> None:
    phone = silent(world)
    for key in ("2", "3", "4"):
        phone.dial()
        assert ASKED in phone.press(key)
        assert "SITI" not in phone.screen
    assert "SITI RAHMAWATI, Sukamaju Jaya" in phone.press(PIN)
    phone.dial()
    assert "SITI RAHMAWATI: " in phone.press("3")
    assert world.one("SELECT count(*) FROM events WHERE before = 'number_doubted'") == 1


def test_a_call_a_day_before_keeps_a_number_trusted(world: World) -> None:
    phone = silent(world, days=89)
    phone.dial()
    assert "SITI" in phone.press("3")
    world.clock.forward(days=89)
    phone.dial()
    assert "SITI" in phone.press("3")


def test_a_text_keeps_a_number_trusted_and_a_silent_ones_status_is_not_texted(world: World) -> None:
    phone = silent(world, days=60)
    phone.text("STATUS")
    assert "S.R." in world.last_sms()
    world.clock.forward(days=60)
    phone.text("STATUS")
    assert "S.R." in world.last_sms()
    world.clock.forward(days=90)
    phone.text("STATUS")
    assert "ketik PIN" in world.last_sms()
    assert "S.R." not in world.last_sms()
    phone.dial()
    assert ASKED in phone.press("3"), "a text is no PIN"
    phone.press(PIN)
    world.clock.forward(seconds=11)
    phone.text("STATUS")
    assert "S.R." in world.last_sms()


def test_three_wrong_pins_lock_a_silent_number_too_and_say_what_a_branch_needs(world: World) -> None:
    phone = silent(world)
    phone.dial()
    phone.press("4", "111112", "111113")
    reference = world.one("SELECT reference FROM memberships")
    assert "terkunci sampai" in phone.press("111114")
    assert f"kantor cabang BPJS, Ref {reference}" in phone.screen
    assert "SITI" not in phone.screen


def test_that_a_number_was_in_touch_is_written_once_a_day(world: World) -> None:
    phone = silent(world, days=3)
    written = []
    for _ in range(3):
        phone.dial()
        phone.press("3")
        written.append(world.one("SELECT xmin::text FROM contacts"))
    assert len(set(written)) == 1
    assert world.one("SELECT last_seen FROM contacts") == date(2026, 11, 26)


def test_a_new_sim_is_asked_the_pin_and_changes_nothing_for_72_hours(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    authorise(phone)
    world.ask_banks()
    done = sim_changed(world)
    assert "1 numbers, 1 of them members'" in done.output
    phone.dial()
    assert ASKED in phone.press("4")
    assert "SITI" in phone.press(PIN)
    assert "SIM nomor ini baru diganti. Perubahan bisa setelah 26-11-2026 08.00 WIB" in phone.press("1")
    assert not phone.live
    for key in ("2", "3"):
        phone.dial()
        assert "baru diganti" in phone.press("2", key), "paying, pausing"
    phone.dial()
    assert "baru diganti" in phone.press("2", "4", "1"), "another account"
    assert world.one("SELECT state FROM mandates") == "active"
    world.clock.forward(hours=71)
    phone.dial()
    assert "Ketik PIN lama" in phone.press("4", "1")


def test_from_a_new_sim_autodebit_can_be_ended_and_amounts_be_seen(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    authorise(phone)
    sim_changed(world)
    phone.dial()
    assert ASKED in phone.press("3")
    phone.press(PIN)
    assert "Iuran lewat kami" in phone.press(PIN)
    phone.dial()
    phone.press("2", "1", "2")
    assert "dibatalkan" in phone.press(PIN)


def test_a_yes_that_was_begun_before_the_new_sim_waits_too(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    phone.dial()
    phone.press("2", "1", GOOD, "1", "2")
    phone.read_on()
    phone.press("1")
    sim_changed(world)
    assert "baru diganti" in phone.press(PIN)
    assert world.one("SELECT count(*) FROM mandates") == 0


def test_an_old_news_of_a_sim_changes_nothing_again(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    sim_changed(world)
    phone.dial()
    phone.press("4", PIN)
    sim_changed(world)
    phone.dial()
    assert "SITI" in phone.press("4")
    assert world.one("SELECT count(*) FROM events WHERE actor = 'telco'") == 1


def test_a_list_of_sims_with_a_bad_line_is_not_taken_and_shows_no_number(world: World) -> None:
    enrol(world.phone())
    good = f"{SITI_PHONE},2026-11-23T08:00+07:00\n"
    for bad, why in (
        ("12,2026-11-23T08:00+07:00", "line 2: not an Indonesian mobile number"),
        (f"{BUDI_PHONE},yesterday", "line 2: not a moment"),
        (f"{BUDI_PHONE},2026-11-23T08:00", "without its zone"),
        (f"{BUDI_PHONE},2026-11-24T08:00+07:00", "or to come"),
        (BUDI_PHONE, "line 2: not number,when"),
    ):
        refused = sim_changed(world, f"{good}{bad}\n")
        assert refused.exit_code == 1
        assert why in refused.output
        assert "812" not in refused.output
        assert "857" not in refused.output
    assert world.rows("SELECT sim_changed_at FROM contacts") == [(None,)]


def test_of_several_numbers_the_one_known_longest_gets_the_texts_and_that_is_shown(world: World) -> None:
    enrol(world.phone())
    with world.ports.transaction() as work:
        worker = work.db.query(Worker).one()
        worker.contacts.append(
            Contact(
                worker_id=worker.id,
                phone_index=work.keys.index("phone", BUDI_PHONE),
                phone_sealed=work.box(worker).seal(BUDI_PHONE, "contact.phone"),
                since=work.today.replace(day=24),
                last_seen=work.today,
            )
        )
    world.clock.forward(days=2)
    other = world.phone(BUDI_PHONE)
    other.dial()
    assert "SMS ke ***7890" in other.press("4")
    assert "Menunggu jawaban bank" not in world.last_sms()
    authorise(other)
    assert "Menunggu jawaban bank" in world.last_sms()
    assert world.owed_to(BUDI_PHONE) == []
