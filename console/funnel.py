"""The funnel: on which screens callers answer, err and drop, by language and gateway, over a week."""

from flask import Blueprint, render_template, request

from console.doors import open_to
from insurance import funnel_days
from models import Role
from ports import Ports


def make_blueprint(ports: Ports) -> Blueprint:
    routes = Blueprint("funnel", __name__, url_prefix="/funnel")

    @routes.get("/")
    @open_to(Role.VIEWER, Role.FINANCE, Role.ADMIN)
    def home() -> str:
        language, gateway = request.args.get("language", ""), request.args.get("gateway", "")
        with ports.transaction() as work:
            languages, gateways = funnel_days.ways(work)
            return render_template(
                "funnel.html",
                screens=funnel_days.screens(work, language, gateway),
                since=funnel_days.since(work),
                chosen=(language, gateway),
                languages=languages,
                gateways=gateways,
            )

    return routes
