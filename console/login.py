"""How an operator comes in and goes out: Flask-Security's own password and second factor, few tries, an event each."""

import hmac
from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, request, session, url_for
from flask_login import current_user
from flask_security import Security, hash_password, logout_user, user_authenticated, user_failed_authn
from flask_security.forms import LoginForm
from flask_security.views import login, two_factor_setup, two_factor_token_validation
from werkzeug.wrappers import Response
from wtforms import BooleanField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

from config import Settings
from console.accounts import Account, Accounts, make_totp
from console.doors import EVERYBODY, me, open_to, to_anyone
from console.limits import Limits, TooMany
from console.sessions import ConsoleSession
from console.words import LANGUAGES
from insurance import operators
from models.event import record
from models.operator import OPERATOR_LETTERS_MAX
from ports import Ports

PASSWORD_LETTERS_MIN, PASSWORD_LETTERS_MAX = 12, 128
# OWASP Password Storage Cheat Sheet (2026), argon2id: m=19 MiB, t=2, p=1 is the least it names beside m=7 MiB, t=5;
# operators are few, so theirs costs more than a caller's PIN.
_ARGON2 = {"argon2__type": "ID", "argon2__memory_cost": 47104, "argon2__time_cost": 1, "argon2__parallelism": 1}


class NameForm(LoginForm):
    """Name and password; the name is that of the operator's row, and what was wrong is not said."""

    # Without these two of the library's: nobody has an address here, and no browser is remembered.
    email = None
    remember: BooleanField = None
    name = StringField(validators=[InputRequired(), Length(max=OPERATOR_LETTERS_MAX)])
    password = PasswordField(validators=[InputRequired(), Length(max=PASSWORD_LETTERS_MAX)])

    def validate(self, **kwargs: Any) -> bool:
        self.ifield = self.name
        found: Account | None = self.accounts.find_user(name=(self.name.data or "").strip())
        # Who is switched off fails as everybody else does who may not come in.
        self.user = found if found is not None and found.active else None
        return bool(super().validate(**kwargs))

    accounts: Accounts


def security_config(settings: Settings) -> dict[str, Any]:
    """Everything is derived from a key there is, one secret fewer to lose; not from DATA_KEY, which is rotated."""

    def derived(what: str) -> str:
        return hmac.digest(settings.key("PIN_PEPPER"), f"iuran console {what}".encode(), "sha256").hex()

    return {
        "SECRET_KEY": derived("signatures"),
        "SECURITY_PASSWORD_SALT": derived("pepper"),
        "SECURITY_TOTP_SECRETS": {"1": derived("second factor")},
        "SECURITY_TOTP_ISSUER": "Iuran",
        "SECURITY_PASSWORD_HASH": "argon2",
        "SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS": _ARGON2,
        "SECURITY_PASSWORD_LENGTH_MIN": PASSWORD_LETTERS_MIN,
        "SECURITY_USER_IDENTITY_ATTRIBUTES": [{"name": {"mapper": lambda name: name}}],
        "SECURITY_TWO_FACTOR": True,
        "SECURITY_TWO_FACTOR_REQUIRED": True,
        "SECURITY_TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
        # A code of the half minute before or after ours is taken: phones' clocks differ.
        "SECURITY_TWO_FACTOR_AUTHENTICATOR_VALIDITY": 30,
        "SECURITY_TWO_FACTOR_RESCUE_EMAIL": False,
        "SECURITY_FLASH_MESSAGES": False,
        "SECURITY_LOGIN_USER_TEMPLATE": "login.html",
        "SECURITY_TWO_FACTOR_SETUP_TEMPLATE": "factor.html",
        "SECURITY_TWO_FACTOR_VERIFY_CODE_TEMPLATE": "code.html",
        "SECURITY_POST_LOGIN_VIEW": "/",
        "SECURITY_CLI_USERS_NAME": None,
        "SECURITY_CLI_ROLES_NAME": None,
        # The session is as old as its token, and ends sooner.
        "WTF_CSRF_TIME_LIMIT": None,
    }


def set_up_login(app: Flask, ports: Ports) -> None:
    app.config.update(security_config(ports.settings))
    accounts, limits = Accounts(ports), Limits(ports.redis)
    form = type("BoundNameForm", (NameForm,), {"accounts": accounts})
    security = Security(app, accounts, register_blueprint=False, login_form=form, totp_cls=make_totp(ports))
    # No tokens in place of a session: they would outlive it.
    security.want_json(lambda _request: False)
    security.login_manager._request_callback = None
    _limit(app, ports, limits)
    _remember(app, ports, limits)
    app.register_blueprint(_make_blueprint(ports, limits))


