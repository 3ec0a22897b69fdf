"""Words as people type them: slips are asked about, twice is once, what breaks us is set aside, no SMS takes money."""

import threading

import pytest

from insurance import genuine
from insurance.genuine import ALERTS_A_DAY_MAX
from sms import acts
from sms.commands import COMMANDS, near
from sms.taking import UNANSWERED
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, PIN, SITI_PHONE, authorise, enrol
from tests.test_autodebit import member
from tests.test_background import flask
from tests.world import World


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("SALDOO", "SALDO"),
        ("STAUTS", "STATUS"),
        ("BNTUAN", "BANTUAN"),
        ("BAHSA", "BAHASA"),
        ("LAPR", "LAPOR"),
        ("LANUJT", "LANJUT"),
        ("CEKK", "CEK"),
        ("TSOP", "STOP"),
        ("YU", ""),
        ("CE", ""),
        ("PEN", ""),
        ("HALO", ""),
        ("TERIMAKASIH", ""),
        ("", ""),
    ],
)
def test_a_slip_of_one_command_is_known_for_it_and_short_or_far_words_are_not(typed: str, meant: str) -> None:
    assert near(typed) == meant


def test_no_word_of_a_command_is_a_slip_of_another() -> None:
    assert {
        word: near(word) for word in COMMANDS if near(word) not in ("", word) and COMMANDS[near(word)] != COMMANDS[word]
    } == {}


def say(world: World, *texts: str) -> str:
    """One after the other, as a hand types them; the last answer."""
    for text in texts:
        world.clock.forward(seconds=11)
        world.phone().text(text)
    return world.last_sms()


def test_a_slip_is_asked_about_and_one_does_what_was_meant(world: World) -> None:
    enrol(world.phone())
    asked = say(world, "SALDOO")
    assert "Maksud Anda SALDO? Balas 1" in asked
    assert "0 bulan" not in asked
    assert "S.R. 0 bulan dibayar" in say(world, "1")
    assert "tidak dikenal" in say(world, "1"), "answered once"


