"""`flask tickets` as people use it: a ticket's trail is shown, its answer is sent once, what cannot be is one line."""

from config import Settings
from tests.people import enrol
from tests.test_background import flask
from tests.world import World


def test_a_ticket_is_shown_and_answered_by_command(world: World, settings: Settings) -> None:
    phone = world.phone()
    enrol(phone)
    phone.dial()
    phone.press("5", "2", "2")
    reference = world.one("SELECT reference FROM tickets")
    # The commands have the machine's time, which is past the day that was promised here or is not: the code tells.
    status = flask(settings, "autodebit", "status")
    assert status.returncode == 2
    assert f"ticket {reference}" in status.stdout
    shown = flask(settings, "tickets", "show", reference)
    assert shown.returncode == 0
    assert f"{reference} debited" in shown.stdout
    assert "SITI" not in shown.stdout
    answered = flask(settings, "tickets", "answer", reference, "--text", "Sudah diperiksa.", "--by", "ani")
    assert answered.returncode == 0
    assert world.last_sms().startswith(f"LATIHAN Sudah diperiksa. Ref {reference}")
    again = flask(settings, "tickets", "answer", reference, "--text", "Lagi.", "--by", "ani")
    assert again.returncode == 1
    assert "answered already" in again.stderr
    assert "there is no ticket" in flask(settings, "tickets", "show", "NEVERGIVEN00").stderr
