"""The environment, read once and checked as a whole. Nobody else reads a variable; no secret shows in a repr.

Settings of a platform are derived from its row: `META_API_MODE`, `TIKTOK_API_MODE`, ... are one class with a prefix.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.actions import Mode
from domain.errors import SettingsError
from domain.money import Money
from domain.platforms import PLATFORMS, Platform
from domain.quiet_hours import QuietHours
from workers import setting_values as values
from workers.log import redact_text
from workers.secret_files import read_files

S = TypeVar("S", bound=BaseSettings)
_WRONG_NAMES = {"META_ADS_MODE": "META_API_MODE", "CELERY_BROKER_URL": "REDIS_URL", "BROKER_URL": "REDIS_URL"}
STORABLE = ("access_token", "app_secret")  # secrets of a platform that the vault may hold instead of the environment
ALERT_SETTINGS = ("ALERT_EMAIL", "ALERT_SLACK_WEBHOOK_URL", "ALERT_URLS")  # any of them is a channel


Amount = Annotated[Money, NoDecode, BeforeValidator(values.money)]
OptionalSecret = Annotated[SecretStr | None, BeforeValidator(values.blank_is_none)]
OptionalText = Annotated[str | None, BeforeValidator(values.blank_is_none)]


class PlatformSettings(BaseSettings):
    """The settings that every platform has, each under its own prefix. Descriptions say what a person should write."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)

    api_mode: Annotated[Mode, BeforeValidator(values.lower)] = Field(Mode.STUB, description="stub or live")
    app_id: OptionalText = Field(None, description="the app's number")
    app_secret: OptionalSecret = Field(None, description="the app's secret")
    access_token: OptionalSecret = Field(None, description="an access token of a system user")
    api_base_url: Annotated[str | None, BeforeValidator(values.safe_address)] = Field(
        None, description="https://... of a proxy in front of the platform, or nothing; http:// on this machine only"
    )
    cycle_enabled: bool = Field(True, description="true or false")
    cycle_interval_minutes: Annotated[int, Field(ge=5, le=1440), AfterValidator(values.fitting_the_clock)] = Field(
        30, description="whole minutes from 5 to 1440 that divide an hour or are whole hours"
    )
    cycle_auto_start: bool = Field(True, description="true or false")
    real_time_interval_minutes: Annotated[int, Field(ge=5, le=60), AfterValidator(values.fitting_the_clock)] = Field(
        5, description="whole minutes from 5 to 60 that divide an hour"
    )

    def secret(self, name: str) -> str | None:
        """Return the plain value of `access_token` or `app_secret`, at the moment of use only."""
        value: SecretStr | None = getattr(self, name)
        return value.get_secret_value() if value is not None else None


