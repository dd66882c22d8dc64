"""ROAS steps of ad sets: more budget above `roas_high`, less below `roas_low`, a pause where a cut is not enough."""

import numpy as np

from decisions.ad_set_changes import at_floor, change_budget, pause
from decisions.policy import AccountLimits, ClassicPolicy
from decisions.steps import lowered, raised
from decisions.wording import ages, amounts
from domain.actions import Json, Priority, Proposal
from domain.snapshot import Snapshot
from estimators.rates import rate

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

    An ad set that spent less than `min_spend_floors` account minimums in the window is left alone. Changes are whole
    minor units, rounded down, so that a rounded step is never larger than the policy's.
    """
    frame, floor = snapshot.ad_sets, limits.floor_minor
    budget = frame.daily_budget_minor
    roas = rate(frame.revenue_window, frame.spend_window)
    judged = frame.is_active & (frame.spend_window >= max(1.0, policy.min_spend_floors * floor))
    low = judged & (roas < policy.roas_low)
    up, down = raised(budget, policy.step), lowered(budget, policy.step, floor)
    is_raise = judged & (roas > policy.roas_high) & (budget > 0) & (up > budget)
    is_pause = low & ((roas < policy.roas_low / 2) | ((budget > 0) & (budget <= floor)))
    is_cut = low & ~is_pause & (budget > 0) & (down < budget)

    shared = _shared_evidence(snapshot, policy)
    found: list[Proposal] = []
    for rule, mask, target, step in ((RAISE, is_raise, up, policy.step), (CUT, is_cut, down, -policy.step)):
        side = f"is above {policy.roas_high:.2f}" if rule == RAISE else f"is below {policy.roas_low:.2f}"
        found.extend(
            change_budget(
                snapshot,
                row,
                target.item(row),
                step=step,
                rule=rule,
                priority=Priority.ROAS,
                why=f"{_figures(snapshot, row)} {side}",
                evidence=_evidence(snapshot, row, shared),
            )
            for row in np.flatnonzero(mask).tolist()
        )
    found.extend(
        pause(
            snapshot,
            row,
            rule=CUT,
            priority=Priority.ROAS,
            why=f"{_figures(snapshot, row)} {_too_low(snapshot, row, policy, floor)}",
            evidence=_evidence(snapshot, row, shared),
        )
        for row in np.flatnonzero(is_pause).tolist()
    )
    return tuple(found)


def _figures(snapshot: Snapshot, row: int) -> str:
    write, currency = amounts(snapshot.currency), snapshot.currency
    spend, revenue = snapshot.ad_sets.spend_window.item(row), snapshot.ad_sets.revenue_window.item(row)
    return (
        f"ROAS {revenue / spend:.2f} over {snapshot.window_days} days"
        f" (spend {write(spend)} {currency}, revenue {write(revenue)} {currency})"
    )


def _too_low(snapshot: Snapshot, row: int, policy: ClassicPolicy, floor_minor: int) -> str:
    spend, revenue = snapshot.ad_sets.spend_window.item(row), snapshot.ad_sets.revenue_window.item(row)
    if revenue / spend < policy.roas_low / 2:
        return f"is below {policy.roas_low / 2:.2f}, half of {policy.roas_low:.2f}"
    return f"is below {policy.roas_low:.2f}{at_floor(snapshot, row, floor_minor)}"


def _shared_evidence(snapshot: Snapshot, policy: ClassicPolicy) -> dict[str, Json]:
    return {
        "window_days": snapshot.window_days,
        "roas_high": policy.roas_high,
        "roas_low": policy.roas_low,
        **ages(snapshot),
    }


def _evidence(snapshot: Snapshot, row: int, shared: dict[str, Json]) -> dict[str, Json]:
    frame = snapshot.ad_sets
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
