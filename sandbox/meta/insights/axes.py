"""The hidden make-up of ad sets: what share of their impressions each kind of person or place gets. All assumed.

No published table gives these shares for an account; they are plausible, stable per ad set, and within its targeting.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from sandbox.account import Account
from sandbox.market.dice import Floats, normals, nth_keys, object_key
from sandbox.market.split import Tilts
from sandbox.nodes import Kind

_AGES: Final = ("13-17", "18-24", "25-34", "35-44", "45-54", "55-64", "65+")
_AGE_FROM: Final = (13, 18, 25, 35, 45, 55, 65)
# Per age: share of impressions, and factors on link CTR, CVR and CPM.
_BY_AGE: Final = (
    (0.02, 1.15, 0.40, 0.70), (0.14, 1.05, 0.70, 0.85), (0.24, 1.00, 1.00, 1.00), (0.22, 0.97, 1.15, 1.08),
    (0.17, 0.98, 1.15, 1.10), (0.12, 1.02, 1.05, 1.05), (0.09, 1.08, 0.85, 0.95),
)  # fmt: skip
_BY_GENDER: Final = {
    "female": (0.53, 1.04, 1.08, 1.05), "male": (0.45, 0.96, 0.92, 0.96), "unknown": (0.02, 0.80, 0.70, 0.80),
}  # fmt: skip
_PLACES: Final = (
    ("facebook", "feed", (0.30, 1.15, 1.15, 1.15)),
    ("facebook", "facebook_reels", (0.09, 0.75, 0.80, 0.75)),
    ("facebook", "facebook_stories", (0.05, 0.80, 0.85, 0.80)),
    ("facebook", "marketplace", (0.04, 0.95, 0.90, 0.90)),
    ("facebook", "instream_video", (0.03, 0.50, 0.70, 0.80)),
    ("facebook", "search", (0.01, 1.20, 1.20, 1.10)),
    ("facebook", "right_hand_column", (0.02, 0.30, 0.90, 0.50)),
    ("instagram", "feed", (0.17, 0.90, 1.05, 1.10)),
    ("instagram", "instagram_stories", (0.10, 0.85, 0.95, 0.95)),
    ("instagram", "instagram_reels", (0.12, 0.75, 0.85, 0.85)),
    ("instagram", "instagram_explore", (0.03, 0.70, 0.90, 0.85)),
    ("audience_network", "an_classic", (0.03, 1.50, 0.35, 0.45)),
    ("messenger", "messenger_inbox", (0.01, 0.60, 0.80, 0.70)),
)
_DEVICES: Final = (
    ("iphone", "mobile_app", (0.38, 0.98, 1.20, 1.15)), ("android_smartphone", "mobile_app", (0.48, 1.03, 0.90, 0.90)),
    ("ipad", "mobile_app", (0.03, 0.90, 1.05, 1.00)), ("android_tablet", "mobile_app", (0.02, 0.95, 0.75, 0.80)),
    ("desktop", "desktop", (0.09, 0.80, 1.30, 1.10)),
)  # fmt: skip
_DESKTOP_ONLY: Final = "right_hand_column"
_ON_DESKTOP: Final = frozenset(
    {"feed", "marketplace", "search", "instream_video", "right_hand_column", "messenger_inbox"}
)
_SHARE_SPREAD, _RATE_SPREAD, _COUNTRY_SPREAD = 0.30, 0.12, 0.60
_S_SHARE, _S_RATE = 60_000, 63_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Cells with a label per field; `base` has shape (4, cells): share, and factors on CTR, CVR and CPM."""

    name: str
    fields: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    base: Floats


@cache
def people_axis() -> Axis:
    """Return age by gender."""
    pairs = [((age, gender), a, g) for age, a in zip(_AGES, _BY_AGE, strict=True) for gender, g in _BY_GENDER.items()]
    return _axis("people", ("age", "gender"), [(labels, np.array(a) * np.array(g)) for labels, a, g in pairs])


