"""What must hold of what stands beside an account's tree, and of what could be: clauses that read, like the tree's.

Each function asks through the bench and yields what does not hold. Previews and videos are left out: their answers are
pages and addresses of the account, of which nothing may stay in a recording.
"""

import re
from collections.abc import Iterator
from typing import Final

from domain.actions import JsonMap
from meta_client.contract import facts
from meta_client.contract.bench import Bench

_NO_IMAGE: Final = "0" * 31 + "f"  # a hash of nothing
_TEXT, _PLACE = "coffee", "Madrid"
_MOST: Final = 5
_GOAL: Final = "LINK_CLICKS"
_COUNTRY: Final = re.compile(r"^[A-Z]{2}$")
_WIDE: Final[JsonMap] = {"geo_locations": {"countries": ["ES"]}}
_NARROW: Final[JsonMap] = {"geo_locations": {"countries": ["ES"]}, "age_min": 30, "age_max": 35}


def pages_and_pixels(bench: Bench) -> Iterator[str]:
    """Pages and pixels, each once, with a name."""
    pages, pixels = bench.pages_and_pixels()
    named = (("pages", {row.id: row.name for row in pages}), ("pixels", {row.id: row.name for row in pixels}))
    yield from facts.bad_ids("pages", [row.id for row in pages])
    yield from facts.bad_ids("pixels", [row.id for row in pixels])
    for what, names in named:
        yield from facts.told(f"{what} have no name", (one for one, name in names.items() if not name))


def labels(bench: Bench) -> Iterator[str]:
    """Labels, and those that ad sets bear among them."""
    seen = bench.labels()
    yield from facts.bad_ids("labels", [row.id for row in seen.rows])
    if seen.is_whole:
        known = {row.name for row in seen.rows}
        borne = {name for row in bench.ad_sets.rows for name in row.labels}
        yield from facts.told("ad sets bear labels that are not listed", sorted(borne - known))


def images(bench: Bench) -> Iterator[str]:
    """A hash of nothing finds nothing."""
    yield from facts.told("images are found by a hash of nothing", bench.images([_NO_IMAGE]))


def audiences(bench: Bench) -> Iterator[str]:
    """Custom audiences."""
    rows = bench.audiences().rows
    yield from facts.bad_ids("audiences", [row.id for row in rows])
    yield from facts.told(
        "audiences have bounds that cross", (row.id for row in rows if _cross(row.people_low, row.people_high))
    )


def studies(bench: Bench) -> Iterator[str]:
    """Tests of the platform."""
    rows = bench.studies().rows
    yield from facts.bad_ids("studies", [row.id for row in rows])
    yield from facts.told("studies end before they begin", (row.id for row in rows if row.ends_at < row.starts_at))


def interests(bench: Bench) -> Iterator[str]:
    """What a text finds of what people care for."""
    rows = bench.interests(_TEXT, _MOST)
    if not rows or len(rows) > _MOST:
        yield f'"{_TEXT}" finds {len(rows)} interests, asked for 1 to {_MOST}'
    yield from facts.bad_ids("interests", [row.id for row in rows])
    yield from facts.told("interests have no name", (row.id for row in rows if not row.name))
    yield from facts.told(
        "interests have bounds that cross", (row.id for row in rows if _cross(row.people_low, row.people_high))
    )


def places(bench: Bench) -> Iterator[str]:
    """What a text finds of places."""
    rows = bench.places(_PLACE, _MOST)
    if not rows or len(rows) > _MOST:
        yield f'"{_PLACE}" finds {len(rows)} places, asked for 1 to {_MOST}'
    yield from facts.told("places have no key or name", (row.key for row in rows if not (row.key and row.name)))
    yield from facts.told(
        "places have a country that is none", (row.key for row in rows if not _COUNTRY.match(row.country))
    )


def reach(bench: Bench) -> Iterator[str]:
    """How many people a targeting reaches, and a narrower one."""
    wide, narrow = bench.reach(_WIDE), bench.reach(_NARROW)
    for one in (wide, narrow):
        if _cross(one.people_low, one.people_high):
            yield f"a reach is from {one.people_low} to {one.people_high}"
    if (narrow.people_high or 0) > (wide.people_high or narrow.people_high or 0):
        yield f"a narrower targeting reaches {narrow.people_high} people, a wider one {wide.people_high}"


def delivery(bench: Bench) -> Iterator[str]:
    """What a targeting promises for a goal."""
    told = bench.delivery(_WIDE, _GOAL)
    if told.currency != bench.info.currency:
        yield f"a delivery is told in {told.currency}, the account is billed in {bench.info.currency}"
    if _cross(told.people_low, told.people_high):
        yield f"a delivery is to {told.people_low} to {told.people_high} people"
    for name in ("spend_minor", "impressions", "actions"):
        values = [getattr(point, name) for point in told.curve]
        if values != sorted(values) or min(values, default=0) < 0:
            yield f"{name} of a delivery's curve does not rise from nothing: {values[:_MOST]}"


def minimum_budgets(bench: Bench) -> Iterator[str]:
    """The least daily budgets."""
    told = bench.minimum_budgets()
    if told.currency != bench.info.currency:
        yield f"minimum budgets are told in {told.currency}, the account is billed in {bench.info.currency}"
    amounts = (told.impressions_minor, told.video_views_minor, told.frequent_minor, told.rare_minor)
    if min(amounts) <= 0:
        yield f"minimum budgets of nothing: {amounts}"


def _cross(low: int | None, high: int | None) -> bool:
    return low is not None and high is not None and not 0 <= low <= high
