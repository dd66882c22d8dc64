"""What an ad account is made of and how its people respond: the scenario, as validated data.

A scenario is a TOML or JSON file (a name from `sandbox/scenarios/`, a path, or `generated:ADS[:SEED]`). Unknown keys
are refused. Everything that the platform would never tell (rates, prices, incidents) is written here in the open.

    name, title, seed, history_days, start, refresh_lag_minutes, tier     the world
    [[accounts]]        name, id, currency, timezone, page_id, pixel_id, countries, min_daily_budget_minor
      [[.campaigns]]    name, objective, status, daily_budget_minor (set: campaign budget, CBO), created_days_ago
        [[.ad_sets]]    name, daily_budget_minor, audience_size, cpm_minor, saturation_daily_minor, targeting, labels
          [[.ads]]      key, name, ctr, cvr, order_value_minor, fatigue, labels, title, body, created_days_ago
      [[.incidents]]    scope (the name of a campaign, ad set or ad; absent = all), starts_hours_ago, hours, *_factor
      [[.history]]      ad (an ad's key), day, impressions, clicks, link_clicks, spend_minor, purchases, value_minor

`ctr` is inline link clicks per impression, `cvr` purchases per link click, both of a person who sees the ad for the
first time. `cpm_minor` is the price of a thousand impressions in minor units at small spend. `saturation_daily_minor`
is the daily spend at which that price has risen by 27 % (the concave response). `fatigue` scales the exponent of
(N+1)^-0.43, N being exposures per person of the audience. An account with `history` rows is served those figures
verbatim for the days they name, and nothing is simulated before the start.
"""

import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

Status = Literal["ACTIVE", "PAUSED"]
SCENARIOS_DIR = Path(__file__).parent / "scenarios"
GENERATED_PREFIX = "generated:"