def _make_blueprint(ports: Ports, limits: Limits) -> Blueprint:
    """Of Flask-Security's views the three that are needed, under the names by which they call each other."""
    routes = Blueprint("security", __name__)
    both = ["GET", "POST"]
    for rule, endpoint, view in (
        ("/login", "login", login),
        ("/login/factor", "two_factor_setup", _only_before_login(two_factor_setup)),
        ("/login/code", "two_factor_token_validation", _only_before_login(two_factor_token_validation)),
    ):
        routes.add_url_rule(rule, endpoint, to_anyone(_wrapped(view)), methods=both)

    @routes.post("/login/help", endpoint="two_factor_rescue")
    @to_anyone
    def rescue() -> Response:
        # The library names this address; who lost the phone is let in anew by an admin.
        return _redirect("security.login")

    @routes.post("/logout")
    @open_to(*EVERYBODY)
    def logout() -> Response:
        with ports.transaction() as work:
            record(work.db, ("operator", str(me().id)), me().name, "logout", "", "", "", work.now)
        logout_user()
        _session().end(ports.clock())
        return _redirect("security.login")

    @routes.post("/language")
    @to_anyone
    def language() -> Response:
        chosen = request.form.get("language", "")
        if chosen in LANGUAGES:
            session["language"] = chosen
            if current_user.is_authenticated:
                with ports.transaction() as work:
                    operators.speak(work, me().id, chosen)
        return _redirect("today.home")

    _add_first_way(routes, ports, limits)
    return routes


def _add_first_way(routes: Blueprint, ports: Ports, limits: Limits) -> None:
    @routes.route("/login/first", methods=["GET", "POST"])
    @to_anyone
    def first() -> str | Response:
        """The one-time way in: name, code and a password of one's own; the second factor follows at the login."""
        if request.method == "GET":
            return render_template("first.html", wrong="")
        name, code = request.form.get("name", "").strip(), request.form.get("code", "")
        password, again = request.form.get("password", ""), request.form.get("again", "")
        wrong = _password_fault(name, password, again)
        if wrong:
            return render_template("first.html", wrong=wrong)
        hashed = hash_password(password)
        with ports.transaction() as work:
            row = operators.by_code(work, name, code)
            if row is not None:
                operators.let_in(work, row, hashed)
        if row is None:
            limits.failed(_index(ports, name), _address())
            return render_template("first.html", wrong="login.wrong_code")
        flash("login.now")
        return _redirect("security.login")


def _password_fault(name: str, password: str, again: str) -> str:
    if not PASSWORD_LETTERS_MIN <= len(password) <= PASSWORD_LETTERS_MAX:
        return "login.length"
    if password != again:
        return "login.differ"
    known = {name.casefold(), name.casefold() * 2}
    return "login.easy" if len(set(password)) < 5 or password.casefold() in known else ""


def _limit(app: Flask, ports: Ports, limits: Limits) -> None:
    tried = {"security.login", "security.first", "security.two_factor_token_validation"}

    @app.before_request
    def few_tries() -> tuple[str, int] | None:
        if request.method != "POST" or request.endpoint not in tried:
            return None
        try:
            limits.check(_index(ports, _who()), _address())
        except TooMany:
            return render_template("message.html", title="login.too_many", text="login.wait"), 429
        return None

    @app.after_request
    def count_unknown(response: Response) -> Response:
        """A name that nobody has sends no signal below, and is counted like a wrong password."""
        if request.method == "POST" and request.endpoint == "security.login" and response.status_code == 200:
            limits.failed(_index(ports, _who()), _address())
        return response


def _who() -> str:
    """The name that was typed; behind the password, whom the session waits for."""
    return request.form.get("name", "").strip() or str(session.get("tf_user_id", ""))


def _remember(app: Flask, ports: Ports, limits: Limits) -> None:
    """What Flask-Security tells of logins becomes events, and a session takes another name."""

    def came_in(_app: Flask, user: Account, **_more: Any) -> None:
        limits.forget(_index(ports, user.fs_uniquifier), _address())
        limits.forget(_index(ports, user.name), _address())
        _session().rotate(ports.clock())
        _record(ports, user, "login")

    def failed(_app: Flask, user: Account, auth_type: str, **_more: Any) -> None:
        if auth_type == "code":
            limits.failed(_index(ports, user.fs_uniquifier), _address())
        _record(ports, user, f"wrong_{auth_type}")

    # Kept by the application: the signals hold on to nothing by themselves.
    app.extensions["console_signals"] = (came_in, failed)
    user_authenticated.connect(came_in, app)
    user_failed_authn.connect(failed, app)


def _record(ports: Ports, user: Account, why: str) -> None:
    with ports.transaction() as work:
        record(work.db, ("operator", str(user.id)), user.name, why, "", "", "", work.now)


def _only_before_login(view: Any) -> Any:
    """Who is in already changes no second factor here: a session left open must not be enough for that."""

    def before_login() -> Any:
        return _redirect("today.home") if current_user.is_authenticated else view()

    return before_login


def _wrapped(view: Any) -> Any:
    """A function of our own, so that the library's is not the one that is marked; the first page follows a login."""

    def wrapped() -> Any:
        answer = view()
        if isinstance(answer, Response) and answer.location:
            # Without the library's own word of where to go on.
            answer.location = answer.location.partition("?")[0]
        return answer

    return wrapped


def _session() -> ConsoleSession:
    held = session._get_current_object()  # type: ignore[attr-defined]
    assert isinstance(held, ConsoleSession)
    return held


def _redirect(endpoint: str) -> Response:
    return redirect(url_for(endpoint))


def _index(ports: Ports, name: str) -> bytes:
    return ports.keys.index("operator", name)


def _address() -> str:
    return request.remote_addr or ""
