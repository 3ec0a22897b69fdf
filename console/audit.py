"""The audit log of people: what operators, heads and commands did or looked at, by day and by name, newest first."""

from datetime import date

from flask import Blueprint, render_template, request

from console.doors import open_to
from insurance import trails
from models import Role
from ports import Ports


def make_blueprint(ports: Ports) -> Blueprint:
    routes = Blueprint("audit", __name__, url_prefix="/audit")

    @routes.get("/")
    @open_to(Role.ADMIN)
    def home() -> str:
        who, before = request.args.get("who", "")[:40].strip(), request.args.get("before", 0, int) or 0
        with ports.transaction() as work:
            try:
                day = date.fromisoformat(request.args.get("day", ""))
            except ValueError:
                day = work.today
            found = trails.by_people(work, day, who, before)
        past = found[-1].id if len(found) == trails.TRAIL_MAX else 0
        return render_template("audit.html", found=found, day=day, who=who, past=past)

    return routes
