"""What Meta refuses of a targeting spec: its shape, its ranges, what a version or a special category asks for."""

from typing import Any, Final

from sandbox.meta.objects.drafts import Draft
from sandbox.meta.people import audiences
from sandbox.meta.protocol.errors import GraphError, invalid
from sandbox.meta.protocol.words import EU, PLACES, TARGETING_KEYS
from sandbox.nodes import Node

Spec = dict[str, Any]
_YOUNGEST, _ADULT, _OLDEST = 13, 18, 65
_PUBLISHERS: Final = frozenset({"facebook", "instagram", "messenger", "audience_network", "threads", "whatsapp"})
_DEVICES: Final = frozenset({"mobile", "desktop"})
_LOCATIONS: Final = frozenset({"home", "recent", "travel_in"})
_RADIUS: Final = {"mile": (10, 50), "kilometer": (17, 80)}
_SPECIAL_RADIUS: Final = {"mile": 15, "kilometer": 25}
_LISTS: Final = frozenset(
    {"custom_audiences", "excluded_custom_audiences", "interests", "behaviors", "flexible_spec", "locales", "genders",
     "publisher_platforms", "facebook_positions", "instagram_positions", "messenger_positions",
     "audience_network_positions", "threads_positions", "device_platforms", "user_os", "user_device"}
)  # fmt: skip
_OBJECTS: Final = frozenset({"geo_locations", "excluded_geo_locations", "exclusions", "targeting_automation"})
_IDENTIFIED: Final = frozenset({"custom_audiences", "excluded_custom_audiences", "interests", "behaviors"})


def check_targeting(draft: Draft, campaign: Node) -> None:
    """Refuse a targeting that Meta would refuse."""
    spec = draft.values.get("targeting")
    if spec is None:
        return
    _check_shape(spec)
    if not spec.get("geo_locations") and not spec.get("custom_audiences"):
        raise invalid(
            "Your audience needs at least one location or custom audience.", subcode=1_885_364, field="targeting",
            title="Location is missing",
        )  # fmt: skip
    _check_people(spec)
    _check_places(spec)
    audiences.check_targeting(draft.context, draft.account, spec)
    for name, allowed in (("publisher_platforms", _PUBLISHERS), ("device_platforms", _DEVICES)):
        strange = [word for word in spec.get(name) or () if str(word) not in allowed]
        if strange:
            raise _broken(name, f"{strange[0]} is none of {', '.join(sorted(allowed))}")
    if not draft.quirks.has_video_feeds and "video_feeds" in (spec.get("facebook_positions") or ()):
        raise _broken("facebook_positions", "video_feeds is gone since v24.0")
    if campaign.extra.get("special_ad_categories"):
        _check_special(spec)
    else:
        _check_advantage(draft, spec)


def _check_shape(spec: Spec) -> None:
    strange = sorted(spec.keys() - TARGETING_KEYS)
    if strange:
        raise _broken(strange[0], "is no key of a targeting spec")
    for name in sorted(spec.keys() & _LISTS):
        if not isinstance(spec[name], list):
            raise _broken(name, "must be an array")
    for name in sorted(spec.keys() & _OBJECTS):
        if not isinstance(spec[name], dict):
            raise _broken(name, "must be an object")
    for name in sorted(spec.keys() & _IDENTIFIED):
        if not all(_is_identified(row) for row in spec[name]):
            raise _broken(name, "needs an id in every row")


def _is_identified(row: Any) -> bool:
    return bool(row.get("id")) if isinstance(row, dict) else isinstance(row, str | int)


def _check_people(spec: Spec) -> None:
    low, high = _age(spec, "age_min", _ADULT), _age(spec, "age_max", _OLDEST)
    if low > high:
        raise _broken("age_min", f"{low} is above age_max {high}")
    if any(gender not in (0, 1, 2) for gender in spec.get("genders") or ()):
        raise _broken("genders", "is an array of 1 (men) and 2 (women)")
    if not all(isinstance(locale, int) for locale in spec.get("locales") or ()):
        raise _broken("locales", "is an array of numbers")
    for group in spec.get("flexible_spec") or ():
        if not isinstance(group, dict) or not all(isinstance(rows, list) for rows in group.values()):
            raise _broken("flexible_spec", "is an array of groups, each of lists of rows with an id")


def _age(spec: Spec, name: str, default: int) -> int:
    value = spec.get(name, default)
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not _YOUNGEST <= value <= _OLDEST:
        raise _broken(name, f"must be from {_YOUNGEST} to {_OLDEST}")
    return value


