"""Reads a scenario file and says what is in it, or every problem with its place. Nothing is built or simulated."""

import json
import tomllib
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from sandbox.market.rhythm import Calendar
from sandbox.scenario import AccountSpec, Scenario, read_text
from sandbox.scenario_objects import AdSetSpec, AdSpec, CampaignSpec

_EXAMPLE_S: Final = 1_800_000_000  # any instant: zones are judged by a year around it
# Keys whose numbers are data, not statements about the world.
_NEED_NO_SOURCE: Final = frozenset(
    {"seed", "history_days", "history", "sources", "targeting", "id", "code", "subcode", "times", "after"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a scenario holds."""

    name: str
    title: str
    accounts: int
    campaigns: int
    ad_sets: int
    ads: int
    currencies: tuple[str, ...]
    timezones: tuple[str, ...]
    history_days: int
    people: int
    incidents: int
    history_rows: int
    has_season: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """`contents` is None where there are problems; `unsourced` are keys whose numbers name no source."""

    contents: Contents | None
    problems: tuple[str, ...]
    unsourced: tuple[str, ...] = ()


def check_scenario(name_or_file: str) -> Checked:
    """Check a scenario by name or file.

    Raises:
        FileNotFoundError: no such name or file.
    """
    text, suffix = read_text(name_or_file)
    try:
        content = json.loads(text) if suffix == ".json" else tomllib.loads(text)
    except ValueError as error:  # both decoders' errors say the line and column
        return Checked(contents=None, problems=(f"not readable as {suffix.lstrip('.').upper()}: {error}",))
    try:
        scenario = Scenario.model_validate(content) if suffix != ".json" else Scenario.model_validate_json(text)
    except ValidationError as error:
        rows = [row for row in error.errors() if not _is_echo(content, row)]
        problems = tuple(f"{_place(content, row['loc'])}: {_words(row)}" for row in rows)
        return Checked(contents=None, problems=problems)
    problems = tuple(_unbuildable(scenario))
    if problems:
        return Checked(contents=None, problems=problems)
    stated = Counter(_numbers(content))
    unsourced = tuple(f"{key} ({count})" for key, count in sorted(stated.items()) if key not in scenario.sources)
    return Checked(contents=_contents(scenario), problems=(), unsourced=unsourced)


def _place(content: Any, loc: tuple[str | int, ...]) -> str:
    """Write a place as accounts[0 "Olivar"].campaigns[2 "Gift boxes"].daily_budget_minor."""
    parts: list[str] = []
    for step in loc:
        try:
            content = content[step]
        except (KeyError, IndexError, TypeError):
            content = None
        if isinstance(step, int) and parts:
            name = content.get("name") if isinstance(content, dict) else None
            parts[-1] += f'[{step} "{name}"]' if name else f"[{step}]"
        else:
            parts.append(str(step))
    return ".".join(parts) or "the file"


def _is_echo(content: Any, row: Any) -> bool:
    """Say whether a list is called too short only because its rows have problems of their own."""
    if row["type"] != "too_short":
        return False
    for step in row["loc"]:  # a list that is there, so that every step is
        content = content[step]
    return bool(content)


def _words(row: Any) -> str:
    if row["type"] == "extra_forbidden":
        return "unknown key"
    text = str(row["msg"]).removeprefix("Value error, ")
    is_whole = isinstance(row["input"], dict | list | tuple | Scenario) or row["type"] in ("missing", "value_error")
    return text if is_whole else f"{text}, not {row['input']!r}"


def _unbuildable(scenario: Scenario) -> list[str]:
    found: list[str] = []
    ids: Counter[str] = Counter()
    for number, account in enumerate(scenario.accounts):
        place = f'accounts[{number} "{account.name}"]'
        ids.update([account.id] if account.id else [])
        names: set[str] = set()
        for campaign in account.campaigns:
            for row in _objects(campaign):
                names.update({row.name, row.id} if row.id else {row.name})
                ids.update([row.id] if row.id else [])
        found.extend(f"{place}.{text}" for text in _loose_ends(account, names))
    found.extend(f"the id {one} is used {count} times" for one, count in ids.items() if count > 1)
    return found


def _objects(campaign: CampaignSpec) -> list[CampaignSpec | AdSetSpec | AdSpec]:
    return [campaign, *campaign.ad_sets, *(ad for ad_set in campaign.ad_sets for ad in ad_set.ads)]


def _loose_ends(account: AccountSpec, names: set[str]) -> list[str]:
    found = []
    try:
        Calendar(account.timezone, around_s=_EXAMPLE_S)
    except ValueError as error:
        found.append(f"timezone: {error}")
    if account.generate is not None:
        return found  # what is drawn has names that only the seed knows
    for n, incident in enumerate(account.incidents):
        if incident.scope is not None and incident.scope not in names:
            found.append(f'incidents[{n}].scope: nothing is named "{incident.scope}"')
    for n, person in enumerate(account.people):
        for k, edit in enumerate(person.edits):
            if edit.object not in names:
                found.append(f'people[{n} "{person.name}"].edits[{k}].object: nothing is named "{edit.object}"')
    return found


def _numbers(content: Any, key: str = "") -> list[str]:
    """Return the key of every number that a file states, as often as it states it."""
    if isinstance(content, dict):
        return [found for k, value in content.items() if k not in _NEED_NO_SOURCE for found in _numbers(value, k)]
    if isinstance(content, list):
        return [found for value in content for found in _numbers(value, key)]
    return [key] if isinstance(content, int | float) and not isinstance(content, bool) else []


def _contents(scenario: Scenario) -> Contents:
    campaigns = ad_sets = ads = 0
    for account in scenario.accounts:
        campaigns += len(account.campaigns)
        ad_sets += sum(len(campaign.ad_sets) for campaign in account.campaigns)
        ads += sum(len(ad_set.ads) for campaign in account.campaigns for ad_set in campaign.ad_sets)
        drawn = account.generate
        if drawn is not None:
            sets = -(-drawn.ads // drawn.ads_per_ad_set)
            campaigns, ad_sets, ads = campaigns - (-sets // drawn.ad_sets_per_campaign), ad_sets + sets, ads + drawn.ads
    return Contents(
        name=scenario.name,
        title=scenario.title,
        accounts=len(scenario.accounts),
        campaigns=campaigns,
        ad_sets=ad_sets,
        ads=ads,
        currencies=tuple(sorted({account.currency for account in scenario.accounts})),
        timezones=tuple(sorted({account.timezone for account in scenario.accounts})),
        history_days=scenario.history_days,
        people=sum(len(account.people) for account in scenario.accounts),
        incidents=sum(len(account.incidents) for account in scenario.accounts),
        history_rows=sum(len(account.history) for account in scenario.accounts),
        has_season=scenario.season is not None,
    )
