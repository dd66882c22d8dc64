"""`filtering=[…]` and the status parameters of edges, as one predicate over objects (meta_graph_api.md §1.8)."""

import math
import operator
from collections.abc import Callable
from typing import Any, Final

from sandbox.account import flight_of
from sandbox.meta.objects.delivery import HIDDEN_DELIVERY, deliveries_of
from sandbox.meta.protocol.errors import deleted_asked, parameter
from sandbox.meta.protocol.params import boolean, instant_s
from sandbox.meta.protocol.request import GraphCall, loose
from sandbox.nodes import Kind, Node

Predicate = Callable[[Node], bool]
HIDDEN: Final = frozenset({"ARCHIVED", "DELETED"})
_PREFIX_KINDS: Final = {"campaign": Kind.CAMPAIGN, "adset": Kind.AD_SET, "ad": Kind.AD, "adcreative": Kind.CREATIVE}
_FIELDS: Final[dict[str, Callable[[Node], Any]]] = {
    "id": lambda node: node.id,
    "name": lambda node: node.name,
    "status": lambda node: node.status,
    "configured_status": lambda node: node.status,
    "effective_status": lambda node: node.effective_status(),
    "created_time": lambda node: node.created_s,
    "updated_time": lambda node: node.updated_s,
    "objective": lambda node: node.campaign.extra.get("objective") if node.campaign else None,
    "adlabels": lambda node: node.labels,
    "daily_budget": lambda node: node.daily_budget or 0,
    "lifetime_budget": lambda node: node.lifetime_budget or 0,
    "account_id": lambda node: node.account_id,
    "campaign_id": lambda node: node.campaign.id if node.campaign else None,
    "adset_id": lambda node: node.parent.id if node.kind is Kind.AD and node.parent else None,
    "optimization_goal": lambda node: node.extra.get("optimization_goal"),
    "bid_strategy": lambda node: node.extra.get("bid_strategy"),
    "buying_type": lambda node: node.campaign.extra.get("buying_type") if node.campaign else None,
}
_TIMES: Final = frozenset({"created_time", "updated_time"})
_NUMBERS: Final = frozenset({"created_time", "updated_time", "daily_budget", "lifetime_budget"})
_STATUSES: Final = frozenset({"effective_status", "status", "configured_status"})
_LISTED: Final = frozenset(
    {"IN", "NOT_IN", "ANY", "ALL", "NONE", "CONTAINS_ANY", "CONTAINS_ALL", "NOT_CONTAINS_ANY"}
)  # fmt: skip
_INSIDE: Final = frozenset({"IN", "ANY", "NOT_IN", "NONE"})
_RANGES: Final = frozenset({"IN_RANGE", "NOT_IN_RANGE"})
_TEXTUAL: Final = frozenset(
    {"CONTAIN", "NOT_CONTAIN", "STARTS_WITH", "ENDS_WITH", "STEM_MATCH", "CONTAINS_ANY", "CONTAINS_ALL",
     "NOT_CONTAINS_ANY"}
)  # fmt: skip


def _text(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda held, wanted: test(str(held).casefold(), str(wanted).casefold())


def _within(held: Any, wanted: Any) -> bool:
    if isinstance(held, tuple):
        return any(str(item) in wanted for item in held)
    return held in wanted or str(held) in wanted


def _parts(held: Any, wanted: Any) -> list[bool]:
    """Say of each text wanted whether it is in what is held: in one of several, or in the one."""
    several = held if isinstance(held, tuple) else (held,)
    texts = [str(item).casefold() for item in several]
    return [any(str(item).casefold() in text for text in texts) for item in wanted]


def _all_of(held: Any, wanted: Any) -> bool:
    several = set(held) if isinstance(held, tuple) else {str(held)}
    return {str(item) for item in wanted} <= several


OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "EQUAL": lambda held, wanted: held == wanted or str(held) == str(wanted),
    "NOT_EQUAL": lambda held, wanted: held != wanted and str(held) != str(wanted),
    "GREATER_THAN": operator.gt,
    "AFTER": operator.gt,
    "GREATER_THAN_OR_EQUAL": operator.ge,
    "ON_OR_AFTER": operator.ge,
    "LESS_THAN": operator.lt,
    "BEFORE": operator.lt,
    "LESS_THAN_OR_EQUAL": operator.le,
    "ON_OR_BEFORE": operator.le,
    "IN_RANGE": lambda held, wanted: wanted[0] <= held <= wanted[1],
    "NOT_IN_RANGE": lambda held, wanted: not wanted[0] <= held <= wanted[1],
    "CONTAIN": _text(lambda held, wanted: wanted in held),
    "NOT_CONTAIN": _text(lambda held, wanted: wanted not in held),
    "STARTS_WITH": _text(lambda held, wanted: held.startswith(wanted)),
    "ENDS_WITH": _text(lambda held, wanted: held.endswith(wanted)),
    "CONTAINS_ANY": lambda held, wanted: any(_parts(held, wanted)),
    "CONTAINS_ALL": lambda held, wanted: all(_parts(held, wanted)),
    "NOT_CONTAINS_ANY": lambda held, wanted: not any(_parts(held, wanted)),
    "STEM_MATCH": lambda held, wanted: all(_parts(held, str(wanted).split())),
    "IN": _within,
    "ANY": _within,
    "ALL": _all_of,
    "NOT_IN": lambda held, wanted: not _within(held, wanted),
    "NONE": lambda held, wanted: not _within(held, wanted),
}


_ORDERING: Final = OPERATORS.keys() - _LISTED - _TEXTUAL - {"EQUAL", "NOT_EQUAL"}


