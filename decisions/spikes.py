"""Hourly spikes: clicks for the same money upwards, money without its return downwards."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from decisions.budget_changes import Frame, at_floor, change_budget, frames, is_free, pause
from decisions.goals import Measure, measure
from decisions.policy import AccountLimits, ClassicPolicy
from decisions.steps import lowered, raised
from decisions.wording import ages, amounts
from domain.actions import Json, Priority, Proposal
from domain.snapshot import Bools, Floats, Snapshot
from estimators.rates import rate

POSITIVE = "spike_positive"
NEGATIVE = "spike_negative"


def decide(snapshot: Snapshot, policy: ClassicPolicy, limits: AccountLimits) -> tuple[Proposal, ...]:
    """Compare the last `spike_hours` of each active ad set with the same hours of the 7 days before (its "usual").

    With a ratio of 2 and usual figures of 30.00 spend, 40 clicks and 90.00 revenue:
    - *positive*: at least 80 clicks, and a ROAS over the window above `spike_min_roas`: budget + `spike_step_up`;
    - *negative, paying for nothing*: at least 24.00 spend (`spike_usual_spend_share` 0.8), but at most 20 clicks;
    - *negative, overspending*: at least 60.00 spend, and per unit spent at most half of the usual revenue: with 60.00
      spent that is 90.00 or less.
    Negative: budget - `spike_step_down`; a pause where the budget is at its floor, or where nothing came back in these
    hours and the ROAS of the window is under half of `roas_low`. What is both positive and negative is negative.

    Hours whose usual clicks are under `spike_min_usual_clicks` are no basis for comparing clicks; overspending needs
    at least `spike_min_spend_floors` account minimums spent and a usual spend. Rounding is that of the ROAS steps.

    With a goal set, `decisions/goals.py` says what stands in for the ROAS and its thresholds. Campaigns that carry the
    budget are judged by the sum of their ad sets; what people bound by other means is left alone.
    """
    return tuple(proposal for frame in frames(snapshot) for proposal in _decide(snapshot, frame, policy, limits))


def _decide(snapshot: Snapshot, frame: Frame, policy: ClassicPolicy, limits: AccountLimits) -> Iterator[Proposal]:
    floor, budget = limits.floor_minor, frame.daily_budget_minor
    by = measure(frame, policy, limits)
    spikes = find_spikes(frame, by, policy, limits)
    up, down = raised(budget, policy.spike_step_up), lowered(budget, policy.spike_step_down, floor)
    negative = spikes.pays_for_nothing | spikes.overspends
    is_raise = spikes.positive & ~negative & (budget > 0) & (up > budget)
    is_pause = negative & (((budget > 0) & (budget <= floor)) | spikes.earns_nothing)
    is_cut = negative & ~is_pause & (budget > 0) & (down < budget)

    shared = _shared_evidence(snapshot, policy, by)
    for row in np.flatnonzero(is_raise).tolist():
        yield change_budget(
            snapshot,
            frame,
            row,
            up.item(row),
            step=policy.spike_step_up,
            rule=POSITIVE,
            priority=Priority.POSITIVE_SPIKE,
            why=_why_positive(snapshot, frame, row, by),
            evidence=_evidence(frame, row, spikes, shared),
        )
    for row in np.flatnonzero(is_cut).tolist():
        yield change_budget(
            snapshot,
            frame,
            row,
            down.item(row),
            step=-policy.spike_step_down,
            rule=NEGATIVE,
            priority=Priority.NEGATIVE_SPIKE,
            why=_why_negative(snapshot, frame, row, spikes),
            evidence=_evidence(frame, row, spikes, shared),
        )
    for row in np.flatnonzero(is_pause).tolist():
        why_pause = (
            _why_pause(snapshot, frame, row, by)
            if spikes.earns_nothing.item(row)
            else at_floor(snapshot, frame, row, floor)
        )
        yield pause(
            frame,
            row,
            rule=NEGATIVE,
            priority=Priority.NEGATIVE_SPIKE,
            why=_why_negative(snapshot, frame, row, spikes) + why_pause,
            evidence=_evidence(frame, row, spikes, shared),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spikes:
    """What was seen, aligned with the rows; the house's one definition of a spike. `roas` is of the window."""

    positive: Bools
    pays_for_nothing: Bools
    overspends: Bools
    earns_nothing: Bools
    roas: Floats


