"""Which breakdowns an insights call may combine (meta_graph_api.md §3.3), and the figures cut along them on read."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sandbox.account import Account
from sandbox.market.dice import Ints, Keys
from sandbox.market.engagement import split_more
from sandbox.market.split import split_day
from sandbox.meta.insights.axes import Axis, MakeUp, country_axis, people_axis, placement_axis
from sandbox.meta.insights.regions import region_labels, split_regions
from sandbox.meta.insights.support import COMBINATIONS, HOURLY_LABEL_KEY, Answered, names_of
from sandbox.meta.protocol.errors import GraphError, parameter
from sandbox.meta.protocol.request import GraphCall

HOURLY: Final = HOURLY_LABEL_KEY
REGION: Final = "region"
_PEOPLE: Final = frozenset({"age", "gender"})
_PLACES: Final = frozenset({"publisher_platform", "platform_position", "impression_device", "device_platform"})
_NEED_PLATFORM: Final = frozenset({"platform_position", "impression_device"})
_TOO_MUCH_DATA: Final = 1_487_534
MOST_ROWS: Final = 1_500_000  # that a synchronous call may have; assumed
MOST_OF_REPORT: Final = 4_000_000  # that a report may have: what memory holds
_INVALID_COMBINATION: Final = 1_504_041
_CHUNK: Final = 8_192  # ads split at once: bounds the memory of a large account


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Named figures of some ads on one day, shape (names, n), to be split along with the common ones."""

    names: tuple[str, ...]
    figures: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A breakdown of an account: the rows' labels, and the parts of a day's figures."""

    labels: tuple[dict[str, str], ...]
    _group_of_cell: Ints
    _make_up: MakeUp
    _countries: tuple[str, ...] = ()  # whose regions are the cells; () where the cells are the axis's own

    def parts(self, figures: Ints, keys: Keys, ad_sets: Ints, day: int, more: Part) -> Ints:
        """Return (6 + more, n, len(labels)) parts of the (6, n) figures of some ads on one day, and of `more`."""
        rows = len(figures) + len(more.names)
        found = np.empty((rows, figures.shape[1], len(self.labels)), dtype=np.int64)
        one_hot = (self._group_of_cell[:, None] == np.arange(len(self.labels))).astype(np.int64)
        for start in range(0, figures.shape[1], _CHUNK):
            here = slice(start, start + _CHUNK)
            tilts = self._make_up.tilts(ad_sets[here].tolist(), day)
            parts = split_day(figures[:, here], keys[here], day, tilts)
            if self._countries:
                parts = split_regions(parts, self._countries, keys[here], day)
            found[: len(figures), here] = parts @ one_hot
            if more.names:
                found[len(figures) :, here] = (
                    split_more(more.names, more.figures[:, here], parts, keys[here], day) @ one_hot
                )
        return found


def breakdown_names(call: GraphCall) -> tuple[str, ...]:
    """Return the breakdowns that a call asks for.

    Raises:
        GraphError: 100 for an unknown one or one that needs another; 2/1504041 for a combination that is not allowed.
    """
    names = tuple(dict.fromkeys(call.items("breakdowns")))
    on_platform = names_of("breakdowns", Answered.MODELLED, Answered.REFUSED)
    for number, name in enumerate(names):
        if name not in on_platform:
            known = ", ".join(sorted(on_platform))
            raise parameter(f"breakdowns[{number}] must be one of the following values: {known}")
        if name in names_of("breakdowns", Answered.REFUSED):
            raise parameter(f"The sandbox's market knows no {name}; breakdowns[{number}] cannot be reported here")
    asked = set(names)
    alone = asked & _NEED_PLATFORM
    if alone and asked <= _PLACES - {"publisher_platform"}:
        raise parameter(f"{min(alone)} cannot be requested alone, it needs publisher_platform with it")
    if len(names) > 1 and asked not in [set(mix) for mix in COMBINATIONS]:
        text = f"Current combination of data breakdown columns ({', '.join(names)}) is invalid"
        raise GraphError(2, f"(#2) {text}", subcode=_INVALID_COMBINATION, status=400)
    return names


def refuse_too_much(*, owners: int, periods: int, cells: int, most: int = MOST_ROWS) -> None:
    """Keep one call from asking for more rows than it may have; parts exist only while they are read.

    Raises:
        GraphError: 100/1487534, more possible rows than `most`.
    """
    if owners * periods * cells > most:
        raise GraphError(
            100, "Please reduce the amount of data you're asking for, then retry your request",
            subcode=_TOO_MUCH_DATA,
        )  # fmt: skip


def cut_of(account: Account, names: tuple[str, ...]) -> Cut | None:
    """Return the cut along breakdowns; None where there are none, or where the hours cut already."""
    if not names or names == (HOURLY,):
        return None
    axis = _axis_of(account, names)
    if names == (REGION,):
        return _region_cut(account, axis)
    places = [axis.fields.index(name) for name in names]
    of_cell = [tuple(label[place] for place in places) for label in axis.labels]
    groups = list(dict.fromkeys(of_cell))
    return Cut(
        labels=tuple(dict(zip(names, group, strict=True)) for group in groups),
        _group_of_cell=np.array([groups.index(label) for label in of_cell], dtype=np.int64),
        _make_up=MakeUp(account, axis),
    )


def _region_cut(account: Account, axis: Axis) -> Cut:
    """Return the cut by region: countries are cut first, so that their regions sum up to them."""
    countries = tuple(label[0] for label in axis.labels)
    of_cell = region_labels(countries)
    names = list(dict.fromkeys(of_cell))
    return Cut(
        labels=tuple({REGION: name} for name in names),
        _group_of_cell=np.array([names.index(name) for name in of_cell], dtype=np.int64),
        _make_up=MakeUp(account, axis),
        _countries=countries,
    )


def _axis_of(account: Account, names: tuple[str, ...]) -> Axis:
    if names[0] in _PEOPLE:
        return people_axis()
    return country_axis(account) if names[0] in ("country", REGION) else placement_axis()
