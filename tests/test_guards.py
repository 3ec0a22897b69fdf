"""Rules of the house that no reader should have to check: floors, transactions, Flask, time, size, and who may call.

Each rule is a function from source to complaints, so that each is also tried on a source that breaks it.
"""

import ast
from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from config import load
from tests.sandboxed import Sandbox

ROOT = Path(__file__).parent.parent
MODULE_LINES_MAX, FUNCTION_LINES_MAX = 300, 60

# Imports point down; names that share a floor never import each other.
FLOORS = (
    {"config", "units", "sealing", "logs", "database", "dayfiles", "silence"},
    {"texts", "banks", "gateways", "insurer"},
    {"models"},
    {"insurance", "migrations"},
    {"ports", "data"},
    {"ussd", "sms", "autodebit"},
    {"console", "handset", "jobs"},
    {"commands", "local"},
    {"app"},
)
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}
# The world outside, and those that measure and try us: not part of the building.
OUTSIDE = {"sandbox", "bench", "tests"}
# Its verifier shares no code with what it verifies (rulings 9).
HIDDEN_FROM_SANDBOX = ("banks.snap", "gateways")
RELATIVE = "(a relative import)"

NO_TRANSACTIONS_OF_THEIR_OWN = ("models", "insurance", "banks", "gateways")
WITH_ROUTES, ALL_FLASK = ("autodebit", "handset", "sms", "ussd"), ("console", "sandbox")
WITH_FLASK = ("commands/__init__.py", "commands/ledger.py", "commands/ports.py")
FLASK_ALLOWED = {"app.py", *WITH_FLASK, *(f"{name}/routes.py" for name in WITH_ROUTES)}
# Who may ask the machine for the time, and why the clock port does not serve there.
TIME_ALLOWED = {
    "units/clock.py": "it is the clock port",
}
# The numbered steps are written by Alembic and never edited again.
GENERATED = ("migrations/versions/",)


def own_files() -> dict[str, str]:
    """Every source file of ours by its path."""
    packages = [path for path in ROOT.iterdir() if (path / "__init__.py").exists()]
    files = [*ROOT.glob("*.py"), *(file for package in packages for file in package.rglob("*.py"))]
    return {file.relative_to(ROOT).as_posix(): file.read_text() for file in sorted(files)}


FILES = own_files()
PRODUCT = {path: text for path, text in FILES.items() if path.split("/")[0] not in ("tests", "bench")}


@cache
def parsed(text: str) -> ast.Module:
    return ast.parse(text)


def top(dotted: str) -> str:
    return dotted.split(".")[0]


def owner(path: str) -> str:
    return path.split("/")[0].removesuffix(".py")


def imports(text: str) -> Iterator[str]:
    """Every module that is imported anywhere in `text`, whole: `from banks import snap` is `banks.snap` too."""
    for node in ast.walk(parsed(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield RELATIVE


def is_allowed(me: str, module: str) -> bool:
    name = top(module)
    if name in OUTSIDE or module == RELATIVE:
        return name == me
    if name == me or name not in FLOOR:
        return True
    if me == "sandbox":
        return FLOOR[name] <= 1 and not module.startswith(HIDDEN_FROM_SANDBOX)
    # What starts the servers can need nothing that needs them.
    return FLOOR[name] < (1 if me == "local" else FLOOR[me])


def floor_complaints(path: str, text: str) -> list[str]:
    me = owner(path)
    return sorted({f"{path} imports {module}" for module in imports(text) if not is_allowed(me, module)})


def test_every_package_of_ours_has_its_floor() -> None:
    assert {owner(path) for path in FILES} - OUTSIDE <= set(FLOOR)
    assert sum(len(names) for names in FLOORS) == len(FLOOR), "no name on two floors"


def test_imports_point_down_and_never_sideways() -> None:
    assert [complaint for path, text in PRODUCT.items() for complaint in floor_complaints(path, text)] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("units/x.py", "import config"),
        ("sealing.py", "def f():\n    from units.gsm import septets"),
        ("banks/x.py", "from gateways.base import Malformed"),
        ("models/x.py", "import insurance.cover"),
        ("insurance/x.py", "from ports import Ports"),
        ("ussd/x.py", "from sms import commands"),
        ("ussd/x.py", "from autodebit.collect import collect"),
        ("jobs.py", "import commands"),
        ("commands.py", "import app"),
        ("local/x.py", "import texts"),
        ("app.py", "from sandbox import server"),
        ("insurance/x.py", "from tests.world import World"),
        ("sandbox/x.py", "from models import Worker"),
        ("sandbox/x.py", "from banks.snap import sign"),
        ("sandbox/x.py", "from banks import snap_client"),
        ("sandbox/x.py", "import gateways.africastalking"),
        ("ussd/x.py", "from . import engine"),
    ],
)
def test_an_import_up_sideways_or_outside_is_seen(path: str, text: str) -> None:
    assert floor_complaints(path, text) != []


