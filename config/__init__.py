"""Every setting, from the environment alone."""

from config.checks import ConfigError, described, load
from config.settings import PAY_AHEAD_MONTHS_MAX, SANDBOX_SECRETS, SANDBOX_USSD_CODE, Settings

__all__ = [
    "PAY_AHEAD_MONTHS_MAX",
    "SANDBOX_SECRETS",
    "SANDBOX_USSD_CODE",
    "ConfigError",
    "Settings",
    "described",
    "load",
]
