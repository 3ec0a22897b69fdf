"""A call that the network ended: counted once; an enrolment is invited by one text a day, by day, if still wanted."""

from datetime import datetime
from typing import Any

import pytest

from gateways.base import SendUnreachable
from handset.phone import Phone
from insurance.work import Work
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, SITI, SITI_NIK, SITI_PHONE, SUKAMAJU, enrol
from tests.world import World
from units.clock import JAKARTA
from ussd import drops
from ussd.drops import see_dropped
from ussd.funnel import counted
from ussd.journey import MENU_VERSION, Journey
from ussd.journeys import Journeys

INVITATION = (
    "LATIHAN Pendaftaran BPJS Ketenagakerjaan di HP ini terputus. Lanjutkan hari ini, tanpa ulang dari awal: "
    "tekan *500*73#. Bukan Anda? Abaikan SMS ini"
)


@pytest.fixture
def phone(world: World) -> Phone:
    return world.phone()


def begin(phone: Phone, *more: str) -> None:
    """An enrolment that is cut off."""
    phone.dial()
    phone.press("1", SITI_NIK, *more)
    phone.drop()


def later(world: World, **delta: int) -> int:
    world.clock.forward(**delta)
    return see_dropped(world.ports)


def at(world: World, *moment: int) -> None:
    world.clock.now = datetime(*moment, tzinfo=JAKARTA)  # type: ignore[misc,arg-type]


def dropped(world: World) -> dict[str, int]:
    """Screens on which calls were dropped today."""
    day = world.clock.now.astimezone(JAKARTA).date()
    found = counted(Journeys(world.ports.redis, world.ports.keys), day)
    return {place[0]: counts["dropped"] for place, counts in found.items() if counts["dropped"]}


def end_notice(world: World, phone: Phone, status: str = "Incomplete", session: str = "") -> None:
    form = {
        "sessionId": session or phone.session,
        "serviceCode": "*500*73#",
        "networkCode": "99999",
        "phoneNumber": phone.number,
        "status": status,
    }
    assert world.app.test_client().post("/ussd/africastalking/events", data=form).status_code == 200


def test_a_dropped_enrolment_is_invited_once_to_go_on(world: World, phone: Phone) -> None:
    begin(phone, SITI)
    assert later(world, minutes=4) == 0
    assert later(world, minutes=2) == 1
    assert phone.received() == [INVITATION]
    assert not any(word in INVITATION.upper() for word in ("SITI", "RAHMAWATI", SITI_NIK))
    assert later(world, hours=1) == 0
    phone.dial()
    assert "nama lengkap" not in phone.press("1")
    phone.drop()
    assert later(world, minutes=6) == 0, "once a day"
    assert len(phone.received()) == 1
    phone.dial()
    phone.drop()
    assert later(world, days=1) == 1, "the next day is another one"
    assert later(world, days=1) == 0


