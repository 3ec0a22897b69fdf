"""Any request at all on every public route: an answer as docs/callbacks.yaml says it, no fault, nothing that grows."""

import dataclasses
import time
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from app import create_app
from tests.test_guards import CALLERS, SANDBOX_ONLY
from tests.world import World

SCHEMA = schemathesis.openapi.from_path(Path(__file__).parents[1] / "docs" / "callbacks.yaml")
DOCUMENT: dict[str, Any] = SCHEMA.raw_schema
METHODS = {"get", "post"}


def documented() -> set[tuple[str, str]]:
    return {
        (method.upper(), path.replace("{", "<").replace("}", ">"))
        for path, operations in DOCUMENT["paths"].items()
        for method in operations.keys() & METHODS
    }


def test_every_callback_is_in_the_document_and_nothing_else_is() -> None:
    assert documented() == {route for route, who in CALLERS.items() if who is not SANDBOX_ONLY}


@SCHEMA.parametrize()
@settings(max_examples=40, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_any_request_gets_one_of_its_answers(world: World, case: schemathesis.Case[Any]) -> None:
    case.operation.schema.app = world.app
    before = time.monotonic()
    answer = case.call(app=world.app)
    assert time.monotonic() - before < 10
    here = DOCUMENT["paths"][case.operation.path]
    method = "get" if case.method == "HEAD" and "get" in here else case.method.lower()
    known = here[method]["responses"] if method in here else {"404": "another method"}
    assert str(answer.status_code) in known
    assert answer.status_code < 500
    assert len(answer.content) < 20_000


@pytest.mark.parametrize(
    "path", sorted({path.replace("<code>", "114") for method, path in CALLERS if method == "POST"})
)
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff" * 1000, "application/x-www-form-urlencoded"),
        (b"{" * 20_000, "application/json"),
        (b"[" * 15_000, "application/json"),
        (b"&".join(b"k%d=v" % n for n in range(3000)), "application/x-www-form-urlencoded"),
        (b"text=" + b"9" * 100_000, "application/x-www-form-urlencoded"),
        (b"--x\r\n" * 3000, "multipart/form-data; boundary=x"),
        (b"", "text/plain; charset=\x00"),
        (b'{"a":1e999999}', "application/json"),
    ],
)
def test_what_is_no_request_of_theirs_is_answered_as_such(world: World, path: str, body: bytes, kind: str) -> None:
    answer = world.app.test_client().post(path, data=body, content_type=kind)
    assert answer.status_code in (200, 400, 401, 413)


def test_a_header_in_a_field_stays_in_the_field(world: World) -> None:
    """No answer's header is made of what came in."""
    form = {
        "sessionId": "a\r\nSet-Cookie: x=1",
        "phoneNumber": "+6281234567890\r\nX: y",
        "serviceCode": "*500*73#",
        "text": "",
    }
    answer = world.app.test_client().post("/ussd/africastalking", data=form)
    assert answer.status_code == 200
    assert {"Set-Cookie", "X"}.isdisjoint(answer.headers.keys())


# Where callbacks may come from


def app_with(world: World, **more: Any) -> Any:
    ports = dataclasses.replace(world.ports, settings=world.ports.settings.model_copy(update=more))
    names = [field.name for field in dataclasses.fields(ports) if field.name != "settings"]
    return create_app(ports.settings, **{name: getattr(ports, name) for name in names})


FORM = {"sessionId": "s1", "phoneNumber": "+6281234567890", "serviceCode": "*500*73#", "text": ""}


@pytest.mark.parametrize(
    ("caller", "forwarded", "proxies", "status"),
    [
        ("196.0.2.9", "", 0, 200),
        ("2001:db8::1", "", 0, 200),
        ("196.0.3.9", "", 0, 404),
        ("196.0.3.9", "196.0.2.9", 0, 404),
        ("10.0.0.1", "196.0.2.9", 1, 200),
        ("10.0.0.1", "196.0.2.9, 6.6.6.6", 1, 404),
        ("10.0.0.1", "", 1, 404),
        ("10.0.0.1", "6.6.6.6, 196.0.2.9, 10.0.0.2", 2, 200),
        ("10.0.0.1", "nonsense", 1, 404),
    ],
)
def test_only_the_named_addresses_are_let_in(
    world: World, caller: str, forwarded: str, proxies: int, status: int
) -> None:
    app = app_with(world, CALLBACK_SOURCES="196.0.2.0/24, 2001:db8::/32", CALLBACK_PROXIES=proxies)
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    around = {"REMOTE_ADDR": caller}
    answer = app.test_client().post("/ussd/africastalking", data=FORM, headers=headers, environ_base=around)
    assert answer.status_code == status
    assert app.test_client().get("/health/live", environ_base=around).status_code == 200


# How often


def turn(app: Any, phone: str, session: str) -> str:
    form = {**FORM, "phoneNumber": phone, "sessionId": session}
    return str(app.test_client().post("/ussd/africastalking", data=form).get_data(as_text=True))


def test_a_number_that_never_stops_is_told_to_wait_and_others_are_not(world: World) -> None:
    app = app_with(world, HOPS_PER_MINUTE_MAX=12)
    said = [turn(app, "+6281234567890", f"s{n}") for n in range(14)]
    assert all(one.startswith("CON ") for one in said[:12])
    assert all(one.startswith("END ") and "ramai" in one for one in said[12:])
    assert turn(app, "+6285700000002", "other").startswith("CON ")
    keys: Any = world.ports.redis.keys("n:*")
    assert all(0 < world.ports.redis.ttl(key) <= 60 for key in keys)
    assert len(keys) == 2
    for key in keys:
        world.ports.redis.delete(key)
    assert turn(app, "+6281234567890", "later").startswith("CON "), "no lock was left behind"


def test_a_process_takes_so_many_a_second_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_with(world, HOPS_PER_S_MAX=3)
    moment = 1000.0
    monkeypatch.setattr("ussd.calls.time.monotonic", lambda: moment)
    said = [turn(app, f"+62812000000{n:02}", f"s{n}")[:4] for n in range(5)]
    assert said == ["CON "] * 3 + ["END "] * 2
    moment += 1
    assert turn(app, "+6281200000099", "next").startswith("CON ")
