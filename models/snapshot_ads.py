"""The ads of a snapshot, and the sums of their ad sets: read in chunks into columns that are made once, in their types.

What only the sums need is never held in full.
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import compress
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from domain.snapshot import AdFrame, Ints
from models.columns import TEXT, add_to, positions, stream_columns
from models.snapshot_queries import ADS

SET_SUMS: Final = ("spend_window", "revenue_window", "purchases_window", "impressions_window", "clicks_window",
                   "spend_today")  # fmt: skip
_HOUR_US: Final = 3_600_000_000
_OWN: Final = ("id", "name", "creative_id")
_FLAGS: Final = ("is_active", "is_marked_fatigued")
_SUMS: Final = ("impressions_total", "clicks_total", "impressions_last", "clicks_last", "impressions_week",
                "clicks_week", "spend_window", "revenue_window")  # fmt: skip
_NUMBERS: Final = ("is_there", "created_us", *_FLAGS, *dict.fromkeys((*_SUMS, *SET_SUMS)))


def load(
    conn: Connection, days: Mapping[str, object], position: Mapping[str, int], now: datetime
) -> tuple[AdFrame, dict[str, Ints]]:
    """Return the frame of the ads that are there, and the sums of SET_SUMS by ad set, of those that are gone too.

    `position` tells the row of each ad set.
    """
    sums: dict[str, Ints] = {name: np.zeros(len(position), np.int64) for name in SET_SUMS}
    set_ids = list(position)
    columns, end, now_us = _made(0), 0, round(now.timestamp() * 1_000_000)
    for total, chunk in stream_columns(conn, ADS, days, texts=(*_OWN, "ad_set_id"), numbers=_NUMBERS, order="id"):
        columns = columns if end else _made(total)
        rows = positions(position, chunk["ad_set_id"])
        for name in SET_SUMS:
            add_to(sums[name], chunk[name], rows)
        # An ad set's id is the one text that `position` has, not a text of its own for each ad.
        pairs = zip(rows.tolist(), chunk["ad_set_id"], strict=True)
        chunk["ad_set_id"] = [set_ids[row] if row >= 0 else text for row, text in pairs]
        chunk["ad_set_index"], chunk["age_hours"] = rows, (now_us - chunk["created_us"]) / _HOUR_US
        end = _fill(columns, end, chunk)
    return AdFrame(**{name: column[:end] for name, column in columns.items()}), sums


def _fill(columns: Mapping[str, NDArray[Any]], start: int, chunk: Mapping[str, Any]) -> int:
    """Write the chunk's ads that are there from `start` on; return where they end."""
    is_there = chunk["is_there"] != 0
    end = start + int(is_there.sum())
    for name, column in columns.items():
        part = chunk[name]
        if isinstance(part, list):
            column[start:end] = part if is_there.all() else list(compress(part, is_there))
        else:
            column[start:end] = part[is_there]
    return end


def _made(length: int) -> dict[str, NDArray[Any]]:
    """Every column in its full length at once, in its own type."""
    kinds = ((_OWN, TEXT), (("ad_set_id",), np.object_), (("ad_set_index", *_SUMS), np.int64),
             (_FLAGS, np.bool_), (("age_hours",), np.float64))  # fmt: skip
    return {name: np.empty(length, kind) for names, kind in kinds for name in names}
