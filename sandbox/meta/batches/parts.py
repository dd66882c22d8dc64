"""Batch calls, taken apart: POST / with up to 50 items (meta_graph_api.md §4). What runs them is `batches/run.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote, urlencode, urlsplit

from sandbox.meta.graph import Answer, batch_call
from sandbox.meta.protocol.errors import GraphError, parameter
from sandbox.meta.protocol.references import named_in
from sandbox.meta.protocol.request import GraphCall, flag_of, read_call

MAX_ITEMS: Final = 50
NOTE: Final = (
    f"up to {MAX_ITEMS} items in one form; name, depends_on, JSONPath references to earlier answers, "
    "omit_response_on_success, attached_files, include_headers; each item counts as a call"
)
_SHOWN: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One call of a batch; `problem` is set where it could not be read, and there is no call then."""

    call: GraphCall | None
    problem: GraphError | None = None
    name: str | None = None
    needs: tuple[str, ...] = ()  # the names of the items that have to come first
    omits: bool | None = None  # whether its answer is left out if it went well; None: not said


def is_batch(call: GraphCall) -> bool:
    """Say whether a call is a batch."""
    return not call.path and call.method == "POST" and not call.in_batch


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
    return flag_of(call.params.get("include_headers")) is not False


def shown(answer: Answer, *, headers: bool) -> dict[str, Any]:
    """Return an item's answer as the batch shows it."""
    row: dict[str, Any] = {"code": answer.status, "body": answer.body.decode("utf-8", "replace")}
    if headers:
        row["headers"] = [{"name": name, "value": value} for name, value in answer.headers]
    return row


def _item(outer: GraphCall, row: Any) -> Item:
    if not isinstance(row, Mapping) or "relative_url" not in row:
        return Item(call=None, problem=parameter("Each item of a batch needs a method and a relative_url"))
    try:
        call = _call(outer, row)
        needs = tuple(dict.fromkeys((*_depends_on(row), *named_in(call))))
    except GraphError as error:
        return Item(call=None, problem=error, name=_name(row))
    return Item(call=call, name=_name(row), needs=needs, omits=flag_of(row.get("omit_response_on_success")))


def _call(outer: GraphCall, row: Mapping[str, Any]) -> GraphCall:
    """Return an item as the call that it is by itself.

    Raises:
        GraphError: 100, a batch within a batch, a file that did not come, or a body that cannot be read.
    """
    url = urlsplit("/" + str(row["relative_url"]).lstrip("/"))
    body = row.get("body") or ""
    text = urlencode(list(body.items())) if isinstance(body, Mapping) else str(body)
    call = read_call(
        method=str(row.get("method") or "GET"), path=unquote(url.path), query=url.query, headers=_headers(outer, row),
        body=text.encode("utf-8", "replace"), in_batch=True,
    )  # fmt: skip
    if not call.path and "ids" not in call.params:
        raise parameter("Batch requests cannot be nested: an item needs a relative_url of its own")
    own = call.token or row.get("access_token")
    call = replace(
        call, token=str(own) if own else outer.token, proof=call.proof if own else outer.proof,
        version=call.version or outer.version, files=_files(outer, row), request_id=call.request_id or outer.request_id,
    )  # fmt: skip
    return batch_call(call)


def _headers(outer: GraphCall, row: Mapping[str, Any]) -> dict[str, str]:
    """Return an item's own headers; those that say where and who it is are the call's around it."""
    pairs = row.get("headers")
    named = [pair for pair in pairs if isinstance(pair, Mapping)] if isinstance(pairs, list) else []
    found = {str(pair.get("name", "")).lower(): str(pair.get("value", "")) for pair in named}
    kept: dict[str, str] = {
        name: found[name] for name in ("x-request-id", "authorization", "content-type") if name in found
    }
    return {**kept, "host": outer.host, "user-agent": outer.user_agent}


def _files(outer: GraphCall, row: Mapping[str, Any]) -> dict[str, Any]:
    names = [name.strip() for name in str(row.get("attached_files") or "").split(",") if name.strip()]
    absent = [name for name in names if name not in outer.files]
    if absent:
        raise parameter(f"attached_files names {absent[0][:_SHOWN]!r}, and the request has no part of that name")
    return {name: outer.files[name] for name in names}


def _name(row: Mapping[str, Any]) -> str | None:
    return str(row["name"]) if row.get("name") else None


def _depends_on(row: Mapping[str, Any]) -> list[str]:
    value = row.get("depends_on") or []
    return [str(name) for name in (value if isinstance(value, list) else str(value).split(",")) if str(name).strip()]
