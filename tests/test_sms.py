"""The SMS desk: receipts are sent once or held, commands answered in one part, callbacks stored before anything."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from gateways.base import Accepted, GatewayStopped, SendRefused, SendUnknown, SendUnreachable
from sms.inbound import read_words
from sms.sender import drain, tidy
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, PIN, SITI_PHONE, authorise, enrol
from tests.world import World

HEAD = "+6281200000001"
STRANGER = "+6285700000099"


class Gateway:
    """An SMS port that does as it is told, in order, and remembers what it was given."""

    name = "told"

    def __init__(self, *outcomes: Accepted | BaseException) -> None:
        self.outcomes, self.sent = list(outcomes), list[str]()

    def send(self, phone: str, text: str) -> Accepted:
        self.sent.append(text)
        outcome = self.outcomes.pop(0) if self.outcomes else Accepted(f"ATXid_{len(self.sent)}", "")
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def rest(self) -> None:
        """Nothing is held."""


def owed(world: World) -> tuple[str, str]:
    return tuple(world.rows("SELECT state, code FROM messages")[0])


@pytest.mark.parametrize(
    ("outcome", "state", "code"),
    [
        (Accepted("ATXid_1", ""), "sent", ""),
        (SendRefused("403"), "refused", "403"),
        (SendUnknown("read time-out"), "held", "unknown"),
        (SendUnreachable("429"), "created", "unreachable"),
        (GatewayStopped("405"), "created", "stopped 405"),
    ],
)
def test_what_the_gateway_says_decides_what_becomes_of_a_text(
    world: World, outcome: Accepted | Exception, state: str, code: str
) -> None:
    enrol(world.phone())
    gateway = Gateway(outcome)
    drain(replace(world.ports, sms={"told": gateway}))
    assert owed(world) == (state, code)
    assert len(gateway.sent) == 1


def test_a_text_that_may_have_been_sent_is_never_sent_again_by_itself(world: World) -> None:
    enrol(world.phone())
    gateway = Gateway(SendUnknown("read time-out"))
    for _ in range(3):
        drain(replace(world.ports, sms={"told": gateway}))
        world.clock.forward(hours=1)
    assert len(gateway.sent) == 1


def test_a_text_that_was_not_sent_goes_again_after_a_while(world: World) -> None:
    enrol(world.phone())
    gateway = Gateway(SendUnreachable("connect"), SendUnreachable("connect"))
    ports = replace(world.ports, sms={"told": gateway})
    drain(ports)
    drain(ports)
    assert len(gateway.sent) == 1, "not at once"
    world.clock.forward(seconds=11)
    drain(ports)
    world.clock.forward(minutes=2)
    drain(ports)
    assert owed(world)[0] == "sent"


def test_a_sender_killed_in_the_act_leaves_the_text_held(world: World) -> None:
    enrol(world.phone())
    with pytest.raises(SystemExit):
        drain(replace(world.ports, sms={"told": Gateway(SystemExit())}))
    world.clock.forward(minutes=6)
    tidy(replace(world.ports, sms={"told": (gateway := Gateway())}))
    drain(replace(world.ports, sms={"told": gateway}))
    assert owed(world) == ("held", "lease")
    assert gateway.sent == []


def test_several_senders_at_once_send_each_text_once(world: World) -> None:
    for serial in range(1, 6):
        enrol(world.phone(f"+628123456780{serial}"), f"359901171090{serial:04d}")
    gateway = Gateway()
    threads = [threading.Thread(target=drain, args=(replace(world.ports, sms={"told": gateway}),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(gateway.sent) == 5
    assert world.one("SELECT count(*) FROM messages WHERE state = 'sent' AND tries = 1") == 5


def test_a_text_nobody_could_send_in_three_days_expires(world: World) -> None:
    enrol(world.phone())
    world.clock.forward(hours=73)
    tidy(world.ports)
    gateway = Gateway()
    drain(replace(world.ports, sms={"told": gateway}))
    assert owed(world)[0] == "expired"
    assert gateway.sent == []


def test_what_a_night_run_caused_is_told_from_eight_local_time(world: World) -> None:
    from insurance.receipts import owe_worker

    enrol(world.phone())
    world.clock.now = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)  # 02.00 in Jakarta
    with world.ports.transaction() as work:
        worker = work.workers_at(work.keys.index("phone", SITI_PHONE))[0]
        owe_worker(work, worker, "stop_reminders", "at-night", {}, told_at_once=False)
        owe_worker(work, worker, "stop_reminders", "at-once", {})
    when = dict(
        tuple(row)
        for row in world.rows("SELECT k.key, m.not_before FROM messages m JOIN message_keys k ON k.message_id = m.id")
    )
    assert when["at-night"] == datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    assert when["at-once"] == world.clock.now


@pytest.mark.parametrize("words", ["SALDO", "saldo", " Saldo# ", "STATUS", "státus."])
def test_balance_by_sms_says_months_and_cover_by_initials_and_never_rupiah(world: World, words: str) -> None:
    enrol(world.phone())
    world.phone().text(words)
    assert world.last_sms() == "LATIHAN S.R. 0 bulan dibayar, belum terlindungi, iuran Nov 2026 belum dibayar."


def test_a_stranger_gets_help_and_learns_nothing(world: World) -> None:
    enrol(world.phone())
    stranger = world.phone(STRANGER)
    for words in ("STATUS", "CEK", "BANTUAN", "halo", "STOP"):
        stranger.text(words)
    texts = world.owed_to(STRANGER)
    assert len(texts) == 5
    assert all("Sukamaju" not in text and "S.R." not in text for text in texts)


def test_a_word_that_is_not_one_gets_help(world: World) -> None:
    enrol(world.phone())
    world.phone().text("KAPAN CAIR")
    assert "tidak dikenal" in world.last_sms()
    assert world.one("SELECT word FROM inbound_sms") == ""


def test_an_inbound_text_repeated_for_hours_is_answered_once(world: World) -> None:
    enrol(world.phone())
    for _ in range(5):
        assert world.phone().text("STATUS", gateway_id="same") == 200
    assert world.one("SELECT count(*) FROM inbound_sms") == 1
    assert world.one("SELECT count(*) FROM messages WHERE kind = 'status'") == 1


def test_stop_asks_and_each_answer_stops_what_it_says(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    world.exchange()
    authorise(phone)
    world.ask_banks()
    phone.text("STOP")
    assert "1 pengingat saja, 2 autodebit" in world.last_sms()
    phone.text("1")
    assert "Pengingat dihentikan" in world.last_sms()
    assert world.one("SELECT state FROM mandates") == "active"
    phone.text("2")
    assert "tidak dikenal" in world.last_sms(), "no question is open"
    phone.text("berhenti")
    world.clock.forward(seconds=11)
    phone.text("2")
    assert world.one("SELECT state FROM mandates") == "cancelled"


def test_a_head_gets_the_villages_counts_and_a_member_does_not(world: World) -> None:
    enrol(world.phone())
    world.phone(HEAD).text("cek")
    assert world.last_sms(HEAD) == (
        "LATIHAN Sukamaju Jaya 23-11-2026: angka tidak ditampilkan, kurang dari 5 orang di sini atau di bagian lain. "
        "Ajak warga: SMS DAFTAR"
    )
    world.phone().text("CEK")
    assert "Sukamaju" not in world.last_sms()


def test_a_village_with_enough_people_shows_its_groups(world: World) -> None:
    for serial in range(1, 7):
        enrol(world.phone(f"+628123456780{serial}"), f"359901171090{serial:04d}")
    world.phone(HEAD).text("CEK")
    assert "terdaftar 6, terlindungi 0, masa tenggang 0, nonaktif 0, belum tercatat 6" in world.last_sms(HEAD)


def test_a_head_whose_term_is_over_is_a_stranger(world: World) -> None:
    world.clock.now = datetime(2033, 1, 2, 2, 0, tzinfo=UTC)
    from sqlalchemy.orm import Session

    from models.partitions import ensure_partitions

    with Session(world.ports.database) as db, db.begin():
        ensure_partitions(db.connection(), world.clock.now.date())
    world.phone(HEAD).text("CEK")
    assert "belum terdaftar" in world.last_sms(HEAD)


def test_delivery_and_optout_reports_are_stored_also_before_we_know_the_text(world: World) -> None:
    client = world.app.test_client()
    report = {"id": "ATXid_early", "status": "Success", "phoneNumber": SITI_PHONE, "networkCode": "63902"}
    assert client.post("/sms/africastalking/delivery", data=report).status_code == 200
    optout = {"senderId": "IURAN", "phoneNumber": SITI_PHONE}
    assert client.post("/sms/africastalking/optout", data=optout).status_code == 200
    kept = [tuple(row) for row in world.rows("SELECT kind, gateway_id, status, known FROM gateway_reports ORDER BY id")]
    assert kept == [("delivery", "ATXid_early", "Success", False), ("optout", "", "optout", False)]


def test_a_callback_that_cannot_be_read_is_acknowledged_and_changes_nothing(world: World) -> None:
    client = world.app.test_client()
    for path in ("inbound", "delivery", "optout"):
        for form in ({}, {"id": "\0"}, {"from": "MTN", "id": "1", "text": "x", "to": "IURAN", "date": ""}):
            assert client.post(f"/sms/africastalking/{path}", data=form).status_code == 200
    assert world.one("SELECT count(*) FROM inbound_sms") == 0
    assert world.one("SELECT count(*) FROM gateway_reports") == 0


def test_two_workers_on_one_phone_are_told_of_each_by_initials(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    enrol(phone, BUDI_NIK, BUDI)
    phone.text("STATUS")
    assert [line.split(".")[0][-1] for line in world.last_sms().split("\n")] == ["S", "B"]


def test_receipts_go_to_the_worker_who_owns_the_fact(world: World) -> None:
    enrol(world.phone())
    enrol(world.phone(BUDI_PHONE), BUDI_NIK, BUDI)
    assert "SITI" in world.last_sms(SITI_PHONE)
    assert "BUDI" in world.last_sms(BUDI_PHONE)


@pytest.mark.parametrize(("text", "word"), [("", ""), ("  ", ""), ("STOP!", "STOP"), ("cek#1", "CEK"), ("ÇEK", "CEK")])
def test_the_first_word_is_read_without_case_accents_and_marks(text: str, word: str) -> None:
    assert "".join(read_words(text)[:1]) == word


def test_stop_on_a_shared_phone_ends_nobody_elses_autodebit(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    enrol(phone, BUDI_NIK, BUDI)
    for who in ("1", "2"):
        phone.dial()
        phone.press("2", who, PIN, "1", f"114001234{who}", "1", "2")
        phone.read_on()
        phone.press("1", PIN)
    phone.text("STOP")
    phone.text("2")
    assert "satu per satu" in world.last_sms()
    assert world.one("SELECT count(*) FROM mandates WHERE state = 'consented'") == 2


def test_a_machine_at_the_other_end_is_not_answered_for_ever_and_stop_still_acts(world: World) -> None:
    enrol(world.phone())
    for _ in range(14):
        world.phone().text("STATUS")
        world.clock.forward(seconds=11)
    assert world.one("SELECT count(*) FROM messages WHERE kind = 'status'") == 10
    assert world.one("SELECT count(*) FROM inbound_sms") == 14
    world.phone().text("STOP")
    assert "Berhenti apa" in world.last_sms()


def test_the_longest_gateway_id_is_no_poison(world: World) -> None:
    assert world.phone(HEAD).text("CEK", gateway_id="A" * 100) == 200
    assert len(world.owed_to(HEAD)) == 1


def test_a_number_in_doubt_pauses_by_stop_and_cancels_only_by_the_pin(world: World) -> None:
    """Somebody else may hold it by now, and must not end another's cover; nothing is debited for a day all the same."""
    phone = world.phone()
    enrol(phone)
    authorise(phone)
    with world.ports.transaction() as work:
        work.db.execute(text("UPDATE contacts SET last_seen = NULL"))
    phone.text("STOP")
    phone.text("2")
    assert "Batalkan dengan PIN" in world.last_sms()
    assert world.one("SELECT state FROM mandates") == "consented"
    assert world.one("SELECT stop_asked_at FROM workers") is not None