class _Common(BaseSettings):
    """What is the same for every platform."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)

    database_url: Annotated[str | None, BeforeValidator(values.postgres_address)] = Field(
        None, repr=False, description="postgresql://user:password@host:5432/name, or nothing for the embedded server"
    )
    database_owner_url: Annotated[str | None, BeforeValidator(values.postgres_address)] = Field(
        None,
        repr=False,
        description="the address of DATABASE_URL's database as the owner of its tables, for `stakazo migrate` only",
    )
    redis_url: Annotated[str | None, BeforeValidator(values.redis_address)] = Field(
        None, repr=False, description="redis://host:6379/0, or nothing for the embedded server"
    )
    stakazo_home: Annotated[Path, AfterValidator(values.no_file)] = Field(
        Path(".stakazo"), description="the path of a folder for data"
    )
    max_daily_budget_per_adset: Amount = Field(
        Money(50_000, "USD"), description='an amount with its currency, such as "500 USD"'
    )
    max_total_daily_spend: Amount = Field(
        Money(500_000, "USD"), description='an amount with its currency, such as "5000 USD"'
    )
    max_change_without_approval: Amount = Field(
        Money(50_000, "USD"), description='an amount with its currency, such as "500 USD"'
    )
    secret_key: Annotated[SecretStr | None, BeforeValidator(values.long_enough)] = Field(
        None, description="at least 16 characters that nobody can guess"
    )
    secret_key_previous: Annotated[SecretStr | None, BeforeValidator(values.long_enough)] = Field(
        None, description="the SECRET_KEY of before, until `stakazo secret rotate` is through"
    )
    sandbox_url: OptionalText = Field(None, description="http://host:port of the sandbox's Graph API")
    sandbox_admin_url: OptionalText = Field(None, description="http://host:port of the sandbox's admin address")
    sandbox_data: Path | None = Field(None, description="the sandbox's data folder")
    stakazo_token: OptionalSecret = Field(None, description="a token as `stakazo user add` shows it, or nothing")
    stakazo_speed: Annotated[float, Field(ge=0)] = Field(
        1.0, description="how many sandbox seconds pass in a real one, such as 60"
    )
    stub_quarantine_s: Annotated[float, Field(gt=0)] | None = Field(
        None, description="seconds after which an unknown outcome of the sandbox is looked at, such as 3"
    )
    worker_memory_mb: Annotated[int, Field(ge=256)] = Field(
        2048, description="most memory of one process of a worker's pool in MB, such as 2048"
    )
    flower_read_only: bool = Field(True, description="true or false")
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(values.lower)] = Field(
        "info", description="debug, info, warning or error"
    )
    alert_email: OptionalText = Field(None, description="an address that is read day and night")
    alert_slack_webhook_url: OptionalSecret = Field(None, description="https://hooks.slack.com/...")
    alert_smtp_url: Annotated[OptionalSecret, AfterValidator(values.smtp_address)] = Field(
        None, description="smtp://user:password@host:587 (STARTTLS) or smtps://...:465; nothing = localhost:25"
    )
    alert_urls: Annotated[OptionalSecret, AfterValidator(values.alert_addresses)] = Field(
        None, description="addresses as apprise reads them, with spaces between, such as tgram://token/chat"
    )
    alert_quiet_hours: Annotated[QuietHours | None, BeforeValidator(values.quiet_hours)] = Field(
        None, description='hours in which only what is critical is told, such as "22:00-07:00 Europe/Madrid"'
    )
    alert_weekly_report_to: OptionalText = Field(None, description="e-mail addresses with spaces between, or nothing")
    deadman_url: Annotated[OptionalSecret, AfterValidator(values.secret_address)] = Field(
        None, description="https://... that is to be called each minute while all is well, or nothing"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting, valid. `database_url` and `redis_url` are None where the embedded servers are meant."""

    common: _Common
    platforms: Mapping[str, PlatformSettings]

    @property
    def database_url(self) -> str | None:
        """Address of the given Postgres, None for the embedded one (then see `workers/addresses.py`)."""
        return self.common.database_url

    @property
    def redis_url(self) -> str | None:
        """Address of the given Redis, None for the embedded one (then see `workers/addresses.py`)."""
        return self.common.redis_url

    @property
    def home(self) -> Path:
        """The data folder, absolute."""
        return self.common.stakazo_home.expanduser().absolute()

    @property
    def sandbox_data(self) -> Path:
        """The sandbox's data folder: where it writes `address.json` and `credentials.json`."""
        return (self.common.sandbox_data or self.home / "sandbox").expanduser().absolute()

    @property
    def max_daily_budget_per_adset(self) -> Money:
        """Cap for an ad set of an account that has none of its own."""
        return self.common.max_daily_budget_per_adset

    @property
    def max_total_daily_spend(self) -> Money:
        """Cap for the sum of daily budgets of an account that has none of its own."""
        return self.common.max_total_daily_spend

    @property
    def max_change_without_approval(self) -> Money:
        """How far one action may move a daily budget alone, for an account that has no limit of its own."""
        return self.common.max_change_without_approval

    def of(self, platform: str) -> PlatformSettings:
        """Return the settings of a platform by its slug."""
        return self.platforms[platform]


