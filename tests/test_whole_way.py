"""One worker's whole way, through HTTP in the gateway's own dialect: enrol, authorise, debit, receipts, balance."""

import re
from collections.abc import Callable
from datetime import date

from handset.phone import Phone
from tests.people import BUDI_PHONE, GOOD, PIN, SITI_PHONE, authorise, enrol
from tests.world import World


def walk(world: World, phone: Phone) -> None:
    """Dial to protected in November, then the December run with its notice; the outside steps in between."""
    enrol(phone)
    world.exchange()
    authorise(phone)
    world.ask_banks()
    world.collect()
    world.exchange()
    world.send_sms()
    phone.dial()
    phone.press("3", PIN)
    world.clock.forward(days=4)
    world.plan(date(2026, 12, 1))
    world.send_sms()
    world.clock.forward(days=10)
    world.collect()
    world.exchange()
    phone.text("STATUS", gateway_id="inbound-1")
    world.send_sms()


def test_every_receipt_arrives_at_the_phone_in_one_part(world: World) -> None:
    phone = world.phone()
    walk(world, phone)
    arrived = world.sandbox.inbox(phone.number)
    assert sorted(arrived) == sorted(world.owed_to(phone.number))
    assert all(sms.startswith("LATIHAN ") and len(sms) <= 160 for sms in arrived)


def test_bank_ledger_and_cover_agree_to_the_rupiah(world: World) -> None:
    phone = world.phone()
    walk(world, phone)
    references = [row[0] for row in world.rows("SELECT paid_reference FROM months")]
    debits = [debit for debit in world.sandbox.book("114")["debits"] if debit["partnerReferenceNo"] in references]
    assert sorted(debit["amount_rp"] for debit in debits) == [28400, 28400]
    posted = world.rows(
        "SELECT month, kind, sum(amount_rp)::int FROM transfers GROUP BY 1, 2 ORDER BY 1, 2",
    )
    assert [(f"{month:%Y-%m}", kind, rp) for month, kind, rp in posted] == [
        ("2026-11", "collected", 28400),
        ("2026-11", "posted", 28400),
        ("2026-12", "collected", 28400),
        ("2026-12", "posted", 28400),
    ]
    programmes = world.rows(
        "SELECT programme, amount_rp FROM transfers WHERE kind = 'collected' AND month = '2026-11-01' ORDER BY 1"
    )
    assert [tuple(row) for row in programmes] == [("JHT", 20000), ("JKK", 5000), ("JKM", 3400)]


def doubled(phone: Phone) -> Phone:
    once: Callable[..., tuple[int, str]] = phone.post

    def post(path: str, form: object) -> tuple[int, str]:
        first, second = once(path, form), once(path, form)
        assert first == second, "a repeat was answered otherwise"
        return second

    phone.post = post
    return phone


COUNTED = (
    "workers",
    "contacts",
    "memberships",
    "consents",
    "mandates",
    "months",
    "attempts",
    "transfers",
    "messages",
    "inbound_sms",
    "events",
)


def counts(world: World) -> dict[str, int]:
    return {table: world.one(f"SELECT count(*) FROM {table}") for table in COUNTED}


def test_every_turn_and_every_job_repeated_ends_with_the_same_rows(world: World) -> None:
    walk(world, world.phone())
    once = counts(world)
    told_once = world.owed_to(SITI_PHONE)
    world.reset()
    twice = World(world.app, world.ports, world.clock, world.sandbox)
    send_twice(twice)
    walk(twice, doubled(twice.phone()))
    assert counts(twice) == once
    assert hide(twice.owed_to(SITI_PHONE)) == hide(told_once)


def hide(texts: list[str]) -> list[str]:
    return [re.sub(r"Ref \w{12}", "Ref REF", text) for text in texts]


def send_twice(world: World) -> None:
    """Every job of the background runs twice, as after a crash between the work and its acknowledgement."""
    for name in ("exchange", "ask_banks", "collect", "send_sms"):
        once = getattr(world, name)
        setattr(world, name, lambda once=once: (once(), once())[0])


def test_two_workers_on_two_phones_do_not_meet(world: World) -> None:
    siti, budi = world.phone(), world.phone(BUDI_PHONE)
    enrol(siti)
    budi.dial()
    assert "belum terdaftar" in budi.press("3")
    authorise(siti, GOOD)
    assert world.one("SELECT count(*) FROM mandates") == 1
    assert world.owed_to(BUDI_PHONE) == []
