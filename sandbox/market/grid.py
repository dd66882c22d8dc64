"""What happened, densely: impressions, clicks, link clicks and spend of every ad in every hour.

One int32 array per metric and chunk of hours, laid out (hour, ad), so that an hour is written in one run and a day
is summed along columns. 1,000 ads x 60 days take 23 MB; 100,000 ads x 8 days 310 MB. Past hours never change, so that
sums of closed days are kept.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

IMPRESSIONS, CLICKS, LINK_CLICKS, SPEND = 0, 1, 2, 3
METRICS: Final = 4
_CHUNK_HOURS: Final = 96

Sums = NDArray[np.int64]


class Grid:
    """Counts by hour and ad; the first hour is fixed, both sides grow."""

    def __init__(self, *, first_hour: int, ads_capacity: int = 64) -> None:
        self.first_hour = first_hour
        self._capacity = ads_capacity
        self._chunks: list[NDArray[np.int32]] = []
        self._kept: dict[tuple[int, int], Sums] = {}

    def write(self, hour: int, ads: NDArray[np.int64], values: NDArray[np.int64]) -> None:
        """Add (METRICS, n) values of the named ads in an hour."""
        row = hour - self.first_hour
        if not len(ads):
            return
        self._fit(rows=row + 1, ads=int(ads.max()) + 1)
        chunk = self._chunks[row // _CHUNK_HOURS]
        chunk[:, row % _CHUNK_HOURS, ads] += values.astype(np.int32)

    def sums(self, first: int, end: int, *, ads: int, keep: bool = False) -> Sums:
        """Return (METRICS, ads) totals of the hours [first, end); `keep` remembers them, for closed days only."""
        held = self._kept.get((first, end))
        if held is None:
            held = self._add_up(first, end, ads)
            if keep:
                self._kept[(first, end)] = held
        if held.shape[1] >= ads:
            return held[:, :ads]
        grown = np.zeros((METRICS, ads), dtype=np.int64)
        grown[:, : held.shape[1]] = held
        return grown

    def _add_up(self, first: int, end: int, ads: int) -> Sums:
        total = np.zeros((METRICS, ads), dtype=np.int64)
        row, stop = max(first - self.first_hour, 0), end - self.first_hour
        width = min(ads, self._capacity)
        while row < stop and row // _CHUNK_HOURS < len(self._chunks):
            chunk, inside = divmod(row, _CHUNK_HOURS)
            upto = min(inside + stop - row, _CHUNK_HOURS)
            total[:, :width] += self._chunks[chunk][:, inside:upto, :width].sum(axis=1, dtype=np.int64)
            row += upto - inside
        return total

    def _fit(self, *, rows: int, ads: int) -> None:
        if ads > self._capacity:
            self._capacity = max(ads, self._capacity + self._capacity // 2)
            for n, chunk in enumerate(self._chunks):
                wider = np.zeros((METRICS, _CHUNK_HOURS, self._capacity), dtype=np.int32)
                wider[:, :, : chunk.shape[2]] = chunk
                self._chunks[n] = wider
        while len(self._chunks) * _CHUNK_HOURS < rows:
            self._chunks.append(np.zeros((METRICS, _CHUNK_HOURS, self._capacity), dtype=np.int32))
