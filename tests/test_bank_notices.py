"""What banks tell unasked: believed only if theirs and fresh, kept once, acted on once, and never a guess."""

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from flask import Flask
from sqlalchemy import create_engine, text

from autodebit.collect import collect_lane
from autodebit.hear import hear_notices
from autodebit.mandates import tell_banks
from autodebit.routes import make_blueprint
from banks.asked import CollectRequest
from banks.base import BankAnswer
from tests.heard import TOTAL_RP, bring, hears, items, one_member, posted, receipts, references, states, tells
from tests.histories import NIKS, PHONES, Story
from tests.history_checks import BIFAST, BOUND
from tests.troubled import FaultyAsked, Trouble
from tests.world import World

LOST, EARLY, GIVEN_BACK, PENDING_AFTER = "0999", "0603", "0600", "0604"


def kept(world: World) -> int:
    return int(world.one("SELECT count(*) FROM bank_notices"))


def unknown(world: World, bank: str = BOUND) -> Story:
    story = one_member(world, LOST, bank)
    story.collect()
    assert states(world) == ["unknown"]
    return story


def paid(world: World, ending: str = GIVEN_BACK) -> Story:
    story = one_member(world, ending)
    story.collect()
    assert states(world) == ["confirmed"]
    return story


# What a notice does


def test_a_notice_of_success_told_five_times_books_once(world: World) -> None:
    story = unknown(world)
    notice = tells(world, "00")
    for _ in range(5):
        answer = bring(world, notice)
        assert (answer.status_code, answer.json["responseCode"]) == (200, "2005600")  # type: ignore[index]
        hear_notices(story.ports)
    hears(story, tells(world, "00"))
    assert kept(world) == 2
    assert states(world) == ["confirmed"]
    assert posted(world) == [("collected", TOTAL_RP)]
    assert receipts(world, "paid") == 1
    assert items(world) == []


def test_a_notice_that_comes_before_the_answer_books_once(world: World) -> None:
    story = one_member(world, EARLY)

    class Hasty(FaultyAsked):
        def collect(self, debit: CollectRequest) -> BankAnswer:
            answer = super().collect(debit)
            [notice] = world.sandbox.take_notices(BOUND)
            hears(story, notice)
            assert states(world) == ["confirmed"], "before the answer is recorded"
            return answer

    hasty = Hasty(world.ports.banks[BOUND], Trouble([]))
    collect_lane(replace(story.ports, banks={BOUND: hasty}), BOUND)
    assert states(world) == ["confirmed"]
    assert posted(world) == [("collected", TOTAL_RP)]
    assert receipts(world, "paid") == 1


@pytest.mark.parametrize("order", ["as they came", "backwards", "twice"])
def test_pending_told_beside_success_changes_nothing_in_any_order(world: World, order: str) -> None:
    story = paid(world, PENDING_AFTER)
    story.deliver(order)
    assert kept(world) == 2
    assert states(world) == ["confirmed"]
    assert posted(world) == [("collected", TOTAL_RP)]


def test_a_late_failure_is_reversed_opens_the_month_and_is_told(world: World) -> None:
    story = paid(world)
    world.clock.forward(minutes=2)
    story.deliver("twice")
    assert states(world)[0] == "reversed"
    assert posted(world) == [("collected", TOTAL_RP), ("reversed", TOTAL_RP)]
    assert world.rows("SELECT state, paid_on, posted_on FROM months WHERE month = '2026-11-01'") == [
        ("open", None, None)
    ]
    assert receipts(world, "reversed") == 1
    assert items(world) == []
    story.check()


def test_a_late_failure_of_what_bpjs_posted_is_a_matter_for_people(world: World) -> None:
    story = paid(world)
    story.insure()
    assert world.one("SELECT posted_on IS NOT NULL FROM months WHERE month = '2026-11-01'")
    world.clock.forward(minutes=2)
    story.deliver("as they came")
    assert states(world)[0] == "reversed"
    assert items(world) == [("reversed_posted", "open")]
    assert world.one("SELECT state FROM months WHERE month = '2026-11-01'") == "open", "not protected without money"
    story.check()


