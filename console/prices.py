"""Prices: what each programme costs from which month, by which rule; a new one is proposed here."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from console.doors import me, open_to
from insurance import price_changes
from insurance.price_changes import PAYERS, PROGRAMMES, SECTOR_CLASSES
from models import Role
from ports import Ports

_FIELDS = ("programme", "sector_class", "payer", "month", "rate_ppm", "flat_rp")


def make_blueprint(ports: Ports) -> Blueprint:
    routes = Blueprint("prices", __name__, url_prefix="/prices")

    @routes.get("/")
    @open_to(Role.VIEWER, Role.FINANCE, Role.ADMIN)
    def home() -> str:
        with ports.transaction() as work:
            listed = price_changes.listed(work)
        choices = {"programme": PROGRAMMES, "sector_class": SECTOR_CLASSES, "payer": PAYERS}
        return render_template("prices.html", listed=listed, choices=choices)

    @routes.post("/propose")
    @open_to(Role.FINANCE)
    def propose() -> Response:
        """The proposer agrees to it on the matter's page, like everybody else."""
        typed = {name: request.form.get(name, "")[:20] for name in _FIELDS}
        try:
            with ports.transaction() as work:
                price = price_changes.read(typed)
                item = price_changes.propose(work, price, request.form.get("source", "")[:100], me().name)
                return redirect(url_for("matters.one", item_id=item.id))
        except price_changes.NotAPrice as bad:
            flash(f"prices.bad_{bad}")
        return redirect(url_for("prices.home"))

    return routes
