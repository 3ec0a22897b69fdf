"""Operators: who they are, made and changed by an admin; a one-time code is shown once, to be told by voice."""

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from console.doors import me, open_to
from insurance import operators
from insurance.operators import BadOperator
from insurance.work import Work
from models import Role
from ports import Ports


def make_blueprint(ports: Ports) -> Blueprint:
    routes = Blueprint("staff", __name__, url_prefix="/staff")

    def page(code: str = "", name: str = "") -> str:
        with ports.transaction() as work:
            listed = operators.listed(work)
        return render_template("staff.html", operators=listed, roles=list(Role), code=code, name=name)

    def done(act: Callable[[Work], str | None]) -> str | Response:
        """With a code the page itself, for it is kept nowhere and may stand in no address."""
        name = request.form.get("name", "")[:40]
        try:
            with ports.transaction() as work:
                code = act(work)
        except BadOperator as bad:
            flash(f"staff.bad_{bad}")
            return redirect(url_for("staff.home"))
        if code:
            return page(code, name)
        flash("staff.done")
        return redirect(url_for("staff.home"))

    @routes.get("/")
    @open_to(Role.ADMIN)
    def home() -> str:
        return page()

    @routes.post("/add")
    @open_to(Role.ADMIN)
    def add() -> str | Response:
        return done(lambda work: operators.add(work, *_who(), me().name))

    @routes.post("/role")
    @open_to(Role.ADMIN)
    def role() -> str | Response:
        return done(lambda work: operators.set_role(work, *_who(), me().name))

    @routes.post("/way-in")
    @open_to(Role.ADMIN)
    def way_in() -> str | Response:
        return done(lambda work: operators.new_way_in(work, request.form.get("name", ""), me().name))

    @routes.post("/active")
    @open_to(Role.ADMIN)
    def active() -> str | Response:
        on = request.form.get("active") == "yes"
        return done(lambda work: operators.set_active(work, request.form.get("name", ""), me().name, active=on))

    return routes


def _who() -> tuple[str, str, list[str]]:
    """Name, role, and the regencies of a branch as they were typed, with commas or blanks between."""
    regencies = request.form.get("regencies", "").replace(",", " ").split()
    return request.form.get("name", ""), request.form.get("role", ""), regencies[:50]