def test_an_invitation_that_breaks_holds_up_nobody_behind_it(
    world: World, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(phone)
    begin(world.phone(BUDI_PHONE))
    owing, asked = drops._owe, list[str]()

    def breaks_first(work: Work, journey: Journey) -> bool:
        asked.append(journey.phone)
        if len(asked) == 1:
            raise ValueError("broken")
        return owing(work, journey)

    monkeypatch.setattr(drops, "_owe", breaks_first)
    assert later(world, minutes=6) == 1
    assert sorted(asked) == sorted((SITI_PHONE, BUDI_PHONE))
    assert later(world, minutes=6) == 0


def test_an_invitation_that_could_not_be_sent_for_an_hour_is_not_sent(world: World, phone: Phone) -> None:
    class Away:
        name = "away"

        def send(self, phone: str, text: str) -> Any:
            raise SendUnreachable

    begin(phone)
    later(world, minutes=6)
    assert world.one("SELECT count(*) FROM messages WHERE kind = 'invite' AND state = 'created'") == 1
    world.clock.forward(minutes=61)
    assert world.send_sms() == 0
    assert world.one("SELECT state FROM messages WHERE kind = 'invite'") == "expired"


def test_a_call_that_goes_on_or_was_ended_by_us_is_not_invited(world: World, phone: Phone) -> None:
    begin(phone)
    world.clock.forward(minutes=4)
    phone.dial()
    assert later(world, minutes=4) == 0, "a hop four minutes ago"
    phone.press("3", "5", "3")
    assert not phone.live
    begin(world.phone(BUDI_PHONE))
    other = world.phone("+6285700000003")
    other.dial()
    other.press("1")
    other.drop()
    assert later(world, minutes=6) == 1, "the one who typed something"
    assert phone.received() == other.received() == []


def test_a_call_about_something_else_is_not_invited(world: World, phone: Phone) -> None:
    enrol(phone)
    world.clock.forward(days=2)
    phone.dial()
    phone.press("2", "1", "1140012345")
    phone.drop()
    assert later(world, minutes=6) == 0
    assert dropped(world) == {"enrol.done": 1, "mandate.holder": 1}


def test_who_enrolled_meanwhile_is_not_invited(world: World, phone: Phone) -> None:
    begin(phone, SITI)
    enrol(world.phone(BUDI_PHONE))
    assert later(world, minutes=6) == 0, "by another phone"
    begin(world.phone(BUDI_PHONE))
    assert later(world, minutes=6) == 0, "a number that enrolled somebody today"
    assert phone.received() == []


def test_a_number_that_wants_no_reminders_gets_no_invitation(world: World, phone: Phone) -> None:
    enrol(phone, BUDI_NIK, BUDI)
    world.clock.forward(days=2)
    begin(phone, SITI)
    phone.text("STOP")
    phone.text("1")
    assert "Pengingat dihentikan" in world.last_sms()
    assert later(world, minutes=6) == 0
    enrolled_long_ago = world.phone(BUDI_PHONE)
    enrol(enrolled_long_ago, "3599011708900004", BUDI)
    world.clock.forward(days=2)
    begin(enrolled_long_ago, SITI)
    assert later(world, minutes=6) == 1, "who shares a phone with a member is invited"


@pytest.mark.parametrize(
    ("cut_off_at", "village", "told_at"),
    [
        ((2026, 11, 23, 21, 0), True, (2026, 11, 24, 8, 0)),
        ((2026, 11, 23, 18, 30), True, None),
        ((2026, 11, 23, 18, 30), False, (2026, 11, 24, 8, 0)),
        ((2026, 11, 23, 5, 0), False, (2026, 11, 23, 8, 0)),
    ],
)
def test_nobody_is_invited_by_night(
    world: World, phone: Phone, cut_off_at: tuple[int, ...], village: bool, told_at: tuple[int, ...] | None
) -> None:
    """Where no village is known it has to be day in Jakarta and two hours east of it."""
    at(world, *cut_off_at)
    begin(phone, *((SITI, "4", SUKAMAJU) if village else ()))
    first = later(world, minutes=6)
    if told_at is None:
        assert first == 1
        return
    assert first == 0
    world.clock.now = datetime(*told_at, tzinfo=JAKARTA)  # type: ignore[misc,arg-type]
    world.clock.forward(minutes=-1)
    assert see_dropped(world.ports) == 0
    assert later(world, minutes=1) == 1
    assert world.one("SELECT created_at FROM messages WHERE kind = 'invite'") == world.clock.now


def test_who_enrols_by_night_is_not_invited_in_the_morning(world: World, phone: Phone) -> None:
    at(world, 2026, 11, 23, 21, 0)
    begin(phone)
    later(world, minutes=6)
    phone.dial()
    phone.press("2")
    enrol(phone)
    at(world, 2026, 11, 24, 8, 30)
    assert see_dropped(world.ports) == 0


def test_who_is_on_the_line_again_in_the_morning_is_not_invited(world: World, phone: Phone) -> None:
    at(world, 2026, 11, 23, 21, 0)
    begin(phone)
    later(world, minutes=6)
    at(world, 2026, 11, 24, 7, 59)
    phone.dial()
    assert "nama lengkap" in phone.press("1")
    assert later(world, minutes=1) == 0


def test_a_notice_of_the_end_brings_the_invitation_forward(world: World, phone: Phone) -> None:
    begin(phone)
    end_notice(world, phone)
    assert later(world, seconds=59) == 0
    assert later(world, seconds=1) == 1


@pytest.mark.parametrize(
    ("status", "session"), [("Success", ""), ("Failed", ""), ("Incomplete", "ATUid_of_an_earlier_call")]
)
def test_a_notice_of_another_call_or_of_another_end_brings_nothing_forward(
    world: World, phone: Phone, status: str, session: str
) -> None:
    begin(phone)
    end_notice(world, phone, status, session)
    assert later(world, minutes=2) == 0
    assert later(world, minutes=4) == 1


def test_a_notice_that_comes_after_the_redial_or_the_end_ends_nothing(world: World, phone: Phone) -> None:
    begin(phone)
    first = phone.session
    phone.dial()
    end_notice(world, phone, session=first)
    assert later(world, minutes=2) == 0
    phone.press("3", "5", "3")
    assert not phone.live
    end_notice(world, phone)
    assert later(world, minutes=10) == 0
    assert dropped(world) == {"enrol.name": 1}


def test_each_drop_is_counted_once_whoever_finds_it(world: World, phone: Phone) -> None:
    begin(phone)
    phone.dial()
    assert dropped(world) == {"enrol.name": 1}, "found by the redial"
    later(world, minutes=6)
    later(world, minutes=6)
    assert dropped(world) == {"enrol.name": 1, "resume": 1}, "found by the job"
    phone.dial()
    assert dropped(world) == {"enrol.name": 1, "resume": 1}, "and not again by the next redial"
    end_notice(world, phone)
    later(world, minutes=1)
    assert dropped(world) == {"enrol.name": 1, "resume": 2}, "found by the notice"


def test_a_call_that_went_on_while_it_was_looked_at_is_neither_counted_nor_invited(world: World, phone: Phone) -> None:
    begin(phone)
    world.clock.forward(minutes=6)
    journeys, now = Journeys(world.ports.redis, world.ports.keys), world.clock.now
    (seen,) = journeys.silent(int(now.timestamp()), 10)
    phone.dial()
    assert not journeys.drop(seen, now.date(), "dropped|x|id|g", int(now.timestamp()))
    assert dropped(world) == {"enrol.name": 1}
    assert see_dropped(world.ports) == 0


def test_nobody_is_invited_into_a_menu_that_no_longer_knows_the_way(world: World, phone: Phone) -> None:
    begin(phone)
    journeys = Journeys(world.ports.redis, world.ports.keys)
    caller = world.ports.keys.index("phone", SITI_PHONE).hex()
    world.clock.forward(minutes=6)
    (seen,) = journeys.silent(int(world.clock.now.timestamp()), 10)
    assert seen.journey is not None
    old = seen.journey.but(menu=MENU_VERSION - 1)
    world.ports.redis.set(journeys._keys(caller)[0], world.ports.keys.shared.seal(old.dumps(), caller))
    assert see_dropped(world.ports) == 0
