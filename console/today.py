"""The first page: how the programme is doing now, and which page of the runbook helps where it is not doing well."""

from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, render_template, request

from console.doors import EVERYBODY, me, open_to
from console.runbook import Entry, read_runbook
from insurance import today as today_of
from insurance.operators import ALL
from insurance.today import IN_TIME_PERCENT_MIN, QUEUE_SLOW, Today
from models import Role
from ports import Ports


@dataclass(frozen=True)
class Alarm:
    """Something that is not as it should be: a word of `alarm`, about what, and the runbook's entry that helps."""

    word: str
    about: str
    entry: str


# The runbook's entries by what they are found by in docs/operations.md; a test finds each of them there.
RUNBOOK = {
    "resting": "a-lane-rests",
    "unexplained": "log-day-not-explained",
    "unknown": "attempts-unknown",
    "old_unknown": "work-item-manual-outcome",
    "stopped": "work-item-gateway-stopped",
    "receipts": "texts-are-late",
    "texts": "texts-are-late",
    "jobs": "jobs-are-late",
    "overdue": "work-item-complaint",
    "held_run": "work-item-run",
}


def alarms(seen: Today) -> list[Alarm]:
    """The worst first: money, then what people are told, then what waits."""
    found = [("unexplained", bank.code) for bank in seen.banks if bank.open_rp]
    found += [("resting", bank.code) for bank in seen.banks if bank.lane == "resting"]
    found += [("old_unknown", str(seen.unknown.by_age[3]))] if seen.unknown.by_age[3] else []
    found += [("unknown", str(sum(seen.unknown.by_age[1:3])))] if any(seen.unknown.by_age[1:3]) else []
    found += [("stopped", gateway.name) for gateway in seen.gateways if gateway.stopped]
    found += [("held_run", f"{seen.month:%Y-%m}")] if seen.run == "held" else []
    found += [("receipts", f"{seen.in_time_percent} %")] if seen.in_time_percent < IN_TIME_PERCENT_MIN else []
    found += [("texts", _minutes(seen.text_waits))] if seen.text_waits > QUEUE_SLOW else []
    found += [("jobs", _minutes(seen.job_waits))] if seen.job_waits > QUEUE_SLOW else []
    found += [("overdue", str(seen.overdue))] if seen.overdue else []
    return [Alarm(word, about, RUNBOOK[word]) for word, about in found]


def _minutes(wait: timedelta) -> str:
    return f"{wait // timedelta(minutes=1)} min"


def make_blueprint(ports: Ports) -> Blueprint:
    routes = Blueprint("today", __name__)
    entries: list[Entry] = read_runbook()

    @routes.get("/")
    @open_to(*EVERYBODY)
    def home() -> str:
        """The whole page, or the part that htmx asks for again every half minute."""
        # Counts of members name nobody: who has no regencies of the own sees them of all.
        sight = me().sight if me().role is Role.BRANCH else ALL
        with ports.transaction() as work:
            seen = today_of.today(work, sight)
            now = work.now
        chart = {"days": [f"{day.day:%d}" for day in seen.paid], "rp": [day.paid_rp for day in seen.paid]}
        template = "today_part.html" if request.headers.get("HX-Request") else "today.html"
        return render_template(template, seen=seen, alarms=alarms(seen), now=now, chart=chart)

    @routes.get("/runbook")
    @open_to(*EVERYBODY)
    def runbook() -> str:
        return render_template("runbook.html", entries=entries)

    return routes
