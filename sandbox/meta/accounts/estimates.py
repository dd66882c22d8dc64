"""Estimates: act_X/reachestimate, act_X/delivery_estimate, {adset}/delivery_estimate. Nothing here is measured.

How many people a targeting reaches is assumed from the audiences of the account's own market, narrowed by fixed shares:
each condition more makes it smaller or leaves it. What a day's money buys follows the market's own response curve.
"""

import math
from typing import Any, Final

from sandbox.account import Account
from sandbox.market.dice import object_key
from sandbox.market.response import Outlay, outlay
from sandbox.market.truth import Audience, typical_appeal
from sandbox.meta.context import Context, Json
from sandbox.meta.people.audiences import check_targeting, people_in
from sandbox.meta.protocol.errors import invalid, parameter
from sandbox.meta.protocol.record_edges import choice, ids_of, needed, page, take_only
from sandbox.meta.protocol.words import GOALS
from sandbox.meta.route import Route
from sandbox.nodes import Kind, Node

_BEYOND: Final = 25  # a country holds so many times the people of the account's ad sets together (assumed)
_LEAST_PEOPLE: Final = 2_000_000
_LOW, _HIGH = 0.85, 1.0  # the bounds around what is assumed
_SMALLEST: Final = 1_000
_YOUNGEST, _OLDEST, _ADULT = 13, 65, 18
_DAILY_SHARE: Final = 0.62  # of those who come in a month, those who come on a day (assumed)
_COUNTRY_SIZE: Final = {
    "US": 4.0,
    "IN": 5.0,
    "BR": 2.4,
    "ID": 2.2,
    "MX": 1.8,
    "GB": 1.1,
    "DE": 1.1,
    "FR": 1.0,
    "IT": 0.9,
    "ES": 0.8,
}  # of the base; what is not named is a small one
_SMALL_COUNTRY: Final = 0.3
_WORLDWIDE: Final = 40.0
_PLACE_SHARE: Final = {"regions": 0.08, "cities": 0.02, "zips": 0.001, "custom_locations": 0.004, "geo_markets": 0.04,
                       "places": 0.001, "country_groups": 3.0}  # fmt: skip
_PUBLISHER_SHARE: Final = {"facebook": 0.8, "instagram": 0.65, "audience_network": 0.3, "messenger": 0.25,
                           "threads": 0.1, "whatsapp": 0.1}  # fmt: skip
_DEVICE_SHARE: Final = {"mobile": 0.95, "desktop": 0.4}
_INTEREST_KEYS: Final = frozenset(
    {"behaviors", "college_years", "education_majors", "education_schools", "education_statuses", "family_statuses",
     "generation", "home_ownership", "home_type", "household_composition", "income", "industries", "interested_in",
     "interests", "life_events", "moms", "net_worth", "politics", "relationship_statuses", "user_adclusters",
     "work_employers", "work_positions"}
)  # fmt: skip
_DELIVERY_FIELDS: Final = frozenset(
    {"daily_outcomes_curve", "estimate_dau", "estimate_mau", "estimate_mau_lower_bound", "estimate_mau_upper_bound",
     "estimate_ready", "targeting_optimization_types"}
)  # fmt: skip
_DAYS_MINOR: Final = (0, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000)


def reach_estimate(context: Context, account: Account) -> Json:
    """Answer `GET act_X/reachestimate`: the object under `data`, as Meta answers it."""
    take_only(context.call, ("targeting_spec", "optimize_for", "object_store_url"), edge="reachestimate")
    low, high = _bounds(people_reached(context, account, _spec(context, account)))
    return {"data": {"users_lower_bound": low, "users_upper_bound": high, "estimate_ready": True}}


def account_estimate(context: Context, account: Account) -> Json:
    """Answer `GET act_X/delivery_estimate`."""
    take_only(context.call, ("targeting_spec", "optimization_goal", "promoted_object"), edge="delivery_estimate")
    goal = choice(context.call, "optimization_goal", GOALS)
    people = people_reached(context, account, _spec(context, account))
    return _estimate(context, account, people, goal=goal, like=_typical(account))


def ad_set_estimate(context: Context, ad_set: Node) -> Json:
    """Answer `GET /{adset}/delivery_estimate`: of the ad set's own audience, or of another targeting."""
    call, account = context.call, context.account_of(ad_set)
    take_only(call, ("targeting_spec", "optimization_goal", "promoted_object"), edge="delivery_estimate")
    goal = choice(call, "optimization_goal", GOALS, default=str(ad_set.extra.get("optimization_goal") or "NONE"))
    own = account.market.audience(ad_set.market_index)
    people = float(own.size)
    if "targeting_spec" in call.params:
        people = people_reached(context, account, _spec(context, account))
    return _estimate(context, account, people, goal=goal, like=own)


