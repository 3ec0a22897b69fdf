"""People: found by what they show or say, one page of each, a PIN reset begun, a copy for the member; all recorded."""

from flask import Blueprint, Response, abort, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from console.doors import me, open_to
from insurance import people, pin_resets, trails
from insurance import person as person_of
from insurance.work import Work
from models import Membership, Role
from ports import Ports
from sealing import Unreadable

_FAULTS = {
    pin_resets.NoSuchMember: "people.reset_nobody",
    pin_resets.OtherNumber: "people.reset_other",
    pin_resets.ResetWaits: "people.reset_waits",
}


def make_blueprint(ports: Ports) -> Blueprint:
    routes = Blueprint("people", __name__, url_prefix="/people")

    @routes.get("/")
    @open_to(Role.BRANCH, Role.ADMIN)
    def home() -> str:
        return render_template("people.html", listed=None, typed="")

    @routes.post("/")
    @open_to(Role.BRANCH, Role.ADMIN)
    def search() -> str:
        """A POST, for what is typed is personal data and has no place in an address."""
        typed = request.form.get("typed", "")[:100]
        after = (request.form.get("regency", "")[:4], request.form.get("after", 0, int) or 0)
        with ports.transaction() as work:
            listed = people.search(work, me().sight, typed, me().name, after)
        return render_template("people.html", listed=listed, typed=typed)

    _add_person(routes, ports)
    return routes


def _add_person(routes: Blueprint, ports: Ports) -> None:
    @routes.get("/<reference>")
    @open_to(Role.BRANCH, Role.ADMIN)
    def one(reference: str) -> str:
        with ports.transaction() as work:
            member = _seen(work, reference, "viewed")
            try:
                return render_template("person.html", person=person_of.person(work, member))
            except Unreadable:
                return render_template("message.html", title="people.erased", text="people.erased_text")

    @routes.get("/<reference>/trail")
    @open_to(Role.BRANCH, Role.ADMIN)
    def trail(reference: str) -> str:
        with ports.transaction() as work:
            member = _seen(work, reference, "trail")
            return render_template("trail_part.html", trail=trails.trail(work, member))

    @routes.post("/<reference>/pin-reset")
    @open_to(Role.BRANCH, Role.ADMIN)
    def reset(reference: str) -> Answer:
        ends = "".join(request.form.get("ends", "").split())
        try:
            with ports.transaction() as work:
                member = _seen(work, reference, "pin_reset")
                if not (len(ends) == 4 and ends.isascii() and ends.isdigit()):
                    raise pin_resets.OtherNumber
                pin_resets.begin(work, member.reference, ends, me().name)
            flash("people.reset_begun")
        except tuple(_FAULTS) as fault:
            flash(_FAULTS[type(fault)])
        return redirect(url_for("people.one", reference=reference))

    @routes.post("/<reference>/copy")
    @open_to(Role.ADMIN)
    def copy(reference: str) -> Response:
        """Nothing in it is masked, so an admin alone makes it, at the member's own asking."""
        with ports.transaction() as work:
            answer = jsonify(person_of.copy_of(work, _seen(work, reference, "copied")))
        answer.headers["Content-Disposition"] = f'attachment; filename="{reference}.json"'
        return answer


def _seen(work: Work, reference: str, why: str) -> Membership:
    """What is not in the operator's regencies is not here: that it is elsewhere is not said either."""
    try:
        return people.seen(work, me().sight, reference, me().name, why)
    except LookupError:
        abort(404)
