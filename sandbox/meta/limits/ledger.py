"""What one account (or the app) has used up: a score that decays, calls of the rolling hour, writes of the second.

Pure: the instant is an argument, in seconds of the platform's clock, and never goes back. Memory is bounded: an hour is
61 counts, a second 100 instants.
"""

from collections import deque
from typing import Any, Final

from sandbox.meta.limits.table import MUTATIONS_PER_SECOND, SCORE_WINDOW_S, ScoreLimit

_MINUTE_S: Final = 60
_MINUTES: Final = 61  # the one that has begun and sixty whole ones: no call is forgotten before it is an hour old


class Hour:
    """Calls by the minute. A call counts until it is between 60 and 61 minutes old."""

    __slots__ = ("_by_minute", "_total")

    def __init__(self) -> None:
        self._by_minute: dict[int, int] = {}  # oldest first
        self._total = 0

    def count(self, now_s: float) -> int:
        """Return how many calls count now."""
        oldest = int(now_s // _MINUTE_S) - _MINUTES + 1
        while self._by_minute and (minute := next(iter(self._by_minute))) < oldest:
            self._total -= self._by_minute.pop(minute)
        return self._total

    def add(self, now_s: float) -> None:
        """Count a call."""
        minute = int(now_s // _MINUTE_S)
        self._by_minute[minute] = self._by_minute.get(minute, 0) + 1
        self._total += 1

    def wait_s(self, most: int, now_s: float) -> float:
        """Return in how many seconds fewer than `most` calls count; 0 where that is so now."""
        left = self.count(now_s)
        if left < most:
            return 0.0
        for minute, calls in self._by_minute.items():
            left -= calls
            if left < most:
                return (minute + _MINUTES) * _MINUTE_S - now_s
        return 0.0

    def dump(self) -> dict[str, int]:
        """Return the counts as JSON holds them."""
        return {str(minute): calls for minute, calls in self._by_minute.items()}

    @classmethod
    def load(cls, kept: dict[str, int]) -> "Hour":
        """Return an hour as it was dumped."""
        hour = cls()
        hour._by_minute = {int(minute): calls for minute, calls in sorted(kept.items(), key=lambda pair: int(pair[0]))}
        hour._total = sum(kept.values())
        return hour


class Ledger:
    """The account's books."""

    __slots__ = ("_at_s", "_points", "blocked_until_s", "errors", "hours", "mutations")

    def __init__(self) -> None:
        self._points = self._at_s = self.blocked_until_s = 0.0
        self.hours: dict[str, Hour] = {}  # by use case
        self.errors = Hour()  # the caller's own, of insights
        self.mutations: deque[float] = deque(maxlen=MUTATIONS_PER_SECOND)

    def hour(self, use_case: str) -> Hour:
        """Return the hour of a use case."""
        found = self.hours.get(use_case)
        if found is None:
            found = self.hours[use_case] = Hour()
        return found

    def score(self, limit: ScoreLimit, *, now_s: float) -> float:
        """Return the score: it wears off evenly, a full one in 300 s."""
        worn = max(0.0, now_s - self._at_s) * limit.most / SCORE_WINDOW_S
        self._points = max(0.0, self._points - worn)
        self._at_s = max(self._at_s, now_s)
        return self._points

    def add_points(self, points: int, limit: ScoreLimit, *, now_s: float) -> bool:
        """Count a call in the score, and say whether that filled it: the account is blocked from now on."""
        self._points = self.score(limit, now_s=now_s) + points
        return self.blocked_s(limit, now_s=now_s) > 0

    def blocked_s(self, limit: ScoreLimit, *, now_s: float) -> float:
        """Return for how many seconds the account is blocked from now on; a full score begins a block."""
        if self.blocked_until_s <= now_s and self.score(limit, now_s=now_s) >= limit.most:
            self.blocked_until_s = now_s + limit.block_s
        return max(0.0, self.blocked_until_s - now_s)

    def mutation_wait_s(self, now_s: float) -> float:
        """Return in how many seconds another write is taken."""
        if len(self.mutations) < MUTATIONS_PER_SECOND:
            return 0.0
        return max(0.0, self.mutations[0] + 1.0 - now_s)

    def dump(self, full: list[str]) -> dict[str, Any]:
        """Return the block and the hours of some use cases as JSON holds them."""
        return {"blocked_until_s": self.blocked_until_s, "hours": {name: self.hour(name).dump() for name in full}}

    @classmethod
    def load(cls, kept: dict[str, Any]) -> "Ledger":
        """Return books as they were dumped; the score begins anew."""
        ledger = cls()
        ledger.blocked_until_s = float(kept["blocked_until_s"])
        ledger.hours = {name: Hour.load(counts) for name, counts in kept["hours"].items()}
        return ledger
