"""The whole of `make run` on a fresh folder: every part runs, a dial is answered, what was done is there next time."""

import requests

from bench.running import own_folder, post, running_stack
from config import SANDBOX_USSD_CODE
from handset.phone import Phone
from local.stack import CONSOLE_BESIDE
from tests.people import PIN, SITI, SITI_NIK, SITI_PHONE, enrol
from units.clock import jakarta_day, system_clock
from units.month import add_months, month_of


def phone_of(port: int) -> Phone:
    return Phone(SITI_PHONE, lambda path, form: post(port, path, form), lambda _number: [], code=SANDBOX_USSD_CODE)


def test_all_of_it_starts_answers_a_dial_ends_cleanly_and_keeps_its_data() -> None:
    with own_folder() as folder:
        with running_stack(folder) as stack:
            assert set(stack.parts) == {"web", "console", "worker", "sandbox", "postgres", "valkey"}
            assert b"Masuk" in requests.get(f"http://127.0.0.1:{stack.port + CONSOLE_BESIDE}/login", timeout=10).content
            assert "autodebit" in enrol(phone_of(stack.port)).lower()
        said = (folder / "local.log").read_text()
        assert f"http://127.0.0.1:{stack.port} (sandbox). Dial {SANDBOX_USSD_CODE}" in said
        month = add_months(month_of(jakarta_day(system_clock())), 1)
        assert f"autodebit run --month {month:%Y-%m}" in said, "this month's first debit is made already"
        assert said.rstrip().endswith("Stopped. The data stay in " + str(folder / "var") + ".")
        with running_stack(folder) as again:
            phone = phone_of(again.port)
            phone.dial()
            assert SITI.split()[0].upper() in phone.press("4").upper()
        logged = "".join(path.read_text(errors="replace") for path in (folder / "var" / "log").glob("*.log"))
        assert not any(secret in logged for secret in (PIN, SITI, SITI_NIK, SITI_PHONE)), "personal data in a log"
