"""`GET /search`: what ads can be aimed at, by its `type`. From built-in tables of public facts and plain words."""

from collections.abc import Callable
from typing import Any, Final

from sandbox.meta.accounts.activities import listed
from sandbox.meta.accounts.targeting_places import COUNTRIES, LANGUAGES, PLACES, Place
from sandbox.meta.accounts.targeting_table import CATALOG, DEMOGRAPHICS, INTERESTS, Category, found, named
from sandbox.meta.context import Context, Json
from sandbox.meta.protocol.errors import parameter
from sandbox.meta.route import Route

_SUGGESTED: Final = 25
_CLASSES: Final = {"demographics": DEMOGRAPHICS}  # others are the kinds themselves
_NOT_MODELLED: Final = (
    "adeducationschool", "adeducationmajor", "adworkemployer", "adworkposition", "adradiussuggestion",
    "adzipcode", "adgeolocationmeta", "adkeyword",
)  # fmt: skip


def search(context: Context, _: None = None) -> Json:
    """Answer `GET /search?type=…`.

    Raises:
        GraphError: 100, a type that there is none of, or a parameter that it needs.
    """
    kind = context.call.params.get("type", "").strip('"').lower()
    answer = _TYPES.get(kind)
    if answer is None:
        raise parameter(f"Param type must be one of {{{', '.join(sorted(_TYPES))}}}, not {kind[:40]!r}")
    return listed(context, answer(context))


def _query(context: Context) -> str:
    return str(context.call.params.get("q", "")).strip().strip('"')


def _interests(context: Context) -> list[Json]:
    if not _query(context):
        raise parameter("The parameter q is required")
    return [interest_row(one) for one in found(_query(context), INTERESTS)]


def interest_row(one: Category) -> Json:
    """Return an interest as a search tells of it."""
    return {
        "id": one.id, "name": one.name, **one.audience, "path": list(one.path), "description": None,
        "topic": one.path[1],
    }  # fmt: skip


def _suggestions(context: Context) -> list[Json]:
    names = context.call.items("interest_list")
    if not names:
        raise parameter("The parameter interest_list is required")
    held = [one for one in (named(name, INTERESTS) for name in names) if one is not None]
    topics = {one.path[1] for one in held}
    near = [one for one in INTERESTS if one.path[1] in topics and one not in held]
    return [interest_row(one) for one in near[:_SUGGESTED]]


def _valid(context: Context) -> list[Json]:
    call = context.call
    asked = [*call.items("interest_list"), *call.items("interest_fbid_list")]
    if not asked:
        raise parameter("The parameter interest_list or interest_fbid_list is required")
    rows: list[Json] = []
    for text in asked:
        one = named(text, INTERESTS)
        rows.append({"name": text, "valid": False} if one is None else {**interest_row(one), "valid": True})
    return rows


def _places(context: Context) -> list[Json]:
    wanted, kinds = _query(context).casefold(), set(context.call.items("location_types"))
    country = context.call.params.get("country_code", "").strip('"').upper()
    rows = [
        place
        for place in PLACES
        if wanted in place.name.casefold()
        and (not kinds or place.kind in kinds)
        and (not country or place.country == country)
    ]
    return [place_row(place) for place in sorted(rows, key=lambda row: not row.name.casefold().startswith(wanted))]


def place_row(place: Place) -> Json:
    """Return a place as a search tells of it."""
    row: Json = {
        "key": place.key, "name": place.name, "type": place.kind, "country_code": place.country,
        "country_name": COUNTRIES[place.country],
    }  # fmt: skip
    if place.region is not None and place.region_key is not None:
        row |= {"region": place.region, "region_id": int(place.region_key)}
    return row | {"supports_region": place.kind != "city", "supports_city": place.kind != "city"}


def _countries(context: Context) -> list[Json]:
    wanted = _query(context).casefold()
    return [
        {"country_code": code, "name": name, "supports_region": True, "supports_city": True}
        for code, name in COUNTRIES.items()
        if wanted in name.casefold() or wanted == code.casefold()
    ]  # fmt: skip


def _languages(context: Context) -> list[Json]:
    wanted = _query(context).casefold()
    return [{"key": key, "name": name} for key, name in LANGUAGES.items() if wanted in name.casefold()]


def _categories(context: Context) -> list[Json]:
    wanted = context.call.params.get("class", "").strip('"').lower()
    rows = _CLASSES.get(wanted, tuple(one for one in CATALOG if wanted in ("", one.kind)))
    return [category_row(one) for one in found(_query(context), rows)]


def category_row(one: Category) -> Json:
    """Return a category as the catalog tells of it."""
    return {
        "id": one.id, "name": one.name, "type": one.kind, "path": list(one.path), "description": "", **one.audience
    }  # fmt: skip


def _none(_: Context) -> list[Json]:
    return []


def search_archive(context: Context, _: None = None) -> Json:
    """Answer `GET /ads_archive`: the library of everybody's ads has none of a sandbox.

    Raises:
        GraphError: 100, it is not said what to look for.
    """
    if not {"search_terms", "search_page_ids"} & context.call.params.keys():
        raise parameter("The parameter search_terms or search_page_ids is required")
    return listed(context, [])


_TYPES: Final[dict[str, Callable[[Context], list[dict[str, Any]]]]] = {
    "adinterest": _interests, "adinterestsuggestion": _suggestions, "adinterestvalid": _valid,
    "adgeolocation": _places, "adcountry": _countries, "adlocale": _languages, "adtargetingcategory": _categories,
    **dict.fromkeys(_NOT_MODELLED, _none),
}  # fmt: skip
_NOTE: Final = (
    "adinterest, adinterestsuggestion, adinterestvalid, adgeolocation (countries, some regions and cities), adcountry, "
    "adlocale, adTargetingCategory from small built-in tables; schools, employers, jobs and zip codes find nothing"
)
ROUTES: Final = (
    Route(method="GET", of="root", edge="search", answer=search, note=_NOTE),
    Route(method="GET", of="root", edge="ads_archive", answer=search_archive, note="always empty"),
)
