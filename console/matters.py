"""Work items: what waits for a person, by whom it was agreed to, and one person's decision; the rules are below."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from autodebit.decide import choices, decide, wants_reference
from console.doors import me, open_to
from console.keys import read_key, write_key
from insurance import trails, work_items
from models import Role, WorkItem, WorkKind
from ports import Ports

LISTED_MAX = 50
# Errands and reports that name no money are an admin's; all else is decided by who answers for it.
_ADMINS = (WorkKind.PIN_RESET, WorkKind.MANY_CONFIRMED, WorkKind.FRAUD, WorkKind.GATEWAY_STOPPED)
_TICKETS = (WorkKind.COMPLAINT, WorkKind.ACCIDENT, WorkKind.DEATH)


def decides(role: Role, kind: str) -> bool:
    """Tickets have a page of their own, where who sees the member decides."""
    if kind in {one.value for one in _TICKETS}:
        return role in (Role.BRANCH, Role.ADMIN)
    return role is (Role.ADMIN if kind in {one.value for one in _ADMINS} else Role.FINANCE)


def make_blueprint(ports: Ports) -> Blueprint:
    routes = Blueprint("matters", __name__, url_prefix="/matters")

    @routes.get("/")
    @open_to(Role.FINANCE, Role.ADMIN)
    def home() -> str:
        kind = request.args.get("kind", "")
        with ports.transaction() as work:
            found = work_items.waiting(work, LISTED_MAX + 1, kind, read_key(request.args.get("after", "")))
            past = found[LISTED_MAX - 1] if len(found) > LISTED_MAX else None
            return render_template(
                "matters.html",
                items=found[:LISTED_MAX],
                past=write_key(past.due_on, past.id) if past else "",
                kind=kind,
                kinds=[one.value for one in WorkKind],
                today=work.today,
            )

    @routes.get("/<int:item_id>")
    @open_to(Role.FINANCE, Role.ADMIN)
    def one(item_id: int) -> str:
        with ports.transaction() as work:
            item = work.db.get(WorkItem, item_id)
            if item is None:
                abort(404)
            may = decides(me().role, item.kind) and item.kind not in {kind.value for kind in _TICKETS}
            fits = choices(work, item) if may else ()
            return render_template(
                "matter.html",
                item=item,
                agreed=work_items.agreed_by(work, item),
                needed=work.settings.APPROVALS_MIN,
                choices=fits,
                with_reference=any(wants_reference(item, decision) for decision in fits),
                can_be_refused=may and work_items.can_be_refused(item),
                trail=trails.trail_of(work, "work_item", item_id),
                today=work.today,
            )

    _add_decisions(routes, ports)
    return routes


def _add_decisions(routes: Blueprint, ports: Ports) -> None:
    @routes.post("/<int:item_id>/decision")
    @open_to(Role.FINANCE, Role.ADMIN)
    def decision(item_id: int) -> Response:
        settle(ports, item_id)
        return redirect(url_for("matters.one", item_id=item_id))

    @routes.post("/<int:item_id>/refusal")
    @open_to(Role.FINANCE, Role.ADMIN)
    def refusal(item_id: int) -> Response:
        _check_role(ports, item_id)
        try:
            with ports.transaction() as work:
                work_items.refuse(work, item_id, me().name)
            flash("matters.refused")
        except work_items.NotOpen:
            flash("matters.not_open")
        except work_items.NeedsOutcome:
            flash("matters.needs_outcome")
        return redirect(url_for("matters.one", item_id=item_id))


def settle(ports: Ports, item_id: int) -> None:
    """This operator's yes to the decision of the form, as the commands would take it; what came of it is flashed."""
    _check_role(ports, item_id)
    wanted, reference = request.form.get("decision", ""), request.form.get("reference", "").strip()
    try:
        decide(ports, item_id, me().name, wanted, reference)
        flash("matters.noted")
    except work_items.NotOpen:
        flash("matters.not_open")
    except work_items.Disagreed:
        flash("matters.disagreed")
    except ValueError:
        # What does not fit, or lacks the bank's reference, or came too late: the page shows what fits now.
        flash("matters.does_not_fit")


def _check_role(ports: Ports, item_id: int) -> None:
    with ports.transaction() as work:
        item = work.db.get(WorkItem, item_id)
        if item is None:
            abort(404)
        if not decides(me().role, item.kind):
            abort(403)
