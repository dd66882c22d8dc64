"""Answers `GET /{account|campaign|adset|ad}/insights`, page by page from one table per query and reading instant.

Hours show once they are complete and 15 minutes (the scenario's lag) have passed. The first page pins the instant in
its cursor, so that all pages of one query come from the same reading.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sandbox.account import Account
from sandbox.meta.context import Context, Json
from sandbox.meta.errors import parameter
from sandbox.meta.filters import filter_rows, node_test, number_test
from sandbox.meta.insight_rows import RowWriter, known_fields
from sandbox.meta.insights_breakdowns import HOURLY, breakdown_names, cut_of, refuse_too_much
from sandbox.meta.paging import decode_cursor, encode_cursor, limit_of, paging
from sandbox.meta.report import FIGURES, LEVEL_KINDS, Report, build
from sandbox.meta.spans import periods_of
from sandbox.nodes import Kind, Node

_KEPT_TABLES: Final = 4
_LEVELS: Final = ("account", "campaign", "adset", "ad")
_DEFAULT_FIELDS: Final = ("impressions", "spend")
_METRIC_FILTERS: Final = {"impressions": 0, "clicks": 1, "inline_link_clicks": 2, "spend": 3}
_PAGE_PARAMS: Final = frozenset({"limit", "after", "before", "fields", "summary", "locale", "sort"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """When a query was first read, and up to which hour the market was known then."""

    now_s: float
    end_hour: int

    def cursor(self, place: int) -> str:
        """Return the cursor of a row of this reading."""
        return encode_cursor([self.now_s, self.end_hour, place])


class InsightTables:
    """The tables of the last queries, so that paging costs a slice and not a sum."""

    def __init__(self) -> None:
        self._tables: OrderedDict[Any, Report] = OrderedDict()

    def page(self, context: Context, account: Account, node: Node | None) -> Json:
        """Answer an insights call on an account (`node` None) or an object.

        Raises:
            GraphError: a malformed or unsupported parameter.
        """
        call = context.call
        fields = call.items("fields") or list(_DEFAULT_FIELDS)
        self._refuse_unknown(fields)
        level, names = _level(context, node), breakdown_names(call)
        hourly = names == (HOURLY,)
        now_s, market = context.platform.clock.now_s(), account.market
        market.advance_to(context.platform.world.cutoff_s(now_s))
        reading, start = _Reading(now_s=now_s, end_hour=market.next_hour), 0
        if call.params.get("after"):
            reading, start = _position(call.params["after"], latest=reading)
        table = self._table(context, account, node, level=level, names=names, reading=reading)
        limit = limit_of(call)
        end = min(start + limit, len(table))
        writer = RowWriter(account, table, level=level, fields=fields, hourly=hourly)
        page: Json = {"data": writer.rows(start, end)}
        if end > start:
            before, after = reading.cursor(start), reading.cursor(end)
            page["paging"] = paging(call, before=before, after=after, has_more=end < len(table))
        return page

    def _table(
        self, context: Context, account: Account, node: Node | None, *, level: str, names: tuple[str, ...],
        reading: "_Reading",
    ) -> Report:  # fmt: skip
        hourly = names == (HOURLY,)
        params = tuple(sorted(item for item in context.call.params.items() if item[0] not in _PAGE_PARAMS))
        seq = context.platform.last_seq
        key = (
            account.id,
            node.id if node else None,
            level,
            reading,
            seq if _reads_objects(params) else 0,
            params,
        )
        table = self._tables.get(key)
        if table is None:
            ads, metric_filters = _ad_mask(context, account, node, level)
            periods, cut = periods_of(context.call, account, now_s=reading.now_s), cut_of(account, names)
            if cut is not None:
                refuse_too_much(owners=_most_owners(account, level, ads), periods=len(periods), cells=len(cut.labels))
            table = build(
                account, level=level, ads=ads, periods=periods, hourly=hourly,
                cutoff_s=context.platform.world.cutoff_s(reading.now_s), end_hour=reading.end_hour, cut=cut,
            )  # fmt: skip
            table = _filtered(table, metric_filters, account)
            self._tables[key] = table
            while len(self._tables) > _KEPT_TABLES:
                self._tables.popitem(last=False)
        return table

    @staticmethod
    def _refuse_unknown(fields: list[str]) -> None:
        strange = [field for field in fields if field not in known_fields()]
        if strange:
            raise parameter(f"{strange[0]} is not valid for fields param. please check the list of insights fields")


def _reads_objects(params: tuple[tuple[str, str], ...]) -> bool:
    return any(name == "filtering" for name, _ in params)


def _level(context: Context, node: Node | None) -> str:
    own = "account" if node is None else str(node.kind)
    level = context.call.params.get("level", own).strip('"')
    if level not in _LEVELS or own not in _LEVELS:
        raise parameter(f'Param level must be one of {{{", ".join(_LEVELS)}}} - got "{level[:40]}".')
    if _LEVELS.index(level) < _LEVELS.index(own):
        raise parameter(f"Level {level} lies above the object that was asked ({own})")
    return level


def _position(cursor: str, *, latest: _Reading) -> tuple[_Reading, int]:
    """Return the reading and the place that a cursor names; one from the future would make the market run ahead."""
    match decode_cursor(cursor):
        case [int() | float() as now_s, int() as hour, int() as place]:
            if 0 <= now_s <= latest.now_s and 0 <= hour <= latest.end_hour and place >= 0:
                return _Reading(now_s=float(now_s), end_hour=hour), place
    raise parameter("Invalid cursors values")


def _ad_mask(
    context: Context, account: Account, node: Node | None, level: str
) -> tuple[NDArray[np.bool_], list[tuple[int, str, Any]]]:
    ads = account.nodes[Kind.AD]
    mask = np.ones(len(ads), dtype=np.bool_)
    if node is not None:
        mask &= _under(account, node)
    metric_filters: list[tuple[int, str, Any]] = []
    for field, name, value in filter_rows(context.call):
        if field in _METRIC_FILTERS:
            metric_filters.append((_METRIC_FILTERS[field], name, value))
            continue
        test = node_test(field, name, value, LEVEL_KINDS.get(level, Kind.AD))
        mask &= np.fromiter((test(ad) for ad in ads), dtype=np.bool_, count=len(ads))
    return mask, metric_filters


def _most_owners(account: Account, level: str, ads: NDArray[np.bool_]) -> int:
    """Return how many objects may have rows at a level."""
    return 1 if level == "account" else min(int(ads.sum()), len(account.nodes[LEVEL_KINDS[level]]))


def _under(account: Account, node: Node) -> NDArray[np.bool_]:
    of_set = account.market.ad_sets_of_ads()
    if node.kind is Kind.AD:
        itself: NDArray[np.bool_] = np.arange(len(of_set)) == node.market_index
        return itself
    if node.kind is Kind.AD_SET:
        found: NDArray[np.bool_] = of_set == node.market_index
        return found
    below: NDArray[np.bool_] = np.isin(of_set, [child.market_index for child in node.children])
    return below


def _filtered(table: Report, filters: list[tuple[int, str, Any]], account: Account) -> Report:
    keep = np.ones(len(table), dtype=np.bool_)
    for row, name, value in filters:
        passes = number_test(name, value, scale=account.offset if FIGURES[row] == "spend" else 1)
        keep &= np.array([passes(figure) for figure in table.figures[row].tolist()], dtype=np.bool_)
    if keep.all():
        return table
    return Report(
        nodes=table.nodes, periods=table.periods, owner=table.owner[keep], period=table.period[keep],
        hour=table.hour[keep], cell=table.cell[keep], figures=table.figures[:, keep], labels=table.labels,
    )  # fmt: skip