@cache
def placement_axis() -> Axis:
    """Return platform by position by device."""
    cells = [
        ((platform, position, device, app), np.array(place) * np.array(figures))
        for platform, position, place in _PLACES
        for device, app, figures in _DEVICES
        if (device != "desktop" or position in _ON_DESKTOP) and (device == "desktop" or position != _DESKTOP_ONLY)
    ]
    return _axis(
        "placement", ("publisher_platform", "platform_position", "impression_device", "device_platform"), cells
    )


def country_axis(account: Account) -> Axis:
    """Return every country that the account targets or has targeted."""
    found = set(account.spec.countries)
    for held in account.targetings.values():
        found.update(country for _, targeting in held for country in _countries(targeting))
    return _axis("country", ("country",), [((country,), np.ones(4)) for country in sorted(found)])


def _axis(name: str, fields: tuple[str, ...], cells: Sequence[tuple[tuple[str, ...], Floats]]) -> Axis:
    return Axis(
        name=name, fields=fields, labels=tuple(label for label, _ in cells), base=np.stack([row for _, row in cells]).T
    )


class MakeUp:
    """The cells' shares and tilts of an account's ad sets along one axis, worked out when first needed."""

    def __init__(self, account: Account, axis: Axis) -> None:
        self._account, self._axis = account, axis
        self._rows: dict[tuple[int, int], Floats] = {}
        self._ad_sets = account.nodes[Kind.AD_SET]

    def tilts(self, ad_sets: list[int], day: int) -> Tilts:
        """Return the tilts of the ad sets (by market index, one row each) as they are targeted on a day."""
        found = np.stack([self._row(index, day) for index in ad_sets], axis=1)
        return Tilts(share=found[0], ctr=found[1], cvr=found[2], cpm=found[3])

    def _row(self, index: int, day: int) -> Floats:
        held = self._account.targetings[index]
        version = max(n for n, (from_day, _) in enumerate(held) if from_day <= day)
        row = self._rows.get((index, version))
        if row is None:
            row = self._rows[index, version] = self._work_out(index, held[version][1])
        return row

    def _work_out(self, index: int, targeting: dict[str, Any]) -> Floats:
        axis, cells = self._axis, len(self._axis.labels)
        key = object_key(self._account.seed, int(self._ad_sets[index].id), *axis.name.encode())
        keys = nth_keys(np.full(cells, key, dtype=np.uint64), np.arange(cells))
        spreads = (_COUNTRY_SPREAD if axis.name == "country" else _SHARE_SPREAD, *(_RATE_SPREAD,) * 3)
        row = np.stack(
            [
                base * np.exp(spread * normals(keys, n, _S_SHARE))
                for n, (base, spread) in enumerate(zip(axis.base, spreads, strict=True))
            ]
        )
        reached = np.array([_is_reached(axis, label, targeting) for label in axis.labels])
        row[0] *= reached if reached.any() else 1.0
        row[0] /= row[0].sum()
        return row


def _is_reached(axis: Axis, label: tuple[str, ...], targeting: dict[str, Any]) -> bool:
    match axis.name:
        case "people":
            at = _AGES.index(label[0])
            first, upto = _AGE_FROM[at], (*_AGE_FROM[1:], 200)[at] - 1
            genders = {1: "male", 2: "female"}
            wanted = {genders.get(number) for number in targeting.get("genders") or ()}
            in_age = upto >= int(targeting.get("age_min") or 18) and first <= int(targeting.get("age_max") or 65)
            return in_age and (not wanted or label[1] in wanted)
        case "country":
            countries = _countries(targeting)
            return not countries or label[0] in countries
        case _:
            platforms, devices = targeting.get("publisher_platforms"), targeting.get("device_platforms")
            on_device = "desktop" if label[3] == "desktop" else "mobile"
            return (not platforms or label[0] in platforms) and (not devices or on_device in devices)


def _countries(targeting: dict[str, Any]) -> tuple[str, ...]:
    places = targeting.get("geo_locations")
    found = places.get("countries") if isinstance(places, dict) else None
    return tuple(str(country) for country in found or ())
