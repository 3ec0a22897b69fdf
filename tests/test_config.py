"""Settings: everything missing or bad is named at once, no value is ever shown, production starts on nothing shared."""

import base64
from collections.abc import Mapping

import pytest

from config import SANDBOX_SECRETS, SANDBOX_USSD_CODE, ConfigError, Settings, described, load


def key(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


SANDBOX = {
    "IURAN_MODE": "sandbox",
    "DATABASE_URL": "postgresql://iuran:hush@127.0.0.1:5432/iuran",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "SANDBOX_URL": "http://127.0.0.1:8001",
    "BANKS_FILE": "var/banks.toml",
    "INSURER_OUT_DIR": "var/out",
    "INSURER_IN_DIR": "var/in",
}
PRODUCTION = {
    **{name: value for name, value in SANDBOX.items() if name != "SANDBOX_URL"},
    "IURAN_MODE": "production",
    "CALLBACK_KEY": "c0ffee" * 8,
    "DATA_KEY": key("d"),
    "INDEX_KEY": key("i"),
    "PIN_PEPPER": key("p"),
    "USSD_CODE": "*123*45#",
    "AT_USERNAME": "iuran-live",
    "AT_API_KEY": "atsk-of-our-own",
    "AT_SENDER_ID": "IURAN",
}
NEEDED = sorted(PRODUCTION)
# One bad value a setting, each with a word that must never be shown.
BAD = {
    "IURAN_MODE": "hush",
    "DATABASE_URL": "mysql://u:hush@h/db",
    "REDIS_URL": "http://hush",
    "PORT": "hush",
    "USSD_GATEWAYS": "africastalking,hush",
    "CALLBACK_KEY": "hush/hush/hush/hush/hush/hush",
    "DATA_KEY": "hush?",
    "INDEX_KEY": base64.b64encode(b"hush").decode(),
    "PIN_PEPPER": "hüsh",
    "AT_SENDER_ID": "hush-hush-hush",
    "SMPP_PORT": "hush",
    "SMPP_TLS": "hush",
    "SMPP_SYSTEM_ID": "hush-hush-hush-h",
    "SMPP_PASSWORD": "hush-hush",
    "SMPP_RATE_PER_S": "0",
    "DUE_DAY": "hush",
    "NOTICE_HOURS": "-1",
    "AGE_MIN": "hush",
    "AGE_BELOW": "hush",
    "PHONE_WORKERS_MAX": "0",
    "ACCOUNT_WORKERS_MAX": "hush",
    "SILENT_DAYS": "0",
    "PIN_RESET_HOURS": "hush",
    "ERASURE_HOURS": "73",
    "CALLBACK_SOURCES": "hush",
    "CALLBACK_PROXIES": "hush",
    "HOPS_PER_MINUTE_MAX": "9",
    "HOPS_PER_S_MAX": "hush",
    "KEEP_INBOX_DAYS": "29",
    "KEEP_TEXTS_MONTHS": "hush",
    "BANK_FEE_RP": "1.5",
    "SMALL_CELL_MIN": "hush",
    "LOG_LEVEL": "hush",
}


def named(environ: Mapping[str, str]) -> list[str]:
    """The settings that were complained of."""
    with pytest.raises(ConfigError) as refused:
        load(environ)
    return [line.split(":")[0] for line in refused.value.lines]


def test_both_modes_load_with_what_they_need_and_no_more() -> None:
    assert load(SANDBOX).sandbox
    assert not load(PRODUCTION).sandbox


def test_nothing_set_names_what_every_mode_needs() -> None:
    assert named({}) == ["DATABASE_URL", "IURAN_MODE", "REDIS_URL"]


def test_each_mode_names_all_that_it_misses_at_once() -> None:
    assert named({"IURAN_MODE": "production"}) == [name for name in NEEDED if name != "IURAN_MODE"]
    assert named({"IURAN_MODE": "sandbox"}) == sorted(name for name in SANDBOX if name != "IURAN_MODE")


@pytest.mark.parametrize("missing", NEEDED)
def test_production_does_not_start_without(missing: str) -> None:
    for environ in (
        {name: value for name, value in PRODUCTION.items() if name != missing},
        {**PRODUCTION, missing: ""},
        {**PRODUCTION, missing: "  "},
    ):
        assert named(environ) == [missing]


def test_every_bad_setting_is_named_at_once_and_no_value_is_shown() -> None:
    with pytest.raises(ConfigError) as refused:
        load({**SANDBOX, **BAD})
    assert {line.split(":")[0] for line in refused.value.lines} == set(BAD)
    assert "hush" not in str(refused.value)
    assert "hüsh" not in str(refused.value)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_setting_is_named_alone_without_its_value(name: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load({**PRODUCTION, name: BAD[name]})
    assert {line.split(":")[0] for line in refused.value.lines} == {name}
    assert "hush" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_bad_settings_and_missing_ones_are_told_together() -> None:
    environ = {name: value for name, value in PRODUCTION.items() if name != "CALLBACK_KEY"}
    assert named({**environ, "PORT": "0", "DATA_KEY": "AAAA"}) == ["CALLBACK_KEY", "DATA_KEY", "PORT"]


@pytest.mark.parametrize(
    "url", ["postgresql://u:hush[hush]@h/db", "postgresql://[hush]/db", "postgresql://u:hush℀@h/d"]
)
def test_a_url_that_cannot_be_read_does_not_show_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load({**PRODUCTION, "DATABASE_URL": url})
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "url"), [("DATABASE_URL", "redis://127.0.0.1/0"), ("REDIS_URL", "postgresql://iuran@127.0.0.1/iuran")]
)
def test_a_url_of_the_wrong_server_is_refused(name: str, url: str) -> None:
    assert named({**SANDBOX, name: url}) == [name]


