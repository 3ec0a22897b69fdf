"""Runs: how far a month is at each bank, and what a person may do about it; two agree below, whoever asks here."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from console.doors import me, open_to
from insurance import runs, work_items
from insurance.progress import progress
from insurance.waking import PLAN, wake
from models import Role, WorkKind
from ports import Ports
from units.month import Month, add_months, month_of, parse_month


def make_blueprint(ports: Ports) -> Blueprint:
    routes = Blueprint("months", __name__, url_prefix="/runs")

    @routes.get("/")
    @open_to(Role.VIEWER, Role.FINANCE, Role.ADMIN)
    def home() -> str:
        """The whole page, or the part that htmx asks for again every ten seconds."""
        with ports.transaction() as work:
            month = _month(request.args.get("month", ""), month_of(work.today))
            template = "months_part.html" if request.headers.get("HX-Request") else "months.html"
            return render_template(
                template,
                month=month,
                months=[add_months(month_of(work.today), ahead) for ahead in (-1, 0, 1)],
                startable=month in (month_of(work.today), add_months(month_of(work.today), 1)),
                seen=progress(work, month),
                item=work_items.find(work, WorkKind.RUN, f"{month:%Y-%m}"),
                needed=work.settings.APPROVALS_MIN,
            )

    @routes.post("/start")
    @open_to(Role.FINANCE)
    def start() -> Response:
        """Begin the run: who asks is the first to agree, and the timetable goes on once enough others have."""
        with ports.transaction() as work:
            this = month_of(work.today)
            month = _month(request.form.get("month", ""), this)
            if month not in (this, add_months(this, 1)):
                abort(404)
            run = runs.begin(work, month, me().name)
            wake(work.db, PLAN)
            flash(f"months.is_{run.state}")
        return redirect(url_for("months.home", month=f"{month:%Y-%m}"))

    @routes.post("/lanes/<bank_code>")
    @open_to(Role.FINANCE)
    def lane(bank_code: str) -> Response:
        drained = request.form.get("drained") == "yes"
        if bank_code not in ports.banks and bank_code not in ports.batches:
            abort(404)
        with ports.transaction() as work:
            runs.drain(work, bank_code, me().name, drained=drained)
        flash("months.drained" if drained else "months.resumed")
        return redirect(url_for("months.home"))

    return routes


def _month(typed: str, usual: Month) -> Month:
    try:
        return parse_month(typed) if typed else usual
    except ValueError:
        abort(404)
