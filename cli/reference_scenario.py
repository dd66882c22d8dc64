"""The reference page of scenario files, drawn from the schema itself."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from pydantic.fields import FieldInfo

from sandbox.faults import MEANINGS
from sandbox.scenario import AccountSpec, Scenario, load_scenario, scenario_names
from sandbox.scenario_faults import EditSpec, FaultSpec, MatchSpec
from sandbox.scenario_market import GenerateSpec, HandEditSpec, MarketSpec, PersonSpec, SeasonSpec
from sandbox.scenario_media import MediaSpec
from sandbox.scenario_objects import AdSetSpec, AdSpec, CampaignSpec, HistoryRow, IncidentSpec
from sandbox.scenario_reports import ReportsSpec
from sandbox.scenario_row import Row

Table = Callable[[Sequence[str], Iterable[Sequence[object]]], str]
_ROWS: Final[tuple[tuple[str, type[Row]], ...]] = (
    ("The world: top of the file", Scenario),
    ("`[media]`", MediaSpec),
    ("`[reports]`", ReportsSpec),
    ("`[[faults]]`", FaultSpec),
    ("`[faults.match]`", MatchSpec),
    ("`[faults.edit]`", EditSpec),
    ("`[market]`", MarketSpec),
    ("`[season]`", SeasonSpec),
    ("`[[accounts]]`", AccountSpec),
    ("`[[accounts.campaigns]]`", CampaignSpec),
    ("`[[accounts.campaigns.ad_sets]]`", AdSetSpec),
    ("`[[accounts.campaigns.ad_sets.ads]]`", AdSpec),
    ("`[accounts.generate]`", GenerateSpec),
    ("`[[accounts.people]]`", PersonSpec),
    ("`[[accounts.people.edits]]`", HandEditSpec),
    ("`[[accounts.incidents]]`", IncidentSpec),
    ("`[[accounts.history]]`", HistoryRow),
)
_ABOUT: Final = (
    "A scenario is a TOML or JSON file; unknown keys are refused. `stakazo sandbox scenario check FILE` reads one of "
    "any folder, `python -m sandbox serve --data FOLDER --scenario FILE` serves it. `[sources]` says where the numbers "
    "come from, key by key; the files that ship state no number without it."
)
_BOUNDS: Final = (("gt", ">"), ("ge", "≥"), ("lt", "<"), ("le", "≤"))


def parts(table: Table) -> list[str]:
    """Return the page's paragraphs and tables."""
    found = [
        _ABOUT,
        table(("ships", "what it is"), [(f"`{name}`", load_scenario(name).title) for name in scenario_names()]),
    ]
    for title, row in _ROWS:
        found.append(f"## {title}\n\n{(row.__doc__ or '').splitlines()[0]}")
        found.append(
            table(
                ("key", "meaning", "default", "bounds", "source"),
                [_line(name, field) for name, field in row.model_fields.items()],
            )
        )
        if row is FaultSpec:
            found.append(table(("do", "what happens"), [(f"`{do}`", told) for do, told in MEANINGS.items()]))
    return found


def _line(name: str, field: FieldInfo) -> tuple[str, ...]:
    extra = field.json_schema_extra
    source = str(extra.get("source", "")) if isinstance(extra, dict) else ""
    return f"`{name}`", field.description or "", _default(field), _bounds(field), source


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value in ((), {}, ""):
        return ""
    return "its defaults" if isinstance(value, Row) else f"`{value}`"


def _bounds(field: FieldInfo) -> str:
    told = [f"{sign} {getattr(rule, key):g}" for rule in field.metadata for key, sign in _BOUNDS if hasattr(rule, key)]
    return ", ".join(told)