def read_settings() -> Settings:
    """Read and check the whole environment.

    Raises:
        SettingsError: with every problem at once; values of secrets are never part of it.
    """
    problems: list[str] = list(_wrong_names(os.environ))
    given, unreadable = read_files(os.environ, names())
    problems.extend(unreadable)
    common = _read(_Common, "", given, problems)
    platforms = {row.slug: _read(PlatformSettings, f"{row.slug.upper()}_", given, problems) for row in PLATFORMS}
    for row in PLATFORMS:
        own = platforms[row.slug]
        if own is not None:
            problems.extend(_live_problems(row, own, {**os.environ, **given}))
    if problems or common is None:
        raise SettingsError(problems)
    return Settings(common=common, platforms={slug: own for slug, own in platforms.items() if own is not None})


def names() -> tuple[str, ...]:
    """Return the name of every setting."""
    prefixed = ((f"{row.slug}_", PlatformSettings) for row in PLATFORMS)
    kinds: tuple[tuple[str, type[BaseSettings]], ...] = (("", _Common), *prefixed)
    return tuple(f"{prefix}{field}".upper() for prefix, kind in kinds for field in kind.model_fields)


def _wrong_names(environ: Mapping[str, str]) -> Iterator[str]:
    for wrong, right in _WRONG_NAMES.items():
        if wrong in environ:
            yield f"{wrong} is not a setting; its name is {right}"


def _read(kind: type[S], prefix: str, given: Mapping[str, str], problems: list[str]) -> S | None:
    mine: dict[str, Any] = {
        field: given[name] for field in kind.model_fields if (name := f"{prefix}{field}".upper()) in given
    }
    try:
        return kind(_env_prefix=prefix, **mine)
    except ValidationError as error:
        problems.extend(_describe(kind, prefix, dict(item)) for item in error.errors(include_url=False))
        return None


def _describe(kind: type[BaseSettings], prefix: str, item: dict[str, Any]) -> str:
    field = str(item["loc"][0])
    row = kind.model_fields[field]
    name = f"{prefix}{field}".upper()
    is_private = not row.repr or "Secret" in str(row.annotation)
    value = "set" if is_private else f'"{item["input"]}"'
    why = item["msg"].removeprefix("Value error, ")
    # People paste tokens anywhere, and both the value and the reason quote what they wrote.
    return redact_text(f"{name} is {value}, which cannot be used ({why}); write {row.description}")


def _live_problems(platform: Platform, own: PlatformSettings, environ: Mapping[str, str]) -> Iterator[str]:
    """What LIVE cannot do without (REQUIREMENTS §6), each named. The scopes are asked of the token, in `bootstrap`."""
    if own.api_mode is not Mode.LIVE:
        return
    mode_name = f"{platform.slug.upper()}_API_MODE"
    if platform.client is None:
        yield f'{mode_name} is "live", but {platform.title} is planned and not built; write stub'
    prefix = f"{platform.slug.upper()}_"
    for name in (*platform.live_settings, "SECRET_KEY"):
        # With the key, secrets may lie in the vault; that is asked when a client is opened.
        is_elsewhere = bool(environ.get("SECRET_KEY")) and name.removeprefix(prefix).lower() in STORABLE
        if not environ.get(name) and not is_elsewhere:
            yield f"{name} is missing; {mode_name}=live cannot do without it"
    for name in ("MAX_DAILY_BUDGET_PER_ADSET", "MAX_TOTAL_DAILY_SPEND"):
        if not environ.get(name):
            yield f"{name} is missing; {mode_name}=live wants a cap that a person has set"
    if not any(environ.get(name) for name in ALERT_SETTINGS):
        yield f"{' or '.join(ALERT_SETTINGS)} is missing; {mode_name}=live wants alerts configured"
