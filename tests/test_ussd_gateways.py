"""Which gateways have a door, and what Africa's Talking is told for its own reports."""

from tests.gateway_phones import HubtelHandset, handset
from tests.people import SITI_NIK, SITI_PHONE
from tests.sandboxed import Sandbox
from tests.test_guards import make_app, routes
from tests.test_ussd import PATH
from tests.world import World


def test_a_gateway_that_is_not_named_has_no_door(sandbox: Sandbox, database_url: str, redis_url: str) -> None:
    both = {("POST", "/ussd/africastalking"), ("POST", "/ussd/hubtel")}
    for named, there in (
        ("hubtel", {("POST", "/ussd/hubtel")}),
        ("africastalking", {("POST", "/ussd/africastalking")}),
    ):
        more = {"IURAN_MODE": "sandbox", "SANDBOX_URL": sandbox.url, "USSD_GATEWAYS": named}
        assert routes(make_app(sandbox, database_url, redis_url, **more)) & both == there


def test_each_answer_names_its_screen_for_the_gateways_reports_and_nothing_that_was_typed(world: World) -> None:
    client = world.app.test_client()
    form = {"phoneNumber": SITI_PHONE, "serviceCode": "*500*73#", "sessionId": "ATUid_1", "networkCode": "99999"}
    seen = []
    for changes in (
        {"text": ""},
        {"text": "1"},
        {"text": f"1*{SITI_NIK}"},
        {"text": f"1*{SITI_NIK}"},
        {"text": f"1*{SITI_NIK}*x*y"},
        {"text": "", "serviceCode": "*999#"},
        {"text": "", "phoneNumber": "+254700000001"},
    ):
        seen.append(client.post(PATH, data={**form, **changes}).headers["at-ussd-hop-metadata"])
    assert seen[:4] == ["main", "enrol.nik", "enrol.name", "enrol.name"]
    assert seen[5:] == ["line.wrong_code", "line.foreign"]
    assert all(len(label) <= 99 and not any(c in label for c in f"|{SITI_NIK}") for label in seen)


def test_an_answer_to_a_screen_that_was_not_shown_in_time_shows_the_standing_one(world: World) -> None:
    phone = handset(world, "hubtel", SITI_PHONE, None)
    assert isinstance(phone, HubtelHandset)
    phone.dial()
    seen = phone.state
    standing = phone.press("1")
    # The answer came too late to be shown: the caller still sees the first screen and presses once more.
    phone.state = seen
    assert phone.press("1") == standing
    assert "nama lengkap" in phone.press(SITI_NIK)
