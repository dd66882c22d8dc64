"""Adds the rows of a breakdown (age, gender, placement …) up to one per ad and days, each figure exactly once.

A report may tell totals beside their parts: then both must agree, and the totals are taken. Reach is never added:
people are counted in several parts. Parts are kept as read, by ad set; nothing is built on them here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandbox.fit_report import BreakdownPart
from sandbox.report_columns import Columns
from sandbox.report_headers import EVERYTHING, LOSSY
from sandbox.report_problems import Collector, shown
from sandbox.report_tree import Found

Ints = NDArray[np.int64]
Table = Mapping[str, Ints]
ADDED: Final = ("impressions", "clicks", "link_clicks", "spend", "purchases", "value")
_ROUNDED: Final = frozenset({"spend", "value"})  # each part may have been rounded by up to half a unit
_WHOLE, _PART, _SUBTOTALS = 0, 1, 2
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """One row per ad and days, the parts that were told, and what a reader should know."""

    rows: dict[str, Ints]
    parts: tuple[BreakdownPart, ...]
    notes: tuple[str, ...]


class PartReader:
    """Tells which part of its ad and days a row is, from the cells of the breakdown columns."""

    def __init__(self, columns: Columns) -> None:
        self.by = tuple(kind for kind, _ in columns.breakdowns)
        self.values: list[tuple[str, ...]] = []
        self.kinds: list[int] = []  # whole, part, or one number per pattern of "All" cells: subtotals
        self.has_parts = False
        self._indices = tuple(index for _, index in columns.breakdowns)
        self._known: dict[tuple[str, ...], int] = {}
        self._patterns: dict[tuple[bool, ...], int] = {}

    def number(self, cells: Sequence[str]) -> int:
        """Return the part's number; rows without breakdown columns are all of one."""
        values = tuple([cells[index].strip() for index in self._indices])
        known = self._known.get(values)
        if known is None:
            known = self._known[values] = len(self.values)
            self.values.append(values)
            self.kinds.append(self._kind(values))
            self.has_parts |= self.kinds[known] != _WHOLE
        return known

    def _kind(self, values: tuple[str, ...]) -> int:
        is_all = tuple(value.casefold() in EVERYTHING for value in values)
        if all(every or not value for every, value in zip(is_all, values, strict=True)):
            return _WHOLE
        if not any(is_all):
            return _PART
        return self._patterns.setdefault(is_all, _SUBTOTALS + len(self._patterns))


def fold(
    table: Table, reader: PartReader, *, ads: Sequence[Found], ad_sets: Sequence[Found], unit: int, problems: Collector
) -> Folded:
    """Return one row per ad and days; `table` is ordered by ad, days and line, and has a column `part`."""
    if not reader.has_parts:
        return Folded(rows={name: values for name, values in table.items() if name != "part"}, parts=(), notes=())
    _check_twice(table, reader, ads, problems)
    starts = np.ones(len(table["ad"]), dtype=np.bool_)
    same = [table[name][1:] == table[name][:-1] for name in ("ad", "first", "last")]
    starts[1:] = ~(same[0] & same[1] & same[2])
    group = np.cumsum(starts) - 1
    kind = np.array(reader.kinds, dtype=np.int64)[table["part"]]
    taken = _choose(group, kind)
    _check_agreement(table, group, kind, reader, ads=ads, unit=unit, problems=problems)
    chosen = kind == taken[group]
    rows = {name: table[name][starts] for name in ("line", "ad", "first", "last")}
    for name in ADDED:
        rows[name] = _add_up(table[name][chosen], group[chosen], len(taken))
    rows["reach"] = np.zeros(len(taken), dtype=np.int64)
    np.maximum.at(rows["reach"], group[chosen], table["reach"][chosen])
    parts = tuple(_parts(table, kind == _PART, reader, ads=ads, ad_sets=ad_sets))
    return Folded(rows=rows, parts=parts, notes=_notes(reader, kind, chosen, starts, taken))