@pytest.mark.parametrize("names", [",", "africastalking,,hubtel", "hubtel,hubtel", "Hubtel", "comviva"])
def test_a_gateway_is_one_that_we_have_and_named_once(names: str) -> None:
    assert named({**SANDBOX, "USSD_GATEWAYS": names}) == ["USSD_GATEWAYS"]


def test_smpp_needs_its_operator_in_either_mode() -> None:
    smpp = {"SMPP_HOST": "smsc.example", "SMPP_SYSTEM_ID": "iuran", "SMPP_PASSWORD": "hush"}
    for environ in (SANDBOX, PRODUCTION):
        wanted = {**environ, "USSD_GATEWAYS": "africastalking, smpp"}
        assert named(wanted) == sorted(smpp)
        settings = load({**wanted, **smpp})
        assert settings.ussd_gateways == {"africastalking", "smpp"}
        assert "hush" not in repr(settings)


# Production


@pytest.mark.parametrize("name", SANDBOX_SECRETS)
def test_production_does_not_start_on_the_sandboxs_public_default(name: str) -> None:
    assert named({**PRODUCTION, name: SANDBOX_SECRETS[name]}) == [name]


def test_production_mounts_no_sandbox() -> None:
    assert named({**PRODUCTION, "SANDBOX_URL": "http://127.0.0.1:8001"}) == ["SANDBOX_URL"]
    assert named({**PRODUCTION, "AT_USERNAME": "sandbox"}) == ["AT_USERNAME"]


def test_production_takes_nothing_from_the_sandbox() -> None:
    settings = load(PRODUCTION)
    assert settings.key("DATA_KEY") == b"d" * 32
    assert settings.key("INDEX_KEY") == b"i" * 32
    assert settings.key("PIN_PEPPER") == b"p" * 32
    assert settings.AT_API_URL == "https://api.africastalking.com/version1"
    assert settings.ACCOUNT_WORKERS_MAX == 1
    assert settings.callback_prefix == f"/cb/{'c0ffee' * 8}"


@pytest.mark.parametrize("mode", ["", "test", "Sandbox", "PRODUCTION", "prod"])
def test_the_mode_is_never_guessed(mode: str) -> None:
    assert "IURAN_MODE" in named({**PRODUCTION, "IURAN_MODE": mode})


