"""Every door of the console: who may open it, what each answer carries, and that callers' processes know none of it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from console.doors import ANYONE, roles_of
from models import Role
from tests.console_desk import Console

ROOT = Path(__file__).parent.parent
VIEWER, BRANCH, FINANCE, ADMIN = Role.VIEWER, Role.BRANCH, Role.FINANCE, Role.ADMIN
EVERYBODY = frozenset(Role)
PEOPLE, NO_NAMES = frozenset({BRANCH, ADMIN}), frozenset({VIEWER, FINANCE, ADMIN})
# Who may call: every route there is. A new one fails here until it is said who its caller is.
CALLERS: dict[tuple[str, str], frozenset[str]] = {
    ("GET", "/static/<path:filename>"): ANYONE,
    ("GET", "/health/live"): ANYONE,
    ("GET", "/login"): ANYONE,
    ("POST", "/login"): ANYONE,
    ("GET", "/login/first"): ANYONE,
    ("POST", "/login/first"): ANYONE,
    ("GET", "/login/factor"): ANYONE,
    ("POST", "/login/factor"): ANYONE,
    ("GET", "/login/code"): ANYONE,
    ("POST", "/login/code"): ANYONE,
    ("POST", "/login/help"): ANYONE,
    ("POST", "/language"): ANYONE,
    ("POST", "/logout"): EVERYBODY,
    ("GET", "/"): EVERYBODY,
    ("GET", "/runbook"): EVERYBODY,
    ("GET", "/people/"): PEOPLE,
    ("POST", "/people/"): PEOPLE,
    ("GET", "/people/<reference>"): PEOPLE,
    ("GET", "/people/<reference>/trail"): PEOPLE,
    ("POST", "/people/<reference>/pin-reset"): PEOPLE,
    ("POST", "/people/<reference>/copy"): frozenset({ADMIN}),
    ("POST", "/people/<reference>/erase"): PEOPLE,
    ("POST", "/people/<reference>/keep"): PEOPLE,
    ("POST", "/people/<reference>/correct"): PEOPLE,
    ("POST", "/people/<reference>/again"): PEOPLE,
    ("POST", "/villages/<code>/heads"): PEOPLE,
    ("POST", "/villages/<code>/visits"): PEOPLE,
    ("GET", "/staff/"): frozenset({ADMIN}),
    **{("POST", f"/staff/{act}"): frozenset({ADMIN}) for act in ("add", "role", "way-in", "active")},
    ("GET", "/audit/"): frozenset({ADMIN}),
    ("GET", "/prices/"): frozenset({Role.VIEWER, Role.FINANCE, ADMIN}),
    ("POST", "/prices/propose"): frozenset({Role.FINANCE}),
    ("GET", "/tickets/"): PEOPLE,
    ("GET", "/tickets/<reference>"): PEOPLE,
    ("POST", "/tickets/<reference>/answer"): PEOPLE,
    ("POST", "/tickets/<reference>/decision"): PEOPLE,
    ("GET", "/runs/"): NO_NAMES,
    ("POST", "/runs/start"): frozenset({FINANCE}),
    ("POST", "/runs/lanes/<bank_code>"): frozenset({FINANCE}),
    ("GET", "/matters/"): frozenset({FINANCE, ADMIN}),
    ("GET", "/matters/<int:item_id>"): frozenset({FINANCE, ADMIN}),
    ("POST", "/matters/<int:item_id>/decision"): frozenset({FINANCE, ADMIN}),
    ("POST", "/matters/<int:item_id>/refusal"): frozenset({FINANCE, ADMIN}),
    ("GET", "/reconciliation/"): NO_NAMES,
    ("GET", "/villages/"): EVERYBODY,
    ("GET", "/villages/<code>"): PEOPLE,
    ("POST", "/villages/<code>/roster"): PEOPLE,
    ("GET", "/texts/"): NO_NAMES,
    ("POST", "/texts/gateways/<name>/resume"): frozenset({ADMIN}),
    ("POST", "/texts/aside/read"): frozenset({ADMIN}),
    ("POST", "/texts/aside/again"): frozenset({ADMIN}),
    ("GET", "/funnel/"): NO_NAMES,
    ("GET", "/reports/"): EVERYBODY,
    ("GET", "/reports/<name>.<kind>"): EVERYBODY,
}
BEHIND_A_LOGIN = sorted(route for route, roles in CALLERS.items() if roles is not ANYONE)


def test_every_route_says_who_may_call_it(console: Console) -> None:
    found = {}
    for rule in console.app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            found[method, rule.rule] = roles_of(console.app, rule.endpoint)
    assert found == CALLERS


def filled(path: str) -> str:
    """Some address of the route: who may not come in is turned away before anything is looked up."""
    return re.sub(r"<[^>]+>", "1", path)


@pytest.mark.parametrize("role", list(Role))
def test_each_role_opens_its_own_doors_and_no_other(console: Console, role: Role) -> None:
    desk = console.desk(role)
    shut = 0
    for method, path in BEHIND_A_LOGIN:
        if path == "/logout":
            continue
        refused_before = len(console.events("refused"))
        page = "" if method == "GET" else "/"
        status = (desk.get(filled(path)) if method == "GET" else desk.post(filled(path), page=page)).status_code
        if role in CALLERS[method, path]:
            assert status != 403, (method, path)
        else:
            shut += 1
            assert status == 403, (method, path)
            assert len(console.events("refused")) == refused_before + 1, "the auditor sees it"
    assert len(console.events("refused")) == shut


@pytest.mark.parametrize(("method", "path"), BEHIND_A_LOGIN)
def test_a_stranger_is_sent_to_the_login(console: Console, method: str, path: str) -> None:
    stranger = console.browser("")
    answer = stranger.get(filled(path)) if method == "GET" else stranger.post(filled(path), page="/login")
    assert answer.status_code == 302
    assert answer.location == "/login"


def test_a_part_of_a_page_sends_the_whole_page_to_the_login(console: Console) -> None:
    answer = console.browser("").get("/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"], answer.get_data()) == (204, "/login", b"")


def test_a_form_without_its_token_changes_nothing(console: Console) -> None:
    desk = console.desk(VIEWER)
    for path in [path for method, path in CALLERS if method == "POST"]:
        assert desk.client.post(filled(path)).status_code == 400, path
    assert desk.get("/").status_code == 200


def test_a_token_of_another_session_is_none(console: Console) -> None:
    desk, other = console.desk(VIEWER), console.desk(FINANCE)
    with other.client.session_transaction() as held:
        assert held
    other.get("/")
    token = other.text.split('name="csrf_token" value="')[1].split('"')[0]
    assert desk.client.post("/logout", data={"csrf_token": token}).status_code == 400


@pytest.mark.parametrize("path", ["/", "/login", "/nothing-here", "/static/console.css"])
def test_every_answer_is_hardened(console: Console, path: str) -> None:
    answer = console.desk(VIEWER).get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} <= {
        part.strip() for part in policy.split(";")
    }
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert ("no-store" in answer.headers["Cache-Control"]) == (not path.startswith("/static"))


def test_no_page_carries_script_or_style_of_its_own() -> None:
    for template in (ROOT / "console" / "templates").glob("*.html"):
        text = template.read_text()
        assert "<script>" not in text, template.name
        assert "style=" not in text, template.name
        assert "<style" not in text, template.name
        assert " on" + "click" not in text, template.name
        assert "//cdn" not in text, template.name
        assert "| safe" not in text, template.name


def test_who_serves_callers_imports_nothing_of_the_console() -> None:
    """Its memory is a web process's own, eight times over (docs/decisions/0018)."""
    code = (
        "import app, sys; names = {name.split('.')[0] for name in sys.modules};"
        "print(sorted(names & {'console', 'flask_security', 'flask_login', 'flask_wtf', 'wtforms', 'passlib'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
