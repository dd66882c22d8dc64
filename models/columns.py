"""Reads a query's result as columns: one numpy array per number (int64) and per text. No row objects between.

Postgres gathers each column with `array_agg`, a few thousand rows at a time; its binary arrays are numbers at a fixed
distance, which numpy reads in place.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import pq
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from sqlalchemy import Connection

from domain.errors import InvariantError

TEXT: Final = np.dtypes.StringDType()
_INT8_ARRAY: Final = 1016  # the type's number in every Postgres (pg_type.dat)
_CHUNK_ROWS: Final = 2048
_EMPTY_HEADER: Final = 12  # dimensions, null flag, element type
_HEADER: Final = 20  # the same, and the length and lower bound of the one dimension
_ELEMENT: Final = np.dtype([("length", ">i4"), ("value", ">i8")])


class _IntsLoader(Loader):
    """Loads a binary `int8[]` without NULLs."""

    format = pq.Format.BINARY

    def load(self, data: Buffer) -> NDArray[np.int64]:
        if len(data) == _EMPTY_HEADER:
            return np.zeros(0, np.int64)
        return np.frombuffer(data, dtype=_ELEMENT, offset=_HEADER)["value"].astype(np.int64)


def fetch_columns(
    conn: Connection,
    query: str,
    values: Mapping[str, object],
    *,
    texts: Sequence[str],
    numbers: Sequence[str],
    repeated: Sequence[str] = (),
) -> dict[str, Any]:
    """Run the query and return its named columns, ordered by the first text, or the first number where there is none.

    Numbers must be bigint, nothing may be NULL. Texts are numpy's own strings, which take a quarter of Python's;
    a `repeated` column holds objects, of which equal texts are one.
    """
    columns: dict[str, Any] = {}
    known: dict[str, dict[str, str]] = {name: {} for name in repeated}
    start = 0
    order = texts[0] if texts else numbers[0]
    for total, chunk in stream_columns(conn, query, values, texts=(*texts, *repeated), numbers=numbers, order=order):
        columns = columns or _made(total, texts=texts, repeated=repeated, numbers=numbers)
        end = start + len(chunk[order])
        for name, part in chunk.items():
            shared = known.get(name)
            columns[name][start:end] = part if shared is None else [shared.setdefault(text, text) for text in part]
        start = end
    return columns or _made(0, texts=texts, repeated=repeated, numbers=numbers)


def stream_columns(
    conn: Connection,
    query: str,
    values: Mapping[str, object],
    *,
    texts: Sequence[str],
    numbers: Sequence[str],
    order: str,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the same in chunks, each with the number of all rows: lists of texts, arrays of numbers."""
    driver = conn.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise InvariantError("snapshots need a psycopg connection; engines come from models.engine.make_engine")
    names = (*texts, *numbers)
    by = f'{order} COLLATE "C"' if order in texts else order
    with driver.cursor(binary=True) as cursor:
        cursor.adapters.register_loader(_INT8_ARRAY, _IntsLoader)
        for total, *chunk in cursor.stream(_chunked(query, names, order=by).encode(), values):
            yield total, dict(zip(names, chunk, strict=True))


def _made(length: int, *, texts: Sequence[str], repeated: Sequence[str], numbers: Sequence[str]) -> dict[str, Any]:
    """Columns in their full length at once: gathered in parts and joined, they would be in memory twice."""
    kinds = ((texts, TEXT), (repeated, np.object_), (numbers, np.int64))
    return {name: np.empty(length, kind) for some, kind in kinds for name in some}


def _chunked(query: str, names: Sequence[str], *, order: str) -> str:
    gathered = ", ".join(f"array_agg({name} ORDER BY n)" for name in names)
    counted = f"count(*) OVER () AS total, row_number() OVER (ORDER BY {order}) AS n"
    numbered = f"SELECT rows.*, {counted} FROM ({query}) AS rows"  # noqa: S608 - our own queries
    chunk = f"n / {_CHUNK_ROWS}"
    return f"SELECT max(total), {gathered} FROM ({numbered}) AS numbered GROUP BY {chunk} ORDER BY {chunk}"  # noqa: S608


def positions(position: Mapping[str, int], ids: Sequence[str]) -> NDArray[np.int64]:
    """Where each id stands; -1 = nowhere."""
    return np.fromiter((position.get(item, -1) for item in ids), np.int64, len(ids))


def gathered(values: NDArray[Any], rows: NDArray[np.int64], length: int) -> NDArray[Any]:
    """Sum values into their rows; -1 belongs to none."""
    sums = np.zeros(length, values.dtype)
    add_to(sums, values, rows)
    return sums


def add_to(sums: NDArray[Any], values: NDArray[Any], rows: NDArray[np.int64]) -> None:
    """Add values to their rows, as `gathered` sums them."""
    inside = rows >= 0
    np.add.at(sums, rows[inside], values[inside])
