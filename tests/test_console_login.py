"""How operators come in: one-time code, password, second factor; few tries, sessions that end, an event each."""

import re
from datetime import timedelta

import pytest

from console.limits import NAME_TRIES_MAX, PAIR_TRIES_MAX
from insurance import operators
from insurance.operators import CODE_TRIES_MAX
from models import Role
from tests.console_desk import PASSWORD, Console, Desk


def cookie(desk: Desk) -> str:
    found = desk.client.get_cookie("iuran")
    return found.value if found else ""


def test_the_first_admin_is_let_in_by_a_code_and_sets_password_and_factor(console: Console) -> None:
    desk = console.browser("rina")
    code = console.add("rina", Role.ADMIN)
    assert desk.first_way(code).location == "/login"
    assert desk.type_password().location == "/login/factor"
    assert desk.set_up_factor().location == "/"
    assert "rina" in desk.get("/").get_data(as_text=True)
    assert [event[1:] for event in console.events("login")] == [(console.events("let_in")[0][1], "rina", "")]


def test_password_and_secret_are_kept_as_argon2id_and_sealed(console: Console) -> None:
    desk = console.desk(Role.ADMIN)
    password, factor = console.world.rows("SELECT password, factor FROM operators")[0]
    assert password.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    assert desk.factor.replace("-", "") not in factor
    assert "enckey" in factor


def test_without_the_second_factor_nothing_is_open(console: Console) -> None:
    desk = console.desk(Role.ADMIN)
    stranger = console.browser(desk.name)
    assert stranger.type_password().location == "/login/code"
    assert stranger.get("/").location == "/login"
    assert stranger.type_code("000000").status_code == 200
    assert "salah" in stranger.text
    assert stranger.get("/").location == "/login"


def test_a_code_of_the_app_is_good_once(console: Console) -> None:
    desk = console.desk(Role.ADMIN)
    console.world.clock.now += timedelta(seconds=30)
    first, second = console.browser(desk.name), console.browser(desk.name)
    for browser in (first, second):
        browser.factor = desk.factor
        browser.type_password()
    assert first.type_code().location == "/"
    assert second.type_code().status_code == 200
    assert second.get("/").location == "/login"


def test_a_one_time_code_is_good_once_for_a_day_and_for_few_tries(console: Console) -> None:
    code = console.add("rina", Role.ADMIN)
    desk = console.browser("rina")
    assert desk.first_way(code).location == "/login"
    assert "tidak cocok" in desk.first_way(code).get_data(as_text=True)
    late = console.add("budi", Role.VIEWER)
    console.world.clock.now += timedelta(hours=24)
    assert "tidak cocok" in console.browser("budi").first_way(late).get_data(as_text=True)
    tried = console.add("tono", Role.VIEWER)
    for _ in range(CODE_TRIES_MAX):
        with console.ports.transaction() as work:
            assert operators.by_code(work, "tono", "AAAA-AAAA-AAAA-AAAA") is None
    with console.ports.transaction() as work:
        assert operators.by_code(work, "tono", tried) is None


def test_a_code_is_read_however_it_is_typed_and_never_shown_again(console: Console) -> None:
    code = console.add("rina", Role.ADMIN)
    assert console.browser("rina").first_way(f" {code.lower().replace('-', ' ')} ").location == "/login"
    kept = console.world.rows("SELECT * FROM operators")
    assert code not in str(kept)


@pytest.mark.parametrize(
    ("password", "again", "why"),
    [
        ("short", "short", "12 sampai 128"),
        ("x" * 129, "x" * 129, "12 sampai 128"),
        ("kereta api pagi", "kereta api sore", "tidak sama"),
        ("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", "mudah ditebak"),
        ("rina.rahmawati", "rina.rahmawati", "mudah ditebak"),
    ],
)
def test_a_weak_password_is_refused_and_the_code_stays_good(
    console: Console, password: str, again: str, why: str
) -> None:
    code = console.add("rina.rahmawati", Role.ADMIN)
    desk = console.browser("rina.rahmawati")
    desk.post("/login/first", name=desk.name, code=code, password=password, again=again)
    assert why in desk.text
    assert desk.first_way(code).location == "/login"


def test_a_wrong_password_an_unknown_name_and_one_switched_off_look_alike(console: Console) -> None:
    desk = console.desk(Role.VIEWER)
    with console.ports.transaction() as work:
        operators.set_active(work, desk.name, "tests", active=False)

    def without_token(page: str) -> str:
        return re.sub(r'value="[^"]{40,}"', "", page)

    pages = set()
    for name, password in ((desk.name, PASSWORD), (desk.name, "wrong password"), ("nobody.here", PASSWORD)):
        browser = console.browser(name)
        browser.type_password(password)
        pages.add(without_token(browser.text).replace(name, ""))
    assert len(pages) == 1


def test_few_tries_of_a_name_then_even_the_right_password_waits(console: Console) -> None:
    desk = console.desk(Role.VIEWER)
    thief = console.browser(desk.name)
    for _ in range(PAIR_TRIES_MAX):
        assert thief.type_password("wrong password").status_code == 200
    assert thief.type_password().status_code == 429
    elsewhere = console.browser(desk.name)
    elsewhere.client.environ_base["REMOTE_ADDR"] = "10.0.0.9"
    assert elsewhere.type_password().location == "/login/code", "its owner is not kept out by a stranger's tries"
    assert console.ports.redis.ttl(next(iter(console.ports.redis.scan_iter("console:tries:*")))) > 0


