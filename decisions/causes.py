"""Whose doing an anomaly is: our own or a person's change, the platform's, a gap in the tracking, or the market's."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from domain.evidence import Cause
from domain.snapshot import Bools, Floats, Texts
from estimators.expectation import Singles

_SPEND, _CPM, _CTR, _PURCHASES = 0, 1, 2, 3
AGREES_P: Final = 0.02  # from here on an object counts as moved
AGREES_RATIO: Final = 1.25
PLATFORM_SHARE: Final = 0.35  # of the spend: in 2023 36 % of the advertisers saw their CPM at least doubled (IN2)
PLATFORM_RATIO: Final = 1.5  # of the price, or of the spend of an hour
LEAST_OBJECTS: Final = 3
FEW_SHARE: Final = 0.6  # where there are fewer objects, or all of one campaign
TRACKING_RATIO: Final = 0.25  # purchases left of those expected
TRACKING_EXPECTED: Final = 8.0  # fewer than these would not be missed
CLICKS_LEFT: Final = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the objects of an account went through together in an hour. Ratios are medians by spend, up for dearer."""

    platform_spend: bool = False  # front-loaded: unrelated objects spend far more than an hour's share
    platform_cpm: bool = False
    is_tracking: bool = False
    moved: tuple[int, int, int, int] = (0, 0, 0, 0)  # by metric: 1, -1 where most moved together
    ratios: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    objects: int = 0
    purchases_expected: float = 0.0
    purchases_seen: float = 0.0

    @property
    def is_platform(self) -> bool:
        """Whether this is a platform incident."""
        return self.platform_spend or self.platform_cpm


def shared(
    root: Texts, live: Bools, *, weight: Floats, p: Floats, ratio: Singles, seen: Singles, mean: Singles,
    longest: tuple[Singles, Singles], is_gone: bool = False,
) -> Shared:  # fmt: skip
    """See what is common to objects: (4, n) arrays as in `decisions/anomalies.py`, `root` and `live` (n,)."""
    going = live & (weight > 0)
    if not going.any():
        return Shared()
    part = np.where(going, weight, 0) / weight[going].sum()
    moved, ratios, spread = [], [], []
    for metric in range(4):
        up = going & (p[metric] < AGREES_P) & (ratio[metric] >= AGREES_RATIO)
        down = going & (p[metric] < AGREES_P) & (ratio[metric] <= 1 / AGREES_RATIO)
        side, of = (1, up) if part[up].sum() >= part[down].sum() else (-1, down)
        moved.append(side if _is_common(part, of, root) else 0)
        spread.append(of)
        ratios.append(_middle(ratio[metric], part, of if of.any() else going))
    dearer = moved[_CPM] == 1 and ratios[_CPM] >= PLATFORM_RATIO
    faster = moved[_SPEND] == 1 and ratios[_SPEND] >= PLATFORM_RATIO
    expected, arrived = float(longest[1][_PURCHASES].sum()), float(longest[0][_PURCHASES].sum())
    now_expected, now = float(mean[_PURCHASES].sum()), float(seen[_PURCHASES].sum())
    clicks = float(seen[_CTR].sum()) / max(float(mean[_CTR].sum()), 1e-9)
    gone = now_expected >= TRACKING_EXPECTED and now <= TRACKING_RATIO * now_expected
    gone |= expected >= 2 * TRACKING_EXPECTED and arrived <= TRACKING_RATIO * expected
    gone |= is_gone
    return Shared(
        platform_spend=faster,
        platform_cpm=dearer,
        is_tracking=bool(gone and clicks >= CLICKS_LEFT),
        moved=(moved[0], moved[1], moved[2], moved[3]),
        ratios=(ratios[0], ratios[1], ratios[2], ratios[3]),
        objects=int(going.sum()),
        purchases_expected=now_expected,
        purchases_seen=now,
    )


def with_parts(whole: Shared, parts: Shared) -> Shared:
    """Take what sums went through as what their parts did, but for purchases, which only sums have enough of."""
    return replace(parts, is_tracking=whole.is_tracking or parts.is_tracking)


def of(shared: Shared, metric: int, *, is_up: bool, is_changed: bool) -> Cause:
    """Name the cause of an anomaly of a metric."""
    together = shared.moved[metric] == (1 if is_up else -1)
    if metric == _PURCHASES and not is_up and shared.is_tracking:
        return Cause.TRACKING
    if (
        together
        and is_up
        and ((metric == _CPM and shared.platform_cpm) or (metric == _SPEND and shared.platform_spend))
    ):
        return Cause.PLATFORM
    if is_changed:
        return Cause.OWN
    if together:
        return Cause.MARKET
    return Cause.UNEXPLAINED


def _is_common(part: Floats, of: Bools, root: Texts) -> bool:
    roots = len(np.unique(root[of])) if of.any() else 0
    if of.sum() >= LEAST_OBJECTS and roots > 1:
        return bool(part[of].sum() >= PLATFORM_SHARE)
    return bool(of.sum() > 1 and part[of].sum() >= FEW_SHARE)


def _middle(values: Singles, part: Floats, of: Bools) -> float:
    """The median by weight."""
    order = np.argsort(values[of])
    running = np.cumsum(part[of][order])
    return float(values[of][order][np.searchsorted(running, running[-1] / 2)]) if running.size else 1.0