def filter_rows(call: GraphCall) -> list[tuple[str, str, Any]]:
    """Return the call's filters as (field, operator, value).

    Raises:
        GraphError: 100, the parameter is not a list of filters.
    """
    return read_filters(call.params.get("filtering"))


def read_filters(text: str | None) -> list[tuple[str, str, Any]]:
    """Read a `filtering` text; absent gives no filters."""
    rows = loose(text) if text else []
    if not isinstance(rows, list):
        raise parameter("Param filtering must be an array.")
    found = []
    for row in rows:
        if not isinstance(row, dict) or not {"field", "operator"} <= row.keys():
            raise parameter("Filtering needs a field, an operator and a value.")
        if str(row["operator"]) not in OPERATORS:
            raise parameter(f"Filtering operator {row['operator']} is not supported.")
        found.append((str(row["field"]), str(row["operator"]), row.get("value")))
    return found


def edge_predicate(call: GraphCall, kind: Kind, *, now_s: float) -> tuple[Predicate, bool]:
    """Return the test that an edge's rows must pass, and whether archived objects were asked for by name."""
    tests: list[Predicate] = []
    asks_hidden = False
    rows = filter_rows(call)
    rows += [(field, "IN", call.items(field)) for field in sorted(_STATUSES) if call.items(field)]
    for field, name, value in rows:
        tests.append(node_test(field, name, value, kind, now_s=now_s))
        named = _names_hidden(field, name, value)
        if "DELETED" in named:
            raise deleted_asked()
        asks_hidden = asks_hidden or bool(named)
    updated_since = call.get("updated_since")
    if updated_since is not None:
        tests.append(node_test("updated_time", "GREATER_THAN_OR_EQUAL", updated_since, kind))
    if "is_completed" in call.params:
        wants_ended = boolean(call, "is_completed")
        tests.append(lambda node: (flight_of(node)[1] <= now_s) == wants_ended)
    if not asks_hidden:
        tests.append(lambda node: node.effective_status() not in HIDDEN)
    return (lambda node: all(test(node) for test in tests)), asks_hidden


def node_test(field: str, name: str, value: Any, kind: Kind, *, now_s: float = 0.0) -> Predicate:
    """Return one filter as a test of an object of `kind`; `campaign.name` reaches up to the campaign.

    Raises:
        GraphError: 100, a field that cannot be filtered on, or a value of the wrong shape.
    """
    prefix, _, rest = field.rpartition(".")
    getter = _FIELDS.get(rest) if rest != "delivery_info" else lambda node: deliveries_of(node, now_s)
    owner = _PREFIX_KINDS.get(prefix, kind) if prefix else kind
    if getter is None or (prefix and prefix not in _PREFIX_KINDS):
        raise parameter(f"Filtering field {field} is invalid.")
    test, wanted = OPERATORS[name], _wanted(rest, name, value)

    def passes(node: Node) -> bool:
        held = _above(node, owner)
        return held is not None and test(getter(held), wanted)

    return passes


def _wanted(field: str, name: str, value: Any) -> Any:
    values = _values(name, value)
    if field in _NUMBERS:
        values = [_number(field, item) for item in values]
    elif name in _ORDERING:
        raise parameter(f"Filtering operator {name} is not supported for {field}.")
    if name in _INSIDE:
        return frozenset(values if field in _NUMBERS else map(str, values))  # of 10^5 objects each is looked up in it
    return values if isinstance(value, list) else values[0]


def number_test(name: str, value: Any, *, scale: int = 1) -> Callable[[float], bool]:
    """Return a filter as a test of a figure; `scale` is what one unit of the filter's value is worth in it.

    Raises:
        GraphError: 100, a value that is no number, or an operator for texts.
    """
    if name in _TEXTUAL:
        raise parameter(f"Filtering operator {name} is not supported for figures.")
    numbers = [_number("figure", item) * scale for item in _values(name, value)]
    test, wanted = OPERATORS[name], numbers if isinstance(value, list) else numbers[0]
    return lambda figure: test(figure, wanted)


def _values(name: str, value: Any) -> list[Any]:
    """Return the value, or the values, that an operator takes.

    Raises:
        GraphError: 100, a list where one value is due, or the other way round.
    """
    is_list = name in _LISTED or name in _RANGES
    if is_list != isinstance(value, list):
        raise parameter(f"Filtering operator {name} needs {'an array' if is_list else 'a single value'}.")
    values = value if is_list else [value]
    if name in _RANGES and len(values) != 2:  # noqa: PLR2004 - from, to
        raise parameter(f"Filtering operator {name} needs an array of two values.")
    if not all(isinstance(item, str | int | float) for item in values):
        raise parameter(f"Filtering operator {name} takes texts and numbers only.")
    return values


def _number(field: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    at_s = instant_s(str(value)) if field in _TIMES else math.nan
    if math.isfinite(at_s):
        return at_s
    raise parameter(f"Filtering value {str(value)[:80]!r} of {field} is invalid.")


def _above(node: Node, kind: Kind) -> Node | None:
    held: Node | None = node
    while held is not None and held.kind is not kind:
        held = held.parent
    return held


def _names_hidden(field: str, name: str, value: Any) -> set[str]:
    """Return which of the hidden statuses a filter asks for by name."""
    if name not in ("IN", "EQUAL", "ANY"):
        return set()
    values = set(value if isinstance(value, list) else [value])
    field = field.rpartition(".")[2]
    return values & (HIDDEN if field in _STATUSES else HIDDEN_DELIVERY if field == "delivery_info" else set())
