"""ROAS steps: more budget above `roas_high`, less below `roas_low`, a pause where a cut is not enough."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from decisions.budget_changes import Frame, at_floor, change_budget, frames, is_free, pause
from decisions.goals import Measure, measure
from decisions.policy import AccountLimits, ClassicPolicy
from decisions.steps import lowered, raised
from decisions.wording import ages, amounts
from domain.actions import Json, Priority, Proposal
from domain.snapshot import Bools, CampaignFrame, Ints, Snapshot

RAISE = "roas_high"
CUT = "roas_low"


def decide(snapshot: Snapshot, policy: ClassicPolicy, limits: AccountLimits) -> tuple[Proposal, ...]:
    """Propose by the raw ROAS of each active ad set over the window (revenue as arrived, none counts as 0).

    | ROAS of the window | own daily budget above the floor | at the floor | no daily budget of its own |
    |---|---|---|---|
    | over `roas_high` | budget + step | budget + step | nothing |
    | `roas_low` to `roas_high` | nothing | nothing | nothing |
    | half of `roas_low` to `roas_low` | budget - step, not under the floor | pause | nothing |
    | under half of `roas_low` | pause | pause | pause |

    Where the account has a goal, `decisions/goals.py` says what stands in for the ROAS and its thresholds. A campaign
    that carries the budget of its ad sets is judged likewise, by their sum; ad sets of a campaign that is to be paused
    are not paused as well. Lifetime budgets, bid limits and spend caps are left alone.

    What spent less than `min_spend_floors` account minimums in the window is left alone. Changes are whole minor
    units, rounded down, so that a rounded step is never larger than the policy's.
    """
    found: list[Proposal] = []
    paused_campaigns = np.zeros(len(snapshot.campaigns), np.bool_)
    for frame in frames(snapshot):
        wanted = _want(frame, policy, limits)
        if isinstance(frame, CampaignFrame):
            paused_campaigns = wanted.is_pause
        else:
            inside = frame.campaign_index
            stopped = (inside >= 0) & np.append(paused_campaigns, values=False)[inside]
            wanted = replace(wanted, is_pause=wanted.is_pause & ~stopped)
        found.extend(_propose(snapshot, frame, wanted, policy, limits.floor_minor))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What is wanted of each row of a frame."""

    by: Measure
    is_raise: Bools
    is_cut: Bools
    is_pause: Bools
    up: Ints
    down: Ints


def _want(frame: Frame, policy: ClassicPolicy, limits: AccountLimits) -> _Wanted:
    by, floor, budget = measure(frame, policy, limits), limits.floor_minor, frame.daily_budget_minor
    judged = frame.is_active & is_free(frame) & (frame.spend_window >= max(1.0, policy.min_spend_floors * floor))
    low = judged & (by.value < by.low)
    up, down = raised(budget, policy.step), lowered(budget, policy.step, floor)
    is_pause = low & ((by.value < by.low / 2) | ((budget > 0) & (budget <= floor)))
    return _Wanted(
        by=by,
        is_raise=judged & (by.value > by.high) & (budget > 0) & (up > budget),
        is_cut=low & ~is_pause & (budget > 0) & (down < budget),
        is_pause=is_pause,
        up=up,
        down=down,
    )


def _propose(
    snapshot: Snapshot, frame: Frame, wanted: _Wanted, policy: ClassicPolicy, floor_minor: int
) -> Iterator[Proposal]:
    by = wanted.by
    shared = {"window_days": snapshot.window_days, **by.evidence(), **ages(snapshot)}
    sides = (
        (RAISE, wanted.is_raise, wanted.up, policy.step, by.above(snapshot, by.high)),
        (CUT, wanted.is_cut, wanted.down, -policy.step, by.below(snapshot, by.low)),
    )
    for rule, mask, target, step, side in sides:
        for row in np.flatnonzero(mask).tolist():
            yield change_budget(
                snapshot,
                frame,
                row,
                target.item(row),
                step=step,
                rule=rule,
                priority=Priority.ROAS,
                why=f"{_figures(snapshot, frame, row, by)} is {side}{by.wish(snapshot)}",
                evidence=_evidence(frame, row, shared),
            )
    for row in np.flatnonzero(wanted.is_pause).tolist():
        yield pause(
            frame,
            row,
            rule=CUT,
            priority=Priority.ROAS,
            why=f"{_figures(snapshot, frame, row, by)} is {_too_low(snapshot, frame, row, by, floor_minor)}",
            evidence=_evidence(frame, row, shared),
        )


def _figures(snapshot: Snapshot, frame: Frame, row: int, by: Measure) -> str:
    write, currency = amounts(snapshot.currency), snapshot.currency
    spend, revenue = frame.spend_window.item(row), frame.revenue_window.item(row)
    brought = f"{frame.purchases_window.item(row):,} purchases" if by.is_cpa else f"revenue {write(revenue)} {currency}"
    return (
        f"{by.of(snapshot, frame, row)} over {snapshot.window_days} days (spend {write(spend)} {currency}, {brought})"
    )


def _too_low(snapshot: Snapshot, frame: Frame, row: int, by: Measure, floor_minor: int) -> str:
    if by.value.item(row) < by.low / 2:
        return f"{by.below_half(snapshot)}{by.wish(snapshot)}"
    return f"{by.below(snapshot, by.low)}{by.wish(snapshot)}{at_floor(snapshot, frame, row, floor_minor)}"


def _evidence(frame: Frame, row: int, shared: dict[str, Json]) -> dict[str, Json]:
    spend, revenue = frame.spend_window.item(row), frame.revenue_window.item(row)
    return {
        "roas": round(revenue / spend, 4),
        "spend_minor": spend,
        "revenue_minor": revenue,
        "purchases": frame.purchases_window.item(row),
        "clicks": frame.clicks_window.item(row),
        "impressions": frame.impressions_window.item(row),
        "is_learning": frame.is_learning.item(row),
        **shared,
    }
