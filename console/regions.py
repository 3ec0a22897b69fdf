"""Villages: counts from province down to village as tiles, one village with its heads and visits, and its roster."""

import csv
import io
import tempfile
from pathlib import Path

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as Answer

from console.doors import EVERYBODY, me, open_to
from console.rosters import Looked, look_through
from data.desk import BadDesk, set_head
from insurance import regions
from insurance.operators import ALL, Sight, between
from insurance.person import begins
from insurance.regions import DISTRICT, PROVINCE, REGENCY, VILLAGE
from insurance.small_cells import VillageCount, merge_small
from insurance.work import Work
from models import Head, Role, Village, Visit, Worker
from models.event import record
from ports import Ports

_LEVELS = (0, PROVINCE, REGENCY, DISTRICT, VILLAGE)
VISITS_MAX = 200
_SEES_PEOPLE = (Role.BRANCH, Role.ADMIN)


def shown(counted: VillageCount, few: int, *, whole: bool) -> dict[str, int | None]:
    """Groups as this operator may see them; None where so few are in one that somebody could be made out."""
    groups = counted.groups if whole else merge_small(counted, few)
    return {group: groups.get(group) for group in counted.groups}


def counting_sight() -> Sight:
    """Counts of regions name nobody: who has no regencies of the own sees them of all."""
    return me().sight if me().role is Role.BRANCH else ALL


def make_blueprint(ports: Ports) -> Blueprint:
    routes = Blueprint("regions", __name__, url_prefix="/villages")

    @routes.get("/")
    @open_to(*EVERYBODY)
    def home() -> str:
        within = request.args.get("in", "")
        if len(within) not in _LEVELS[:-1] or not ((within.isascii() and within.isdigit()) or not within):
            abort(404)
        digits = _LEVELS[_LEVELS.index(len(within)) + 1]
        with ports.transaction() as work:
            counts = regions.counts_by(work, digits, within, counting_sight())
            names = {code: _name(work, code) for code in counts}
            few = work.settings.SMALL_CELL_MIN
            aims = regions.targets(work, counts)
        whole = me().role in _SEES_PEOPLE
        tiles = [(code, names[code], one.enrolled, shown(one, few, whole=whole)) for code, one in counts.items()]
        return render_template("regions.html", within=within, tiles=tiles, aims=aims, is_last=digits == VILLAGE)

    _add_village(routes, ports)
    return routes


def _name(work: Work, code: str) -> str:
    """Provinces have no name of their own in our table; their number is what the villages' codes begin with."""
    here = select(Village).where(Village.code.between(*between(code))).order_by(Village.code).limit(1)
    village = work.db.scalars(here).one()
    return {REGENCY: village.regency, DISTRICT: village.district, VILLAGE: village.name}.get(len(code), "")


def _add_village(routes: Blueprint, ports: Ports) -> None:
    @routes.get("/<code>")
    @open_to(*_SEES_PEOPLE)
    def one(code: str) -> str:
        with ports.transaction() as work:
            return _page(work, _village(work, code))

    @routes.post("/<code>/heads")
    @open_to(*_SEES_PEOPLE)
    def head(code: str) -> Answer:
        """A head or leader for a term; the same number again changes the term, and a last day that is past ends it."""
        typed = {name: request.form.get(name, "").strip()[:40] for name in ("place", "phone", "from", "until")}
        try:
            with ports.transaction() as work:
                village = _village(work, code)
                set_head(work, {**typed, "village": village.code})
                record(work.db, ("village", code), me().name, "head", typed["place"], "", typed["until"], work.now)
            flash("regions.head_kept")
        except BadDesk as bad:
            flash(f"regions.bad_{str(bad).partition(':')[0].partition(';')[0]}")
        return redirect(url_for("regions.one", code=code))

    @routes.post("/<code>/visits")
    @open_to(*_SEES_PEOPLE)
    def visited(code: str) -> Answer:
        """Somebody went there: off the list, until texts fail again."""
        with ports.transaction() as work:
            village = _village(work, code)
            visit = work.db.get(Visit, request.form.get("worker", 0, int) or 0, with_for_update={"of": Visit})
            if visit is None or visit.village_code != village.code:
                abort(404)
            visit.done_at = visit.done_at or work.now
            record(work.db, visit.worker.subject, me().name, "visited", "", "", "", work.now)
        flash("regions.visit_kept")
        return redirect(url_for("regions.one", code=code))

    @routes.post("/<code>/roster")
    @open_to(*_SEES_PEOPLE)
    def roster(code: str) -> str | Answer:
        """A preview of what is wrong, line by line; with `load` all are invited or nobody, and the slips come back."""
        file, load = request.files.get("file"), request.form.get("load") == "yes"
        with ports.transaction() as work:
            village = _village(work, code)
            record(work.db, ("village", code), me().name, "roster", "load" if load else "preview", "", "", work.now)
        with tempfile.TemporaryDirectory() as folder:
            # In a folder of its own, readable by us alone, and gone with this request: it holds NIKs.
            path = Path(folder) / "roster.csv"
            path.write_bytes(file.read() if file else b"")
            looked = look_through(ports, path, code, load=load)
        if looked.invited is not None:
            return _slips(code, looked)
        with ports.transaction() as work:
            return _page(work, work.db.get_one(Village, village.code), looked)


def _village(work: Work, code: str) -> Village:
    village = work.db.get(Village, code) if me().sight.sees(code) else None
    if village is None:
        abort(404)
    return village


def _page(work: Work, village: Village, looked: Looked | None = None) -> str:
    counted = regions.counts_by(work, VILLAGE, village.code, ALL).get(village.code)
    heads = work.db.scalars(select(Head).where(Head.village_code == village.code).order_by(Head.place, Head.term_from))
    visits = select(Visit).where(Visit.village_code == village.code, Visit.done_at.is_(None)).order_by(Visit.since)
    found = work.db.scalars(visits.limit(VISITS_MAX)).unique().all()
    for visit in found:
        record(work.db, visit.worker.subject, me().name, "listed", "visit", "", "", work.now)
    return render_template(
        "village.html",
        village=village,
        counted=counted,
        heads=[(head, begins(work.keys.shared.open(head.phone_sealed, "head.phone"))) for head in heads.unique()],
        visits=[(_visited(work, visit.worker), visit.since, visit.worker_id) for visit in found],
        looked=looked,
        today=work.today,
    )


def _visited(work: Work, worker: Worker) -> str:
    """As the commands say it: who has to be looked for is known in the village by these and the RT."""
    return f"{work.initials(worker)} {worker.rt_rw}".rstrip()


def _slips(code: str, looked: Looked) -> Answer:
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(("slip", "dial", "name", "village"))
    lines.writerows(looked.slips)
    answer = Response(out.getvalue(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="slips-{code}.csv"'
    return answer
