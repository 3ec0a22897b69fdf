"""`flask handset` against a running server: transcripts dialled again, differences shown, and a phone to type on."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from werkzeug.serving import make_server

from app import create_app
from tests.people import SITI, SITI_PHONE
from tests.test_roster import SLIP, load, slip_of
from tests.test_roster import write as write_roster
from tests.test_transcripts import FOLDER
from tests.world import World


@pytest.fixture
def url(world: World) -> Iterator[str]:
    """The product as it listens, with what its worker does: insurer and texts."""
    server = make_server("127.0.0.1", 0, world.app, threaded=True)
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.1):
            world.exchange()
            world.send_sms()

    threads = [threading.Thread(target=server.serve_forever), threading.Thread(target=work)]
    for thread in threads:
        thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    over.set()
    server.shutdown()
    for thread in threads:
        thread.join()
    server.server_close()


def handset(world: World, *args: str, typed: str = "") -> Result:
    with world.app.app_context():
        return world.app.test_cli_runner().invoke(args=["handset", *args], input=typed)


def test_a_transcript_dialled_on_another_day_reads_the_same(world: World, url: str) -> None:
    world.clock.forward(days=1)
    done = handset(world, "--url", url, str(FOLDER / "enrolment.txt"))
    assert done.exit_code == 0, done.output
    assert "enrolment.txt: as it says" in done.output
    assert world.one("SELECT count(*) FROM workers") == 1


def test_what_a_later_day_brings_is_left_out_and_said(world: World, url: str) -> None:
    file = FOLDER / "dropped.txt"
    later = [number for number, line in enumerate(file.read_text().splitlines(), 1) if line.startswith("= ")][1]
    done = handset(world, "--url", url, str(file))
    assert done.exit_code == 0, done.output
    assert f"as it says, line {later}: the rest is of a later day" in done.output


def test_every_difference_is_shown_and_the_exit_code_tells(world: World, url: str, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    said = (FOLDER / "enrolment.txt").read_text().partition("> Siti Rahmawati")[0]
    other.write_text(said.replace("LATIHAN Ketik nama", "LATIHAN Tulis nama") + "SMS Siti: Selamat\n")
    done = handset(world, "--url", url, "--sms-wait", "0.1", str(other), str(FOLDER / "enrolment.txt"))
    assert done.exit_code == 1
    line = said.splitlines().index("> 3599014503850007") + 1
    assert f"{other}:{line}: > 3599014503850007\n  - LATIHAN Tulis nama" in done.output
    assert "  + LATIHAN Ketik nama" in done.output
    assert "SMS Siti\n  - Selamat\n  + no SMS" in done.output
    # The second finds the first one's dropped call.
    assert "2 of 2 transcripts differ" in done.output


def test_what_stands_for_something_else_in_every_run_can_be_given(world: World, url: str, tmp_path: Path) -> None:
    _, slips = load(world, write_roster(tmp_path, f"{SLIP}2"))
    file = str(FOLDER / "roster.txt")
    stuck = handset(world, "--url", url, file)
    assert stuck.exit_code == 1
    assert "nobody was told slip; --with slip=... says it" in stuck.output
    done = handset(world, "--url", url, "--with", f"slip={slip_of(slips, SITI)}", file)
    assert done.exit_code == 0, done.output
    assert "NAME=VALUE" in handset(world, "--url", url, "--with", "slip", file).output


def test_a_file_that_is_no_transcript_is_named(world: World, tmp_path: Path) -> None:
    file = tmp_path / "no.txt"
    file.write_text("hello\n")
    assert "no.txt: line 1: 'hello'" in handset(world, str(file)).output


def test_a_phone_to_type_on(world: World, url: str) -> None:
    lines = ("", "1", "/drop", "hello", "*500*73*35013#", "/sms STATUS", "/inbox", "/number 0857-0000-0002", "/quit")
    done = handset(world, "--url", url, typed="\n".join(lines) + "\n")
    assert done.exit_code == 0, done.output
    assert "LATIHAN BPJS Ketenagakerjaan\n1. Daftar" in done.output
    assert "Ketik NIK" in done.output
    assert "LATIHAN Desa: Sukamaju Jaya" in done.output
    assert done.output.count("/sms WORDS") == 2, "at the beginning, and where nothing was meant"
    assert "sent" in done.output
    assert f"{SITI_PHONE} (call)> " in done.output
    assert "+6285700000002> " in done.output


def test_the_end_of_the_input_ends_it_and_a_wrong_number_is_named(world: World, url: str) -> None:
    assert handset(world, "--url", url).exit_code == 0
    assert "an Indonesian mobile one" in handset(world, "--url", url, "--number", "12").output


def test_without_a_sandbox_it_says_how_to_start_one(world: World) -> None:
    done = handset(world, "--url", "http://127.0.0.1:9", typed="\n")
    assert done.exit_code == 1
    assert "no sandbox there: ConnectionError; `make run` starts one" in done.output


def test_production_has_no_handset(world: World) -> None:
    production = world.ports.settings.model_copy(update={"IURAN_MODE": "production"})
    app = create_app(world.ports.settings)
    app.extensions["ports"] = type(world.ports)(**{**vars(world.ports), "settings": production})
    with app.app_context():
        done = app.test_cli_runner().invoke(args=["handset"])
    assert done.exit_code == 1
    assert "sandbox only" in done.output
