"""Texts: gateways, what is held, what came in and broke us; taken up again by an admin, and reading one is recorded."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from console.doors import me, open_to
from models import Message, MessageState, Role, SmsRoute
from ports import Ports
from sms import routing, taking

LISTED_MAX = 100


def make_blueprint(ports: Ports) -> Blueprint:
    routes = Blueprint("texts", __name__, url_prefix="/texts")

    @routes.get("/")
    @open_to(Role.VIEWER, Role.FINANCE, Role.ADMIN)
    def home() -> str:
        with ports.transaction() as work:
            held = select(Message.month, Message.id, Message.kind, Message.route, Message.created_at).where(
                Message.state == MessageState.HELD.value
            )
            return render_template(
                "texts.html",
                gateways=work.db.scalars(select(SmsRoute).order_by(SmsRoute.name)).all(),
                held=work.db.execute(held.order_by(Message.lease_until).limit(LISTED_MAX)).all(),
                aside=taking.quarantined(work, LISTED_MAX),
            )

    _add_acts(routes, ports)
    return routes


def _add_acts(routes: Blueprint, ports: Ports) -> None:
    @routes.post("/gateways/<name>/resume")
    @open_to(Role.ADMIN)
    def resume(name: str) -> Response:
        with ports.transaction() as work:
            done = routing.resumed(work, name, me().name)
        flash("texts.resumed" if done else "texts.not_stopped")
        return redirect(url_for("texts.home"))

    @routes.post("/aside/read")
    @open_to(Role.ADMIN)
    def read() -> str:
        with ports.transaction() as work:
            try:
                words = taking.read_quarantined(work, request.form.get("id", ""), me().name)
            except LookupError:
                abort(404)
        return render_template("text.html", words=words)

    @routes.post("/aside/again")
    @open_to(Role.ADMIN)
    def again() -> Response:
        with ports.transaction() as work:
            try:
                word = taking.handle_again(work, request.form.get("id", ""), me().name)
            except LookupError:
                abort(404)
        flash("texts.breaks" if word == taking.UNANSWERED else "texts.answered")
        return redirect(url_for("texts.home"))