@pytest.mark.parametrize(
    "pair",
    [
        ("DATA_KEY", "INDEX_KEY"),
        ("DATA_KEY", "DATA_KEY_OTHER"),
        ("INDEX_KEY", "PIN_PEPPER"),
        ("DATA_KEY", "PIN_PEPPER"),
    ],
)
def test_two_keys_that_are_equal_are_refused(pair: tuple[str, str]) -> None:
    for environ in (SANDBOX, PRODUCTION):
        assert named({**environ, pair[0]: key("x"), pair[1]: key("x")}) == [
            "DATA_KEY, DATA_KEY_OTHER, INDEX_KEY, PIN_PEPPER"
        ]


def other_spelling(text: str) -> str:
    """The same bytes in Base64 that looks different: two bits of the last letter count for nothing."""
    spelling = f"{text[:-2]}{chr(ord(text[-2]) + 1)}="
    assert spelling != text
    assert base64.b64decode(spelling) == base64.b64decode(text)
    return spelling


def test_equal_keys_are_refused_in_whatever_base64_they_are_spelt() -> None:
    assert named({**PRODUCTION, "INDEX_KEY": other_spelling(PRODUCTION["DATA_KEY"])}) != []


def test_a_sandbox_default_is_refused_in_whatever_base64_it_is_spelt() -> None:
    assert named({**PRODUCTION, "DATA_KEY": other_spelling(SANDBOX_SECRETS["DATA_KEY"])}) == ["DATA_KEY"]


# Sandbox


@pytest.mark.parametrize("bind", ["0.0.0.0", "::", "192.168.1.5", "iuran.example"])
def test_the_sandbox_listens_on_loopback_only(bind: str) -> None:
    assert named({**SANDBOX, "BIND": bind}) == ["BIND"]
    assert bind == load({**PRODUCTION, "BIND": bind}).BIND


@pytest.mark.parametrize("bind", ["127.0.0.1", "::1", "localhost"])
def test_the_sandbox_takes_every_spelling_of_loopback(bind: str) -> None:
    assert bind == load({**SANDBOX, "BIND": bind}).BIND


def test_the_sandbox_starts_without_any_credential() -> None:
    settings = load(SANDBOX)
    assert settings.USSD_CODE == SANDBOX_USSD_CODE
    assert settings.AT_API_URL == "http://127.0.0.1:8001/version1"
    assert settings.callback_prefix == ""
    keys = {settings.key(name) for name in ("DATA_KEY", "INDEX_KEY", "PIN_PEPPER")}
    assert [len(key) for key in keys] == [32, 32, 32]


# What is read, and what is shown


def test_the_machines_environment_does_not_leak_into_given_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PORT": "1234", "LOG_LEVEL": "debug", "port": "1234", "CALLBACK_KEY": "a" * 24}.items():
        monkeypatch.setenv(name, value)
    settings = load(SANDBOX)
    assert (settings.PORT, settings.LOG_LEVEL, settings.callback_prefix) == (8000, "info", "")


def test_without_given_settings_the_machines_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name, raising=False)
    for name, value in {**SANDBOX, "PORT": "1234"}.items():
        monkeypatch.setenv(name, value)
    assert load().PORT == 1234


def test_blanks_around_a_value_and_settings_of_others_do_no_harm() -> None:
    settings = load({**SANDBOX, "PORT": " 9000 ", "HOME": "/root", "port": "1"})
    assert settings.PORT == 9000


def test_no_secret_stands_in_what_is_printed() -> None:
    settings = load(PRODUCTION)
    shown = f"{settings!r} {settings}"
    for name in ("DATABASE_URL", "REDIS_URL", "CALLBACK_KEY", "DATA_KEY", "INDEX_KEY", "PIN_PEPPER", "AT_API_KEY"):
        assert PRODUCTION[name] not in shown


def test_settings_cannot_be_changed_while_running() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(SANDBOX).PORT = 1


def test_every_setting_is_described_in_words() -> None:
    rows = described()
    assert [name for name, _, _ in rows] == list(Settings.model_fields)
    assert all(meaning and "|" not in default + meaning for _, default, meaning in rows)
    assert {name for name, default, _ in rows if default == "needed"} == {"IURAN_MODE", "DATABASE_URL", "REDIS_URL"}
    shown = " ".join(default for _, default, _ in rows)
    assert not any(secret in shown for name, secret in SANDBOX_SECRETS.items() if name != "AT_API_KEY")
