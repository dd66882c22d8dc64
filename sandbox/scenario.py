"""What an ad account is made of and how its people respond: the scenario, as validated data.

A scenario is a TOML or JSON file (a name from `sandbox/scenarios/`, a path, or `generated:ADS[:SEED]`). Unknown keys
are refused. Everything that the platform would never tell (rates, prices, incidents) is written here in the open.
Every key, its bounds and its source: docs/reference/scenario.md. `stakazo sandbox scenario check FILE` reads a file.

    name, title, seed, history_days, start, refresh_lag_minutes, tier     the world
    [sources]             key = "where this number comes from", for every number that the file states
    [market]  [season]    how the platform paces and learns; factors per month (opt-in)
    [reports]             seconds, rows_per_second, most_rows, failed_share: asynchronous reports
    [[faults]]            do, match, seconds, share, hours_after_start, hours: which calls go wrong, and how
    [[accounts]]          name, id, currency, timezone, page_id, pixel_id, countries, min_daily_budget_minor
      [[.campaigns]]      name, objective, status, daily_budget_minor (set: campaign budget, CBO), created_days_ago
        [[.ad_sets]]      name, daily_budget_minor, audience_size, cpm_minor, saturation_daily_minor, audience
          [[.ads]]        key, name, ctr, cvr, order_value_minor, fatigue, labels, title, body, created_days_ago
      [.generate]         ads, ads_per_ad_set, ad_sets_per_campaign, price_factor, ranges: objects drawn from the seed
      [[.people]]         name, edits (a script), edits_per_day, kinds: who edits by hand
      [[.incidents]]      scope (the name of a campaign, ad set or ad; absent = all), starts_hours_ago, hours, *_factor
      [[.history]]        ad (an ad's key), day, impressions, clicks, link_clicks, spend_minor, purchases, value_minor

`ctr` is inline link clicks per impression, `cvr` purchases per link click, both of a person who sees the ad for the
first time. An account with `history` rows is served those figures verbatim for the days they name, and nothing is
simulated before the start.
"""

import tomllib
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from sandbox.scenario_faults import FaultSpec
from sandbox.scenario_generate import generated_campaigns
from sandbox.scenario_market import GenerateSpec, MarketSpec, PersonSpec, SeasonSpec
from sandbox.scenario_media import MediaSpec
from sandbox.scenario_objects import (
    AdSetSpec,
    AdSpec,
    CampaignSpec,
    HistoryRow,
    IncidentSpec,
    Status,
)
from sandbox.scenario_reports import ReportsSpec
from sandbox.scenario_row import Row, number, told

__all__ = [
    "AccountSpec", "AdSetSpec", "AdSpec", "CampaignSpec", "HistoryRow", "IncidentSpec", "Scenario", "Status",
    "load_scenario", "scenario_names",
]  # fmt: skip
SCENARIOS_DIR = Path(__file__).parent / "scenarios"
GENERATED_PREFIX = "generated:"
_LONG_HISTORY_ADS = 5_000  # above it a long history would take gigabytes


class AccountSpec(Row):
    """An ad account with all it holds at the start."""

    name: str = told("The name.")
    campaigns: tuple[CampaignSpec, ...] = told("What it holds.", default=())
    generate: GenerateSpec | None = told("More of it, drawn from the seed.", default=None)
    people: tuple[PersonSpec, ...] = told("Who edits by hand.", default=())
    id: str | None = told("The platform's id; absent: minted.", default=None, pattern=r"^[0-9]{1,20}$")
    currency: str = told("ISO 4217.", default="EUR", pattern=r"^[A-Z]{3}$")
    timezone: str = told("IANA name.", default="Europe/Madrid")
    page_id: str = told("The page that speaks.", default="102030405060708")
    page_name: str = told("Its name.", default="The shop")
    pixel_id: str = told("The pixel that counts purchases.", default="908070605040302")
    countries: tuple[str, ...] = told("Where it sells; the targeting of ad sets that state none.", default=("ES",))
    min_daily_budget_minor: int = number(
        "The platform's least daily budget, minor units.", default=100, gt=0,
        source="1 $ a day is typical (the platform's fact sheet §7, unconfirmed)",
    )  # fmt: skip
    dsa_default: str | None = told(
        "Who benefits from and pays for ads in the EU where an ad set names nobody; absent: the account's name, "
        "empty: ad sets must name both.", default=None,
    )  # fmt: skip
    incidents: tuple[IncidentSpec, ...] = told("Unusual hours.", default=())
    history: tuple[HistoryRow, ...] = told("Reported days, served verbatim.", default=())

    def all_campaigns(self, *, seed: int, number: int = 0) -> Iterator[CampaignSpec]:
        """Yield the campaigns as written, then those drawn; `number` is the account's place in the scenario."""
        drawn = generated_campaigns(self.generate, seed=seed + number * 1_000_003) if self.generate else ()
        return chain(self.campaigns, drawn)

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


