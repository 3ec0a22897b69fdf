"""The first page after the login, and whether the process lives."""

from flask import Blueprint, Response, render_template

from console.doors import EVERYBODY, open_to, to_anyone
from ports import Ports


def make_blueprint(ports: Ports) -> Blueprint:
    routes = Blueprint("home", __name__)

    @routes.get("/")
    @open_to(*EVERYBODY)
    def home() -> str:
        return render_template("home.html")

    @routes.get("/health/live")
    @to_anyone
    def live() -> Response:
        return Response("ok\n", mimetype="text/plain")

    return routes
