"""Purchases: credited to the hour of the click, visible only once they have arrived.

The share that has arrived after 1 h is 15 %, 24 h 55 %, 3 days 75 %, 7 days 95 %, 28 days 100 % (domain.md §2b, an
assumption), linear in between.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandbox.market.dice import Floats, Ints, Keys, normals, nth_keys, uniforms
from sandbox.market.rhythm import HOUR_S

_ARRIVED_SHARE: Final = np.array([0.0, 0.15, 0.55, 0.75, 0.95, 1.0])
_ARRIVED_HOURS: Final = np.array([0.0, 1.0, 24.0, 72.0, 168.0, 672.0])
_STREAM_CLICK, _STREAM_DELAY, _STREAM_VALUE = 41, 42, 43


class Purchases:
    """An append-only column store, ordered by the hour of the click."""

    def __init__(self, *, order_spread: float = 0.35) -> None:
        self._spread = order_spread
        self._size = 0
        self._ad = np.zeros(1_024, dtype=np.int32)
        self._hour = np.zeros(1_024, dtype=np.int32)
        self._arrives = np.zeros(1_024, dtype=np.int64)
        self._count = np.zeros(1_024, dtype=np.int32)
        self._value = np.zeros(1_024, dtype=np.int64)

    def __len__(self) -> int:
        return self._size

    def draw(
        self, *, hour: int, start_s: int, ads: Ints, keys: Keys, counts: Ints, order_values: Floats
    ) -> tuple[Floats, Ints]:
        """Draw the moment, delay and value of `counts[i]` purchases of each ad after clicks in this hour.

        Returns the instants of the clicks and of the arrivals, purchase by purchase. Values are lognormal.
        """
        repeated = np.repeat(np.arange(len(ads)), counts)
        ordinals = np.arange(len(repeated)) - np.repeat(np.cumsum(counts) - counts, counts)
        event_keys = nth_keys(keys[repeated], ordinals)
        clicked = start_s + uniforms(event_keys, hour, _STREAM_CLICK) * HOUR_S
        delay = np.interp(uniforms(event_keys, hour, _STREAM_DELAY), _ARRIVED_SHARE, _ARRIVED_HOURS) * HOUR_S
        spread = np.exp(self._spread * normals(event_keys, hour, _STREAM_VALUE) - self._spread**2 / 2)
        arrives = (clicked + delay).astype(np.int64)
        values = np.maximum(np.floor(order_values[repeated] * spread + 0.5), 1)
        self.append(
            ads=ads[repeated],
            hour=hour,
            arrives=arrives,
            counts=np.ones(len(repeated), dtype=np.int64),
            values=values.astype(np.int64),
        )
        return clicked, arrives

    def append(self, *, ads: Ints, hour: int, arrives: Ints, counts: Ints, values: Ints) -> None:
        """Append purchases of one hour; hours must not go back."""
        end = self._size + len(ads)
        if end > len(self._ad):
            self._grow(end)
        here = slice(self._size, end)
        self._ad[here], self._hour[here], self._arrives[here] = ads, hour, arrives
        self._count[here], self._value[here] = counts, values
        self._size = end

    def arrived(self, first: int, end: int, *, cutoff_s: float, ads: int) -> NDArray[np.int64]:
        """Return (2, ads): count and value of purchases after clicks in [first, end) that arrived by the cutoff."""
        hours = self._hour[: self._size]
        here = slice(int(np.searchsorted(hours, first)), int(np.searchsorted(hours, end)))
        seen = self._arrives[here] <= cutoff_s
        owner = self._ad[here][seen]
        return np.stack([_sum_by(owner, column[here][seen], ads) for column in (self._count, self._value)])

    def _grow(self, needed: int) -> None:
        size = max(needed, 2 * len(self._ad))
        for name in ("_ad", "_hour", "_arrives", "_count", "_value"):
            old = getattr(self, name)
            new = np.zeros(size, dtype=old.dtype)
            new[: self._size] = old[: self._size]
            setattr(self, name, new)


def _sum_by(owner: NDArray[np.int32], values: NDArray[np.int32] | NDArray[np.int64], size: int) -> Ints:
    return np.bincount(owner, weights=values, minlength=size).astype(np.int64)  # exact below 2^53
