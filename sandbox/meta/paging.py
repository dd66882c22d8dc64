"""Cursors and the `paging` object: opaque, of the sandbox's own host, `next` only where there is more."""

import base64
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from sandbox.meta.errors import parameter
from sandbox.meta.request import LATEST, GraphCall

DEFAULT_LIMIT: Final = 25
MAX_LIMIT: Final = 5_000


def limit_of(call: GraphCall) -> int:
    """Return the page size asked for.

    Raises:
        GraphError: 100, not a number above zero.
    """
    text = call.params.get("limit")
    try:
        limit = DEFAULT_LIMIT if text is None else int(float(text))
    except (ValueError, OverflowError):
        limit = 0
    if limit <= 0:
        raise parameter("Param limit must be a positive integer")
    return min(limit, MAX_LIMIT)


def encode_cursor(value: Any) -> str:
    """Return a value as an opaque cursor."""
    return base64.urlsafe_b64encode(msgspec.json.encode(value)).decode().rstrip("=")


def decode_cursor(text: str) -> Any:
    """Return what a cursor holds.

    Raises:
        GraphError: 100, not a cursor of ours.
    """
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError, msgspec.DecodeError) as error:
        raise parameter("Invalid cursors values") from error


def place_of(call: GraphCall, default: int) -> int:
    """Return the place that the call's `after` names, the default where it has none.

    Raises:
        GraphError: 100, not a cursor of ours.
    """
    text = call.params.get("after")
    place = decode_cursor(text) if text else default
    if not isinstance(place, int) or isinstance(place, bool) or place < 0:
        raise parameter("Invalid cursors values")
    return place


def paging(call: GraphCall, *, before: str, after: str, has_more: bool, path: str | None = None) -> dict[str, Any]:
    """Return the `paging` object of a page that is not empty."""
    shown: dict[str, Any] = {"cursors": {"before": before, "after": after}}
    if has_more:
        query = [(name, value) for name, value in call.params.items() if name not in ("after", "before")]
        if call.is_token_in_params and call.token:
            query.append(("access_token", call.token))  # who named it so can follow `next` as it is, as on Meta
        query.append(("after", after))
        where = path if path is not None else call.text_path
        shown["next"] = f"http://{call.host}/{call.version or LATEST}{where}?{urlencode(query)}"
    return shown
