"""Writes rows of an insights table as Meta's JSON bytes: every metric a string, money in major units and exact.

A page is written column by column: one text per row and field, all of them ending in a comma, joined at the end. What
is the same for all rows of an object, a period or a cell is written once. What the fields are: `insights/fields.py`.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

import msgspec

from sandbox.account import Account
from sandbox.meta.insights.fields import METRICS, NOT_HOURLY, PURCHASE_TYPES, Columns
from sandbox.meta.insights.names import NAMES, OF_ACCOUNT, above_of
from sandbox.meta.insights.ranks import RANKINGS, rank_columns
from sandbox.meta.insights.report import Report
from sandbox.meta.insights.support import HOURLY_LABEL_KEY, UNMODELLED_FIELDS

HOURLY: Final = tuple(f"{hour:02d}:00:00 - {hour:02d}:59:59" for hour in range(24))


@cache
def known_fields() -> frozenset[str]:
    """Return every field that an insights call may name."""
    named = {*METRICS, *NAMES, "date_start", "date_stop", HOURLY_LABEL_KEY}
    return frozenset(named | UNMODELLED_FIELDS)


class RowWriter:
    """Writes slices of a table; `shape` says what the entries of lists of actions carry beside their value.

    `heads` keeps how rows of each object begin, for as long as no object changes.
    """

    def __init__(
        self, account: Account, table: Report, *, level: str, fields: Sequence[str], hourly: bool,
        dropped: frozenset[str] = frozenset(), shape: Columns | None = None, heads: dict[int, str] | None = None,
    ) -> None:  # fmt: skip
        self._account, self._table, self._level = account, table, level
        self._heads_held = heads if heads is not None else {}
        self._shape = shape if shape is not None else Columns(offset=account.offset)
        dropped |= NOT_HOURLY if hourly else frozenset()
        asked = tuple(dict.fromkeys(fields))
        self._names = sorted((name for name in asked if name in NAMES), key=lambda name: name not in OF_ACCOUNT)
        self._is_ranked = level == "ad" and not set(asked).isdisjoint(RANKINGS)
        self._metrics = [METRICS[name] for name in asked if name in METRICS and name not in dropped]

    def rows(self, start: int, end: int) -> list[dict[str, Any]]:
        """Return the rows [start, end) as JSON values."""
        rows: list[dict[str, Any]] = msgspec.json.decode(self.encoded(start, end))
        return rows

    def encoded(self, start: int, end: int) -> bytes:
        """Return the rows [start, end) as a JSON array."""
        table = self._table
        here = slice(start, min(end, len(table)))
        columns = self._shape.of(table, here)
        if self._is_ranked:
            columns.ranks = rank_columns(table, here, account=self._account)
        texts = [write(columns) for write in self._metrics]
        rows = map("".join, zip(self._heads(here), *texts, self._tails(here), strict=True))
        return f"[{','.join(rows)}]".encode()

    def _heads(self, here: slice) -> list[str]:
        """Return how each row begins: its brace, and the names of its object and of those above it."""
        owners = self._table.owner[here].tolist()
        held = self._heads_held
        write = self._writer_of_names()
        return [held.get(owner) or held.setdefault(owner, write(owner)) for owner in owners]

    def _writer_of_names(self) -> Callable[[int], str]:
        account, nodes, names = self._account, self._table.nodes, [(name, NAMES[name]) for name in self._names]

        def write(owner: int) -> str:
            above = above_of(nodes[owner] if self._level != "account" else None)
            found = {name: get(account, above) for name, get in names}
            found = {name: value for name, value in found.items() if value is not None}
            return msgspec.json.encode(found).decode()[:-1] + "," if found else "{"

        return write

    def _tails(self, here: slice) -> list[str]:
        """Return how each row ends: its days, its hour, its cell of a breakdown, its brace."""
        table = self._table
        days = [f'"date_start":"{p.first.isoformat()}","date_stop":"{p.last.isoformat()}"' for p in table.periods]
        hours = [f',"{HOURLY_LABEL_KEY}":"{label}"' for label in HOURLY]
        cells = [f",{msgspec.json.encode(label).decode()[1:-1]}" for label in table.labels]
        periods = table.period[here].tolist()
        if not table.has_hours and not table.labels:
            ends = [f"{day}}}" for day in days]
            return [ends[period] for period in periods]
        own = zip(periods, table.hour[here].tolist(), table.cell[here].tolist(), strict=True)
        return [
            f"{days[period]}{hours[hour] if hour >= 0 else ''}{cells[cell] if cell >= 0 else ''}}}"
            for period, hour, cell in own
        ]


__all__ = ["HOURLY", "HOURLY_LABEL_KEY", "PURCHASE_TYPES", "RowWriter", "known_fields"]
