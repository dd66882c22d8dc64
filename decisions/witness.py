"""Figures on which rules are tried out: corners of a policy's thresholds, as rows of a snapshot. Decides nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise, product
from typing import Any

import numpy as np

from decisions.goals import measure
from decisions.policy import AccountLimits, ClassicPolicy
from domain.actions import ObjectKind
from domain.ids import AccountId
from domain.snapshot import AdFrame, AdSetFrame, CampaignFrame, Hold, Snapshot

Figures = Mapping[str, float]

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_MONEY = (
    "daily_budget_minor", "spend_window", "revenue_window", "purchases_window", "recent_spend", "recent_clicks",
    "recent_revenue", "usual_spend", "usual_clicks", "usual_revenue",
)  # fmt: skip
_FLOATS = frozenset({"usual_spend", "usual_clicks", "usual_revenue", "age_hours"})
_ADS = (
    "age_hours", "impressions_total", "clicks_total", "impressions_last", "clicks_last", "impressions_week",
    "clicks_week",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """One object with its figures; of an ad, beside a second active arm of its test that `rival` describes."""

    kind: ObjectKind
    figures: Figures
    is_active: bool = True
    rival: Figures | None = None


def candidates(policy: ClassicPolicy, limits: AccountLimits) -> Iterator[Witness]:
    """Yield objects at and around every threshold, the plainest first."""
    for figures in _money(policy, limits):
        yield Witness(kind=ObjectKind.AD_SET, figures=figures)
        yield Witness(kind=ObjectKind.CAMPAIGN, figures=figures)
    yield from _ads(policy)


def snapshot_of(witnesses: Sequence[Witness], policy: ClassicPolicy, currency: str) -> Snapshot:
    """Build the snapshot of an account that consists of these; ids are their places."""
    sets = {n: row for n, row in enumerate(witnesses) if row.kind is ObjectKind.AD_SET}
    campaigns = {n: row for n, row in enumerate(witnesses) if row.kind is ObjectKind.CAMPAIGN}
    ads = {n: row for n, row in enumerate(witnesses) if row.kind is ObjectKind.AD}
    return Snapshot(
        account_id=AccountId(0),
        currency=currency,
        zone="UTC",
        now=_NOW,
        window_days=policy.window_days,
        spike_hours=policy.spike_hours,
        tree_read_at=_NOW,
        insights_read_at=_NOW,
        campaigns_active=len(campaigns),
        campaigns=CampaignFrame(**_common(campaigns.keys(), [row.figures for row in campaigns.values()])),
        ad_sets=_ad_sets(sets, ads),
        ads=_ad_frame(ads, first_home=len(sets)),
    )


def _money(policy: ClassicPolicy, limits: AccountLimits) -> Iterator[Figures]:
    floor = limits.floor_minor
    least = max(1, round(policy.min_spend_floors * floor), round(policy.spike_min_spend_floors * floor))
    goal = limits.goal_cpa_minor
    spend = 100 * (goal * (-(-least // goal)) if goal else max(least, 100))
    usual = float(max(spend // policy.window_days // 24 * policy.spike_hours, 100))
    many = float(max(40.0, 4 * policy.spike_min_usual_clicks))
    ratio = policy.spike_ratio * 1.25
    for value, clicks, spent, back, size in product(
        _values(policy, limits), (1.0, ratio, 1 / ratio), (1.0, ratio), (2.0, 0.0), (10 * floor, floor)
    ):
        yield {
            "daily_budget_minor": max(size, 10),
            "spend_window": spend,
            "revenue_window": round(value * spend),
            "purchases_window": round(value * spend / goal) if goal else round(10 * value),
            "usual_spend": usual,
            "usual_clicks": many,
            "usual_revenue": 2 * usual,
            "recent_spend": round(usual * spent),
            "recent_clicks": round(many * clicks),
            "recent_revenue": round(usual * back),
        }


def _values(policy: ClassicPolicy, limits: AccountLimits) -> list[float]:
    """ROAS, or goal against cost, on either side of each threshold and between any two of them."""
    by = measure(_empty(), policy, limits)
    bounds = sorted({0.0, by.low / 2, by.low, by.high, by.spike_min})
    between = [(one + other) / 2 for one, other in pairwise(bounds)]
    return [*between, bounds[-1] * 1.2, 0.0]


def _empty() -> CampaignFrame:
    return CampaignFrame(**_common((), ()))


def _ads(policy: ClassicPolicy) -> Iterator[Witness]:
    seen = 10 * max(policy.ab_min_impressions, policy.fatigue_min_impressions, 1_000)
    for rate, last, active in product((0.02, 0.005), (1.0, (1 - policy.fatigue_drop) / 2), (True, False)):
        figures = _ad(policy, seen, rate, last)
        yield Witness(kind=ObjectKind.AD, figures=figures, is_active=active, rival=_ad(policy, seen, 0.01, 1.0))


def _ad(policy: ClassicPolicy, seen: int, rate: float, last: float) -> Figures:
    return {
        "age_hours": policy.ab_min_hours + 24,
        "impressions_total": seen, "clicks_total": round(seen * rate),
        "impressions_last": seen, "clicks_last": round(seen * rate * last),
        "impressions_week": 7 * seen, "clicks_week": round(7 * seen * rate),
    }  # fmt: skip


def _common(places: Iterable[int], rows: Iterable[Figures]) -> dict[str, Any]:
    rows = list(rows)
    count = len(rows)
    ids = np.array([str(place) for place in places], dtype=np.object_)
    columns = {name: np.array([row[name] for row in rows], dtype=_type(name)) for name in _MONEY}
    return columns | {
        "id": ids,
        "name": ids,
        "hold": np.full(count, int(Hold.FREE), np.int64),
        "is_active": np.ones(count, np.bool_),
        "is_learning": np.zeros(count, np.bool_),
        "impressions_window": np.full(count, 10_000, np.int64),
        "clicks_window": np.full(count, 100, np.int64),
    }


def _ad_sets(sets: Mapping[int, Witness], ads: Mapping[int, Witness]) -> AdSetFrame:
    """Those that are tried themselves, then a quiet one for each ad's test."""
    quiet = dict.fromkeys(_MONEY, 0.0)
    common = _common(
        [*sets, *(-1 - place for place in ads)], [*(row.figures for row in sets.values()), *(quiet for _ in ads)]
    )
    count = len(sets) + len(ads)
    return AdSetFrame(
        **common,
        campaign_id=np.full(count, "c", dtype=np.object_),
        campaign_index=np.full(count, -1, np.int64),
        is_ab_test=np.arange(count) >= len(sets),
        spend_today=np.zeros(count, np.int64),
    )