def test_a_failure_older_than_the_banks_own_yes_changes_nothing(world: World) -> None:
    story = paid(world, "2345")
    hears(story, tells(world, "00"))
    world.clock.forward(minutes=2)
    hears(story, tells(world, "06", at=world.clock.now - timedelta(minutes=3)))
    assert states(world) == ["confirmed"]
    assert posted(world) == [("collected", TOTAL_RP)]


def test_a_failure_after_the_yes_counts_though_the_days_file_came_between(world: World) -> None:
    story = paid(world, "2345")
    failed_at = world.clock.now + timedelta(hours=16)
    world.clock.forward(hours=26)
    story.settle()
    assert states(world) == ["settled"]
    hears(story, tells(world, "06", at=failed_at))
    assert states(world) == ["reversed"]


# What is not believed


def forged(notice: dict[str, Any]) -> dict[str, Any]:
    return {**notice, "body": notice["body"].replace("28400.00", "28401.00")}


def by_another_key(notice: dict[str, Any]) -> dict[str, Any]:
    key = rsa.generate_private_key(65537, 2048)
    signature = key.sign(notice["body"].encode(), padding.PKCS1v15(), hashes.SHA256())
    return {**notice, "headers": {**notice["headers"], "X-SIGNATURE": base64.b64encode(signature).decode()}}


def broken(notice: dict[str, Any]) -> dict[str, Any]:
    return {**notice, "body": notice["body"][:-5]}


def huge(notice: dict[str, Any]) -> dict[str, Any]:
    return {**notice, "body": json.dumps({**json.loads(notice["body"]), "more": "x" * 70_000})}


def to_another_bank(notice: dict[str, Any]) -> dict[str, Any]:
    return {**notice, "path": notice["path"].replace(BOUND, BIFAST)}


@pytest.mark.parametrize(
    ("spoil", "http", "code"),
    [
        (forged, 401, "4015600"),
        (by_another_key, 401, "4015600"),
        (broken, 401, "4015600"),
        (huge, 400, "4005600"),
        (to_another_bank, 401, "4015600"),
    ],
)
def test_what_the_bank_did_not_sign_is_refused_and_leaves_no_row(
    world: World, spoil: Any, http: int, code: str
) -> None:
    story = unknown(world)
    answer = bring(world, spoil(tells(world, "00")))
    assert (answer.status_code, answer.json["responseCode"]) == (http, code)  # type: ignore[index]
    hear_notices(story.ports)
    assert kept(world) == 0
    assert states(world) == ["unknown"]
    assert posted(world) == []
    assert items(world) == []


def test_a_notice_ten_minutes_old_is_refused_though_it_is_signed(world: World) -> None:
    unknown(world)
    notice = tells(world, "00")
    world.clock.forward(minutes=10)
    answer = bring(world, notice)
    assert (answer.status_code, answer.json["responseCode"]) == (401, "4015600")  # type: ignore[index]
    assert kept(world) == 0


def test_a_replay_under_another_external_id_books_nothing_twice(world: World) -> None:
    story = unknown(world)
    notice = tells(world, "00")
    hears(story, notice)
    assert bring(world, notice, X_EXTERNAL_ID="another").status_code == 200
    hear_notices(story.ports)
    assert posted(world) == [("collected", TOTAL_RP)]
    assert receipts(world, "paid") == 1


def test_signed_words_that_are_no_notice_are_refused_in_snaps_form(world: World) -> None:
    unknown(world)
    answer = bring(world, tells(world, "99"))
    assert (answer.status_code, answer.json["responseCode"]) == (400, "4005601")  # type: ignore[index]
    assert kept(world) == 0


# What fits nothing of ours


def test_an_unknown_reference_is_kept_and_is_one_matter_for_people(world: World) -> None:
    story = unknown(world)
    for _ in range(2):
        hears(story, tells(world, "00", reference="NOTOURS12345"))
    assert kept(world) == 2
    assert items(world) == [("notice", "open")]
    assert posted(world) == []


