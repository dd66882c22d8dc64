"""Answers `GET /{account|campaign|adset|ad}/insights`, page by page from one table per query and reading instant.

Hours show once they are complete and 15 minutes (the scenario's lag) have passed. The first page pins the instant in
its cursor, so that all pages of one query come from the same reading. What a call may ask for: `insights/support.py`.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from sandbox.account import Account
from sandbox.meta.context import Context, Json
from sandbox.meta.insights.breakdowns import MOST_OF_REPORT, MOST_ROWS, REGION, cut_of, refuse_too_much
from sandbox.meta.insights.order import ordered, passing
from sandbox.meta.insights.query import Query, query_of
from sandbox.meta.insights.report import LEVEL_KINDS, Report, build
from sandbox.meta.insights.rows import HOURLY as HOURS
from sandbox.meta.insights.rows import RowWriter
from sandbox.meta.insights.scope import Scope, scope_of
from sandbox.meta.insights.shape import dropped_fields, shape_of, totals
from sandbox.meta.insights.spans import Period, periods_of
from sandbox.meta.protocol.errors import GraphError, parameter
from sandbox.meta.protocol.paging import decode_cursor, encode_cursor, limit_of, paging
from sandbox.meta.route import INSIGHTS, Route
from sandbox.nodes import Node

_KEPT_TABLES: Final = 256
_KEPT_ROWS: Final = 2_000_000  # of all tables but the newest together
_KEPT_SCOPES: Final = 64
_HEAVIEST_PAGE: Final = 1_000_000  # rows times fields times windows of one page; assumed
_PAGE_PARAMS: Final = frozenset(
    {"limit", "after", "before", "fields", "summary", "default_summary", "locale", "action_breakdowns"}
)
_NOTE: Final = "insights/support.py lists breakdowns, action breakdowns, windows and fields; no product_id_limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """When a query was first read, and up to which hour the market was known then."""

    now_s: float
    end_hour: int

    def cursor(self, place: int) -> str:
        """Return the cursor of a row of this reading."""
        return encode_cursor([self.now_s, self.end_hour, place])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A checked call: what is asked for, of which objects, about which days."""

    query: Query
    scope: Scope
    periods: tuple[Period, ...]

    def most_rows(self, account: Account, cells: int) -> tuple[int, int, int]:
        """Return how many owners, periods and cells rows may have."""
        return self.scope.most_owners(account, self.query.level), len(self.periods), cells