def _choose(group: Ints, kind: Ints) -> Ints:
    """Return what is counted of each group: its whole if it is told, else its parts, else the first subtotals."""
    taken = np.full(int(group[-1]) + 1, np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(taken, group, kind)
    return taken


def _check_twice(table: Table, reader: PartReader, ads: Sequence[Found], problems: Collector) -> None:
    order = np.lexsort((table["line"], table["part"], table["last"], table["first"], table["ad"]))
    same = np.ones(len(order) - 1, dtype=np.bool_)
    for name in ("ad", "first", "last", "part"):
        same &= table[name][order][1:] == table[name][order][:-1]
    for index in np.nonzero(same)[0].tolist():
        first, second = (int(table["line"][order[index + n]]) for n in (0, 1))
        values = ", ".join(shown(value) for value in reader.values[int(table["part"][order[index]])])
        name = shown(ads[int(table["ad"][order[index]])].name)
        reason = (
            f"ad {name} is already told about on line {first} for the same days and the same part ({values}); the "
            "report is broken down further, or two ads share their names (export the Ad ID column too)"
        )
        problems.add(second, "", reason)


def _check_agreement(
    table: Table, group: Ints, kind: Ints, reader: PartReader, *, ads: Sequence[Found], unit: int, problems: Collector
) -> None:
    """Hold every way in which a group is told against what is counted of it."""
    groups = int(group[-1]) + 1
    taken = _choose(group, kind)
    first_row = np.searchsorted(group, np.arange(groups))
    is_lossy = bool(LOSSY & set(reader.by))
    for other in sorted(set(reader.kinds)):
        told = kind == other
        size = np.bincount(group[told], minlength=groups)
        both = (size > 0) & (taken != other)
        for name in ADDED if both.any() else ():
            counted = kind == taken[group]
            whole, summed = (_add_up(table[name][rows], group[rows], groups) for rows in (counted, told))
            off = np.abs(whole - summed) > (size if name in _ROUNDED else 0)
            if is_lossy and name in ("purchases", "value"):
                off &= summed > whole
            for index in np.nonzero(both & off)[0].tolist():
                row = int(first_row[index])
                divisor = unit if name in _ROUNDED else 1
                figures = f"{whole[index] / divisor:,.10g} against {summed[index] / divisor:,.10g}"
                reason = (
                    f"ad {shown(ads[int(table['ad'][row])].name)}: its {name.replace('_', ' ')} as a whole and the sum "
                    f"of its {int(size[index])} parts differ: {figures}; export it again without this breakdown"
                )
                problems.add(int(table["line"][row]), name, reason)


def _parts(
    table: Table, chosen: NDArray[np.bool_], reader: PartReader, *, ads: Sequence[Found], ad_sets: Sequence[Found]
) -> list[BreakdownPart]:
    parent = np.array([ad.parent for ad in ads], dtype=np.int64)
    cell = parent[table["ad"][chosen]] * len(reader.values) + table["part"][chosen]
    found, owner = np.unique(cell, return_inverse=True)
    sums = [_add_up(table[name][chosen], owner, len(found)).tolist() for name in ADDED]
    return [
        BreakdownPart(
            ad_set_id=ad_sets[key // len(reader.values)].id,
            by=reader.by,
            values=reader.values[key % len(reader.values)],
            impressions=impressions,
            clicks=clicks,
            link_clicks=link_clicks,
            spend_minor=spend,
            purchases=purchases,
            value_minor=value,
        )
        for key, impressions, clicks, link_clicks, spend, purchases, value in zip(found.tolist(), *sums, strict=True)
    ]


def _notes(
    reader: PartReader, kind: Ints, chosen: NDArray[np.bool_], starts: NDArray[np.bool_], taken: Ints
) -> tuple[str, ...]:
    by = " x ".join(reader.by)
    told = [f"broken down by {by}: {int((kind != _WHOLE).sum())} parts were added up to {int(starts.sum())} rows"]
    wholes = int(((taken[np.cumsum(starts) - 1] == _WHOLE) & ~chosen).sum())
    if wholes:
        told = [f"broken down by {by}: the rows of whole ads were counted, and their {wholes} parts agree with them"]
    if LOSSY & set(reader.by):
        told.append(f"by {by} the platform does not tell purchases outside of it: they may be missing from the parts")
    return tuple(told)


def _add_up(values: Ints, owner: Ints, owners: int) -> Ints:
    total = np.zeros(owners, dtype=np.int64)
    np.add.at(total, owner, values)
    return total
