"""Sends the outbox, one drain for each lane of numbers: claims, sends outside any transaction, marks what came of it.

Between two transactions stand as many texts as take about a tenth of a second: so few may be in doubt after a kill -9.
"""

import time
from collections.abc import Sequence

import structlog

from gateways.base import GatewayStopped, SendRefused, SendUnknown, SendUnreachable
from models import MessageState
from models.message import SHARDS
from ports import Ports
from sms import delivery, outbox, routing
from sms.outbox import CLAIMED_MAX, HELD_AT_ONCE, LEASE, Claimed, Sent

log = structlog.get_logger()

_TURN_S = 0.1
STOPPED = "stopped "
# What a gateway that turned slow kept us from is put back while it is still ours, with time for one more call.
_OURS_S = LEASE.total_seconds() - 60


class Pace:
    """Keeps a lane to its part of what each gateway takes in a second."""

    def __init__(self, pause_s: float) -> None:
        self._pause_s, self._next_at = pause_s, dict[str, float]()

    def wait(self, route: str) -> None:
        now = time.monotonic()
        wait_s = self._next_at.get(route, now) - now
        if wait_s > 0:
            time.sleep(wait_s)
        self._next_at[route] = max(now, self._next_at.get(route, now)) + self._pause_s


def drain(ports: Ports, lane: int = 0) -> int:
    """Send all of a lane that is due now; how many the gateways took. Stops where every gateway refuses our account."""
    lanes = ports.settings.SMS_LANES
    shards, pace = range(lane, SHARDS, lanes), Pace(lanes / ports.settings.SMS_RATE_PER_S)
    sent, size, results = 0, 1, list[Sent]()
    try:
        while (claimed := _turn(ports, shards, results, size)) is not None:
            stopped, until = set[str](), time.monotonic() + _OURS_S
            results = [_send(ports, row, stopped, pace, until) for row in claimed]
            _note(ports, results)
            sent += sum(one.accepted is not None for one in results)
            took_s = sum(one.took_s for one in results) / max(len(results), 1)
            size = max(1, min(CLAIMED_MAX, 2 * size, int(_TURN_S / max(took_s, _TURN_S / CLAIMED_MAX))))
    finally:
        for gateway in ports.sms.values():
            gateway.rest()
    return sent


def tidy(ports: Ports) -> None:
    """What is too late is sent no more, and what was in doubt is looked at again."""
    with ports.transaction() as work:
        outbox.expire(work)
    for look in (outbox.look_again, outbox.unconfirm, delivery.hear_late):
        found = HELD_AT_ONCE
        while found == HELD_AT_ONCE:
            with ports.transaction() as work:
                found = look(work)


def _turn(ports: Ports, shards: Sequence[int], results: list[Sent], size: int) -> list[Claimed] | None:
    """Marks the last texts and claims the next in one transaction; None where nothing is left that may be sent."""
    with ports.transaction() as work:
        outbox.record(work, results)
        delivery.hear_early(work, [one.accepted.gateway_id for one in results if one.accepted is not None])
        for name in sorted({one.row.route for one in results}):
            told = [one for one in results if one.row.route == name]
            if refused := next((one for one in told if one.code.startswith(STOPPED)), None):
                routing.stopped(work, name, refused.code.removeprefix(STOPPED))
            elif taken := [one.row.claimed_at for one in told if one.accepted]:
                routing.resumed(work, name, "gateway", max(taken))
        routes = routing.routes(work, ports.sms)
        return outbox.claim(work, shards, routes, size) if routes else None


def _send(ports: Ports, row: Claimed, stopped: set[str], pace: Pace, until: float) -> Sent:
    if row.route in stopped or time.monotonic() > until:
        return Sent(row, MessageState.CREATED, "put back", at_once=True)
    pace.wait(row.route)
    begun = time.monotonic()
    state, code, accepted, of_number = MessageState.SENT, "", None, None
    try:
        accepted = ports.sms[row.route].send(row.phone, row.text)
    except GatewayStopped as stop:
        stopped.add(row.route)
        state, code = MessageState.CREATED, f"{STOPPED}{stop.code}"
    except SendRefused as refusal:
        state, code, of_number = MessageState.REFUSED, refusal.code, refusal.of
    except SendUnreachable:
        state, code = MessageState.CREATED, "unreachable"
    except SendUnknown:
        state, code = MessageState.HELD, "unknown"
    took_s = time.monotonic() - begun
    return Sent(row, state, code, accepted, of_number, took_s, at_once=row.route in stopped)


def _note(ports: Ports, results: Sequence[Sent]) -> None:
    for name in {one.row.route for one in results}:
        told = [one for one in results if one.row.route == name]
        routing.note(ports.redis, ports.clock(), name, routing.Count(len(told), sum(one.is_bad for one in told)))