class _Row(BaseModel):
    """A part of the scenario: immutable, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AdSpec(_Row):
    """An ad with its own creative, and the truth about how people respond to it."""

    name: str
    ctr: float = Field(gt=0, lt=0.5)
    cvr: float = Field(ge=0, lt=0.9)
    order_value_minor: int = Field(gt=0)
    fatigue: float = Field(default=1.0, ge=0)
    key: str | None = None
    id: str | None = Field(default=None, pattern=r"^[0-9]{1,20}$")
    status: Status = "ACTIVE"
    labels: tuple[str, ...] = ()
    title: str = ""
    body: str = ""
    link: str = "https://shop.example/"
    created_days_ago: float | None = Field(default=None, ge=0)
    created_at: AwareDatetime | None = None


class AdSetSpec(_Row):
    """An audience and its price; `daily_budget_minor` is absent exactly under a campaign budget."""

    name: str
    ads: tuple[AdSpec, ...] = ()
    daily_budget_minor: int | None = Field(default=None, gt=0)
    audience_size: int = Field(default=400_000, gt=0)
    cpm_minor: int = Field(default=1_200, gt=0)
    saturation_daily_minor: int = Field(default=20_000, gt=0)
    ctr_factor: float = Field(default=1.0, gt=0)
    cvr_factor: float = Field(default=1.0, gt=0)
    delivery: Literal["appeal", "even"] = "appeal"
    id: str | None = Field(default=None, pattern=r"^[0-9]{1,20}$")
    status: Status = "ACTIVE"
    labels: tuple[str, ...] = ()
    targeting: dict[str, Any] = Field(default_factory=dict)
    optimization_goal: str = "OFFSITE_CONVERSIONS"
    created_days_ago: float | None = Field(default=None, ge=0)
    created_at: AwareDatetime | None = None


class CampaignSpec(_Row):
    """A campaign; with `daily_budget_minor` it carries the budget of its ad sets (CBO)."""

    name: str
    ad_sets: tuple[AdSetSpec, ...] = ()
    objective: str = "OUTCOME_SALES"
    daily_budget_minor: int | None = Field(default=None, gt=0)
    id: str | None = Field(default=None, pattern=r"^[0-9]{1,20}$")
    status: Status = "ACTIVE"
    labels: tuple[str, ...] = ()
    created_days_ago: float | None = Field(default=None, ge=0)
    created_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _one_level_carries_the_budget(self) -> Self:
        for ad_set in self.ad_sets:
            if (ad_set.daily_budget_minor is None) == (self.daily_budget_minor is None):
                message = (
                    f"campaign {self.name!r}, ad set {ad_set.name!r}: exactly one of the two carries a daily budget"
                )
                raise ValueError(message)
        return self


class IncidentSpec(_Row):
    """Hours in which the market did something unusual to a part of the account."""

    scope: str | None = None
    starts_hours_ago: float
    hours: float = Field(gt=0)
    cpm_factor: float = Field(default=1.0, gt=0)
    ctr_factor: float = Field(default=1.0, gt=0)
    cvr_factor: float = Field(default=1.0, gt=0)


class HistoryRow(_Row):
    """One ad on one day (by the account's zone), as a report told it; served verbatim."""

    ad: str
    day: date
    impressions: int = Field(ge=0)
    clicks: int = Field(ge=0)
    link_clicks: int = Field(ge=0)
    spend_minor: int = Field(ge=0)
    purchases: int = Field(default=0, ge=0)
    value_minor: int = Field(default=0, ge=0)


class AccountSpec(_Row):
    """An ad account with all it holds at the start."""

    name: str
    campaigns: tuple[CampaignSpec, ...] = ()
    id: str | None = Field(default=None, pattern=r"^[0-9]{1,20}$")
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    timezone: str = "Europe/Madrid"
    page_id: str = "102030405060708"
    page_name: str = "The shop"
    pixel_id: str = "908070605040302"
    countries: tuple[str, ...] = ("ES",)
    min_daily_budget_minor: int = Field(default=100, gt=0)
    incidents: tuple[IncidentSpec, ...] = ()
    history: tuple[HistoryRow, ...] = ()

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            message = f"unknown time zone {value!r}"
            raise ValueError(message) from error
        return value

    @model_validator(mode="after")
    def _history_names_known_ads(self) -> Self:
        keys = [ad.key for campaign in self.campaigns for ad_set in campaign.ad_sets for ad in ad_set.ads if ad.key]
        known = set(keys)
        if len(known) != len(keys):
            message = f"account {self.name!r}: the keys of ads must differ"
            raise ValueError(message)
        unknown = sorted({row.ad for row in self.history} - known)
        if unknown:
            message = f"account {self.name!r}: history names unknown ads: {', '.join(unknown[:5])}"
            raise ValueError(message)
        return self


class Scenario(_Row):
    """The whole world at its start."""

    name: str
    accounts: tuple[AccountSpec, ...] = Field(min_length=1)
    title: str = ""
    seed: int = 1
    history_days: int = Field(default=60, ge=0, le=1_100)
    start: datetime | None = None
    refresh_lag_minutes: int = Field(default=15, ge=0, le=59)
    tier: Literal["standard_access", "development_access"] = "standard_access"


def scenario_names() -> tuple[str, ...]:
    """Return the names of the scenarios that ship with the sandbox."""
    return tuple(sorted(path.stem for path in SCENARIOS_DIR.glob("*.toml")))


def load_scenario(name_or_file: str) -> Scenario:
    """Read a scenario by name, by path (.toml or .json) or as `generated:ADS[:SEED]`.

    Raises:
        FileNotFoundError: no such name or file.
        ValueError: the file is malformed, or a key is unknown (pydantic's message names it).
    """
    if name_or_file.startswith(GENERATED_PREFIX):
        from sandbox.scenario_generate import generate  # it imports this file

        ads, _, seed = name_or_file.removeprefix(GENERATED_PREFIX).partition(":")
        return generate(ads=int(ads), seed=int(seed or 1))
    path = SCENARIOS_DIR / f"{name_or_file}.toml"
    if not path.exists():
        path = Path(name_or_file)
    if not path.exists():
        message = (
            f"no scenario {name_or_file!r}: known are {', '.join(scenario_names())}, a file, or generated:ADS[:SEED]"
        )
        raise FileNotFoundError(message)
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return Scenario.model_validate_json(text)
    return Scenario.model_validate(tomllib.loads(text))