def _ad_frame(ads: Mapping[int, Witness], *, first_home: int) -> AdFrame:
    """Each ad, then two steady arms beside it."""
    rows, ids, homes, active = [], [], [], []
    for nth, (place, witness) in enumerate(ads.items()):
        arms = [(str(place), witness.figures, witness.is_active)]
        steady = witness.rival or witness.figures
        arms += [(f"{place}-a", steady, True), (f"{place}-b", {**steady, "clicks_total": 0}, True)]
        for name, figures, is_active in arms:
            ids.append(name)
            rows.append(figures)
            active.append(is_active)
            homes.append(first_home + nth)
    texts = np.array(ids, dtype=np.object_)
    count = len(rows)
    return AdFrame(
        **{name: np.array([row[name] for row in rows], dtype=_type(name)) for name in _ADS},
        id=texts,
        name=texts,
        ad_set_id=np.array([str(home) for home in homes], dtype=np.object_),
        ad_set_index=np.array(homes, dtype=np.int64),
        creative_id=texts,
        is_active=np.array(active, dtype=np.bool_),
        is_marked_fatigued=np.zeros(count, np.bool_),
        spend_window=np.zeros(count, np.int64),
        revenue_window=np.zeros(count, np.int64),
    )


def _type(name: str) -> type[np.generic]:
    return np.float64 if name in _FLOATS else np.int64
