"""An account's own ways into the catalog of what ads can be aimed at, and a targeting spec in sentences."""

from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.accounts.activities import listed
from sandbox.meta.accounts.search import category_row
from sandbox.meta.accounts.targeting_places import COUNTRIES
from sandbox.meta.accounts.targeting_table import BY_ID, CATALOG, Category, found, named
from sandbox.meta.context import Context, Json
from sandbox.meta.protocol.errors import parameter
from sandbox.meta.route import Route

_GENDERS: Final = {1: "Male", 2: "Female"}


def search_catalog(context: Context, _: Account) -> Json:
    """Answer `GET /act_X/targetingsearch?q=`."""
    text = context.call.params.get("q", "").strip().strip('"')
    if not text:
        raise parameter("The parameter q is required")
    return listed(context, [category_row(one) for one in found(text, _within(context))])


def browse_catalog(context: Context, _: Account) -> Json:
    """Answer `GET /act_X/targetingbrowse`: all there is."""
    return listed(context, [category_row(one) for one in _within(context)])


def suggest(context: Context, _: Account) -> Json:
    """Answer `GET /act_X/targetingsuggestions?targeting_list=`: what stands beside what is named."""
    held = [BY_ID[own_id] for own_id in _ids(context, "targeting_list") if own_id in BY_ID]
    topics = {one.path[:2] for one in held}
    near = [one for one in _within(context) if one.path[:2] in topics and one not in held]
    return listed(context, [category_row(one) for one in near])


def validate(context: Context, _: Account) -> Json:
    """Answer `GET /act_X/targetingvalidation` by targeting_list, id_list or name_list: each one with `valid`."""
    call = context.call
    asked = [*_ids(context, "targeting_list"), *call.items("id_list"), *call.items("name_list")]
    if not asked:
        raise parameter("One of targeting_list, id_list and name_list is required")
    return listed(context, [_judged(text) for text in asked])


def _judged(text: str) -> Json:
    one = named(text)
    if one is not None:
        return {**category_row(one), "valid": True}
    return {"id" if text.isdecimal() else "name": text, "valid": False}


def _ids(context: Context, name: str) -> list[str]:
    value = context.call.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(row, dict) and "id" in row for row in value):
        raise parameter(f"Param {name} must be an array of objects with type and id")
    return [str(row["id"]) for row in value]


def _within(context: Context) -> tuple[Category, ...]:
    wanted = context.call.params.get("limit_type", "").strip('"').lower()
    return tuple(one for one in CATALOG if wanted in ("", one.kind))


def tell(context: Context, account: Account) -> Json:
    """Answer `GET /act_X/targetingsentencelines?targeting_spec=`: places, ages, genders and what people are like."""
    spec = context.call.get("targeting_spec")
    if not isinstance(spec, dict):
        raise parameter("Param targeting_spec must be an object")
    lines = [_line("Location:", _locations(spec)), _line("Age:", [_ages(spec)]), _line("Gender:", _genders(spec))]
    lines.append(_line("People who match:", _matches(spec)))
    return {"id": f"act_{account.id}", "targetingsentencelines": [line for line in lines if line["children"]]}


def _line(content: str, children: list[str]) -> Json:
    return {"content": content, "children": [child for child in children if child]}


def _rows(value: Any, key: str) -> list[Any]:
    rows = value.get(key) if isinstance(value, dict) else None
    return rows if isinstance(rows, list) else []


def _locations(spec: Json) -> list[str]:
    places = spec.get("geo_locations")
    named_places = [row for kind in ("regions", "cities") for row in _rows(places, kind) if isinstance(row, dict)]
    countries = [COUNTRIES.get(str(code), str(code)) for code in _rows(places, "countries")]
    return countries + [str(row.get("name", row.get("key", ""))) for row in named_places]


def _ages(spec: Json) -> str:
    least, most = spec.get("age_min", 18), spec.get("age_max", 65)
    return f"{least} - {most}" + ("+" if most == 65 else "")  # noqa: PLR2004 - sixty-five and older


def _genders(spec: Json) -> list[str]:
    return [_GENDERS[gender] for gender in _rows(spec, "genders") if gender in (1, 2)]


def _matches(spec: Json) -> list[str]:
    kinds = sorted({one.kind for one in CATALOG})
    parts = [spec, *(row for row in _rows(spec, "flexible_spec") if isinstance(row, dict))]
    found_rows = [(kind, row) for part in parts for kind in kinds for row in _rows(part, kind) if isinstance(row, dict)]
    return [f"{kind.replace('_', ' ').capitalize()}: {row.get('name', row.get('id', ''))}" for kind, row in found_rows]


_CATALOG_NOTE: Final = "the built-in catalog of about a hundred names; limit_type narrows it"
ROUTES: Final = (
    Route(method="GET", of="account", edge="targetingsearch", answer=search_catalog, note=_CATALOG_NOTE),
    Route(method="GET", of="account", edge="targetingbrowse", answer=browse_catalog, note=_CATALOG_NOTE),
    Route(method="GET", of="account", edge="targetingsuggestions", answer=suggest, note="of the same topic"),
    Route(
        method="GET", of="account", edge="targetingvalidation", answer=validate,
        note="targeting_list, id_list, name_list, against the built-in tables",
    ),
    Route(
        method="GET", of="account", edge="targetingsentencelines", answer=tell,
        note="countries, regions, cities, ages, genders and what the catalog names; other keys are passed over",
    ),
)  # fmt: skip
