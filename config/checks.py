"""Reads the settings at once: a missing or bad one is named together with all the others, and never a value."""

import os
from collections.abc import Mapping

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from config.settings import SANDBOX_SECRETS, Settings

_NEEDED_IN_PRODUCTION = (
    "CALLBACK_KEY",
    "DATA_KEY",
    "INDEX_KEY",
    "PIN_PEPPER",
    "USSD_CODE",
    "AT_USERNAME",
    "AT_API_KEY",
    "AT_SENDER_ID",
    "BANKS_FILE",
    "INSURER_OUT_DIR",
    "INSURER_IN_DIR",
)
_NEEDED_FOR_SMPP = ("HOST", "SYSTEM_ID", "PASSWORD")
_NEEDED_IN_SANDBOX = ("SANDBOX_URL", "BANKS_FILE", "INSURER_OUT_DIR", "INSURER_IN_DIR")


class ConfigError(Exception):
    """Says every setting that is missing or bad, one line each, and never a value."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(["Settings that need a hand:", *(f"  {line}" for line in lines)]))
        self.lines = lines


def _production_lines(values: Mapping[str, str]) -> list[str]:
    lines = [f"{name}: not set" for name in _NEEDED_IN_PRODUCTION if not values.get(name)]
    for name, known in SANDBOX_SECRETS.items():
        if values.get(name) == known:
            lines.append(f"{name}: the sandbox's public default; production needs its own")
    if values.get("AT_USERNAME") == "sandbox":
        lines.append("AT_USERNAME: `sandbox` reaches no phone")
    if not values.get("AT_API_URL", "https://").startswith("https://"):
        lines.append("AT_API_URL: production speaks to its gateway over https only")
    if values.get("APPROVALS_MIN", "2") in ("0", "1"):
        lines.append("APPROVALS_MIN: production needs two people at least")
    if values.get("SANDBOX_URL"):
        lines.append("SANDBOX_URL: set, but production mounts no sandbox")
    return lines


def _sandbox_lines(values: Mapping[str, str]) -> list[str]:
    lines = [f"{name}: not set" for name in _NEEDED_IN_SANDBOX if not values.get(name)]
    if values.get("BIND", "127.0.0.1") not in ("127.0.0.1", "::1", "localhost"):
        lines.append("BIND: the sandbox listens on loopback only")
    return lines


def _shared_lines(values: Mapping[str, str]) -> list[str]:
    secrets = [values.get(name, "") for name in ("DATA_KEY", "DATA_KEY_OTHER", "INDEX_KEY", "PIN_PEPPER")]
    given = [secret for secret in secrets if secret]
    lines = ["DATA_KEY, DATA_KEY_OTHER, INDEX_KEY, PIN_PEPPER: must differ"] if len(set(given)) != len(given) else []
    for listed, prefix in (("USSD_GATEWAYS", "SMPP_"), ("SMS_ROUTES", "SMS_SMPP_")):
        if "smpp" in values.get(listed, ""):
            needed = [prefix + name for name in _NEEDED_FOR_SMPP]
            lines += [f"{name}: not set, {listed} names smpp" for name in needed if not values.get(name)]
    return lines


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings. Raises ConfigError with one line for each that is missing or bad, all at once."""
    values = {name: value.strip() for name, value in environ.items() if name in Settings.model_fields and value.strip()}
    lines = _shared_lines(values)
    mode = values.get("IURAN_MODE")
    lines += _production_lines(values) if mode == "production" else _sandbox_lines(values) if mode == "sandbox" else []
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        lines += [
            f"{e['loc'][0] if e['loc'] else 'settings'}: {'not set' if e['type'] == 'missing' else e['msg']}"
            for e in error.errors(include_input=False, include_context=False)
        ]
        raise ConfigError(sorted(lines)) from None
    if lines:
        raise ConfigError(sorted(lines))
    return settings


def described() -> list[tuple[str, str, str]]:
    """(name, default, meaning) of each setting, for the README's table and `flask settings`."""

    def default(field: FieldInfo) -> str:
        if field.is_required():
            return "needed"
        value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        return "" if value in ("", None) else str(value)

    return [(name, default(field), field.description or "") for name, field in Settings.model_fields.items()]
