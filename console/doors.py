"""Who may open which page: every view says so itself, and what says nothing is shut."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from console.accounts import Account
from models import Role
from models.event import record
from ports import Ports

View = TypeVar("View", bound=Callable[..., Any])
ANYONE = frozenset({"anyone"})
EVERYBODY = frozenset(Role)
"""Everybody with an account."""
_MARK = "open_to"


def open_to(*roles: Role) -> Callable[[View], View]:
    """The view is for operators with one of these roles."""
    assert roles, "a door that names nobody would be open to all"

    def mark(view: View) -> View:
        setattr(view, _MARK, frozenset(roles))
        return view

    return mark


def to_anyone(view: View) -> View:
    """The view is for whoever comes: what leads to a login, and what a page looks like."""
    setattr(view, _MARK, ANYONE)
    return view


def roles_of(app: Flask, endpoint: str) -> frozenset[str] | None:
    """None where its view does not say: then nobody may."""
    found: frozenset[str] | None = getattr(app.view_functions[endpoint], _MARK, None)
    return found


def me() -> Account:
    """The operator of this request; only behind a door that asks for a role."""
    account = current_user._get_current_object()
    assert isinstance(account, Account)
    return account


def guard(app: Flask, ports: Ports) -> None:
    """Ask at every door, before any view runs; a refusal is kept for the auditor."""

    @app.before_request
    def ask() -> Response | None:
        if request.endpoint is None:
            return None
        roles = roles_of(app, request.endpoint)
        if roles is None:
            abort(403)
        if roles == ANYONE:
            return None
        if not current_user.is_authenticated:
            return _to_login()
        if me().role not in roles:
            with ports.transaction() as work:
                subject = ("operator", str(me().id))
                record(work.db, subject, me().name, "refused", request.endpoint, "", "", work.now)
            abort(403)
        return None


def _to_login() -> Response:
    """Where htmx asks for a part of a page the login form would get into its place: the whole page goes there."""
    login = url_for("security.login")
    if request.headers.get("HX-Request"):
        answer = Response(status=204)
        answer.headers["HX-Redirect"] = login
        return answer
    return redirect(login)
