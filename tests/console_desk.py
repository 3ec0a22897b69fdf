"""An operator at the console, as tests see one: a browser's requests and forms, a password and an authenticator app."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from passlib.totp import TOTP
from werkzeug.test import TestResponse

from config import Settings
from console.process import make_console
from insurance import operators
from models import Role
from ports import Ports
from tests.people import authorise, enrol
from tests.villagers import THIS
from tests.world import Clock, World

PASSWORD = "kereta api pagi ke Malang"
REGENCY = "3599"


@dataclass
class Desk:
    """One browser; `say` is its last page as text."""

    app: Flask
    clock: Clock
    name: str
    client: FlaskClient = field(init=False)
    last: TestResponse = field(init=False)
    factor: str = ""

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    @property
    def text(self) -> str:
        return self.last.get_data(as_text=True)

    def get(self, path: str, **more: Any) -> TestResponse:
        self.last = self.client.get(path, **more)
        return self.last

    def post(self, path: str, page: str = "", **fields: Any) -> TestResponse:
        """Send a form with the token of `page`, which is the form's own address unless it is named."""
        shown = self.client.get(page or path).get_data(as_text=True)
        token = re.search(r'name="csrf_token" value="([^"]+)"', shown)
        data = {**fields, "csrf_token": token[1] if token else ""}
        self.last = self.client.post(path, data=data, content_type="multipart/form-data")
        return self.last

    def first_way(self, code: str, password: str = PASSWORD) -> TestResponse:
        return self.post("/login/first", name=self.name, code=code, password=password, again=password)

    def type_password(self, password: str = PASSWORD) -> TestResponse:
        return self.post("/login", name=self.name, password=password)

    def set_up_factor(self) -> TestResponse:
        self.post("/login/factor", setup="authenticator")
        found = re.search(r"<code>([A-Z2-7 -]+)</code>", self.text)
        assert found, self.text
        self.factor = found[1]
        return self.type_code()

    def code(self) -> str:
        return str(TOTP(key=self.factor).generate(time=self.clock()).token)

    def type_code(self, code: str = "") -> TestResponse:
        return self.post("/login/code", page="/login/first", code=code or self.code())

    def log_in(self) -> "Desk":
        """With the password and the app, on a new half minute: each code is good once."""
        self.clock.now += timedelta(seconds=30)
        self.type_password()
        self.set_up_factor() if not self.factor else self.type_code()
        assert self.last.status_code == 302, self.text
        return self


class Console:
    """The console on the same servers as the product, with operators made as an admin would."""

    def __init__(self, app: Flask, world: World) -> None:
        self.app, self.world = app, world
        # It has its own memory of rows, which the world's reset does not know.
        self.ports.reference.clear()

    @property
    def ports(self) -> Ports:
        ports: Ports = self.app.extensions["ports"]
        return ports

    def add(self, name: str, role: Role, *regencies: str) -> str:
        with self.ports.transaction() as work:
            return operators.add(work, name, role.value, regencies, "tests")

    def browser(self, name: str) -> Desk:
        return Desk(self.app, self.world.clock, name)

    def desk(self, role: Role, name: str = "", regency: str = REGENCY) -> Desk:
        """Somebody of this role, logged in."""
        name = name or f"{role.value}.one"
        desk = self.browser(name)
        desk.first_way(self.add(name, role, *([regency] if role is Role.BRANCH else [])))
        return desk.log_in()

    def events(self, why: str) -> list[tuple[str, str, str, str]]:
        """(subject, its id, actor, code) of every event of this kind, oldest first."""
        found = self.world.rows(
            "SELECT subject, subject_id, actor, code FROM events WHERE why = :why ORDER BY id", why=why
        )
        return [tuple(row) for row in found]


@pytest.fixture(scope="session")
def console_app(settings: Settings, shared_app: tuple[Flask, Clock]) -> Flask:
    app, clock = shared_app
    return make_console(settings, clock=clock, banks=app.extensions["ports"].banks)


@pytest.fixture(scope="session")
def strict_app(settings: Settings, shared_app: tuple[Flask, Clock]) -> Flask:
    """As in production: two people agree."""
    app, clock = shared_app
    two = settings.model_copy(update={"APPROVALS_MIN": 2})
    return make_console(two, clock=clock, banks=app.extensions["ports"].banks)


@pytest.fixture
def strict(strict_app: Flask, world: World) -> Console:
    return Console(strict_app, world)


@pytest.fixture
def console(console_app: Flask, world: World) -> Console:
    return Console(console_app, world)


def paid_member(world: World) -> None:
    """Siti is accepted, her autodebit is active, and this month is paid and posted."""
    enrol(world.phone())
    world.exchange()
    authorise(world.phone())
    world.ask_banks()
    world.plan(THIS)
    world.send_sms()
    world.collect()
    world.exchange()
