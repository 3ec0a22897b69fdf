"""One member at one bank, two approvers, and what the books say after the bank's words; holds no test."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from sqlalchemy import text
from werkzeug.test import TestResponse

from autodebit.decide import decide
from autodebit.hear import hear_notices
from banks.asked import StatusRequest
from banks.base import Bank, Status
from tests.histories import Story
from tests.history_checks import BOUND
from tests.troubled import FaultyAsked, Trouble
from tests.world import World
from units.clock import JAKARTA

TOTAL_RP = 28400
"""Her November: the lowest bracket in the discount (data/tariffs.csv)."""
DENIED = "0601"


def one_member(world: World, ending: str, bank: str = BOUND) -> Story:
    """Her November is due now; two people have to agree to whatever moves money."""
    story = Story(world, [bank], [ending])
    two = story.ports.settings.model_copy(update={"APPROVALS_MIN": 2})
    story.ports = replace(story.ports, settings=two)
    return story


class Says(FaultyAsked):
    """A real bank that answers each status call by `status`, whatever is in its book."""

    def __init__(self, bank: Bank, status: Status) -> None:
        super().__init__(bank, Trouble([]))
        self.says, self.asked = status, 0

    def status(self, debit: StatusRequest) -> Status:
        self.asked += 1
        return self.says


def says(story: Story, status: Status) -> Says:
    """Puts such a bank in the place of the member's."""
    bank = Says(story.world.ports.banks[BOUND], status)
    story.ports = replace(story.ports, banks={**story.ports.banks, BOUND: bank})
    return bank


def states(world: World) -> list[str]:
    """Of the member's attempts, the first first."""
    return [state for (state,) in world.rows("SELECT state FROM attempts ORDER BY month, n")]


def references(world: World) -> list[str]:
    return [reference for (reference,) in world.rows("SELECT reference FROM attempts ORDER BY month, n")]


def posted(world: World) -> list[tuple[str, int]]:
    """What the ledger has, by kind."""
    rows = world.rows("SELECT kind, sum(amount_rp)::int FROM transfers GROUP BY kind ORDER BY kind")
    return [(kind, rp) for kind, rp in rows]


def items(world: World) -> list[tuple[str, str]]:
    """Matters for people, with their states."""
    return [(kind, state) for kind, state in world.rows("SELECT kind, state FROM work_items ORDER BY id")]


def item(world: World, kind: str) -> int:
    return int(world.one("SELECT id FROM work_items WHERE kind = :kind", kind=kind))


def agree(story: Story, kind: str, decision: str, bank_reference: str = "") -> None:
    """Two people decide the one matter of this kind."""
    for by in ("ani", "budi"):
        decide(story.ports, item(story.world, kind), by, decision, bank_reference)


def receipts(world: World, kind: str) -> int:
    return int(world.one("SELECT count(*) FROM message_keys WHERE key LIKE :like", like=f"{kind}:%"))


def next_question(world: World) -> timedelta:
    """How long until the unknown attempt is asked for again."""
    ask_at = world.one("SELECT ask_at FROM attempts WHERE state = 'unknown'")
    return timedelta(seconds=round((ask_at - world.clock.now).total_seconds()))


def tells(
    world: World,
    status: str,
    *,
    bank: str = BOUND,
    reference: str | None = None,
    at: datetime | None = None,
    amount_rp: int = TOTAL_RP,
    **more: str,
) -> dict[str, Any]:
    """A notice that the bank signs as of now, about the member's first debit unless told otherwise."""
    own = references(world)[0] if reference is None else reference
    body = {
        "originalReferenceNo": "",
        "originalPartnerReferenceNo": own,
        "latestTransactionStatus": status,
        "transactionStatus": status,
        "finishedTime": (at or world.clock.now).astimezone(JAKARTA).isoformat(timespec="seconds"),
        "amount": {"value": f"{amount_rp}.00", "currency": "IDR"},
        **more,
    }
    row = {"bank": bank, "ref": own, "id": token_hex(12), "body": json.dumps(body), "at": world.clock.now}
    row["path"] = "/v1.0/debit/notify" if bank == BOUND else "/v1.0/debit/fast-notify"
    with world.ports.database.begin() as connection:
        insert = "INSERT INTO sandbox.notices (bank, partner_reference, external_id, path, body, due_at) VALUES "
        connection.execute(text(f"{insert} (:bank, :ref, :id, :path, :body, :at)"), row)
    return world.sandbox.take_notices(bank)[-1]


def bring(world: World, notice: Mapping[str, Any], **headers: str) -> TestResponse:
    """The app's answer to it; `headers` by their names with _ for -."""
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    return world.app.test_client().post(notice["path"], data=notice["body"], headers={**notice["headers"], **changed})


def hears(story: Story, notice: Mapping[str, Any]) -> None:
    """Brought, taken, and acted on."""
    assert bring(story.world, notice).status_code == 200
    hear_notices(story.ports)