def find_spikes(frame: Frame, by: Measure, policy: ClassicPolicy, limits: AccountLimits) -> Spikes:
    """Mark the rows as `decide` defines it; paused ones and those left alone are never marked."""
    ratio, floor = policy.spike_ratio, limits.floor_minor
    known = frame.is_active & is_free(frame) & (frame.usual_spend > 0)
    comparable = known & (frame.usual_clicks >= policy.spike_min_usual_clicks)
    roas = rate(frame.revenue_window, frame.spend_window)
    rated = frame.spend_window >= max(1.0, policy.min_spend_floors * floor)
    spent = frame.recent_spend >= policy.spike_usual_spend_share * frame.usual_spend
    overspent = frame.recent_spend >= np.maximum(ratio * frame.usual_spend, policy.spike_min_spend_floors * floor)
    # revenue per unit spent ≤ usual / ratio, multiplied out so that no usual revenue is no division by zero
    lags = frame.recent_revenue * frame.usual_spend * ratio <= frame.usual_revenue * frame.recent_spend
    return Spikes(
        positive=comparable & rated & (frame.recent_clicks >= ratio * frame.usual_clicks) & (by.value > by.spike_min),
        pays_for_nothing=comparable & spent & (frame.recent_clicks * ratio <= frame.usual_clicks),
        overspends=known & overspent & lags,
        earns_nothing=rated & (frame.recent_revenue == 0) & (by.value < by.low / 2),
        roas=roas,
    )


def _why_positive(snapshot: Snapshot, frame: Frame, row: int, by: Measure) -> str:
    return (
        f"{frame.recent_clicks.item(row):,} clicks in the last {snapshot.spike_hours} h instead of the usual"
        f" {frame.usual_clicks.item(row):,.0f}, with {by.of(snapshot, frame, row)} over {snapshot.window_days} days"
        f" {by.above(snapshot, by.spike_min)}"
    )


def _why_negative(snapshot: Snapshot, frame: Frame, row: int, spikes: Spikes) -> str:
    write, currency = amounts(snapshot.currency), snapshot.currency
    spent = (
        f"spend {write(frame.recent_spend.item(row))} {currency} in the last {snapshot.spike_hours} h"
        f" (usual {write(round(frame.usual_spend.item(row)))} {currency})"
    )
    if spikes.pays_for_nothing.item(row):
        return (
            f"{spent} brought {frame.recent_clicks.item(row):,} clicks"
            f" instead of the usual {frame.usual_clicks.item(row):,.0f}"
        )
    return (
        f"{spent} brought revenue {write(frame.recent_revenue.item(row))} {currency}"
        f" (usual {write(round(frame.usual_revenue.item(row)))} {currency})"
    )


def _why_pause(snapshot: Snapshot, frame: Frame, row: int, by: Measure) -> str:
    return (
        f", no revenue in these hours, and {by.of(snapshot, frame, row)} over {snapshot.window_days} days"
        f" is {by.below(snapshot, by.low / 2)}"
    )


def _shared_evidence(snapshot: Snapshot, policy: ClassicPolicy, by: Measure) -> dict[str, Json]:
    goal: dict[str, Json] = {} if by.goal is None else {"goal_cpa_minor" if by.is_cpa else "goal_roas": by.goal}
    return {
        "spike_hours": snapshot.spike_hours,
        "spike_ratio": policy.spike_ratio,
        **(goal or {"spike_min_roas": by.spike_min}),
        "window_days": snapshot.window_days,
        **ages(snapshot),
    }


def _evidence(frame: Frame, row: int, spikes: Spikes, shared: dict[str, Json]) -> dict[str, Json]:
    roas = spikes.roas.item(row)
    return {
        "recent_spend_minor": frame.recent_spend.item(row),
        "recent_clicks": frame.recent_clicks.item(row),
        "recent_revenue_minor": frame.recent_revenue.item(row),
        "usual_spend_minor": round(frame.usual_spend.item(row), 2),
        "usual_clicks": round(frame.usual_clicks.item(row), 2),
        "usual_revenue_minor": round(frame.usual_revenue.item(row), 2),
        "roas": None if np.isnan(roas) else round(roas, 4),
        "spend_minor": frame.spend_window.item(row),
        "revenue_minor": frame.revenue_window.item(row),
        **shared,
    }
