"""Rows of an insights table in another order, or fewer of them: `sort`, and `filtering` on figures."""

import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sandbox.account import Account
from sandbox.meta.insights.fields import PURCHASE_TYPES
from sandbox.meta.insights.names import NAMES, above_of
from sandbox.meta.insights.report import FIGURES, Report
from sandbox.meta.protocol.errors import parameter
from sandbox.meta.protocol.filters import number_test
from sandbox.meta.protocol.request import GraphCall

Floats = NDArray[np.float64]
_SORT: Final = re.compile(r"^([a-z_]+)(?::([a-z_.]+))?_(ascending|descending)$")
_MONEY: Final = frozenset({"spend", "action_values"})
_LISTS: Final = frozenset({"actions", "action_values", "cost_per_action_type", "purchase_roas"})
# ratio -> (part, whole, times); money counts in minor units here.
_RATIOS: Final = {
    "ctr": ("clicks", "impressions", 100), "inline_link_click_ctr": ("inline_link_clicks", "impressions", 100),
    "cpc": ("spend", "clicks", 1), "cpm": ("spend", "impressions", 1_000), "cpp": ("spend", "reach", 1_000),
    "frequency": ("impressions", "reach", 1), "cost_per_inline_link_click": ("spend", "inline_link_clicks", 1),
}  # fmt: skip
_COUNTS: Final = frozenset({"impressions", "clicks", "inline_link_clicks", "spend", "reach"})
_ACTIONS: Final = {"link_click": "inline_link_clicks", **dict.fromkeys(PURCHASE_TYPES, "purchases")}
_MORE_ACTIONS: Final = {"landing_page_view": "landing", "post_reaction": "reaction", "video_view": "video_view"}
_DATES: Final = frozenset({"date_start", "date_stop"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A column to sort by, and the action that it is about where it is a list."""

    field: str
    action: str | None
    is_descending: bool


def is_figure(name: str) -> bool:
    """Say whether a name can be filtered on or sorted by as a figure: `spend`, `actions:purchase`."""
    field, _, action = name.partition(":")
    if field in _LISTS:
        return action in _ACTIONS or action in _MORE_ACTIONS
    return not action and (field in _COUNTS or field in _RATIOS)


def order_of(call: GraphCall) -> Order | None:
    """Return the order that a call asks for.

    Raises:
        GraphError: 100, more than one column, or one that rows have not.
    """
    asked = call.items("sort")
    if not asked:
        return None
    if len(asked) > 1:
        raise parameter("Param sort must be an array with at most one element: rows are sorted by one column only")
    found = _SORT.match(asked[0])
    field, action = (found[1], found[2]) if found else ("", None)
    name = f"{field}:{action}" if action else field
    if found is None or not (is_figure(name) or (not action and (field in NAMES or field in _DATES))):
        hint = "Param sort[0] must be a column and its direction, as in spend_descending"
        raise parameter(f'{hint} - got "{asked[0][:80]}"')
    return Order(field=field, action=action, is_descending=found[3] == "descending")


def ordered(table: Report, order: Order | None, account: Account) -> Report:
    """Return the rows in an order; equal ones stay as they were."""
    if order is None or not len(table):
        return table
    if order.field in NAMES or order.field in _DATES:
        keys = _text_ranks(table, order.field, account)
    else:
        keys = numbers(table, f"{order.field}:{order.action}" if order.action else order.field)
    return table.only(np.argsort(-keys if order.is_descending else keys, kind="stable"))


def passing(table: Report, filters: list[tuple[str, str, Any]], account: Account) -> Report:
    """Return the rows whose figures pass every filter."""
    keep = np.ones(len(table), dtype=np.bool_)
    for field, name, value in filters:
        scale = account.offset if _is_money(field) else 1
        passes = number_test(name, value, scale=scale)
        keep &= np.array([passes(figure) for figure in numbers(table, field).tolist()], dtype=np.bool_)
    return table if keep.all() else table.only(keep)


def numbers(table: Report, name: str) -> Floats:
    """Return a figure of every row; money in minor units, 0 where the row has none."""
    field, _, action = name.partition(":")
    if field in _RATIOS:
        part, whole, times = _RATIOS[field]
        return _ratio(times * _column(table, part), _column(table, whole))
    if field not in _LISTS:
        return _column(table, field)
    count = _column(table, _ACTIONS.get(action) or _MORE_ACTIONS[action])
    if field == "actions":
        return count
    if field == "cost_per_action_type":
        return _ratio(_column(table, "spend"), count)
    worth = _column(table, "value") if action in PURCHASE_TYPES else np.zeros(len(table))
    return worth if field == "action_values" else _ratio(worth, _column(table, "spend"))


def _is_money(name: str) -> bool:
    field = name.partition(":")[0]
    return field in _MONEY or field.startswith(("cp", "cost_per"))


def _column(table: Report, name: str) -> Floats:
    if name in FIGURES:
        figures: Floats = table.figures[FIGURES.index(name)].astype(np.float64)
        return figures
    return table.more[name].astype(np.float64) if name in table.more else np.zeros(len(table))


def _ratio(part: Floats, whole: Floats) -> Floats:
    shares: Floats = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return shares


def _text_ranks(table: Report, field: str, account: Account) -> Floats:
    """Return each row's place among the texts of a column."""
    if field in _DATES:
        days = [(p.first if field == "date_start" else p.last).toordinal() for p in table.periods]
        return np.array(days, dtype=np.float64)[table.period]
    nodes = table.nodes or (None,)
    texts = [str(NAMES[field](account, above_of(node)) or "").casefold() for node in nodes]
    places = {text: n for n, text in enumerate(sorted(set(texts)))}
    return np.array([places[text] for text in texts], dtype=np.float64)[table.owner]
