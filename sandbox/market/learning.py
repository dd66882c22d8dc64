"""The learning stage of every ad set: about 50 optimisation events within 7 days of the last significant edit end it.

Events count once they have arrived (`purchases.py`), if their click came after the edit. An ad set that does not make
it in time stays limited (FAIL) until the next significant edit. Learning costs efficiency: an assumption of the rules.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandbox.market.columns import Table
from sandbox.market.dice import Floats, Ints
from sandbox.market.rhythm import HOUR_S, Hour
from sandbox.market.rules import Rules

STAGES: Final = ("LEARNING", "SUCCESS", "FAIL")
_LEARNING, _SUCCESS, _FAIL = range(3)
_DAY_S: Final = 86_400


class Learning:
    """Stage, last significant edit and events of all ad sets, stepped with the market's hours."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._rows = Table(since=np.float64, events=np.int64, stage=np.int64)
        self._slots = rules.window_days * 24 + 2
        self._arriving = np.zeros((self._slots, 64), dtype=np.int32)  # events by the hour in which they will arrive

    def add(self, since_s: float) -> int:
        """Add an ad set that starts to learn at an instant and return its index."""
        index = self._rows.append(since=since_s, events=0, stage=_LEARNING)
        if index >= self._arriving.shape[1]:
            self._arriving = np.concatenate([self._arriving, np.zeros_like(self._arriving)], axis=1)
        return index

    def restart(self, ad_set: int, at_s: float) -> None:
        """Begin anew after a significant edit; clicks before it no longer count."""
        self._rows.floats("since")[ad_set] = at_s
        self._rows.ints("events")[ad_set] = 0
        self._rows.ints("stage")[ad_set] = _LEARNING
        self._arriving[:, ad_set] = 0

    def begin_hour(self, hour: Hour) -> None:
        """Count what arrived in the hour before, and settle the stages."""
        arrived = self._arriving[(hour.index - 1) % self._slots]
        self._count(arrived[: len(self._rows)].astype(np.int64))
        arrived[:] = 0
        self._settle(hour.start_s)

    def expect(self, hour: Hour, ad_sets: Ints, *, clicked_s: Floats, arrives_s: Ints) -> None:
        """Note events of an hour that will arrive at their instants."""
        hours_on = (arrives_s - hour.start_s) // HOUR_S
        counted = (clicked_s >= self._rows.floats("since")[ad_sets]) & (hours_on < self._slots - 1)
        np.add.at(self._arriving, ((hour.index + hours_on[counted]) % self._slots, ad_sets[counted]), 1)

    def recall(self, start_s: int, ad_sets: Ints, counts: Ints) -> None:
        """Count events of a past hour that were reported; hours must not go back."""
        self._settle(start_s)
        counts = np.where(self._rows.floats("since")[ad_sets] <= start_s, counts, 0)
        self._count(np.bincount(ad_sets, weights=counts, minlength=len(self._rows)).astype(np.int64))
        self._settle(start_s)

    def efficiency(self) -> Floats:
        """Return the factor on purchases per click, by ad set."""
        return np.where(self._rows.ints("stage") == _LEARNING, self._rules.efficiency, 1.0)

    def told(self, ad_set: int) -> tuple[str, int, float]:
        """Return the stage, the events counted and the instant of the last significant edit of an ad set."""
        rows = self._rows
        events, since_s = int(rows.ints("events")[ad_set]), float(rows.floats("since")[ad_set])
        return STAGES[int(rows.ints("stage")[ad_set])], events, since_s

    def _count(self, arrived: NDArray[np.int64]) -> None:
        self._rows.ints("events")[:] += np.where(self._rows.ints("stage") == _LEARNING, arrived, 0)

    def _settle(self, at_s: float) -> None:
        stage = self._rows.ints("stage")
        learns = stage == _LEARNING
        stage[learns & (self._rows.ints("events") >= self._rules.events)] = _SUCCESS
        late = at_s - self._rows.floats("since") >= self._rules.window_days * _DAY_S
        stage[(stage == _LEARNING) & late] = _FAIL
