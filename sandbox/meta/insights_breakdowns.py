"""Which breakdowns an insights call may combine (meta_graph_api.md §3.3), and the figures cut along them on read."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sandbox.account import Account
from sandbox.market.dice import Ints, Keys
from sandbox.market.split import split_day
from sandbox.meta.errors import GraphError, parameter
from sandbox.meta.insights_axes import Axis, MakeUp, country_axis, people_axis, placement_axis
from sandbox.meta.request import GraphCall

HOURLY: Final = "hourly_stats_aggregated_by_advertiser_time_zone"
_PEOPLE: Final = frozenset({"age", "gender"})
_PLACES: Final = frozenset({"publisher_platform", "platform_position", "impression_device", "device_platform"})
_NEED_PLATFORM: Final = frozenset({"platform_position", "impression_device"})
# On the platform and not in this market: refused with our own words.
_NOT_MODELLED: Final = frozenset(
    {
        "region", "comscore_market", "product_id", "frequency_value", "hourly_stats_aggregated_by_audience_time_zone",
        "body_asset", "title_asset", "video_asset", "image_asset", "link_url_asset", "call_to_action_asset",
        "description_asset", "ad_format_asset",
    }
)  # fmt: skip
_KNOWN: Final = _PEOPLE | _PLACES | {"country", HOURLY}
_TOO_MUCH_DATA: Final = 1_487_534
_MOST_ROWS: Final = 4_000_000
_INVALID_COMBINATION: Final = 1_504_041
_CHUNK: Final = 8_192  # ads split at once: bounds the memory of a large account


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A breakdown of an account: the rows' labels, and the parts of a day's figures."""

    labels: tuple[dict[str, str], ...]
    _group_of_cell: Ints
    _make_up: MakeUp

    def parts(self, figures: Ints, keys: Keys, ad_sets: Ints, day: int) -> Ints:
        """Return (6, n, len(labels)) parts of the (6, n) figures of some ads on one day."""
        found = np.empty((*figures.shape, len(self.labels)), dtype=np.int64)
        one_hot = (self._group_of_cell[:, None] == np.arange(len(self.labels))).astype(np.int64)
        for start in range(0, figures.shape[1], _CHUNK):
            here = slice(start, start + _CHUNK)
            tilts = self._make_up.tilts(ad_sets[here].tolist(), day)
            found[:, here] = split_day(figures[:, here], keys[here], day, tilts) @ one_hot
        return found


def breakdown_names(call: GraphCall) -> tuple[str, ...]:
    """Return the breakdowns that a call asks for.

    Raises:
        GraphError: 100 for an unknown one or one that needs another; 2/1504041 for a combination that is not allowed.
    """
    names = tuple(dict.fromkeys(call.items("breakdowns")))
    for number, name in enumerate(names):
        if name in _NOT_MODELLED:
            raise parameter(f"The sandbox's market knows no {name}; breakdowns[{number}] cannot be reported here")
        if name not in _KNOWN:
            known = ", ".join(sorted(_KNOWN | _NOT_MODELLED))
            raise parameter(f"breakdowns[{number}] must be one of the following values: {known}")
    asked = set(names)
    alone = asked & _NEED_PLATFORM
    if asked <= _PLACES and alone and "publisher_platform" not in asked:
        raise parameter(f"{min(alone)} cannot be requested alone, it needs publisher_platform with it")
    is_place = asked <= _PLACES and not {"impression_device", "device_platform"} <= asked
    if not (asked <= _PEOPLE or is_place or len(asked) == 1):
        text = f"Current combination of data breakdown columns ({', '.join(names)}) is invalid"
        raise GraphError(2, f"(#2) {text}", subcode=_INVALID_COMBINATION, status=400)
    return names


def refuse_too_much(*, owners: int, periods: int, cells: int) -> None:
    """Keep one call from asking for more rows than memory holds; parts exist only while they are read.

    Raises:
        GraphError: 100/1487534, more than four million possible rows (the figure is assumed).
    """
    if owners * periods * cells > _MOST_ROWS:
        raise GraphError(
            100, "Please reduce the amount of data you're asking for, then retry your request",
            subcode=_TOO_MUCH_DATA,
        )  # fmt: skip


def cut_of(account: Account, names: tuple[str, ...]) -> Cut | None:
    """Return the cut along breakdowns; None where there are none, or where the hours cut already."""
    if not names or names == (HOURLY,):
        return None
    axis = _axis_of(account, names)
    places = [axis.fields.index(name) for name in names]
    of_cell = [tuple(label[place] for place in places) for label in axis.labels]
    groups = list(dict.fromkeys(of_cell))
    return Cut(
        labels=tuple(dict(zip(names, group, strict=True)) for group in groups),
        _group_of_cell=np.array([groups.index(label) for label in of_cell], dtype=np.int64),
        _make_up=MakeUp(account, axis),
    )


def _axis_of(account: Account, names: tuple[str, ...]) -> Axis:
    if names[0] in _PEOPLE:
        return people_axis()
    return country_axis(account) if names[0] == "country" else placement_axis()