def test_what_a_slip_meant_is_asked_for_a_day_and_with_all_its_words(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    phone.text("BAHSA en")
    world.clock.forward(hours=23)
    phone.text("1")
    assert "in English" in world.last_sms()
    phone.text("BAHSA id")
    world.clock.forward(hours=25)
    phone.text("1")
    assert world.one("SELECT language FROM workers") == "en"


def test_the_newest_question_is_the_one_that_is_answered(world: World) -> None:
    enrol(world.phone())
    assert "0 bulan" in say(world, "STOP", "STATUSS", "1")
    assert world.one("SELECT reminders FROM workers"), "STOP's question was not the one that was answered"
    assert "Berhenti apa" in say(world, "STATUSS", "TSOP", "1")
    assert "Pengingat dihentikan" in say(world, "1")


def test_going_on_ends_the_stop_question_and_starts_nothing(world: World) -> None:
    member(world)
    phone = world.phone()
    phone.text("STOP")
    phone.text("LANJUT")
    assert "tidak ada yang dihentikan" in world.last_sms()
    assert world.one("SELECT stop_asked_at FROM workers") is None
    world.clock.forward(seconds=11)
    phone.text("LANJUT")
    assert "ketik PIN" in world.last_sms()


@pytest.mark.parametrize("word", [word for word, does in COMMANDS.items() if does in (acts.pay, acts.pause)])
def test_no_sms_takes_money_or_changes_an_autodebit(world: World, word: str) -> None:
    enrol(world.phone())
    authorise(world.phone())
    before = world.rows("SELECT * FROM mandates"), world.one("SELECT count(*) FROM attempts")
    world.phone().text(f"{word} 3")
    assert "ketik PIN" in world.last_sms()
    assert "Rp" not in world.last_sms()
    assert (world.rows("SELECT * FROM mandates"), world.one("SELECT count(*) FROM attempts")) == before


def test_the_same_text_under_two_ids_within_seconds_is_answered_once(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    phone.text("STATUS", gateway_id="one")
    phone.text(" status ", gateway_id="two")
    world.phone(BUDI_PHONE).text("STATUS", gateway_id="three")
    assert world.one("SELECT count(*) FROM messages WHERE kind = 'status'") == 1
    assert world.one("SELECT count(*) FROM messages WHERE kind = 'help_unknown'") == 1
    world.clock.forward(seconds=11)
    phone.text("STATUS", gateway_id="four")
    assert world.one("SELECT count(*) FROM messages WHERE kind = 'status'") == 2
    assert world.one("SELECT count(*) FROM inbound_sms") == 4, "all are stored"


def test_what_breaks_us_is_set_aside_with_its_reason_and_handled_again_when_mended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol(world.phone())

    def breaks(*_: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(genuine, "about", breaks)
    assert world.phone().text("ASLI PALSV0000001", gateway_id="poison") == 200
    monkeypatch.undo()
    settings = world.ports.settings
    listed = flask(settings, "sms", "quarantine")
    assert "ZeroDivisionError" in listed.stdout
    assert "PALSV" not in listed.stdout
    assert "PALSV0000001" in flask(settings, "sms", "read", "poison", "--by", "ani").stdout
    assert world.rows("SELECT actor, why FROM events WHERE subject = 'inbound_sms'") == [("ani", "read")]
    assert flask(settings, "sms", "again", "poison").returncode == 2, "nobody has it done without a name"
    assert flask(settings, "sms", "again", "poison", "--by", "ani").returncode == 0
    acts = world.rows("SELECT actor, why FROM events WHERE subject = 'inbound_sms' ORDER BY id")
    assert acts == [("ani", "read"), ("ani", "again")]
    assert world.one("SELECT word FROM inbound_sms WHERE gateway_id = 'poison'") == "ASLI"
    assert "bukan dari kami" in world.last_sms()
    assert flask(settings, "sms", "again", "poison", "--by", "ani").returncode == 1
    assert UNANSWERED not in [word for (word,) in world.rows("SELECT word FROM inbound_sms")]


def test_the_eleventh_text_of_an_hour_is_told_to_wait_and_what_acts_goes_on(world: World) -> None:
    enrol(world.phone())
    phone = world.phone()

    def ask(words: str) -> list[str]:
        before = len(world.owed_to(phone.number))
        world.clock.forward(seconds=1)
        phone.text(words)
        return world.owed_to(phone.number)[before:]

    for serial in range(5):
        assert ask(f"STATUS {serial}")
        assert ask(f"STATUS {serial}") == [], "sent twice by mistake"
    for serial in range(5):
        assert ask(f"BANTUAN {serial}"), "what came twice was counted once"
    assert "satu jam lagi" in ask("STATUS")[0]
    assert ask("BANTUAN") == []
    for words, said in (("LAPOR 1", "Laporan kecelakaan"), ("YA 123456", "Kode YA salah"), ("STOP", "Berhenti apa")):
        assert said in ask(words)[0]
    world.clock.forward(hours=1, minutes=1)
    assert "S.R." in ask("STATUS")[0]


def test_reminders_that_were_stopped_come_again_by_a_word(world: World) -> None:
    enrol(world.phone())
    phone = world.phone()
    for words in ("STOP", "1"):
        phone.text(words)
    assert "Pasang lagi: SMS LANJUT" in world.last_sms()
    phone.text("LANJUT")
    assert "Pengingat dikirim lagi" in world.last_sms()
    assert world.one("SELECT reminders FROM workers") is True


def test_stop_again_after_its_answer_is_a_new_question(world: World) -> None:
    enrol(world.phone())
    phone = world.phone()
    for words in ("STOP", "1", "STOP"):
        phone.text(words)
        world.clock.forward(seconds=2)
    assert "Berhenti apa" in world.last_sms()
    assert world.one("SELECT stop_asked_at IS NOT NULL FROM workers"), "nothing is debited while it is open"


def test_the_same_words_at_the_same_moment_are_handled_once(world: World) -> None:
    enrol(world.phone())
    gate = threading.Barrier(2)

    def send(serial: int) -> None:
        gate.wait()
        world.phone().text("LAPOR", gateway_id=f"twin-{serial}")

    threads = [threading.Thread(target=send, args=(serial,)) for serial in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(word for (word,) in world.rows("SELECT word FROM inbound_sms")) == ["=", "LAPOR"]


# Is it genuine


def debit_reference(world: World) -> str:
    return str(world.one("SELECT min(reference) FROM attempts"))


def test_a_receipts_reference_is_told_genuine_to_its_number_alone(world: World) -> None:
    member(world)
    world.collect()
    ref = debit_reference(world)
    world.phone().text(f"asli {ref.lower()}")
    assert world.last_sms().startswith(f"LATIHAN Ref {ref} asli: SMS kami untuk nomor ini, iuran S.R. Nov 2026")
    enrol(world.phone(BUDI_PHONE), BUDI_NIK, BUDI)
    world.phone(BUDI_PHONE).text(f"ASLI {ref}")
    told = world.last_sms(BUDI_PHONE)
    assert "bukan untuk nomor ini" in told
    assert not any(word in told for word in ("Nov", "S.R.", "SITI", "Rp"))
    assert world.rows("SELECT 1 FROM work_items WHERE kind = 'fraud'") == []


def test_a_number_silent_for_long_is_told_that_its_receipt_is_genuine_and_not_whose(world: World) -> None:
    """With autodebit nobody needs to call for months: a true receipt must not be called a swindle."""
    member(world)
    world.collect()
    world.clock.forward(days=91)
    world.phone().text(f"ASLI {debit_reference(world)}")
    assert "asli: SMS kami untuk nomor ini" in world.last_sms()
    assert not any(said in world.last_sms() for said in ("S.R.", "Nov 2026"))


def test_an_unknown_reference_is_an_alert_without_personal_data_and_few_a_day(world: World) -> None:
    stranger = world.phone(BUDI_PHONE)
    for serial in range(ALERTS_A_DAY_MAX + 2):
        stranger.text(f"ASLI PALSV000000{serial}")
    assert "bukan dari kami" in world.last_sms(BUDI_PHONE)
    items = world.rows("SELECT about, state FROM work_items WHERE kind = 'fraud'")
    assert len(items) == ALERTS_A_DAY_MAX
    assert not any("PALS" in about or BUDI_PHONE in about for about, _ in items)
    for said in ("ASLI", "ASLI 123", "ASLI 8F3K2M7Q1R4T", "ASLI 8F3K2M7Q1R4TX"):
        stranger.text(said)
        assert "ASLI dan Ref" in world.last_sms(BUDI_PHONE), said
    assert world.one("SELECT count(*) FROM work_items WHERE kind = 'fraud'") == ALERTS_A_DAY_MAX, "a slip alarms nobody"


def test_the_same_is_asked_by_a_call(world: World) -> None:
    enrol(world.phone())
    ref = str(world.one("SELECT reference FROM memberships"))
    phone = world.phone()
    phone.dial()
    assert "Ketik Ref" in phone.press("5", "4")
    assert f"Ref {ref} asli" in phone.press(f"{ref[:4]} {ref[4:]}")
    other = world.phone(BUDI_PHONE)
    other.dial()
    other.press("5", "4")
    assert "bukan untuk nomor ini" in other.press(ref)
    assert PIN not in other.screen
    assert SITI_PHONE not in other.screen