class Scenario(Row):
    """The whole world at its start."""

    name: str = told("The name.")
    accounts: tuple[AccountSpec, ...] = told("The ad accounts.", min_length=1)
    title: str = told("One line about it.", default="")
    sources: dict[str, str] = Field(
        default_factory=dict, description="For every number that the file states, by key: where it comes from."
    )
    market: MarketSpec = Field(default=MarketSpec(), description="How the platform paces and learns.")
    season: SeasonSpec | None = told("Factors per month.", default=None)
    seed: int = number("Of all chance.", default=1)
    history_days: int = number("Days simulated before the start.", default=60, ge=0, le=1_100)
    start: datetime | None = told("The platform's present in a new folder; absent: now.", default=None)
    refresh_lag_minutes: int = number(
        "How far reports are behind.", default=15, ge=0, le=59,
        source="15 min is folklore, unconfirmed (facts/domain.md §2b)",
    )  # fmt: skip
    faults: tuple[FaultSpec, ...] = told("Which calls go wrong, and how.", default=())
    media: MediaSpec = Field(default=MediaSpec(), description="How videos fare after their upload.")
    reports: ReportsSpec = Field(default=ReportsSpec(), description="How asynchronous reports fare.")
    tier: Literal["standard_access", "development_access"] = told("The app's tier.", default="standard_access")


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
        ads, _, seed = name_or_file.removeprefix(GENERATED_PREFIX).partition(":")
        if not (ads.isdecimal() and (seed or "1").isdecimal()):
            message = (
                f"a generated scenario is {GENERATED_PREFIX}ADS[:SEED], as {GENERATED_PREFIX}1000, not {name_or_file!r}"
            )
            raise ValueError(message)
        return generated_scenario(ads=int(ads), seed=int(seed or 1))
    text, suffix = read_text(name_or_file)
    if suffix == ".json":
        return Scenario.model_validate_json(text)
    return Scenario.model_validate(tomllib.loads(text))


def read_text(name_or_file: str) -> tuple[str, str]:
    """Return a scenario's text and its file's suffix.

    Raises:
        FileNotFoundError: no such name or file.
    """
    path = SCENARIOS_DIR / f"{name_or_file}.toml"
    if not path.exists():
        path = Path(name_or_file)
    if not path.exists():
        message = (
            f"no scenario {name_or_file!r}: known are {', '.join(scenario_names())}, a file, or generated:ADS[:SEED]"
        )
        raise FileNotFoundError(message)
    return path.read_text(encoding="utf-8"), path.suffix


def generated_scenario(*, ads: int, seed: int = 1, history_days: int | None = None) -> Scenario:
    """Return a scenario of one account with so many ads; history is 60 days up to 5,000 ads and 8 days beyond."""
    if ads < 1:
        message = f"a generated scenario needs at least one ad, not {ads}"
        raise ValueError(message)
    days = history_days if history_days is not None else (60 if ads <= _LONG_HISTORY_ADS else 8)
    account = AccountSpec(
        name=f"Generated shop of {ads} ads",
        currency="USD",
        timezone="America/New_York",
        countries=("US",),
        generate=GenerateSpec(ads=ads),
    )
    return Scenario(
        name=f"generated-{ads}-{seed}", title=f"{ads} generated ads", seed=seed, history_days=days, accounts=(account,)
    )
