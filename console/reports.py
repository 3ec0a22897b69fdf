"""Reports: members by region and screens of callers as files; small cells are hidden from all, for files travel."""

from collections.abc import Mapping

from flask import Blueprint, Response, abort, render_template
from sqlalchemy import select

from console.doors import EVERYBODY, me, open_to
from console.regions import counting_sight
from console.sheets import TYPES, Cell, as_sheet
from insurance import funnel_days, regions
from insurance.small_cells import GROUPS, is_small, merge_small
from insurance.work import Work
from models import Village
from models.event import record
from ports import Ports

LEVELS = {"regencies": regions.REGENCY, "districts": regions.DISTRICT, "villages": regions.VILLAGE}
HIDDEN = "*"
Rows = list[list[Cell]]


def hidden_codes(enrolled: Mapping[str, int], few: int) -> set[str]:
    """Those that are small; of the parts of one region no small number together, so two at least."""
    hidden = set[str]()
    regions_of: dict[str, dict[str, int]] = {}
    for code, number in enrolled.items():
        regions_of.setdefault(_parent(code), {})[code] = number
    for parts in regions_of.values():
        ours = {code for code, number in parts.items() if is_small(number, few)}
        left = sorted(parts.keys() - ours, key=lambda code: (parts[code], code))
        while ours and left and sum(parts[code] for code in ours) < few:
            ours.add(left.pop(0))
        hidden |= ours
    return hidden


def _parent(code: str) -> str:
    """A village's number has four digits where all other levels have two."""
    return code[: regions.DISTRICT] if len(code) == regions.VILLAGE else code[:-2]


def members(work: Work, level: str) -> tuple[list[str], Rows]:
    """Nothing is said of fewer than SMALL_CELL_MIN, nor of what the region above less its other parts would tell."""
    digits, few = LEVELS[level], work.settings.SMALL_CELL_MIN
    counts = regions.counts_by(work, digits, "", counting_sight())
    names: dict[str, str] = {}
    for village in work.db.scalars(select(Village).where(counting_sight().of(Village.code)).order_by(Village.code)):
        place = {regions.REGENCY: village.regency, regions.DISTRICT: village.district, regions.VILLAGE: village.name}
        names.setdefault(village.code[:digits], place[digits])
    rows: Rows = []
    hidden = hidden_codes({code: counted.enrolled for code, counted in counts.items()}, few)
    for code, counted in counts.items():
        if code in hidden:
            rows.append([code, names.get(code, ""), HIDDEN, *[HIDDEN] * len(GROUPS)])
            continue
        groups = merge_small(counted, few)
        rows.append([code, names.get(code, ""), counted.enrolled, *(groups.get(group, HIDDEN) for group in GROUPS)])
    return ["code", "name", "enrolled", *GROUPS], rows


def funnel(work: Work) -> tuple[list[str], Rows]:
    seen = funnel_days.screens(work)
    rows: Rows = [[one.screen, one.entered, one.answered, one.wrong, one.dropped] for one in seen]
    return ["screen", "entered", "answered", "wrong", "dropped"], rows


def make_blueprint(ports: Ports) -> Blueprint:
    routes = Blueprint("reports", __name__, url_prefix="/reports")

    @routes.get("/")
    @open_to(*EVERYBODY)
    def home() -> str:
        return render_template("reports.html", names=[*LEVELS, "funnel"], kinds=list(TYPES))

    @routes.get("/<name>.<kind>")
    @open_to(*EVERYBODY)
    def one(name: str, kind: str) -> Response:
        if kind not in TYPES or name not in (*LEVELS, "funnel"):
            abort(404)
        with ports.transaction() as work:
            head, rows = funnel(work) if name == "funnel" else members(work, name)
            record(work.db, ("operator", str(me().id)), me().name, "report", name, "", "", work.now)
            today = work.today
        answer = Response(as_sheet(kind, head, rows), mimetype=TYPES[kind])
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}-{today:%Y-%m-%d}.{kind}"'
        return answer

    return routes