@pytest.mark.parametrize(
    ("path", "text"),
    [("insurance/x.py", "from models import Worker"), ("sandbox/x.py", "from insurer.dayfile import DayFiles")],
)
def test_an_import_down_is_no_complaint(path: str, text: str) -> None:
    assert floor_complaints(path, text) == []


def calls(text: str) -> Iterator[tuple[str, str]]:
    """Every call by its last two words: `work.db.commit()` is ("db", "commit"), `print()` is ("", "print")."""
    for node in ast.walk(parsed(text)):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield "", node.func.id
            elif isinstance(node.func, ast.Attribute):
                value = node.func.value
                named = isinstance(value, ast.Name | ast.Attribute)
                yield ast.unparse(value).split(".")[-1] if named else "(...)", node.func.attr


def ends_a_transaction(text: str) -> bool:
    return any(name in ("commit", "rollback") for _, name in calls(text))


def test_who_writes_rows_never_ends_the_transaction() -> None:
    files = {path: text for path, text in PRODUCT.items() if owner(path) in NO_TRANSACTIONS_OF_THEIR_OWN}
    assert len(files) > 20
    assert [path for path, text in files.items() if ends_a_transaction(text)] == []
    assert ends_a_transaction("work.db.commit()")
    assert ends_a_transaction("def f(db):\n    db.rollback()")


def imports_flask(text: str) -> bool:
    return "flask" in {top(module) for module in imports(text)}


def test_flask_is_known_to_the_routes_the_commands_and_the_app_only() -> None:
    files = {path for path, text in PRODUCT.items() if owner(path) not in ALL_FLASK and imports_flask(text)}
    assert files == FLASK_ALLOWED
    assert imports_flask("def f():\n    from flask import g")


def asks_the_time(text: str) -> bool:
    """Only what tells the wall's time: `time.monotonic` measures a wait and is nobody's business."""
    wall = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time")}
    wall |= {("time", "time_ns"), ("time", "localtime"), ("time", "gmtime")}
    from_time = {"time.time", "time.time_ns", "time.localtime", "time.gmtime"}
    return any(call in wall for call in calls(text)) or bool(from_time & set(imports(text)))


def test_the_machine_is_asked_for_the_time_in_one_place() -> None:
    assert {path for path, text in PRODUCT.items() if asks_the_time(text)} == set(TIME_ALLOWED)
    for text in ("datetime.now(UTC)", "datetime.datetime.utcnow()", "date.today()", "time.time()"):
        assert asks_the_time(text), text
    assert asks_the_time("from time import time")
    assert not asks_the_time("time.monotonic()")


def prints(text: str) -> bool:
    return ("", "print") in calls(text)


def test_only_what_a_person_starts_in_a_terminal_prints() -> None:
    files = {path for path, text in FILES.items() if prints(text)}
    assert {path for path in files if owner(path) not in ("bench", "local") and path != "sandbox/__main__.py"} == set()
    assert prints("print('x')")
    assert not prints("Console().print(table)")


