"""`filtering=[…]` and the status parameters of edges, as one predicate over objects (meta_graph_api.md §1.8)."""

import operator
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from sandbox.meta.errors import parameter
from sandbox.meta.request import GraphCall, loose
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
}
_TIMES: Final = frozenset({"created_time", "updated_time"})
_NUMBERS: Final = frozenset({"created_time", "updated_time", "daily_budget"})


def _text(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda held, wanted: test(str(held).casefold(), str(wanted).casefold())


def _within(held: Any, wanted: Any) -> bool:
    if isinstance(held, tuple):
        return bool(set(held) & set(map(str, wanted)))
    return held in wanted or str(held) in [str(item) for item in wanted]


OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "EQUAL": lambda held, wanted: str(held) == str(wanted),
    "NOT_EQUAL": lambda held, wanted: str(held) != str(wanted),
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
    "IN": _within,
    "ANY": _within,
    "NOT_IN": lambda held, wanted: not _within(held, wanted),
    "NONE": lambda held, wanted: not _within(held, wanted),
}


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
        if row["operator"] not in OPERATORS:
            raise parameter(f"Filtering operator {row['operator']} is not supported.")
        found.append((str(row["field"]), str(row["operator"]), row.get("value")))
    return found


def edge_predicate(call: GraphCall, kind: Kind) -> tuple[Predicate, bool]:
    """Return the test that an edge's rows must pass, and whether archived objects were asked for by name."""
    tests: list[Predicate] = []
    asks_hidden = False
    for field, name, value in filter_rows(call):
        tests.append(node_test(field, name, value, kind))
        asks_hidden = asks_hidden or _names_hidden(field, name, value)
    for field in ("effective_status", "status", "configured_status"):
        values = call.items(field)
        if values:
            tests.append(node_test(field, "IN", values, kind))
            asks_hidden = asks_hidden or bool(HIDDEN & set(values))
    updated_since = call.get("updated_since")
    if updated_since is not None:
        tests.append(node_test("updated_time", "GREATER_THAN_OR_EQUAL", updated_since, kind))
    if not asks_hidden:
        tests.append(lambda node: node.effective_status() not in HIDDEN)
    return (lambda node: all(test(node) for test in tests)), asks_hidden


def node_test(field: str, name: str, value: Any, kind: Kind) -> Predicate:
    """Return one filter as a test of an object of `kind`; `campaign.name` reaches up to the campaign.

    Raises:
        GraphError: 100, a field that cannot be filtered on, or a value of the wrong shape.
    """
    prefix, _, rest = field.rpartition(".")
    getter = _FIELDS.get(rest)
    owner = _PREFIX_KINDS.get(prefix, kind) if prefix else kind
    if getter is None or (prefix and prefix not in _PREFIX_KINDS):
        raise parameter(f"Filtering field {field} is invalid.")
    test, wanted = OPERATORS[name], _wanted(rest, name, value)

    def passes(node: Node) -> bool:
        held = _above(node, owner)
        return held is not None and test(getter(held), wanted)

    return passes


def _wanted(field: str, name: str, value: Any) -> Any:
    is_list = name in ("IN", "NOT_IN", "ANY", "NONE", "IN_RANGE", "NOT_IN_RANGE")
    if is_list and not isinstance(value, list):
        raise parameter(f"Filtering operator {name} needs an array.")
    if field not in _NUMBERS:
        return value
    values = [_number(field, item) for item in (value if is_list else [value])]
    return values if is_list else values[0]


def _number(field: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        pass
    try:
        if field in _TIMES:
            return datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        pass
    raise parameter(f"Filtering value {value!r} of {field} is invalid.")


def _above(node: Node, kind: Kind) -> Node | None:
    held: Node | None = node
    while held is not None and held.kind is not kind:
        held = held.parent
    return held


def _names_hidden(field: str, name: str, value: Any) -> bool:
    return (
        field.endswith("effective_status")
        and name in ("IN", "EQUAL", "ANY")
        and bool(HIDDEN & set(value if isinstance(value, list) else [value]))
    )
