"""Purchases: credited to the hour of the click, visible only once they have arrived.

The share that has arrived after 1 h is 15 %, 24 h 55 %, 3 days 75 %, 7 days 95 %, 28 days 100 % (domain.md §2b, an
assumption), linear in between. What arrives after more than a week counts as bought within the week and told late.

Attribution windows are assumed too: what arrives within a day was bought within a day; of that a keyed fifth had
only seen the ad (1d_view, a third of it engaged: 1d_ev); all else was clicked (7d_click). The default is both together.
For a keyed twelfth of the clicked another purchase counts by 28d_click only; a keyed seven tenths are incremental.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sandbox.market.dice import Floats, Ints, Keys, normals, nth_keys, uniforms
from sandbox.market.rhythm import HOUR_S

_ARRIVED_SHARE: Final = np.array([0.0, 0.15, 0.55, 0.75, 0.95, 1.0])
_ARRIVED_HOURS: Final = np.array([0.0, 1.0, 24.0, 72.0, 168.0, 672.0])
_STREAM_CLICK, _STREAM_DELAY, _STREAM_VALUE = 41, 42, 43
_STREAM_WINDOWS: Final = 44
_VIEW_SHARE, _ENGAGED_SHARE, _LATE_SHARE, _INCREMENTAL_SHARE = 0.2, 1 / 3, 1 / 12, 0.7
_DAY_S: Final = 86_400


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

    def by_window(
        self, first: int, end: int, *, cutoff_s: float, keys: Keys, grid_offset_s: int = 0
    ) -> NDArray[np.int64]:  # fmt: skip
        """Return (10, ads): counts, then values, of what `arrived` tells by window, the rows of `engagement.WINDOWS`.

        By 7d_click, by 1d_click, by 28d_click alone, by 1d_ev, incremental; the rest of the default is 1d_view.
        """
        hours = self._hour[: self._size]
        span = slice(int(np.searchsorted(hours, first)), int(np.searchsorted(hours, end)))
        seen = self._arrives[span] <= cutoff_s
        owner, hour, arrives = (column[span][seen] for column in (self._ad, self._hour, self._arrives))
        count, value = self._count[span][seen].astype(np.int64), self._value[span][seen].astype(np.int64)
        events = nth_keys(keys[owner], arrives * 1_009 + value)
        luck = [uniforms(events, 0, _STREAM_WINDOWS + n) for n in range(4)]
        is_soon = arrives - (hour.astype(np.int64) * HOUR_S + grid_offset_s) <= _DAY_S
        seen_only = np.where(is_soon, _part(count, _VIEW_SHARE, luck[0]), 0)
        clicked = count - seen_only
        counts = (
            clicked, np.where(is_soon, clicked, 0), _part(clicked, _LATE_SHARE, luck[1]),
            _part(seen_only, _ENGAGED_SHARE, luck[2]), _part(count, _INCREMENTAL_SHARE, luck[3]),
        )  # fmt: skip
        worth = [value * part // np.maximum(count, 1) for part in counts]
        return np.stack([_sum_by(owner, column, len(keys)) for column in (*counts, *worth)])

    def _grow(self, needed: int) -> None:
        size = max(needed, 2 * len(self._ad))
        for name in ("_ad", "_hour", "_arrives", "_count", "_value"):
            old = getattr(self, name)
            new = np.zeros(size, dtype=old.dtype)
            new[: self._size] = old[: self._size]
            setattr(self, name, new)


def _part(counts: Ints, share: float, luck: Floats) -> Ints:
    return np.minimum(np.floor(counts * share + luck).astype(np.int64), counts)


def _sum_by(owner: NDArray[Any], values: NDArray[Any], size: int) -> Ints:
    return np.bincount(owner, weights=values, minlength=size).astype(np.int64)  # exact below 2^53
