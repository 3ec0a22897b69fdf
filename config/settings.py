"""Every setting: its name, type, default, and what it is for; what one value alone must be is checked here."""

import base64
import binascii
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

# For one laptop only: public in this file, and refused outside the sandbox.
SANDBOX_SECRETS: Mapping[str, str] = {
    "DATA_KEY": base64.b64encode(b"sandbox-only-data-key-32-bytes!!").decode(),
    "INDEX_KEY": base64.b64encode(b"sandbox-only-index-key-32-bytes!").decode(),
    "PIN_PEPPER": base64.b64encode(b"sandbox-only-pin-pepper-32bytes!").decode(),
    "AT_API_KEY": "sandbox",
}
SANDBOX_USSD_CODE = "*500*73#"
USSD_GATEWAYS, SMS_ROUTES = ("africastalking", "hubtel", "smpp"), ("africastalking", "smpp")
_SECRET_BYTES_MIN = 32
# The tables of months are made 14 months ahead.
PAY_AHEAD_MONTHS_MAX = 12

Secret32 = Annotated[SecretStr, Field(repr=False)]


class Settings(BaseSettings):
    """One line a variable: name, type, default, what it is for (with its unit). README has the same table."""

    model_config = SettingsConfigDict(case_sensitive=True, extra="ignore", frozen=True, hide_input_in_errors=True)

    IURAN_MODE: Literal["sandbox", "production"] = Field(description="`sandbox` or `production`; never guessed")
    DATABASE_URL: SecretStr = Field(description="PostgreSQL, `postgresql://user:password@host:port/name`")
    REDIS_URL: SecretStr = Field(description="Redis or Valkey for calls in progress, `redis://host:port/0`")
    BIND: str = Field("127.0.0.1", description="Address the web server listens on; the sandbox keeps to loopback")
    PORT: int = Field(8000, ge=1, le=65535, description="Port the web server listens on")
    USSD_CODE: str = Field("", description="What members dial, `*500*73#`; other service codes are turned away")
    USSD_GATEWAYS: str = Field(
        "africastalking", description="Who brings calls: `africastalking`, `hubtel`, `smpp`, with commas between"
    )
    CALLBACK_KEY: SecretStr = Field(SecretStr(""), description="Secret path part of all callbacks: `/cb/<key>/...`")
    DATA_KEY: Secret32 = Field(SecretStr(""), description="Master key over all personal data, 32 bytes in Base64")
    DATA_KEY_OTHER: Secret32 = Field(
        SecretStr(""), description="A master key that is read too while keys are rotated: the next, then the last one"
    )
    INDEX_KEY: Secret32 = Field(SecretStr(""), description="Key of the blind indexes (NIK, phone, account), 32 bytes")
    PIN_PEPPER: Secret32 = Field(SecretStr(""), description="Pepper of the PIN hashes, 32 bytes in Base64")
    AT_USERNAME: str = Field("", description="Africa's Talking user name")
    AT_API_KEY: SecretStr = Field(SecretStr(""), description="Africa's Talking API key")
    AT_SENDER_ID: str = Field("", max_length=11, description="Registered sender name, at most 11 characters")
    AT_API_URL: str = Field(
        "https://api.africastalking.com/version1", description="Base of the messaging API; any stand-in can be named"
    )
    SMPP_HOST: str = Field("", description="Host name of the operator's SMSC (`flask ussd smpp`)")
    SMPP_PORT: int = Field(2775, ge=1, le=65535, description="Its port")
    SMPP_TLS: bool = Field(True, description="Speak TLS 1.2 or later to it; `false` inside the operator's tunnel only")
    SMPP_SYSTEM_ID: str = Field("", max_length=15, description="Who we are there, at most 15 characters")
    SMPP_PASSWORD: SecretStr = Field(SecretStr(""), max_length=8, description="Our password, at most 8 characters")
    SMPP_SYSTEM_TYPE: str = Field("", max_length=12, description="System type that the operator wants, often none")
    SMPP_RATE_PER_S: int = Field(50, ge=1, le=10_000, description="Answers we send there in a second at most")
    SMS_ROUTES: str = Field(
        "africastalking", description="Who takes texts: `africastalking`, `smpp`, with a comma between"
    )
    SMS_SMPP_HOST: str = Field("", description="Host name of the SMSC that takes texts and brings those of members")
    SMS_SMPP_PORT: int = Field(2775, ge=1, le=65535, description="Its port; TLS and system type are as for calls")
    SMS_SMPP_SYSTEM_ID: str = Field("", max_length=15, description="Who we are there, at most 15 characters")
    SMS_SMPP_PASSWORD: SecretStr = Field(SecretStr(""), max_length=8, description="Our password there")
    SMS_SMPP_DECIMAL_IDS: bool = Field(False, description="Its reports name in decimal what it took in hexadecimal")
    SMS_LANES: int = Field(1, ge=1, le=64, description="Drains that send texts at once, each its own numbers' texts")
    SMS_RATE_PER_S: int = Field(50, ge=1, le=10_000, description="Texts we give a gateway in a second, all lanes")
    SMS_DAY_MAX: int = Field(20, ge=1, description="Texts to one number a day; receipts and codes go beyond it")
    BANKS_FILE: Path | None = Field(None, description="TOML with one table for each bank that is connected")
    INSURER_OUT_DIR: Path | None = Field(None, description="Folder for the files we hand to the insurer")
    INSURER_IN_DIR: Path | None = Field(None, description="Folder where the insurer's result files appear")
    SANDBOX_URL: str = Field("", description="Where the sandbox process listens (sandbox only)")
    DUE_DAY: int = Field(15, ge=1, le=28, description="Day of the month after which grace begins; debit days end there")
    NOTICE_HOURS: int = Field(48, ge=0, description="Hours between an accepted notice and a later month's debit")
    PAY_AHEAD_MONTHS: str = Field("1,2,3,6,12", description="Months that may be paid ahead in one go, at most 12")
    AGE_MIN: int = Field(15, ge=10, description="Youngest age at enrolment, in years (unconfirmed by the insurer)")
    AGE_BELOW: int = Field(65, le=110, description="Enrolment is open below this age, in years (unconfirmed)")
    PHONE_WORKERS_MAX: int = Field(5, ge=1, description="Workers that may share one phone number")
    ACCOUNT_WORKERS_MAX: int = Field(1, ge=1, description="Workers whose mandates may name one account")
    SILENT_DAYS: int = Field(90, ge=1, description="Days without a call or SMS after which a number is asked its PIN")
    PIN_RESET_HOURS: int = Field(24, ge=1, description="Hours in which a member may stop a PIN reset")
    ERASURE_HOURS: int = Field(72, ge=1, le=72, description="Hours in which a member may stop the own data's erasure")
    KEEP_INBOX_DAYS: int = Field(90, ge=30, description="Days after which texts of and to strangers are emptied")
    KEEP_TEXTS_MONTHS: int = Field(24, ge=6, description="Months after which the texts of a month are deleted")
    BANK_FEE_RP: int = Field(0, ge=0, description="Bank's fee for a debit, in rupiah, where the member bears it")
    SMALL_CELL_MIN: int = Field(5, ge=1, description="Counts of people below this are not shown to village heads")
    VILLAGE_NAMES_BASIS: str = Field("", description="Law by which heads may see initials of who agreed; empty: never")
    APPROVALS_MIN: int = Field(2, ge=0, le=5, description="People who agree to refunds, held runs, outcomes by hand")
    COMPLAINT_DAYS: int = Field(5, ge=1, le=60, description="Days within which a complaint is answered by SMS")
    RUN_MANDATES_MAX: int = Field(100_000, ge=1, description="A month's run over more mandates waits for approval")
    RUN_SUM_RP_MAX: int = Field(5_000_000_000, ge=1, description="So does one that may debit more, in rupiah")
    RUN_DEVIATION_PERCENT: int = Field(20, ge=1, description="So does one that differs by more from the month before")
    BOUNCE_FEE_PERCENT_MAX: int = Field(5, ge=0, description="No retry where a bank's bounce fee is above this share")
    CALLBACK_SOURCES: str = Field(
        "",
        description="Addresses callbacks may come from, `196.0.2.0/24,41.0.0.7`; empty: the key alone decides",
    )
    CALLBACK_PROXIES: int = Field(0, ge=0, le=3, description="Proxies before the web, whose `X-Forwarded-For` holds")
    HOPS_PER_MINUTE_MAX: int = Field(60, ge=10, description="Turns of one number in a minute; no thumb is faster")
    HOPS_PER_S_MAX: int = Field(0, ge=0, description="Turns that one web process takes in a second; 0: all that come")
    CONSOLE_PORT: int = Field(8010, ge=1, le=65535, description="Port of the operators' console, on the same address")
    CONSOLE_IDLE_MINUTES: int = Field(15, ge=1, description="Minutes after which an idle operator is logged out")
    CONSOLE_HOURS: int = Field(10, ge=1, le=24, description="Hours after which every operator logs in anew")
    CONSOLE_PROXIES: int = Field(0, ge=0, le=3, description="Proxies before the console, whose `X-Forwarded-For` holds")
    LOG_LEVEL: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged")

    @classmethod
    def settings_customise_sources(cls, *_: Any, **sources: Any) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` hands over: it read the environment once, whole."""
        return (sources["init_settings"],)

    @property
    def sandbox(self) -> bool:
        return self.IURAN_MODE == "sandbox"

    @property
    def ussd_gateways(self) -> frozenset[str]:
        return frozenset(self.USSD_GATEWAYS.split(","))

    @property
    def sms_routes(self) -> tuple[str, ...]:
        return tuple(self.SMS_ROUTES.split(","))

    @property
    def callback_sources(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(one.strip()) for one in self.CALLBACK_SOURCES.split(",") if one.strip())

    @property
    def pay_ahead_months(self) -> tuple[int, ...]:
        return tuple(sorted({int(count) for count in self.PAY_AHEAD_MONTHS.split(",")}))

    def other_keys(self) -> list[bytes]:
        return [base64.b64decode(other)] if (other := self.DATA_KEY_OTHER.get_secret_value()) else []

    def key(self, name: Literal["DATA_KEY", "INDEX_KEY", "PIN_PEPPER"]) -> bytes:
        secret: SecretStr = getattr(self, name)
        return base64.b64decode(secret.get_secret_value())

    @property
    def callback_prefix(self) -> str:
        key = self.CALLBACK_KEY.get_secret_value()
        return f"/cb/{key}" if key else ""

    @model_validator(mode="before")
    @classmethod
    def _sandbox_defaults(cls, values: dict[str, Any]) -> dict[str, Any]:
        if values.get("IURAN_MODE") != "sandbox":
            return values
        defaults = {
            **SANDBOX_SECRETS,
            "USSD_CODE": SANDBOX_USSD_CODE,
            "USSD_GATEWAYS": "africastalking,hubtel",
            "AT_USERNAME": "iuran",
            "AT_SENDER_ID": "IURAN",
            "AT_API_URL": f"{values.get('SANDBOX_URL', '')}/version1",
            "ACCOUNT_WORKERS_MAX": "3",
            "APPROVALS_MIN": "0",
            # Tests and demonstrations press faster than any thumb.
            "HOPS_PER_MINUTE_MAX": "100000",
        }
        return {**defaults, **{name: value for name, value in values.items() if value != ""}}

    @field_validator("DATABASE_URL", "REDIS_URL")
    @classmethod
    def _a_url(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        kinds = ("postgresql",) if info.field_name == "DATABASE_URL" else ("redis", "rediss")
        try:
            scheme = urlsplit(value.get_secret_value()).scheme
        except ValueError:
            # Its own words would show a part of the password.
            raise ValueError("not a URL") from None
        if scheme not in kinds:
            raise ValueError(f"not a URL that begins with {' or '.join(f'{kind}://' for kind in kinds)}")
        return value

    @field_validator("USSD_GATEWAYS", "SMS_ROUTES")
    @classmethod
    def _known_gateways(cls, value: str, info: ValidationInfo) -> str:
        known = USSD_GATEWAYS if info.field_name == "USSD_GATEWAYS" else SMS_ROUTES
        names = [name.strip() for name in value.split(",")]
        if not set(names) <= set(known) or len(set(names)) != len(names):
            raise ValueError(f"not some of {', '.join(known)} with commas between")
        return ",".join(names)

    @field_validator("CALLBACK_SOURCES")
    @classmethod
    def _networks(cls, value: str) -> str:
        for source in filter(None, (one.strip() for one in value.split(","))):
            try:
                ip_network(source)
            except ValueError:
                raise ValueError("not addresses or networks with commas between, as in `196.0.2.0/24`") from None
        return value

    @field_validator("PAY_AHEAD_MONTHS")
    @classmethod
    def _months_ahead(cls, value: str) -> str:
        counts = [count.strip() for count in value.split(",")]
        if not all(count.isascii() and count.isdigit() and 1 <= int(count) <= PAY_AHEAD_MONTHS_MAX for count in counts):
            raise ValueError(f"not numbers of months from 1 to {PAY_AHEAD_MONTHS_MAX} with commas between")
        return value

    @field_validator("DATA_KEY", "DATA_KEY_OTHER", "INDEX_KEY", "PIN_PEPPER")
    @classmethod
    def _thirty_two_bytes(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if not text:
            return value
        try:
            key = base64.b64decode(text, validate=True)
        except binascii.Error:
            raise ValueError("not Base64") from None
        if base64.b64encode(key).decode() != text:
            # The last letter has bits to spare: another spelling would hide that two keys are the same.
            raise ValueError("not Base64 in its usual spelling")
        size = len(key)
        if size != _SECRET_BYTES_MIN:
            raise ValueError(f"{size} bytes after Base64, 32 are needed: openssl rand -base64 32")
        return value

    @field_validator("CALLBACK_KEY")
    @classmethod
    def _unguessable(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if text and (len(text) < 24 or not text.isalnum() or not text.isascii()):
            raise ValueError("at least 24 letters and digits: openssl rand -hex 24")
        return value
