"""Four languages: chosen by their own names, remembered, and never a yes in words that no native reader signed."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import event

import texts as texts_package
from insurance.receipts import owe_worker
from insurance.small_cells import GROUPS, OTHER
from models import Consent, Worker
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, PIN, SITI, SITI_NIK, SITI_PHONE, SUKAMAJU, authorise, enrol
from tests.world import World
from texts import BadTexts, load_texts
from texts.longest import LONGEST
from units.month import month_name

LANGUAGE, JAVANESE, SUNDANESE = "6", "3", "4"


def choose(world: World, number: str, *keys: str) -> str:
    phone = world.phone(number)
    phone.dial()
    return phone.press(LANGUAGE, *keys)


def languages_of(world: World) -> list[str]:
    return [language for (language,) in world.rows("SELECT language FROM workers ORDER BY id")]


def consents(world: World) -> dict[str, tuple[str, str]]:
    """Each kind's language and its very words."""
    with world.ports.transaction() as work:
        box = work.box(work.db.query(Worker).one())
        return {
            c.kind: (c.language, box.open(c.text_sealed, "consent.text")) for c in work.db.query(Consent).order_by("id")
        }


def test_each_language_is_offered_by_its_own_name(world: World) -> None:
    shown = choose(world, SITI_PHONE)
    assert "1. Bahasa Indonesia\n2. English\n3. Basa Jawa\n4. Basa Sunda" in shown


@pytest.mark.parametrize(
    ("key", "word"), [("2", "Join"), (JAVANESE, "Ndaftar"), (SUNDANESE, "Daptar"), ("1", "Daftar")]
)
def test_the_call_goes_on_in_the_chosen_language_and_so_does_the_next(world: World, key: str, word: str) -> None:
    assert f"1. {word}" in choose(world, SITI_PHONE, key)
    assert f"1. {word}" in world.phone(SITI_PHONE).dial()


def test_a_member_alone_on_a_number_is_texted_in_the_chosen_language(world: World) -> None:
    enrol(world.phone())
    choose(world, SITI_PHONE, JAVANESE)
    assert languages_of(world) == ["jv"]
    authorise(world.phone())
    assert "dipunsuwun" in world.last_sms()
    assert world.rows("SELECT language FROM messages ORDER BY id")[-1][0] == "jv"


def test_on_a_shared_phone_only_the_picked_members_sms_change(world: World) -> None:
    enrol(world.phone())
    enrol(world.phone(), BUDI_NIK, BUDI)
    assert "1. S.R.\n2. B.S.\n3. Menu saja" in choose(world, SITI_PHONE, SUNDANESE)
    assert languages_of(world) == ["id", "id"]
    assert "Daptar" in choose(world, SITI_PHONE, SUNDANESE, "2")
    assert languages_of(world) == ["id", "su"]


def test_who_lends_a_shared_phone_may_change_its_menu_alone(world: World) -> None:
    enrol(world.phone())
    enrol(world.phone(), BUDI_NIK, BUDI)
    assert "Ndaftar" in choose(world, SITI_PHONE, JAVANESE, "3")
    assert languages_of(world) == ["id", "id"]


def test_a_consent_is_shown_and_kept_in_indonesian_until_a_native_reader_signs(world: World) -> None:
    choose(world, SITI_PHONE, JAVANESE)
    phone = world.phone()
    phone.dial()
    assert "Damel PIN" in phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU, "1", "1", "2")
    assert "Daftarkan SITI RAHMAWATI" in phone.press(PIN, PIN)
    assert "Ya, setuju" in phone.read_on()
    assert "wangsulanipun lewat SMS" in phone.press("1")
    assert languages_of(world) == ["jv"]
    authorise(phone)
    kept = consents(world)
    assert [language for language, _ in kept.values()] == ["id", "id"]
    assert kept["enrolment"][1].startswith("Daftarkan SITI RAHMAWATI")
    assert kept["mandate"][1].startswith("Saya setuju")
    assert "utk iuran Nov 2026 begitu bank setuju" in kept["mandate"][1], "the parts of a consent are Indonesian too"
    versions = [version for (version,) in world.rows("SELECT version FROM consents ORDER BY id")]
    assert versions == [world.ports.texts.version(name, "id") for name in ("enrol.confirm", "mandate.consent")]


def test_an_english_consent_is_kept_in_english(world: World) -> None:
    choose(world, SITI_PHONE, "2")
    enrol(world.phone())
    assert consents(world)["enrolment"][0] == "en"


def test_the_payment_and_the_pause_of_a_javanese_caller_are_agreed_to_in_indonesian(world: World) -> None:
    enrol(world.phone())
    authorise(world.phone())
    world.exchange()
    world.ask_banks()
    world.send_sms()
    choose(world, SITI_PHONE, JAVANESE)
    phone = world.phone()
    phone.dial()
    assert "Bayar punapa" in phone.press("2", "2")
    assert "Saya setuju" in phone.press("1")
    phone.read_on()
    assert "Panyuwunan bayar" in phone.press("1", PIN)
    phone.dial()
    assert "Tidak ada debit" in phone.press("2", "3", "1")
    phone.read_on()
    assert "Autodebit leren" in phone.press("2", PIN)


def test_who_calls_from_a_doubted_number_changes_the_language_of_nobodys_sms(world: World) -> None:
    enrol(world.phone())
    world.clock.forward(days=90)
    choose(world, SITI_PHONE, JAVANESE)
    phone = world.phone()
    assert "Pitulungan" in phone.dial(), "the call itself goes on in it"
    assert languages_of(world) == ["id"]