def test_a_name_is_not_tried_from_a_hundred_addresses(console: Console) -> None:
    desk = console.desk(Role.VIEWER)
    for number in range(NAME_TRIES_MAX):
        browser = console.browser(desk.name)
        browser.client.environ_base["REMOTE_ADDR"] = f"10.0.1.{number}"
        browser.type_password("wrong password")
    browser = console.browser(desk.name)
    browser.client.environ_base["REMOTE_ADDR"] = "10.0.2.1"
    assert browser.type_password().status_code == 429


def test_codes_are_guessed_at_a_few_times_only(console: Console) -> None:
    desk = console.desk(Role.VIEWER)
    thief = console.browser(desk.name)
    thief.type_password()
    for _ in range(PAIR_TRIES_MAX):
        assert thief.type_code("123456").status_code == 200
    assert thief.type_code("123456").status_code == 429
    assert len(console.events("wrong_code")) == PAIR_TRIES_MAX


def test_the_session_has_another_name_after_the_login(console: Console) -> None:
    desk = console.desk(Role.VIEWER)
    browser = console.browser(desk.name)
    browser.factor = desk.factor
    browser.type_password()
    planted = cookie(browser)
    console.world.clock.now += timedelta(seconds=30)
    browser.type_code()
    assert cookie(browser) != planted != ""
    thief = console.browser("")
    thief.client.set_cookie("iuran", planted)
    assert thief.get("/").location == "/login"


def test_an_idle_session_ends_and_so_does_an_old_one(console: Console) -> None:
    settings, clock = console.ports.settings, console.world.clock
    desk = console.desk(Role.VIEWER)
    clock.now += timedelta(minutes=settings.CONSOLE_IDLE_MINUTES)
    assert desk.get("/").status_code == 200
    clock.now += timedelta(minutes=settings.CONSOLE_IDLE_MINUTES, seconds=1)
    assert desk.get("/").location == "/login"
    desk.log_in()
    for _ in range(settings.CONSOLE_HOURS * 6):
        clock.now += timedelta(minutes=10)
        assert desk.get("/").status_code == 200
    clock.now += timedelta(minutes=1)
    assert desk.get("/").location == "/login", "however busy it was"


def test_logging_out_ends_the_session_on_the_server_too(console: Console) -> None:
    desk = console.desk(Role.VIEWER)
    kept = cookie(desk)
    assert desk.post("/logout", page="/").location == "/login"
    thief = console.browser("")
    thief.client.set_cookie("iuran", kept)
    assert thief.get("/").location == "/login"
    assert [event[2] for event in console.events("logout")] == [desk.name]


@pytest.mark.parametrize("how", ["off", "role", "way"])
def test_who_is_switched_off_or_changed_is_out_at_once(console: Console, how: str) -> None:
    desk = console.desk(Role.VIEWER)
    with console.ports.transaction() as work:
        if how == "off":
            operators.set_active(work, desk.name, "tests", active=False)
        elif how == "role":
            operators.set_role(work, desk.name, Role.FINANCE.value, (), "tests")
        else:
            operators.new_way_in(work, desk.name, "tests")
    assert desk.get("/").location == "/login"


def test_who_lost_the_phone_begins_anew_with_a_code(console: Console) -> None:
    desk = console.desk(Role.VIEWER)
    with console.ports.transaction() as work:
        code = operators.new_way_in(work, desk.name, "tests")
    assert desk.type_password().status_code == 200
    desk.first_way(code, "another password altogether")
    assert desk.type_password("another password altogether").location == "/login/factor"


def test_a_session_left_open_changes_no_second_factor(console: Console) -> None:
    desk = console.desk(Role.VIEWER)
    before = console.world.one("SELECT factor FROM operators")
    assert desk.post("/login/factor", page="/", setup="authenticator").location == "/"
    assert desk.post("/login/code", page="/", code=desk.code()).location == "/"
    assert console.world.one("SELECT factor FROM operators") == before


def test_no_token_stands_in_for_a_session(console: Console) -> None:
    desk = console.desk(Role.VIEWER)
    browser = console.browser(desk.name)
    answer = browser.client.post("/login?include_auth_token", json={"name": desk.name, "password": PASSWORD})
    assert answer.status_code == 400
    assert not answer.is_json
    with console.app.test_request_context():
        found = console.app.extensions["security"].datastore.find_user(name=desk.name)
        token = found.get_auth_token()
    assert browser.get("/", headers={"Authentication-Token": token}).location == "/login"
    assert browser.get(f"/?auth_token={token}").location == "/login"


def test_the_cookie_is_hard_to_steal(console: Console) -> None:
    answer = console.browser("").get("/login")
    (named,) = answer.headers.getlist("Set-Cookie")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in named.split(";")}


def test_valkey_holds_neither_session_names_nor_login_names(console: Console) -> None:
    desk = console.desk(Role.VIEWER)
    console.browser(desk.name).type_password("wrong password")
    keys = b" ".join(console.ports.redis.scan_iter("console:*")).decode()
    assert cookie(desk) not in keys
    assert desk.name not in keys
