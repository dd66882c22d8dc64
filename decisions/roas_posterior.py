"""The matured ROAS of every ad, ad set, campaign and of the account, as a log-normal posterior; forecasts on it.

Figures come as panels of days (`estimate_panels`) or already weighed by the age of their days (`estimate`). Method:
facts/decisions.md §5.1-2; how often its intervals hold is measured by `benchmarks/decisions/calibration.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from scipy import special

from decisions.policy import MaturedPolicy
from domain.actions import ObjectKind
from domain.errors import BadInputError
from domain.evidence import RoasFrame
from domain.panel import MaturityCurve, Panel
from domain.snapshot import Floats, Ints, Texts
from estimators.forecast import NO_PACE, Pace, learn_pace
from estimators.hierarchy import Rates, shrink, spread_of
from estimators.maturity import shares
from estimators.order_values import OrderValues, order_values, spread_of_orders

# Spread (cv^2) of purchases per spend about the parent's, before the account's own figures speak.
_PRIOR_SPREAD: Final = MappingProxyType({ObjectKind.AD: 0.25, ObjectKind.AD_SET: 0.10, ObjectKind.CAMPAIGN: 0.10})
# Variance (log scale) of what an object is now about what its weighed past says, beyond the account's own drift:
# creatives tire, ad sets learn, audiences saturate. Tuned on seeds under 1000 of the market kernel.
_WANDER: Final = MappingProxyType(
    {ObjectKind.AD: 0.008, ObjectKind.AD_SET: 0.008, ObjectKind.CAMPAIGN: 0.0055, ObjectKind.ACCOUNT: 0.0035}
)
_ITSELF: Final = (1e-9,)  # the account does not differ from its own root
_MOST_LOG: Final = 40.0  # no ROAS is told beyond e^40
_FAR_LOG: Final = 600.0  # and no end of an interval beyond what a float holds


@dataclass(frozen=True, slots=True, kw_only=True)
class DayWeights:
    """What a day of each age counts, (d,): in counts and money, in matured spend, in exposure, and that squared."""

    count: Floats
    matured: Floats
    exposure: Floats
    squared: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Days of n objects summed with their weights, (n,); rows ordered by id, `parent` as in a panel.

    The first three as they stand, `matured_minor` is spend times the share arrived, `exposure` that brought to the
    present by the account's drift, `squared` the same with weights squared, which tells how much the sums can know.
    """

    kind: ObjectKind
    currency: str
    object_id: Texts
    parent: Ints
    spend_minor: Floats
    purchases: Floats
    revenue_minor: Floats
    matured_minor: Floats
    exposure: Floats
    squared: Floats

    def __len__(self) -> int:
        return len(self.object_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Posteriors by kind, with what forecasts need: mean orders (minor units), their spread, the account's pace."""

    frames: Mapping[ObjectKind, RoasFrame]
    order_values: Mapping[ObjectKind, Floats]
    order_cv2: float
    pace: Pace


def day_weights(
    age_days: Ints, curve: MaturityCurve, day_share: float, half_life_days: float, pace: Pace = NO_PACE
) -> DayWeights:
    """Return what days of these ages count: half at the half-life, exposure by maturity and drift."""
    count = np.exp2(-(np.maximum(age_days, 1) - 1) / half_life_days)
    arrived = shares(curve, age_days, day_share)
    exposure = count * arrived * np.exp(-pace.slope * age_days)
    return DayWeights(count=count, matured=count * arrived, exposure=exposure, squared=count * exposure)


def weigh(panel: Panel, weights: DayWeights) -> Sums:
    """Sum a panel's days. Negative figures count as none; purchases beyond clicks are the platform's to explain."""
    spend = np.maximum(panel.spend_minor, 0)
    purchases, revenue = np.maximum(panel.purchases, 0), np.maximum(panel.revenue_minor, 0)
    return Sums(
        kind=panel.kind, currency=panel.currency, object_id=panel.object_id, parent=panel.parent,
        spend_minor=spend @ weights.count, purchases=purchases @ weights.count, revenue_minor=revenue @ weights.count,
        matured_minor=spend @ weights.matured, exposure=spend @ weights.exposure, squared=spend @ weights.squared,
    )  # fmt: skip


def pace_of(panel: Panel, curve: MaturityCurve) -> Pace:
    """Learn the account's pace from its ad sets' days: what each expects at its own rate, against what came.

    Money that moves to better ad sets raises the account's purchases per spend though none of them gets better: that
    is no drift (benchmarks/decisions/budgets.py: taken for one, levels come out 20-30 % too high after ten days).
    """
    exposed = np.maximum(panel.spend_minor, 0.0)
    exposed *= shares(curve, panel.age_days, panel.day_share)
    purchases = np.maximum(panel.purchases, 0)
    exposed *= ((purchases.sum(axis=1) + 0.5) / np.maximum(exposed.sum(axis=1), 1.0))[:, None]
    return learn_pace(purchases, exposed, panel.age_days)


def estimate_panels(
    ads: Panel, ad_sets: Panel, campaigns: Panel, *, account_id: str, curve: MaturityCurve, policy: MaturedPolicy
) -> Estimate:
    """Estimate from panels alone."""
    pace = pace_of(ad_sets, curve)
    sums = [
        weigh(panel, day_weights(panel.age_days, curve, panel.day_share, policy.half_life_days, pace))
        for panel in (ads, ad_sets, campaigns)
    ]
    cv2 = spread_of_orders(campaigns.purchases, campaigns.revenue_minor)
    return estimate_sums(*sums, account_id=account_id, pace=pace, order_cv2=cv2)


def estimate(
    ads: Sums, ad_sets: Sums, campaigns: Sums, *, account_id: str, pace: Pace = NO_PACE, order_cv2: float = 0.25
) -> dict[ObjectKind, RoasFrame]:
    """Return the posteriors by kind, the account's among them; objects without spend are told by their parents'."""
    found = estimate_sums(ads, ad_sets, campaigns, account_id=account_id, pace=pace, order_cv2=order_cv2)
    return dict(found.frames)


def estimate_sums(
    ads: Sums, ad_sets: Sums, campaigns: Sums, *, account_id: str, pace: Pace = NO_PACE, order_cv2: float = 0.25
) -> Estimate:
    """Estimate from weighed sums. Without any spend in the account nothing is known, and every frame is empty.

    Raises:
        BadInputError: the levels are in different currencies.
    """
    levels: tuple[Sums, ...] = (ads, ad_sets, campaigns)
    currencies = sorted({level.currency for level in levels})
    if len(currencies) > 1:
        raise BadInputError(f"figures in {' and '.join(currencies)} cannot be one account's")
    if not campaigns.exposure.sum() > 0:
        levels = tuple(_none_of(level) for level in levels)
    account = _account(levels[2], account_id)
    spreads = tuple(
        spread_of(*_evidence(level), level.parent if level.kind is not ObjectKind.CAMPAIGN else _to_root(level),
                  max(1, len(above)), prior=_PRIOR_SPREAD[level.kind])
        for level, above in zip(levels, (*levels[1:], account), strict=True)
    )  # fmt: skip
    frames: dict[ObjectKind, RoasFrame] = {}
    values: dict[ObjectKind, Floats] = {}
    for depth, level in enumerate((*levels, account)):
        parents = tuple(above.parent for above in levels[depth:-1])
        counts, exposure = _evidence(level)
        rates = (
            shrink(counts, exposure, parents, spreads[depth:] or _ITSELF)
            if exposure.sum() > 0
            else _as_the_account(account, len(level), sum(spreads[depth:]))
        )
        orders = _orders(level, counts, parents, order_cv2, fallback=_usual_order(account))
        frames[level.kind] = _frame(level, rates, orders, pace)
        values[level.kind] = orders.mean_minor
    return Estimate(frames=frames, order_values=values, order_cv2=order_cv2, pace=pace)


def chance_above(frame: RoasFrame, roas: Floats | float) -> Floats:
    """Return P(ROAS > x) of every row; 1 where x is not above 0."""
    bar = np.asarray(roas, dtype=np.float64)
    with np.errstate(divide="ignore"):  # log 0 = -inf: every ROAS is above it
        logs = np.log(np.maximum(bar, 0.0))
    told: Floats = special.ndtr((frame.log_median - logs) / frame.log_sd)
    return told


def quantile(frame: RoasFrame, p: float) -> Floats:
    """Return the ROAS under which a row's own is with probability p."""
    told: Floats = np.exp(np.clip(frame.log_median + frame.log_sd * special.ndtri(p), -_FAR_LOG, _FAR_LOG))
    return told


def roll_up(panel: Panel, parent_ids: Texts, kind: ObjectKind) -> Panel:
    """Sum a panel's rows into the next higher kind, whose ids are given; their own parents are not known yet (-1)."""
    inside = panel.parent >= 0
    sums = {}
    for name in ("impressions", "clicks", "spend_minor", "purchases", "revenue_minor"):
        sums[name] = np.zeros((len(parent_ids), len(panel.age_days)), np.int64)
        np.add.at(sums[name], panel.parent[inside], getattr(panel, name)[inside])
    return Panel(
        kind=kind, currency=panel.currency, first_day=panel.first_day, object_id=parent_ids,
        parent=np.full(len(parent_ids), -1, np.int64), age_days=panel.age_days, day_share=panel.day_share, **sums,
    )  # fmt: skip


def _evidence(level: Sums) -> tuple[Floats, Floats]:
    """Counts and exposure as if no day had a weight: scaled so that the counts vary as Poisson's do."""
    known = level.exposure > 0
    scale = np.divide(level.exposure, level.squared, out=np.zeros_like(level.exposure), where=known)
    return level.purchases * scale, level.exposure * scale


def _as_the_account(account: Sums, size: int, spread: float) -> Rates:
    """Rates of objects none of which has spent, though the account has: the account's, as unsure as they may differ."""
    whole = shrink(*_evidence(account), (), _ITSELF)
    mean, log_mean = (np.full(size, float(part.sum())) for part in (whole.mean, whole.log_mean))
    return Rates(
        mean=mean, log_mean=log_mean, log_variance=np.full(size, float(whole.log_variance.sum()) + spread),
        root=whole.root,
    )  # fmt: skip


def _usual_order(account: Sums) -> float:
    """What stands in for the value of an order where a level has none: the account's, else all that it spent."""
    purchases, revenue = float(account.purchases.sum()), float(account.revenue_minor.sum())
    return revenue / purchases if purchases > 0 and revenue > 0 else float(account.spend_minor.sum())


def _orders(level: Sums, counts: Floats, parents: tuple[Ints, ...], cv2: float, *, fallback: float) -> OrderValues:
    each = np.divide(
        level.revenue_minor, level.purchases, out=np.zeros_like(level.revenue_minor), where=level.purchases > 0
    )  # fmt: skip
    return order_values(each * counts, counts, parents, cv2=cv2, fallback_minor=fallback)


def _frame(level: Sums, rates: Rates, orders: OrderValues, pace: Pace) -> RoasFrame:
    drift = _WANDER[level.kind] + pace.day_cv**2 / 10  # some ten days' worth of weight
    variance = rates.log_variance + orders.log_variance + drift
    log_median = rates.log_mean + np.log(orders.mean_minor) - orders.log_variance / 2
    has_spent = level.spend_minor > 0
    return RoasFrame(
        kind=level.kind,
        object_id=level.object_id,
        spend_minor=level.spend_minor,
        purchases=level.purchases,
        maturity=np.divide(
            level.matured_minor, level.spend_minor, out=np.zeros_like(level.spend_minor), where=has_spent
        ),
        now=np.divide(level.revenue_minor, level.spend_minor, out=np.zeros_like(level.spend_minor), where=has_spent),
        log_median=np.clip(log_median, -_MOST_LOG, _MOST_LOG),
        log_sd=np.sqrt(variance),
    )


def _account(campaigns: Sums, account_id: str) -> Sums:
    size = min(1, len(campaigns))
    sums = {
        name: getattr(campaigns, name).sum(keepdims=True)[:size]
        for name in ("spend_minor", "purchases", "revenue_minor", "matured_minor", "exposure", "squared")
    }
    return Sums(
        kind=ObjectKind.ACCOUNT, currency=campaigns.currency, object_id=np.array([account_id] * size, dtype=object),
        parent=np.full(size, -1, np.int64), **sums,
    )  # fmt: skip


def _to_root(level: Sums) -> Ints:
    return np.zeros(len(level), np.int64)


def _none_of(level: Sums) -> Sums:
    empty = {
        name: getattr(level, name)[:0]
        for name in ("object_id", "parent", "spend_minor", "purchases", "revenue_minor", "matured_minor", "exposure",
                     "squared")
    }  # fmt: skip
    return Sums(kind=level.kind, currency=level.currency, **empty)
