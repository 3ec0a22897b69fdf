"""The sandbox's own clock: the machine's, until somebody sets it to stand still; every part takes it as a port."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from units.clock import JAKARTA, Clock


class SandboxClock:
    """`PUT /clock {"now": "2026-11-23T09:00:00+07:00"}` sets it, `{"now": null}` lets it go, `GET /clock` shows it."""

    def __init__(self, free: Clock) -> None:
        self._free = free
        self._stands_at: datetime | None = None

    def __call__(self) -> datetime:
        return self._stands_at or self._free()

    def blueprint(self) -> Blueprint:
        routes = Blueprint("clock", __name__)
        routes.add_url_rule("/clock", view_func=self.shown, methods=["GET"])
        routes.add_url_rule("/clock", view_func=self.set, methods=["PUT"])
        return routes

    def shown(self) -> ResponseReturnValue:
        return jsonify({"now": self().astimezone(JAKARTA).isoformat(), "stands": self._stands_at is not None})

    def set(self) -> ResponseReturnValue:
        """400 for what is no moment with its zone."""
        body: Any = request.get_json(silent=True)
        try:
            self._stands_at = _moment(body["now"])
        except (KeyError, TypeError, ValueError):
            return jsonify(
                {"error": 'give {"now": "2026-11-23T09:00:00+07:00"} or {"now": null}'}
            ), HTTPStatus.BAD_REQUEST
        return self.shown()


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError("no zone")
    return at.astimezone(UTC)