def people_reached(context: Context, account: Account, spec: Json) -> float:
    """Return how many people a targeting is assumed to reach in a month."""
    shares = (
        _of_ages(spec), _of_genders(spec), _of_any(spec.get("publisher_platforms"), _PUBLISHER_SHARE),
        _of_any(spec.get("device_platforms"), _DEVICE_SHARE), _of_interests(spec), _of_locales(spec),
    )  # fmt: skip
    people = _of_places(spec.get("geo_locations"), account) * math.prod(shares)
    people -= min(0.9 * people, _of_places(spec.get("excluded_geo_locations"), account, none=0.0) * math.prod(shares))
    for exclusion in _interests(spec.get("exclusions")):
        people *= 1 - exclusion
    return _within_audiences(context, spec, people)


def _spec(context: Context, account: Account) -> Json:
    """Return the targeting asked for.

    Raises:
        GraphError: 100, it is absent, no object, or names audiences of others.
    """
    if "targeting_spec" not in context.call.params:
        raise needed("targeting_spec")
    spec = context.call.get("targeting_spec")
    if not isinstance(spec, dict):
        raise parameter("Param targeting_spec must be a JSON object")
    places = spec.get("geo_locations")
    if places is not None and not isinstance(places, dict):
        raise parameter("Param targeting_spec[geo_locations] must be a JSON object")
    if not places and not spec.get("custom_audiences"):
        raise invalid(
            "Your audience needs at least one location or custom audience.", subcode=1_885_364, field="targeting_spec",
            title="Location is missing",
        )  # fmt: skip
    check_targeting(context, account, spec)
    return spec


def _base(account: Account) -> float:
    """Return how many people a country of middle size holds, by the account's own market."""
    sizes = account.market.audience_sizes()
    return float(max(_LEAST_PEOPLE, _BEYOND * int(sizes.mean()) if len(sizes) else 0))


def _of_places(places: Any, account: Account, *, none: float = _WORLDWIDE) -> float:
    if not isinstance(places, dict) or not places:
        return none * _base(account)
    countries = {str(code).upper() for code in _list(places.get("countries"))}
    share = sum(_COUNTRY_SIZE.get(code, _SMALL_COUNTRY) for code in countries)
    for kind, size in _PLACE_SHARE.items():
        share += sum(size * _radius(place) for place in _list(places.get(kind)))
    return min(share, _WORLDWIDE) * _base(account)


def _radius(place: Any) -> float:
    """Return how much larger a place is for the circle around it."""
    radius = place.get("radius") if isinstance(place, dict) else None
    return 1 + min(float(radius), 100.0) / 25 if isinstance(radius, int | float) and radius > 0 else 1.0


def _of_ages(spec: Json) -> float:
    low, high = _age(spec.get("age_min"), _ADULT), _age(spec.get("age_max"), _OLDEST)
    if low > high:
        raise parameter(f"Param targeting_spec: age_min {low} is above age_max {high}")
    return (high - low + 1 + (10 if high == _OLDEST else 0)) / (_OLDEST - _YOUNGEST + 11)  # 65 stands for all above


def _age(value: Any, default: int) -> int:
    try:
        return min(max(int(value), _YOUNGEST), _OLDEST)
    except (TypeError, ValueError, OverflowError):
        return default


def _of_genders(spec: Json) -> float:
    genders = {str(gender) for gender in _list(spec.get("genders"))} - {"0"}
    return 0.5 if len(genders) == 1 else 1.0


def _of_any(names: Any, shares: dict[str, float]) -> float:
    """Return the share of people on at least one of some surfaces; none named means all."""
    found = {str(name) for name in _list(names)}
    return 1.0 if not found else 1 - math.prod(1 - shares.get(name, 0.05) for name in found)


def _of_locales(spec: Json) -> float:
    locales = {str(locale) for locale in _list(spec.get("locales"))}
    return 1.0 if not locales else 1 - math.prod(1 - _drawn(f"locale {one}", 0.05, 0.4) for one in locales)


def _of_interests(spec: Json) -> float:
    """Return the share of those who fit: any of a group's interests, and every group."""
    groups = [{name: spec[name] for name in _INTEREST_KEYS & spec.keys()}, *_list(spec.get("flexible_spec"))]
    share = 1.0
    for group in groups:
        wanted = _interests(group)
        if wanted:
            share *= 1 - math.prod(1 - one for one in wanted)
    return share