def test_production_offers_signed_languages_only_and_speaks_indonesian_instead(world: World) -> None:
    enrol(world.phone())
    choose(world, SITI_PHONE, JAVANESE)
    signed = load_texts(sandbox=False)
    assert signed.offered == ("id", "en")
    assert signed.spoken("jv") == "id"
    assert signed.line("back", "jv") == "0 Kembali"
    assert signed.sms("stop_nothing", "su", {}) == signed.sms("stop_nothing", "id", {})
    with replace(world.ports, texts=signed).transaction() as work:
        owe_worker(work, work.db.query(Worker).one(), "stop_nothing", "a-test", {})
    assert world.last_sms().startswith("Tidak ada autodebit")
    assert world.rows("SELECT language FROM messages ORDER BY id")[-1][0] == "id"


@pytest.mark.parametrize("words", ["BAHASA JV", "bahasa jawa", "Basa Jawa", "LANGUAGE jv."])
def test_a_member_chooses_the_language_of_the_sms_by_sms(world: World, words: str) -> None:
    phone = world.phone()
    enrol(phone)
    phone.text(words)
    assert "ngagem Basa Jawa" in world.last_sms()
    assert languages_of(world) == ["jv"]


def test_a_language_that_is_not_offered_is_answered_with_those_that_are(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    for words in ("BAHASA", "BAHASA XX", "BAHASA JV SU"):
        phone.text(words)
        assert "Balas BAHASA dan kodenya: ID, EN, JV, SU." in world.last_sms()
    assert languages_of(world) == ["id"]


def test_no_sms_changes_the_language_of_others_on_a_shared_phone(world: World) -> None:
    enrol(world.phone())
    enrol(world.phone(), BUDI_NIK, BUDI)
    world.phone().text("BAHASA JV")
    assert "Pilih bahasa di menu" in world.last_sms()
    assert languages_of(world) == ["id", "id"]
    world.phone(BUDI_PHONE).text("BAHASA JV")
    assert "belum terdaftar" in world.last_sms(BUDI_PHONE)


def test_months_are_written_as_in_indonesian() -> None:
    assert {month_name(date(2026, 8, 1), language) for language in ("id", "jv", "su")} == {"Agu 2026"}


def test_the_counts_of_a_large_village_fit_one_sms_in_every_language() -> None:
    texts = load_texts(sandbox=True)
    for language in texts.languages:
        said = ", ".join(texts.line(f"group.{group}", language, count="88888") for group in (*GROUPS, OTHER))
        assert texts.sms("check", language, {**LONGEST, "status": said, "joined": ""})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in Path(texts_package.__file__).parent.glob("*.toml"):
        shutil.copy(path, tmp_path)
    return tmp_path


Spoil = Callable[[str], str]


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda text: text.replace('back = "0 Wangsul"\n', ""), "jv: line/back is missing"),
        (lambda text: text + 'extra = "x"\n', "jv: sms/extra is not in id"),
        (
            lambda text: text.replace("Ketik nomer rekening {bank}:", "Ketik nomer rekening:"),
            "has other fields than id",
        ),
        (lambda text: text.replace("0 Wangsul", "0 Wangsul ꦮ"), "jv: line/back: 'ꦮ' is not in GSM"),
        (lambda text: text.replace("KPJ {kpj}. Ref {ref}. Info 175", "KPJ {kpj}. Ref {ref}. " + "x" * 99), "160 fit"),
        (lambda text: text.replace('name = "Basa Jawa"\n', "", 1), "jv: its name is missing"),
        (lambda text: text.replace("reviewed = false", "reviewed = true"), "jv: reviewed, but not by whom and when"),
    ],
)
def test_a_language_with_a_fault_does_not_start(folder: Path, spoil: Spoil, problem: str) -> None:
    path = folder / "jv.toml"
    assert load_texts(sandbox=False, folder=folder)
    path.write_text(spoil(path.read_text()))
    with pytest.raises(BadTexts, match=problem):
        load_texts(sandbox=False, folder=folder)


def test_a_language_is_offered_and_binds_once_a_native_reader_signed(folder: Path) -> None:
    path = folder / "jv.toml"
    signed = 'reviewed = true\nreviewer = "a native reader"\nreviewed_on = 2026-12-01'
    path.write_text(path.read_text().replace("reviewed = false", signed))
    texts = load_texts(sandbox=False, folder=folder)
    assert texts.offered == ("id", "en", "jv")
    assert (texts.binding("jv"), texts.binding("su")) == ("jv", "id")


def test_indonesian_has_to_be_reviewed(folder: Path) -> None:
    path = folder / "id.toml"
    path.write_text(path.read_text().replace("reviewed = true", "reviewed = false"))
    with pytest.raises(BadTexts, match="no other language could stand in"):
        load_texts(sandbox=True, folder=folder)


def test_a_chosen_language_outlives_what_redis_forgets_and_rows_are_asked_once(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    phone.dial()
    phone.press("6", "2")
    world.ports.redis.flushdb()
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(world.ports.database, "before_cursor_execute", note)
    assert "Cover & balance" in phone.dial()
    read = len(asked)
    assert "Cover & balance" in phone.dial()
    stranger = world.phone("+6281399990000")
    assert "Perlindungan" in stranger.dial()
    again = len(asked)
    assert "Perlindungan" in stranger.dial()
    event.remove(world.ports.database, "before_cursor_execute", note)
    assert (read, again, len(asked)) == (1, 2, 2), "one look for each number"


def test_two_who_chose_differently_are_greeted_in_indonesian(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    enrol(phone, BUDI_NIK, BUDI)
    phone.dial()
    phone.press("6", "2", "1")
    world.ports.redis.flushdb()
    assert "Perlindungan" in phone.dial()