def _check_places(spec: Spec) -> None:
    for name in ("geo_locations", "excluded_geo_locations"):
        places = spec.get(name) or {}
        strange = sorted(places.keys() - PLACES)
        if strange:
            raise _broken(name, f"{strange[0]} is no kind of place")
        if not all(isinstance(rows, list) for rows in places.values()):
            raise _broken(name, "is made of lists of places")
        countries = places.get("countries") or ()
        if not all(isinstance(code, str) and len(code) == 2 and code.isalpha() for code in countries):  # noqa: PLR2004 - ISO 3166
            raise _broken(name, "has countries of two letters")
        for kind in ("regions", "cities", "zips"):
            if not all(isinstance(row, dict) and row.get("key") for row in places.get(kind) or ()):
                raise _broken(name, f"needs a key in every row of {kind}")
        if any(str(word) not in _LOCATIONS for word in places.get("location_types") or ()):
            raise _broken(name, "has location_types home and recent")
        for city in places.get("cities") or ():
            _check_radius(city, _RADIUS)


def _check_radius(city: Spec, bounds: dict[str, tuple[int, int]]) -> None:
    radius = city.get("radius")
    if radius is None:
        return
    low, high = bounds.get(str(city.get("distance_unit", "mile")), (0, 0))
    if not isinstance(radius, int | float) or not low <= radius <= high:
        raise _broken("geo_locations", f"needs a radius of {low} to {high} around a city")


def _check_advantage(draft: Draft, spec: Spec) -> None:
    flag = (spec.get("targeting_automation") or {}).get("advantage_audience")
    if flag is None:
        if draft.is_new and draft.quirks.needs_advantage_flag:
            raise invalid(
                "Set targeting_automation.advantage_audience to 1 or 0: since v24.0 a new ad set says whether the "
                "audience may be widened.", subcode=1_870_227, field="targeting",
                title="Advantage audience flag is required",
            )  # fmt: skip
        if draft.is_new and draft.quirks.advantage_by_default:
            spec["targeting_automation"] = {**(spec.get("targeting_automation") or {}), "advantage_audience": 1}
        return
    if str(flag) not in ("0", "1", "True", "False"):
        raise _broken("targeting_automation", "advantage_audience is 0 or 1")
    if str(flag) in ("1", "True") and _age(spec, "age_max", _OLDEST) < _OLDEST:
        raise invalid(
            "With an Advantage+ audience the maximum age must be 65 or more.", subcode=1_870_189, field="targeting",
            title="Maximum age is too low",
        )  # fmt: skip


def _check_special(spec: Spec) -> None:
    """Keep campaigns of a special category from choosing by age, gender or a small place."""
    is_all = _age(spec, "age_min", _ADULT) == _ADULT and _age(spec, "age_max", _OLDEST) == _OLDEST
    if not is_all or spec.get("genders"):
        raise invalid(
            "Ads of a special ad category reach all ages from 18 to 65+ and all genders.", field="targeting",
            title="Targeting is restricted",
        )  # fmt: skip
    for city in (spec.get("geo_locations") or {}).get("cities") or ():
        radius, unit = city.get("radius"), str(city.get("distance_unit", "mile"))
        if radius is not None and radius < _SPECIAL_RADIUS.get(unit, 0):
            raise invalid(
                f"Ads of a special ad category need a radius of at least {_SPECIAL_RADIUS[unit]} {unit}s.",
                field="targeting", title="Targeting is restricted",
            )  # fmt: skip


def reaches_eu(spec: Any) -> bool:
    """Say whether a targeting names a country of the European Union."""
    places = spec.get("geo_locations") if isinstance(spec, dict) else None
    return isinstance(places, dict) and bool(EU & {str(code) for code in places.get("countries") or ()})


def check_payer(draft: Draft) -> None:
    """Refuse ads for the European Union of whom nobody is said to be behind; the account's default fills in."""
    if not draft.is_new and not draft.touches("targeting", "dsa_beneficiary", "dsa_payor"):
        return
    if not reaches_eu(draft.get("targeting")):
        return
    spec = draft.account.spec
    unset = spec.name if spec.dsa_default is None else spec.dsa_default
    for name in ("dsa_beneficiary", "dsa_payor"):
        if draft.get(name):
            continue
        default = draft.account.defaults.get(f"default_{name}", unset)
        if not default:
            raise invalid(
                "Ads shown in the European Union name who benefits from them and who pays: dsa_beneficiary and "
                "dsa_payor.", subcode=3_858_152, field=name, title="Beneficiary or payer is missing",
            )  # fmt: skip
        if draft.is_new:
            draft.values[name] = default


def _broken(name: str, text: str) -> GraphError:
    return GraphError(
        100, f"(#100) Param targeting is invalid: {name} {text}", blame=[["targeting", name]],
        title="Targeting is invalid", user=f"targeting.{name} {text}.",
    )  # fmt: skip
