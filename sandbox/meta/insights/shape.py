"""What rows of a query carry and leave out, and their sums: windows, action keys, dropped fields, `summary`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np

from sandbox.account import Account
from sandbox.meta.insights.breakdowns import HOURLY
from sandbox.meta.insights.fields import REACHED, Columns
from sandbox.meta.insights.query import Query
from sandbox.meta.insights.report import Report
from sandbox.meta.insights.rows import RowWriter
from sandbox.meta.insights.spans import Period, month_start

_REACH_MONTHS: Final = 13  # how far back reach is told along a breakdown (meta_graph_api.md §3.4)


def shape_of(query: Query, account: Account) -> Columns:
    """Return what entries of actions carry: windows, and whom they were about where that was asked for."""
    tails = []
    for target in (account.spec.pixel_id, account.spec.page_id):
        keys = {"action_target_id": target, "action_destination": target}
        tails.append("".join(f',"{key}":"{keys[key]}"' for key in query.action_breakdowns if key in keys) + "}")
    return Columns(offset=account.offset, windows=query.windows, bought_tail=tails[0], acted_tail=tails[1])


def dropped_fields(query: Query, periods: Sequence[Period], *, account: Account, now_s: float) -> frozenset[str]:
    """Return the fields that rows leave out: people along a breakdown that starts beyond 13 months."""
    if not query.breakdowns or query.breakdowns == (HOURLY,) or not periods:
        return frozenset()
    today = datetime.fromtimestamp(now_s, account.calendar.zone).date()
    oldest = month_start(today, _REACH_MONTHS).replace(day=min(today.day, 28))
    return REACHED if min(period.first for period in periods) < oldest else frozenset()


def totals(table: Report, query: Query, periods: Sequence[Period], *, account: Account) -> dict[str, Any]:
    """Return the summary: the metrics' totals over all rows, not only the page's.

    People are summed over rows as well, where the platform would count nobody twice.
    """
    if not len(table) or not periods:
        return {}
    whole = Report(
        nodes=(), owner=np.zeros(1, dtype=np.int64), period=np.zeros(1, dtype=np.int64),
        hour=np.full(1, -1), cell=np.full(1, -1), figures=table.figures.sum(axis=1, keepdims=True),
        more={name: column.sum(keepdims=True) for name, column in table.more.items()},
        periods=(Period(first=min(p.first for p in periods), last=max(p.last for p in periods)),),
    )  # fmt: skip
    writer = RowWriter(
        account, whole, level="account", fields=query.summary, hourly=query.is_hourly, shape=shape_of(query, account)
    )
    return writer.rows(0, 1)[0]
