"""Cursors and the `paging` object: opaque, of the sandbox's own host, `next` and `previous` only where there is more.

A cursor of an edge names the row beside it and not a place, so that what is made or deleted between two pages neither
repeats nor drops another row.
"""

import base64
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import Any, Final, Generic, Protocol, TypeVar
from urllib.parse import urlencode

import msgspec

from sandbox.meta.protocol.errors import parameter
from sandbox.meta.protocol.request import LATEST, GraphCall

DEFAULT_LIMIT: Final = 25
MAX_LIMIT: Final = 5_000


_ORDER: Final = attrgetter("order")


class Ordered(Protocol):
    """What an edge of the tree lists: objects that stand in the order in which they were made."""

    order: int


Row = TypeVar("Row")
Made = TypeVar("Made", bound=Ordered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """The rows of one page, and whether there are others before and after them."""

    rows: Sequence[Row]
    first_key: Any = 0
    last_key: Any = 0
    has_previous: bool = False
    has_more: bool = False

    def links(self, call: GraphCall, *, path: str | None = None) -> dict[str, Any]:
        """Return what an answer says of its page: `paging`, or nothing where the page is empty."""
        if not self.rows:
            return {}
        before, after = encode_cursor(self.first_key), encode_cursor(self.last_key)
        return {
            "paging": paging(
                call, before=before, after=after, has_more=self.has_more, has_previous=self.has_previous, path=path
            )
        }


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


def page_by_key(call: GraphCall, rows: Sequence[Row], keys: Sequence[int] | None = None) -> Page[Row]:
    """Return the call's page of rows by their keys, which rise or fall strictly; without keys, by their places.

    Raises:
        GraphError: 100, a limit or a cursor that is none.
    """
    keys = keys if keys is not None else range(len(rows))
    limit, (after, after_sign), (before, before_sign) = limit_of(call), _signed(call, "after"), _signed(call, "before")
    sign = after_sign or before_sign or 1  # a single row does not tell whether keys rise or fall: the cursor does
    if len(keys) > 1:
        sign = -1 if keys[0] > keys[-1] else 1
    start, end = 0, limit
    if after is not None:
        start = bisect_right(keys, sign * after, key=sign.__mul__)
        end = start + limit
    elif before is not None:
        end = bisect_left(keys, sign * before, key=sign.__mul__)
        start = max(0, end - limit)
    found = rows[start:end]
    if not found:
        return Page(rows=())
    return Page(
        rows=found, first_key=[keys[start], sign], last_key=[keys[start + len(found) - 1], sign],
        has_previous=start > 0, has_more=end < len(rows),
    )  # fmt: skip


def walk(
    call: GraphCall, made: Sequence[Made], passes: Callable[[Made], bool], *, is_rising: bool = False
) -> Page[Made]:  # fmt: skip
    """Return the call's page of objects that pass, newest first unless it rises; `made` is all of them, oldest first.

    Raises:
        GraphError: 100, a limit or a cursor that is none.
    """
    limit, after, before = limit_of(call), _cursor(call, "after"), _cursor(call, "before")
    onward, back = (_newer, _older) if is_rising else (_older, _newer)
    if after is None and before is not None:
        rows = _some(made, back(made, before), passes, limit + 1)
        has_previous, rows = len(rows) > limit, rows[:limit][::-1]
        has_more = bool(rows) and bool(_some(made, onward(made, rows[-1].order), passes, 1))
    else:
        rows = _some(made, onward(made, after), passes, limit + 1)
        has_more, rows = len(rows) > limit, rows[:limit]
        has_previous = after is not None and bool(rows) and bool(_some(made, back(made, rows[0].order), passes, 1))
    if not rows:
        return Page(rows=())
    return Page(
        rows=rows, first_key=rows[0].order, last_key=rows[-1].order, has_previous=has_previous, has_more=has_more
    )


def _older(made: Sequence[Made], order: int | None) -> range:
    """Return the places of what is older than an order, newest first; all of them without one."""
    return range((len(made) if order is None else bisect_left(made, order, key=_ORDER)) - 1, -1, -1)


def _newer(made: Sequence[Made], order: int | None) -> range:
    """Return the places of what is newer than an order, oldest first; all of them without one."""
    return range(0 if order is None else bisect_right(made, order, key=_ORDER), len(made))


def keys_of(rows: Sequence[dict[str, Any]]) -> list[int] | None:
    """Return the ids of rows as numbers where they rise or fall strictly; None where they are no keys."""
    ids = [str(row.get("id", "")) for row in rows]
    if not all(one.isascii() and one.isdecimal() for one in ids):
        return None
    keys = [int(one) for one in ids]
    rises, falls = all(a < b for a, b in pairwise(keys)), all(a > b for a, b in pairwise(keys))
    return keys if rises or falls else None


def _some(made: Sequence[Made], places: range, passes: Callable[[Made], bool], most: int) -> list[Made]:
    found: list[Made] = []
    for place in places:
        if passes(made[place]):
            found.append(made[place])
            if len(found) == most:
                break
    return found


def _signed(call: GraphCall, name: str) -> tuple[int | None, int]:
    """Return the key that a cursor of keys names, and whether they rise (1) or fall (-1) there; 0 without one."""
    text = call.params.get(name)
    if not text:
        return None, 0
    match decode_cursor(text):
        case [int() as key, (1 | -1) as sign] if not isinstance(key, bool) and key >= 0:
            return key, sign
    raise parameter("Invalid cursors values")


def _cursor(call: GraphCall, name: str) -> int | None:
    text = call.params.get(name)
    if not text:
        return None
    place = decode_cursor(text)
    if not isinstance(place, int) or isinstance(place, bool) or place < 0:
        raise parameter("Invalid cursors values")
    return place


def paging(
    call: GraphCall, *, before: str, after: str, has_more: bool, has_previous: bool = False, path: str | None = None
) -> dict[str, Any]:  # fmt: skip
    """Return the `paging` object of a page that is not empty."""
    shown: dict[str, Any] = {"cursors": {"before": before, "after": after}}
    if has_previous:
        shown["previous"] = _link(call, ("before", before), path)
    if has_more:
        shown["next"] = _link(call, ("after", after), path)
    return shown


def _link(call: GraphCall, cursor: tuple[str, str], path: str | None) -> str:
    """Return the address of another page, in the sandbox's own host, as its caller can follow it."""
    query = [(name, value) for name, value in call.params.items() if name not in ("after", "before")]
    if call.is_token_in_params and call.token:
        query.append(("access_token", call.token))  # who named it so can follow the link as it is, as on Meta
    query.append(cursor)
    where = path if path is not None else call.text_path
    return f"http://{call.host}/{call.version or LATEST}{where}?{urlencode(query)}"
