"""What happens to objects by itself: ads pass review, ad sets begin and end. A pure function of log and scenario.

Nothing is written when it happens: an instant that is due follows from lines of the log, and takes effect at itself
before anything later does.
"""

import heapq
from collections.abc import Callable, Iterable
from typing import Final

from sandbox.account import ads_under
from sandbox.market.dice import object_key
from sandbox.nodes import APPROVED, DISAPPROVED, PENDING, Kind, Node

# Edits that bring an ad back into review; those of bid, budget and schedule do not (meta_graph_api.md §2.4).
_REVIEWED: Final = {
    Kind.AD: frozenset({"creative"}),
    Kind.AD_SET: frozenset({"targeting", "optimization_goal", "billing_event"}),
}
_FLIGHT: Final = ("start_time", "end_time", "stop_time")
_UNIT: Final = 2.0**-64
_STREAM: Final = 83  # of object keys: reviews

Refresh = Callable[[Node, float], None]


class Reviewing:
    """Reviews and flights of a world; `refresh` tells an ad's market whether it delivers from an instant on."""

    def __init__(self, *, minutes: float, disapproved_share: float, seed: int, refresh: Refresh) -> None:
        self._review_s = minutes * 60
        self._share, self._seed, self._refresh = disapproved_share, seed, refresh
        self._due: list[tuple[float, int, Node, str | None]] = []
        self._count = 0

    def note(self, node: Node, names: Iterable[str], *, at_s: float) -> None:
        """Look at what an effect that has taken place brings about: a review, a begin, an end."""
        touched = set(names)
        if touched & _REVIEWED.get(node.kind, frozenset()):
            for ad in ads_under(node):
                self._review(ad, at_s=at_s)
        for name in _FLIGHT:
            instant_s = node.extra.get(name) if name in touched else None
            if isinstance(instant_s, int | float) and instant_s > at_s:
                self._push(float(instant_s), node, None)

    def settle(self, upto_s: float) -> None:
        """Let everything due by an instant take effect, in order."""
        while self._due and self._due[0][0] <= upto_s:
            at_s, _, node, verdict = heapq.heappop(self._due)
            if verdict is not None:
                if node.review != PENDING or node.review_due_s != at_s:
                    continue  # another review began since, or a person decided
                node.review = verdict
            self._refresh(node, at_s)

    def _review(self, ad: Node, *, at_s: float) -> None:
        if ad.status == "DELETED" or (self._review_s <= 0 and self._share <= 0):
            return
        ad.reviews += 1
        ad.review, ad.review_due_s = self._verdict(ad), at_s + self._review_s
        if self._review_s > 0:
            self._push(ad.review_due_s, ad, ad.review)
            ad.review = PENDING
        self._refresh(ad, at_s)

    def _verdict(self, ad: Node) -> str:
        creative = int(ad.creative.id) if ad.creative is not None else 0
        drawn = object_key(self._seed, int(ad.id), creative, ad.reviews, _STREAM) * _UNIT
        return DISAPPROVED if drawn < self._share else APPROVED

    def _push(self, at_s: float, node: Node, verdict: str | None) -> None:
        self._count += 1
        heapq.heappush(self._due, (at_s, self._count, node, verdict))
