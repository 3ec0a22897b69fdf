"""Reconciliation: the one number of each bank and day; what it leaves open is a work item with its own page."""

from flask import Blueprint, render_template

from console.doors import open_to
from insurance.days import bank_days
from models import Role
from ports import Ports


def make_blueprint(ports: Ports) -> Blueprint:
    routes = Blueprint("reconciliation", __name__, url_prefix="/reconciliation")

    @routes.get("/")
    @open_to(Role.VIEWER, Role.FINANCE, Role.ADMIN)
    def home() -> str:
        with ports.transaction() as work:
            return render_template("reconciliation.html", days=bank_days(work))

    return routes
