"""The sandbox's gateway: Africa's Talking's wire format both ways, and the inbox of a phone."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest
import requests

from tests.sandbox_running import TEXT, Running, new_phone

pytestmark = pytest.mark.xdist_group("sandbox-gateway")


def test_a_text_is_answered_in_the_shape_of_africas_talking(served: Running) -> None:
    to = new_phone()
    answer = served.send(to, TEXT)
    assert (answer.status_code, answer.headers["Content-Type"]) == (201, "application/json")
    data = answer.json()["SMSMessageData"]
    [recipient] = data["Recipients"]
    assert data["Message"] == "Sent to 1/1 Total Cost: IDR 350.0000"
    assert re.fullmatch(r"ATXid_[0-9a-f]{32}", recipient.pop("messageId"))
    assert recipient == {"statusCode": 101, "number": to, "status": "Success", "cost": "IDR 350.0000"}


def test_the_real_client_library_is_understood(served: Running) -> None:
    program = (
        "import sys, json, africastalking as at; at.initialize('iuran', 'sandbox');"
        "at.SMS._baseUrl = sys.argv[1]; print(json.dumps(at.SMS.send('Halo', [sys.argv[2]], 'IURAN')))"
    )
    command = [sys.executable, "-c", program, f"{served.url}/version1", new_phone()]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert json.loads(printed)["SMSMessageData"]["Recipients"][0]["statusCode"] == 101


def test_each_text_is_reported_once_as_delivered(served: Running) -> None:
    to = new_phone()
    message_id = served.send(to, TEXT).json()["SMSMessageData"]["Recipients"][0]["messageId"]
    while (got := served.callbacks.got.get(timeout=5))[1]["id"] != message_id:
        continue
    expected = {"id": message_id, "status": "Success", "phoneNumber": to, "networkCode": "51010", "retryCount": "0"}
    assert got == ("/cb/SECRETKEY/sms/africastalking/delivery", expected)


@pytest.mark.parametrize("key", ["wrong", "", "sandbox2", "sandb\u00f6x"])
def test_a_wrong_key_is_turned_away_in_plain_text(served: Running, key: str) -> None:
    to = new_phone()
    answer = served.send(to, TEXT, apiKey=key.encode().decode("latin-1"))
    assert (answer.status_code, answer.text) == (401, "The supplied authentication is invalid")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert served.inbox(to=to) == []


def test_a_number_that_is_none_is_refused_and_the_others_are_sent(served: Running) -> None:
    to = new_phone()
    data = served.send(f"{to},0812,", TEXT).json()["SMSMessageData"]
    assert data["Message"] == "Sent to 1/3 Total Cost: IDR 350.0000"
    assert [one["statusCode"] for one in data["Recipients"]] == [101, 403, 403]


def test_a_form_without_a_text_is_a_bad_request(served: Running) -> None:
    assert served.send(new_phone(), "").status_code == 400


def test_the_inbox_shows_what_a_phone_got_newest_last(served: Running) -> None:
    to, before = new_phone(), datetime.now(UTC)
    for text in ("satu", "dua & dua", "tiga"):
        served.send(to, text)
    served.send(new_phone(), "lain")
    texts = served.inbox(to=to)
    assert [(one["to"], one["from"], one["text"]) for one in texts] == [
        (to, "IURAN", "satu"),
        (to, "IURAN", "dua & dua"),
        (to, "IURAN", "tiga"),
    ]
    assert before <= datetime.fromisoformat(str(texts[0]["at"])) <= datetime.now(UTC)
    assert [one["text"] for one in served.inbox(to=to, after=str(texts[0]["id"]))] == ["dua & dua", "tiga"]
    assert served.inbox(to=to, after=str(texts[-1]["id"])) == []
    # A plus sign that nobody escaped is a blank by the time it arrives.
    assert len(requests.get(f"{served.url}/version1/inbox?to={to}", timeout=5).json()) == 3
    assert requests.get(f"{served.url}/version1/inbox?after=x", timeout=5).status_code == 400


def test_the_inbox_shows_a_hundred_texts_at_most(served: Running) -> None:
    to = new_phone()
    for _ in range(5):
        assert served.send(",".join([to] * 21), "x").status_code == 201
    ids = [int(one["id"]) for one in served.inbox(to=to)]
    assert len(ids) == 100
    later = [int(one["id"]) for one in served.inbox(to=to, after="0")]
    assert (len(later), later[5:]) == (100, ids[:95])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("x" * 306, 2),
        ("x" * 307, 3),
        ("[" * 80, 1),
        ("[" * 81, 2),
        ("ł" * 70, 1),
        ("ł" * 71, 2),
        ("😀" * 36, 2),
    ],
)
def test_parts_are_counted_as_a_phone_counts(served: Running, text: str, parts: int) -> None:
    to = new_phone()
    cost = served.send(to, text).json()["SMSMessageData"]["Recipients"][0]["cost"]
    assert [one["parts"] for one in served.inbox(to=to)] == [parts]
    assert cost == f"IDR {350 * parts}.0000"