class InsightTables:
    """The tables of the last queries, so that paging costs a slice and not a sum."""

    def __init__(self) -> None:
        self._tables: OrderedDict[Any, Report] = OrderedDict()
        self._heads: dict[Any, dict[int, str]] = {}
        self._scopes: OrderedDict[Any, Scope] = OrderedDict()

    def routes(self) -> tuple[Route, ...]:
        """Return the rows that read figures."""
        first = Route(
            method="GET", of="account", edge="insights", answer=self._of_account, use_case=INSIGHTS, note=_NOTE
        )
        rows = [first]
        rows += [
            Route(method="GET", of=kind, edge="insights", answer=self._of_node, use_case=INSIGHTS, note=_NOTE)
            for kind in LEVEL_KINDS.values()
        ]
        return tuple(rows)

    def _of_account(self, context: Context, account: Account) -> Json:
        return self.page(context, account, None)

    def _of_node(self, context: Context, node: Node) -> Json:
        return self.page(context, context.account_of(node), node)

    def check(self, context: Context, account: Account, node: Node | None) -> int:
        """Validate an insights call without answering it, and return how many rows it may have at most.

        Raises:
            GraphError: a malformed or unsupported parameter; 100/1487534, more rows than even a report may have.
        """
        latest = _latest(context, account)
        asked = self._asked(context, account, node, latest)
        cut = cut_of(account, asked.query.breakdowns)
        cells = len(cut.labels) if cut is not None else len(HOURS) if asked.query.is_hourly else 1
        owners, periods, cells = asked.most_rows(account, cells)
        refuse_too_much(owners=owners, periods=periods, cells=cells, most=MOST_OF_REPORT)
        return owners * periods * cells

    def page(
        self, context: Context, account: Account, node: Node | None, *, is_report: bool = False,
        read_at_s: float | None = None,
    ) -> Json:  # fmt: skip
        """Answer an insights call on an account (`node` None) or an object; `data` is JSON bytes already.

        `is_report` lifts the bounds of synchronous calls; `read_at_s` reads as of an earlier instant of the platform.

        Raises:
            GraphError: a malformed or unsupported parameter; 100/1487534 or 1, too much data for one call.
        """
        call = context.call
        reading = latest = _latest(context, account)
        if read_at_s is not None and read_at_s < latest.now_s:
            known = account.calendar.hour_at(context.platform.world.cutoff_s(read_at_s))
            reading = _Reading(now_s=read_at_s, end_hour=min(known, latest.end_hour))
        start, limit = 0, limit_of(call)
        if call.params.get("after"):
            reading, start = _position(call.params["after"], latest=latest)
        elif call.params.get("before"):
            reading, upto = _position(call.params["before"], latest=latest)
            start, limit = max(upto - limit, 0), min(limit, upto)
        asked = self._asked(context, account, node, reading)
        table = self._table(context, account, node, asked, reading, is_report=is_report)
        end = min(start + limit, len(table))
        query = asked.query
        if not is_report:
            _refuse_heavy(query, rows=end - start)
        dropped = dropped_fields(query, asked.periods, account=account, now_s=reading.now_s)
        writer = RowWriter(
            account, table, level=query.level, fields=query.fields, hourly=query.is_hourly, dropped=dropped,
            shape=shape_of(query, account), heads=self._heads_of(context, account, query),
        )  # fmt: skip
        page: Json = {"data": msgspec.Raw(writer.encoded(start, end))}
        if end > start:
            before, after = reading.cursor(start), reading.cursor(end)
            page["paging"] = paging(
                call, before=before, after=after, has_more=end < len(table), has_previous=start > 0
            )  # fmt: skip
        if query.summary:
            page["summary"] = totals(table, query, asked.periods, account=account)
        return page

    def _table(
        self, context: Context, account: Account, node: Node | None, asked: _Asked, reading: _Reading, *,
        is_report: bool,
    ) -> Report:  # fmt: skip
        params = tuple(sorted(item for item in context.call.params.items() if item[0] not in _PAGE_PARAMS))
        query, names = asked.query, {name for name, _ in params}
        seq = context.platform.last_seq if names & {"filtering", "sort"} else 0
        wants = query.wants | asked.scope.wants
        key = (account.id, node.id if node else None, query.level, reading, seq, wants, params)
        table = self._tables.get(key)
        if table is not None:
            self._tables.move_to_end(key)
            return table
        cut = cut_of(account, query.breakdowns)
        owners, periods, cells = asked.most_rows(account, len(cut.labels) if cut is not None else 1)
        refuse_too_much(owners=owners, periods=periods, cells=cells, most=MOST_OF_REPORT if is_report else MOST_ROWS)
        table = build(
            account, level=query.level, ads=asked.scope.ads, periods=asked.periods, hourly=query.is_hourly,
            cutoff_s=context.platform.world.cutoff_s(reading.now_s), end_hour=reading.end_hour, cut=cut, wants=wants,
        )  # fmt: skip
        if query.breakdowns == (REGION,):
            table.forget_purchases()
        table = ordered(passing(table, asked.scope.filters, account), query.order, account)
        self._keep(key, table)
        return table

    def _asked(self, context: Context, account: Account, node: Node | None, reading: _Reading) -> _Asked:
        query = query_of(context.call, node)
        return _Asked(
            query=query,
            scope=self._scope(context, account, node, query.level, reading),
            periods=tuple(periods_of(context.call, account, now_s=reading.now_s)),
        )

    def _scope(self, context: Context, account: Account, node: Node | None, level: str, reading: _Reading) -> Scope:
        """Return the objects that a call is about, worked out once for all pages of a reading."""
        filters = context.call.params.get("filtering", "")
        key = (account.id, node.id if node else None, level, reading, context.platform.last_seq, filters)
        scope = self._scopes.get(key)
        if scope is None:
            scope = self._scopes[key] = scope_of(context.call, account, node, level)
            if len(self._scopes) > _KEPT_SCOPES:
                self._scopes.popitem(last=False)
        else:
            self._scopes.move_to_end(key)
        return scope

    def _heads_of(self, context: Context, account: Account, query: Query) -> dict[int, str]:
        """Return how rows of objects begin, as written since the last change of any object."""
        key = (account.id, query.level, query.fields, context.platform.last_seq)
        if key not in self._heads and len(self._heads) >= _KEPT_TABLES:
            self._heads.clear()
        return self._heads.setdefault(key, {})

    def _keep(self, key: Any, table: Report) -> None:
        self._tables[key] = table
        held = sum(map(len, self._tables.values()))
        while len(self._tables) > 1 and (len(self._tables) > _KEPT_TABLES or held - len(table) > _KEPT_ROWS):
            held -= len(self._tables.popitem(last=False)[1])


def _latest(context: Context, account: Account) -> _Reading:
    now_s, market = context.platform.clock.now_s(), account.market
    context.platform.act_people()  # the clock went on since the call came: nobody's edit may be behind the market
    market.advance_to(context.platform.world.cutoff_s(now_s))
    return _Reading(now_s=now_s, end_hour=market.next_hour)


def _refuse_heavy(query: Query, *, rows: int) -> None:
    """Refuse a page that is too heavy to be written in one go, as the platform does where `limit` is too high."""
    if rows * len(query.fields) * (1 + len(query.windows)) > _HEAVIEST_PAGE:
        raise GraphError(1, "Please reduce the amount of data you're asking for, then retry your request")


def _position(cursor: str, *, latest: _Reading) -> tuple[_Reading, int]:
    """Return the reading and the place that a cursor names; one from the future would make the market run ahead."""
    match decode_cursor(cursor):
        case [int() | float() as now_s, int() as hour, int() as place]:
            if 0 <= now_s <= latest.now_s and 0 <= hour <= latest.end_hour and place >= 0:
                return _Reading(now_s=float(now_s), end_hour=hour), place
    raise parameter("Invalid cursors values")
