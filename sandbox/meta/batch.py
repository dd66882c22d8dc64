"""Batch calls: POST / with up to 50 items, each answered on its own (meta_graph_api.md §4)."""

from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from sandbox.meta.errors import GraphError, parameter
from sandbox.meta.graph import Answer, batch_call
from sandbox.meta.request import GraphCall, read_call

MAX_ITEMS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One call of a batch; `problem` is set where the item could not be read."""

    call: GraphCall | None
    problem: GraphError | None = None


def is_batch(call: GraphCall) -> bool:
    """Say whether a call is a batch."""
    return not call.path and call.method == "POST"


def items_of(call: GraphCall) -> list[Item]:
    """Return the calls of a batch, in order.

    Raises:
        GraphError: 100, no list or too many.
    """
    rows = call.get("batch")
    if not isinstance(rows, list):
        raise parameter("Param batch must be an array.")
    if len(rows) > MAX_ITEMS:
        raise parameter(f"Too many requests in batch message. Maximum batch size is {MAX_ITEMS}")
    return [_item(call, row) for row in rows]


def with_headers(call: GraphCall) -> bool:
    """Say whether the answers of the items carry their headers."""
    return call.params.get("include_headers", "true").lower() not in ("false", "0")


def shown(answer: Answer, *, headers: bool) -> dict[str, Any]:
    """Return an item's answer as the batch shows it."""
    row: dict[str, Any] = {"code": answer.status, "body": answer.body.decode()}
    if headers:
        row["headers"] = [{"name": name, "value": value} for name, value in answer.headers]
    return row


def _item(outer: GraphCall, row: Any) -> Item:
    if not isinstance(row, dict) or "relative_url" not in row:
        return Item(call=None, problem=parameter("Each item of a batch needs a method and a relative_url"))
    if "{result=" in str(row["relative_url"]) + str(row.get("body", "")):
        return Item(call=None, problem=parameter("The sandbox does not resolve {result=…} references in a batch"))
    url = urlsplit("/" + str(row["relative_url"]).lstrip("/"))
    try:
        call = read_call(
            method=str(row.get("method", "GET")), path=url.path, query=url.query, headers={"host": outer.host},
            body=str(row.get("body") or "").encode(), in_batch=True,
        )  # fmt: skip
    except GraphError as error:
        return Item(call=None, problem=error)
    version = call.version or outer.version
    own = call.token or row.get("access_token")
    call = replace(call, token=own or outer.token, proof=call.proof if own else outer.proof, version=version)
    return Item(call=batch_call(replace(call, request_id=_request_id(row) or outer.request_id)))


def _request_id(row: dict[str, Any]) -> str | None:
    """An item may carry headers of its own, as the call around it does."""
    pairs = row.get("headers")
    named = [pair for pair in pairs if isinstance(pair, dict)] if isinstance(pairs, list) else []
    found = [str(pair.get("value")) for pair in named if str(pair.get("name", "")).lower() == "x-request-id"]
    return found[0] if found else None