def size_complaints(path: str, text: str) -> list[str]:
    found, lines = list[str](), len(text.splitlines())
    if lines > MODULE_LINES_MAX:
        found.append(f"{path}: {lines} lines")
    for node in ast.walk(parsed(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION_LINES_MAX:
                found.append(f"{path}: {node.name} has {length} lines")
    return found


def test_no_module_and_no_function_is_too_long_to_be_read_at_once() -> None:
    files = {path: text for path, text in FILES.items() if not path.startswith(GENERATED)}
    assert [complaint for path, text in files.items() for complaint in size_complaints(path, text)] == []
    assert size_complaints("x.py", "x = 1\n" * 301) == ["x.py: 301 lines"]
    assert size_complaints("x.py", "def f():\n" + "    x = 1\n" * 60) == ["x.py: f has 61 lines"]


def lacks_its_sentence(text: str) -> bool:
    return bool(text.strip()) and not ast.get_docstring(parsed(text))


def test_every_module_opens_with_a_sentence_on_what_it_is() -> None:
    assert [path for path, text in FILES.items() if lacks_its_sentence(text)] == []
    assert lacks_its_sentence("import os\n")


# Who may call: every route there is. A new one fails here until it is said who its caller is and how that is checked.
GATEWAY, ANYONE, SANDBOX_ONLY = "the gateway, by the key in the path", "anyone", "whoever is at this machine"
METRICS = "our own Prometheus, by the key in the path"
BANK = "a bank, by the key in the path and its signature"
HANDSET = ("/", "/sandbox/sms", "/sandbox/did", "/sandbox/handset/<any('handset.js', 'handset.css'):name>")
CALLERS = {
    ("POST", "/ussd/africastalking"): GATEWAY,
    ("POST", "/ussd/africastalking/events"): GATEWAY,
    ("POST", "/ussd/hubtel"): GATEWAY,
    ("POST", "/sms/africastalking/inbound"): GATEWAY,
    ("POST", "/sms/africastalking/delivery"): GATEWAY,
    ("POST", "/sms/africastalking/optout"): GATEWAY,
    ("POST", "/bank/<code>/v1.0/debit/notify"): BANK,
    ("POST", "/bank/<code>/v1.0/debit/fast-notify"): BANK,
    ("GET", "/metrics"): METRICS,
    **dict.fromkeys((("GET", "/health/live"), ("GET", "/health/ready")), ANYONE),
    **{("GET", path): SANDBOX_ONLY for path in HANDSET},
}
BEHIND_THE_KEY = [route for route, who in CALLERS.items() if who not in (ANYONE, SANDBOX_ONLY)]
CALLBACK_KEY = "0123456789abcdef01234567"


def routes(app: Flask) -> set[tuple[str, str]]:
    rules = app.url_map.iter_rules()
    return {(method, rule.rule) for rule in rules for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}


def make_app(sandbox: Sandbox, database_url: str, redis_url: str, **more: str) -> Flask:
    servers = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "BANKS_FILE": str(sandbox.folder / "banks.toml")}
    folders = {"INSURER_OUT_DIR": str(sandbox.folder / "out"), "INSURER_IN_DIR": str(sandbox.folder / "in")}
    return create_app(load({**servers, **folders, "LOG_LEVEL": "error", **more}))


@pytest.fixture
def production(sandbox: Sandbox, database_url: str, redis_url: str) -> Flask:
    secrets = {name: b64encode(name.encode().ljust(32)).decode() for name in ("DATA_KEY", "INDEX_KEY", "PIN_PEPPER")}
    ours = {"AT_USERNAME": "iuran-live", "AT_API_KEY": "our-own", "AT_SENDER_ID": "IURAN", "USSD_CODE": "*123*45#"}
    ours["USSD_GATEWAYS"] = "africastalking,hubtel"
    more = {"IURAN_MODE": "production", "CALLBACK_KEY": CALLBACK_KEY, **secrets, **ours}
    return make_app(sandbox, database_url, redis_url, **more)


def test_every_route_says_who_may_call_it(sandbox: Sandbox, database_url: str, redis_url: str) -> None:
    open_sandbox = {"IURAN_MODE": "sandbox", "SANDBOX_URL": sandbox.url}
    assert routes(make_app(sandbox, database_url, redis_url, **open_sandbox)) == set(CALLERS)


def test_production_has_no_handset_and_its_callbacks_only_behind_the_key(production: Flask) -> None:
    prefix = {**dict.fromkeys((GATEWAY, BANK, METRICS), f"/cb/{CALLBACK_KEY}"), ANYONE: ""}
    expected = {(method, prefix[who] + path) for (method, path), who in CALLERS.items() if who is not SANDBOX_ONLY}
    assert routes(production) == expected


@pytest.mark.parametrize(("method", "path"), BEHIND_THE_KEY)
def test_a_callback_without_the_right_key_is_not_here(production: Flask, method: str, path: str) -> None:
    client, found = production.test_client(), 401 if CALLERS[method, path] is BANK else 200
    path = path.replace("<code>", "114")
    assert client.open(f"/cb/{CALLBACK_KEY}{path}", method=method).status_code == found
    wrong = ("", "/cb", f"/cb/{CALLBACK_KEY[:-1]}", f"/cb/{CALLBACK_KEY.upper()}", f"/cb/{'0' * 24}", "/cb/")
    for prefix in wrong:
        assert client.open(prefix + path, method=method).status_code == 404
    other = "POST" if method == "GET" else "GET"
    assert client.open(f"/cb/{CALLBACK_KEY}{path}", method=other).status_code == 404
