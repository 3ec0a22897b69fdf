"""People: found by what they show or say, one page of each, a PIN reset begun, a copy for the member; all recorded."""

from flask import Blueprint, Response, abort, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from console.doors import me, open_to
from insurance import corrections, erasures, people, pin_resets, trails
from insurance import person as person_of
from insurance.work import Work
from models import Membership, Role
from models.machine import Cause
from ports import Ports
from sealing import Unreadable

_ERASURE_FAULTS = {erasures.OtherNumber: "people.reset_other", erasures.ErasureWaits: "people.erase_waits"}
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
    _add_erasure(routes, ports)
    _add_corrections(routes, ports)
    return routes


def _add_person(routes: Blueprint, ports: Ports) -> None:
    @routes.get("/<reference>")
    @open_to(Role.BRANCH, Role.ADMIN)
    def one(reference: str) -> str:
        with ports.transaction() as work:
            member = _seen(work, reference, "viewed")
            try:
                erasure = erasures.waiting(work, member.worker)
                return render_template("person.html", person=person_of.person(work, member), erasure=erasure)
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
        try:
            with ports.transaction() as work:
                member = _seen(work, reference, "pin_reset")
                pin_resets.begin(work, member.reference, _ends("ends"), me().name)
            flash("people.reset_begun")
        except tuple(_FAULTS) as fault:
            flash(_FAULTS[type(fault)])
        return redirect(url_for("people.one", reference=reference))

    @routes.post("/<reference>/copy")
    @open_to(Role.ADMIN)
    def copy(reference: str) -> Response:
        """Nothing in it is masked, so an admin alone makes it, at the member's own asking."""
        with ports.transaction() as work:
            member = _seen(work, reference, "copied")
            if member.worker.is_erased:
                abort(410)
            answer = jsonify(person_of.copy_of(work, member))
        answer.headers["Content-Disposition"] = f'attachment; filename="{reference}.json"'
        return answer


def _add_corrections(routes: Blueprint, ports: Ports) -> None:
    @routes.post("/<reference>/correct")
    @open_to(Role.BRANCH, Role.ADMIN)
    def correct(reference: str) -> Answer:
        typed = {name: " ".join(request.form.get(name, "").split()) for name in ("name", "birth", "place", "village")}
        try:
            with ports.transaction() as work:
                member = _seen(work, reference, "correction")
                corrections.correct(work, member, corrections.Correction(**typed), me().sight, me().name)
            flash("people.corrected")
        except corrections.NotCorrectable as fault:
            flash(f"people.not_{fault}")
        return redirect(url_for("people.one", reference=reference))

    @routes.post("/<reference>/again")
    @open_to(Role.BRANCH, Role.ADMIN)
    def again(reference: str) -> Answer:
        """Its reference is another one afterwards."""
        try:
            with ports.transaction() as work:
                member = _seen(work, reference, "submitted_again")
                corrections.submit_again(work, member, me().name)
                reference = member.reference
            flash("people.submitted")
        except corrections.NotCorrectable as fault:
            flash(f"people.not_{fault}")
        return redirect(url_for("people.one", reference=reference))


def _add_erasure(routes: Blueprint, ports: Ports) -> None:
    @routes.post("/<reference>/erase")
    @open_to(Role.BRANCH, Role.ADMIN)
    def erase(reference: str) -> Answer:
        try:
            with ports.transaction() as work:
                erasures.ask(work, _seen(work, reference, "erasure"), _ends("erase_ends"), me().name)
            flash("people.erase_begun")
        except tuple(_ERASURE_FAULTS) as fault:
            flash(_ERASURE_FAULTS[type(fault)])
        return redirect(url_for("people.one", reference=reference))

    @routes.post("/<reference>/keep")
    @open_to(Role.BRANCH, Role.ADMIN)
    def keep(reference: str) -> Answer:
        with ports.transaction() as work:
            stopped = erasures.stop(work, _seen(work, reference, "erasure").worker, Cause(me().name, "branch"))
        flash("people.erase_stopped" if stopped else "people.erase_none")
        return redirect(url_for("people.one", reference=reference))


def _ends(name: str) -> str:
    """What the member says are the last four digits; what is no four digits fits no number."""
    ends = "".join(request.form.get(name, "").split())
    return ends if len(ends) == 4 and ends.isascii() and ends.isdigit() else "-"


def _seen(work: Work, reference: str, why: str) -> Membership:
    """What is not in the operator's regencies is not here: that it is elsewhere is not said either."""
    try:
        return people.seen(work, me().sight, reference, me().name, why)
    except LookupError:
        abort(404)