def test_another_banks_reference_books_nothing(world: World) -> None:
    story = unknown(world)
    hears(story, tells(world, "00", bank=BIFAST))
    assert states(world) == ["unknown"]
    assert posted(world) == []
    assert items(world) == [("notice", "open")]


def test_another_amount_books_nothing_and_is_a_matter_for_people(world: World) -> None:
    story = unknown(world)
    hears(story, tells(world, "00", amount_rp=TOTAL_RP + 1))
    assert states(world) == ["unknown"]
    assert posted(world) == []
    assert world.rows("SELECT kind, about, amount_rp FROM work_items") == [
        ("notice", f"{references(world)[0]} amount", TOTAL_RP + 1)
    ]


# What goes wrong with us


def test_a_notice_that_could_not_be_kept_is_not_acknowledged_and_is_taken_when_it_is_told_again(world: World) -> None:
    story = unknown(world)
    notice = tells(world, "00")
    away = create_engine("postgresql+psycopg://nobody@127.0.0.1:9/none", connect_args={"connect_timeout": 1})
    deaf = Flask("deaf")
    deaf.register_blueprint(make_blueprint(replace(world.ports, database=away)))
    answer = deaf.test_client().post(notice["path"], data=notice["body"], headers=notice["headers"])
    assert answer.status_code == 503
    assert kept(world) == 0
    hears(story, notice)
    assert states(world) == ["confirmed"]


def test_a_notice_that_breaks_us_is_a_persons_and_holds_up_no_other(world: World) -> None:
    story = Story(world, [BOUND, BOUND], [LOST, LOST])
    story.collect()
    odd, other = references(world)
    with world.ports.database.begin() as connection:
        connection.execute(text("UPDATE attempts SET mandate_id = NULL WHERE reference = :odd"), {"odd": odd})
    assert bring(world, tells(world, "00", reference=odd)).status_code == 200
    hears(story, tells(world, "00", reference=other))
    assert world.rows("SELECT state FROM attempts WHERE reference = :ref", ref=other) == [("confirmed",)]
    assert items(world) == [("notice", "open")]
    assert world.one("SELECT count(*) FROM bank_notices WHERE NOT read") == 0


def test_a_bank_that_can_be_told_is_told_of_an_end_and_another_is_a_persons_with_its_clock(world: World) -> None:
    story = Story(world, [BOUND, BIFAST], ["2345", "2345"])
    story.change_mind(0, "cancel")
    story.change_mind(1, "cancel")
    tell_banks(world.ports)
    rows = world.rows("SELECT bank_code, state, due_on - opened_at::date AS days FROM work_items ORDER BY bank_code")
    assert [tuple(row) for row in rows] == [(BIFAST, "open", 3), (BOUND, "done", 3)]
    assert [one["state"] for one in world.sandbox.book(BOUND)["bindings"]] == ["ended"]


def test_no_row_and_no_log_line_of_a_notice_holds_personal_data(world: World) -> None:
    config = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(0))
    try:
        with structlog.testing.capture_logs() as logs:
            story = paid(world)
            world.clock.forward(minutes=2)
            story.deliver("twice")
            hears(story, tells(world, "00", reference="NOTOURS12345", accountNo="1280000600", accountName="PESERTA A"))
            bring(world, forged(tells(world, "00", accountNo="1280000600", accountName="PESERTA A")))
            story.change_mind(0, "cancel")
    finally:
        structlog.configure(**config)
    assert {line["event"] for line in logs} >= {"bank_notice", "bank_notice_kept", "bank_notice_refused"}
    tables = ("bank_notices", "work_items", "refunds", "events")
    written = [str(logs)] + [str(world.rows(f"SELECT * FROM {table}")) for table in tables]
    for secret in ("1280000600", "0000600", "PESERTA", NIKS[0], PHONES[0], PHONES[0][1:]):
        assert not any(secret in one for one in written), "personal data"
