"""Tickets: complaints, accidents and deaths, the day by which an answer is owed, and the answer; views are recorded."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from autodebit.decide import choices
from console.doors import me, open_to
from console.keys import read_key, write_key
from console.matters import settle
from insurance import tickets, work_items
from insurance.person import begins
from insurance.work import Work
from models import Membership, Role, Ticket
from models.event import record
from ports import Ports
from texts.longest import ANSWER_SEPTETS_MAX

LISTED_MAX = 50


def make_blueprint(ports: Ports) -> Blueprint:
    routes = Blueprint("complaints", __name__, url_prefix="/tickets")

    @routes.get("/")
    @open_to(Role.BRANCH, Role.ADMIN)
    def home() -> str:
        with ports.transaction() as work:
            after = read_key(request.args.get("after", ""))
            found = tickets.waiting(work, me().sight, LISTED_MAX + 1, after)
            past = found[LISTED_MAX - 1] if len(found) > LISTED_MAX else None
            return render_template(
                "complaints.html",
                tickets=found[:LISTED_MAX],
                past=write_key(past.answer_by, past.id) if past else "",
                today=work.today,
            )

    @routes.get("/<reference>")
    @open_to(Role.BRANCH, Role.ADMIN)
    def one(reference: str) -> str:
        with ports.transaction() as work:
            ticket, member = _seen(work, reference)
            subject = member.worker.subject if member else ticket.subject
            record(work.db, subject, me().name, "ticket", ticket.kind, "", "", work.now)
            box = work.box(member.worker) if member else work.keys.shared
            item = tickets.item_of(work, ticket)
            return render_template(
                "complaint.html",
                ticket=ticket,
                member=member,
                name=work.name(member.worker) if member else "",
                phone=begins(box.open(ticket.phone_sealed, "ticket.phone")),
                item=item,
                agreed=work_items.agreed_by(work, item) if item else (),
                choices=choices(work, item) if item else (),
                letters=ANSWER_SEPTETS_MAX,
                today=work.today,
            )

    _add_answers(routes, ports)
    return routes


def _add_answers(routes: Blueprint, ports: Ports) -> None:
    @routes.post("/<reference>/answer")
    @open_to(Role.BRANCH, Role.ADMIN)
    def answer(reference: str) -> Response:
        try:
            with ports.transaction() as work:
                _seen(work, reference)
                tickets.answer(work, reference, request.form.get("words", ""), me().name)
            flash("tickets.sent")
        except tickets.NotAnswerable:
            flash("tickets.not_sent")
        return redirect(url_for("complaints.one", reference=reference))

    @routes.post("/<reference>/decision")
    @open_to(Role.BRANCH, Role.ADMIN)
    def decision(reference: str) -> Response:
        with ports.transaction() as work:
            ticket, _ = _seen(work, reference)
            item = tickets.item_of(work, ticket)
        if item is None:
            abort(404)
        settle(ports, item.id)
        return redirect(url_for("complaints.one", reference=reference))


def _seen(work: Work, reference: str) -> tuple[Ticket, Membership | None]:
    try:
        return tickets.seen(work, me().sight, reference)
    except LookupError:
        abort(404)