def _interests(group: Any) -> list[float]:
    """Return the share of people that each interest of a group stands for."""
    if not isinstance(group, dict):
        return []
    rows = {
        f"{kind} {row.get('id', row.get('name')) if isinstance(row, dict) else row}"
        for kind in _INTEREST_KEYS & group.keys()
        for row in _list(group[kind])
    }
    return [_drawn(row, 0.01, 0.12) for row in sorted(rows)]


def _drawn(text: str, least: float, most: float) -> float:
    """Return a share that is stable for what it is of."""
    return least + (most - least) * (object_key(0, *text.encode()) % 10_000) / 10_000


def _within_audiences(context: Context, spec: Json, people: float) -> float:
    """Keep to the people of the custom audiences, and leave out those of the excluded ones."""

    def held(name: str) -> int | None:
        found = [context.platform.world.records.get(one) for one in ids_of(spec[name], name)] if spec.get(name) else []
        return sum(people_in(audience) for audience in found if audience is not None) if found else None

    of, without = held("custom_audiences"), held("excluded_custom_audiences")
    people = people if of is None else min(people, float(of))
    return people - min(0.9 * people, float(without or 0))


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _bounds(people: float) -> tuple[int, int]:
    return _rounded(people * _LOW), _rounded(people * _HIGH)


def _rounded(people: float) -> int:
    """Return a number as it is told: three digits that count, at least 1000."""
    whole = int(people)
    if whole < _SMALLEST:
        return _SMALLEST
    step = int(10 ** (len(str(whole)) - 3))
    return whole // step * step


def _typical(account: Account) -> Audience:
    """Return the account's middle audience by price, of which another targeting is assumed to be like."""
    found = [account.market.audience(ad_set.market_index) for ad_set in account.nodes[Kind.AD_SET]]
    if not found:
        return account.typical_audience()
    return sorted(found, key=lambda one: (one.cpm_minor, one.size))[len(found) // 2]


def _estimate(context: Context, account: Account, people: float, *, goal: str, like: Audience) -> Json:
    low, high = _bounds(people)
    row: Json = {
        "estimate_dau": _rounded(people * _DAILY_SHARE), "estimate_mau": high, "estimate_mau_lower_bound": low,
        "estimate_mau_upper_bound": high, "estimate_ready": True,
        "daily_outcomes_curve": _curve(account, people, goal=goal, like=like),
        "targeting_optimization_types": [],
    }  # fmt: skip
    if not context.call.params.get("fields"):
        return {"data": [row]}
    return page(context, [row], known=_DELIVERY_FIELDS, of="AdAccountDeliveryEstimate")


def _curve(account: Account, people: float, *, goal: str, like: Audience) -> list[dict[str, float]]:
    """Return what a day's spend buys, by the market's curve: money in minor units, dearer the more is spent."""
    rows = []
    for spend_minor in _DAYS_MINOR:
        bought: Outlay = outlay(like, spend_minor=spend_minor, people=people)
        actions = _actions(account, bought, goal=goal, like=like)
        rows.append(
            {"spend": spend_minor, "reach": int(bought.reach), "impressions": int(bought.impressions),
             "actions": round(actions, 2)}
        )  # fmt: skip
    return rows


def _actions(account: Account, bought: Outlay, *, goal: str, like: Audience) -> float:
    """Return how many of the goal's events are to be expected; of the typical creative, which nobody has chosen yet."""
    if goal in ("IMPRESSIONS", "AD_RECALL_LIFT"):
        return bought.impressions
    if goal == "REACH":
        return bought.reach
    appeal = typical_appeal(order_value_minor=account.order_value())
    clicks = bought.impressions * appeal.ctr * like.ctr_factor
    if goal in ("OFFSITE_CONVERSIONS", "VALUE", "LEAD_GENERATION", "QUALITY_LEAD"):
        return clicks * appeal.cvr * like.cvr_factor
    return clicks


_NOTE: Final = (
    "assumed from the audiences of the account's own market, narrowed by fixed shares, and its response curve: "
    "narrower targeting is never larger; measured on nothing"
)
ROUTES: Final = (
    Route(method="GET", of="account", edge="reachestimate", answer=reach_estimate, note=_NOTE),
    Route(method="GET", of="account", edge="delivery_estimate", answer=account_estimate, note=_NOTE),
    Route(method="GET", of=Kind.AD_SET, edge="delivery_estimate", answer=ad_set_estimate, note=_NOTE),
)
