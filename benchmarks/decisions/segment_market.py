"""Ad accounts whose cells (ad sets) or creatives (ads) have an additive truth plus interaction, in the market's kernel.

Each cell is an ad set with one ad and its own daily budget; only the conversion rate differs between cells, by effects
of their features and by a deviation of their own. With both at 0 all cells are the same: the A/A.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandbox.market.kernel import Market
from sandbox.market.rhythm import Calendar
from sandbox.market.truth import Appeal, Audience, Change, ChangeKind

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ORDER_VALUE_MINOR: Final = 5_000
_START: Final = datetime(2026, 3, 2, tzinfo=UTC)
_CTR, _CVR = 0.012, 0.025
_CPM_MINOR, _SATURATION_MINOR, _PEOPLE = 800.0, 12_000.0, 400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What reports tell of (accounts, cells) after some days, and the truth: each cell's factor on the mean rate."""

    features: Ints  # (accounts, cells, f)
    truth: Floats  # (accounts, cells)
    budget_minor: int
    spend_minor: Ints  # (accounts, cells, days)
    purchases: Ints
    revenue_minor: Ints
    maturity: Floats  # (days,): share arrived, as the kernel's own law has it


def crossed(levels: tuple[int, ...]) -> Ints:
    """Return every combination of levels, (cells, f)."""
    grids = np.meshgrid(*[np.arange(count) for count in levels], indexing="ij")
    return np.stack(grids, axis=-1).reshape(-1, len(levels))


def live(
    features: Ints,
    levels: tuple[int, ...],
    *,
    spread: float,
    interaction: float,
    budget_minor: int,
    days: int,
    seed: int,
    treated: tuple[NDArray[np.bool_], int, float] | None = None,
) -> Figures:
    """Found the accounts, live through the days and report; `features` are (accounts, cells, f).

    `treated` = (mask (accounts, cells), day, lift): from that day on all get a fresh creative, the treated ones with
    so much more conversion.
    """
    rng = np.random.default_rng([seed, 17])
    truth = _truth(rng, features, levels, spread=spread, interaction=interaction)
    calendar = Calendar("UTC", around_s=int(_START.timestamp()))
    first = calendar.hour_at(_START.timestamp())
    market = Market(seed=seed, calendar=calendar, first_hour=first)
    for row, factor in enumerate(truth.ravel().tolist()):
        _found(market, row, budget_minor, factor, calendar.start_of(first))
    if treated is not None:
        _treat(market, treated, truth, calendar.start_of(first))
    market.advance_to(calendar.start_of(first + 24 * days))
    shape = (*truth.shape, days)
    spend, purchases, revenue = (np.zeros((truth.size, days), np.int64) for _ in range(3))
    cutoff_s = calendar.start_of(first + 24 * days)
    for day in range(days):
        hours = (first + 24 * day, first + 24 * (day + 1))
        spend[:, day] = market.grid.sums(*hours, ads=market.ads)[3]
        purchases[:, day], revenue[:, day] = market.purchases.arrived(*hours, cutoff_s=cutoff_s, ads=market.ads)
    return Figures(
        features=features, truth=truth, budget_minor=budget_minor, spend_minor=spend.reshape(shape),
        purchases=purchases.reshape(shape), revenue_minor=revenue.reshape(shape), maturity=_maturity(days),
    )  # fmt: skip


def _truth(
    rng: np.random.Generator, features: Ints, levels: tuple[int, ...], *, spread: float, interaction: float
) -> Floats:
    log_factor = interaction * rng.standard_normal(features.shape[:2])
    for feature, count in enumerate(levels):
        effects = spread * rng.standard_normal((len(features), count))
        log_factor += np.take_along_axis(effects, features[:, :, feature], axis=1)
    return np.exp(log_factor)


def _found(market: Market, row: int, budget_minor: int, factor: float, at_s: float) -> None:
    people = Audience(
        size=_PEOPLE, cpm_minor=_CPM_MINOR, saturation_daily_minor=_SATURATION_MINOR, ctr_factor=1.0, cvr_factor=factor
    )
    budget = market.add_budget(budget_minor, object_id=3 * row)
    ad_set = market.add_ad_set(
        object_id=3 * row + 1, campaign=market.caps.add(), audience=people, budget=budget, since_s=at_s - 30 * 86_400
    )
    ad = market.add_ad(object_id=3 * row + 2, ad_set=ad_set, appeal=_appeal(1.0))
    market.change(Change(at_s=at_s, kind=ChangeKind.LIVE, index=ad, value=1))


def _treat(market: Market, treated: tuple[NDArray[np.bool_], int, float], truth: Floats, start_s: float) -> None:
    mask, day, lift = treated
    for row, chosen in enumerate(mask.ravel().tolist()):
        appeal = _appeal(1 + lift if chosen else 1.0)
        market.change(Change(at_s=start_s + 86_400 * day, kind=ChangeKind.APPEAL, index=row, appeal=appeal))
    if mask.shape != truth.shape:
        raise ValueError(f"{mask.shape} flags for {truth.shape} cells")


def _appeal(factor: float) -> Appeal:
    return Appeal(ctr=_CTR, cvr=_CVR * factor, order_value_minor=ORDER_VALUE_MINOR, fatigue=1.0)


def _maturity(days: int) -> Floats:
    """Return the mean share arrived of each whole day's purchases, by the law of `sandbox/market/purchases.py`."""
    hours = (days - np.arange(days))[:, None] * 24 - np.arange(24) - 0.5
    share: Floats = np.interp(hours, (0, 1, 24, 72, 168, 672), (0, 0.15, 0.55, 0.75, 0.95, 1.0)).mean(axis=1)
    return share
