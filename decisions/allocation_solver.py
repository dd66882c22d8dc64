"""Shares money among concave curves by one price: exact water-filling, thousands of groups at once. Pure arrays.

The curves are those of `estimators/response.py`; at the optimum the marginal returns of all objects that stand between
their bounds are equal: that is the price. With v = log(1 + s / kappa) the logarithm of a marginal return is
log top - (1 + bend) v + log(1 + (1 - bend)(e^v - 1)): its slope lies in -2 bend .. -bend, so that Newton's steps hold.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.snapshot import Floats, Ints

_TURNS: Final = 60  # at most; prices are settled in about a dozen
_NEWTON: Final = 5
_SETTLED: Final = 1e-12  # relative, of a group's spend against its total


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """n concave curves; top > 0, kappa > 0, 0 < bend <= 1."""

    top: Floats
    kappa: Floats
    bend: Floats

    def log_marginal(self, spend: Floats) -> Floats:
        """Return the logarithm of the marginal return at these spends."""
        ratio = spend / self.kappa
        found: Floats = np.log(self.top) - (1 + self.bend) * np.log1p(ratio) + np.log1p((1 - self.bend) * ratio)
        return found

    def at_price(self, log_price: Floats) -> Floats:
        """Return the spend at which each marginal return is the price; 0 where even the first unit brings less."""
        found: Floats = self.kappa * np.expm1(self.solve(np.log(self.top) - log_price)[0])
        return found

    def solve(self, gap: Floats) -> tuple[Floats, Floats]:
        """Return v at which the marginal return is so far under the top (in logarithms), and the slope there."""
        gap, straight = np.maximum(gap, 0.0), 1 - self.bend
        v = gap / (2 * self.bend)
        for _ in range(_NEWTON):  # concave: from below, and never past the root
            power = straight * np.exp(v)
            inner = self.bend + power
            slope = (1 + self.bend) - power / inner
            v = v + (gap - (1 + self.bend) * v + np.log(inner)) / slope
        return v, slope


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """Spends (n,), and the logarithm of the price of each group."""

    spend: Floats
    log_price: Floats


def fill_total(curves: Curves, low: Floats, high: Floats, total: Floats, *, group: Ints | None = None) -> Filled:
    """Spend a total in each group so that the sum of returns is largest, every spend within its bounds.

    `total` is (groups,), `group` (n,) in range(groups), all in the first where it is None. A total outside of what the
    bounds allow gives the nearest bounds.
    """
    groups = len(total)
    where = np.zeros(len(low), np.int64) if group is None else group
    dear, cheap = _price_range(curves, low, high, where, groups)
    price = (dear + cheap) / 2
    within = np.clip(
        total, np.bincount(where, weights=low, minlength=groups), np.bincount(where, weights=high, minlength=groups)
    )
    is_open = np.ones(groups, np.bool_)
    rows, spend = np.arange(len(low)), low.copy()
    log_top = np.log(curves.top)
    for _ in range(_TURNS):
        owner, kappa = where[rows], curves.kappa[rows]
        part = Curves(top=curves.top[rows], kappa=kappa, bend=curves.bend[rows])
        v, slope = part.solve(log_top[rows] - price[owner])
        power = np.exp(v)
        wanted = kappa * np.expm1(v)
        spend[rows] = np.clip(wanted, low[rows], high[rows])
        over = np.bincount(owner, weights=spend[rows], minlength=groups) - within
        is_open &= np.abs(over) > _SETTLED * np.maximum(within, 1)
        if not is_open.any():
            break
        cheap = np.where(is_open & (over > 0), price, cheap)
        dear = np.where(is_open & (over <= 0), price, dear)
        fall = np.where(spend[rows] == wanted, kappa * power / slope, 0.0)
        moving = np.bincount(owner, weights=fall, minlength=groups)
        step = price + np.divide(over, moving, out=np.full(groups, np.inf), where=moving > 0)
        middle = np.where((step > cheap) & (step < dear), step, (dear + cheap) / 2)
        price = np.where(is_open, middle, price)
        rows = rows[is_open[owner]]
    return Filled(spend=_closed(spend, low, high, where, within), log_price=price)


def _closed(spend: Floats, low: Floats, high: Floats, group: Ints, total: Floats) -> Floats:
    """Hand out what a price cannot: on curves so flat that its last digit moves more than the total allows."""
    left = (total - np.bincount(group, weights=spend, minlength=len(total)))[group]
    room = np.where(left > 0, high - spend, spend - low)
    free = np.where((spend > low) & (spend < high), room, 0.0)
    held = np.bincount(group, weights=free, minlength=len(total))[group]
    room, held = (
        np.where(held >= np.abs(left), free, room),
        np.where(held >= np.abs(left), held, np.bincount(group, weights=room, minlength=len(total))[group]),
    )
    share = np.divide(left * room, held, out=np.zeros_like(spend), where=held > 0)
    closed: Floats = np.clip(spend + share, low, high)
    return closed


def fill_price(
    curves: Curves, low: Floats, high: Floats, log_price: float, *,
    group: Ints | None = None, caps: Floats | None = None, total: float | None = None,
) -> Filled:  # fmt: skip
    """Spend on each object until its marginal return is the price: dearer where a group's cap or the total binds.

    `caps` (groups,) are infinite where a group has none. Bounds go before caps: what the lower bounds spend is spent.
    """
    where = np.zeros(len(low), np.int64) if group is None else group
    own = np.full(1 if caps is None else len(caps), log_price)
    if caps is not None:
        room = np.bincount(where, weights=high, minlength=len(caps))
        capped = fill_total(curves, low, high, np.minimum(caps, room), group=where)
        own = np.where(caps < room, np.maximum(own, capped.log_price), own)
    spend = _spend(curves, own[where], low, high)
    if total is None or spend.sum() <= total:
        return Filled(spend=spend, log_price=own)
    cheap, dear = log_price, float(curves.log_marginal(low).max(initial=log_price)) + 1
    for _ in range(_TURNS):
        middle = (dear + cheap) / 2
        over = _spend(curves, np.maximum(own, middle)[where], low, high).sum() > total
        cheap, dear = (middle, dear) if over else (cheap, middle)
    own = np.maximum(own, dear)
    return Filled(spend=_spend(curves, own[where], low, high), log_price=own)


def fill_nested(curves: Curves, low: Floats, high: Floats, total: float, *, group: Ints, caps: Floats) -> Filled:
    """Spend one total over all groups, none of which may pass its cap."""
    cheapest = float(curves.log_marginal(high).min(initial=0.0)) - 1
    return fill_price(curves, low, high, cheapest, group=group, caps=caps, total=total)


def _spend(curves: Curves, log_price: Floats, low: Floats, high: Floats) -> Floats:
    found: Floats = np.clip(curves.at_price(log_price), low, high)
    return found


def _price_range(curves: Curves, low: Floats, high: Floats, group: Ints, groups: int) -> tuple[Floats, Floats]:
    """Prices at which each group spends its least, and its most."""
    dear, cheap = np.full(groups, -np.inf), np.full(groups, np.inf)
    np.maximum.at(dear, group, curves.log_marginal(low))
    np.minimum.at(cheap, group, curves.log_marginal(high))
    return np.where(np.isfinite(dear), dear, 0.0), np.where(np.isfinite(cheap), cheap, 0.0)
