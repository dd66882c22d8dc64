"""What stands between an object and each rule: figure against limit, with the age of the figure. Decides nothing.

A rule fires on an object exactly where all gates of one of its sides pass: a test holds this to the rules themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

import numpy as np

from decisions.budget_changes import Frame
from decisions.freshness import age_s
from decisions.goals import Measure, measure
from decisions.holds import WORDS
from decisions.policy import AccountLimits, ClassicPolicy
from decisions.steps import lowered, raised
from decisions.wording import amounts
from domain.snapshot import Hold, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One condition of a rule on one object: what was found, and what it takes to pass."""

    rule: str
    name: str
    passes: bool
    figure: str
    wants: str
    age_s: int | None  # of the figure; None = never read


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One row of a frame with everything its gates compare."""

    snapshot: Snapshot
    frame: Frame
    row: int
    policy: ClassicPolicy
    limits: AccountLimits
    by: Measure

    def amount(self, minor: float) -> str:
        return f"{amounts(self.snapshot.currency)(round(minor))} {self.snapshot.currency}"

    def get(self, name: str) -> float:
        value: float = getattr(self.frame, name).item(self.row)
        return value

    def gate(self, rule: str, name: str, *, passes: bool, figure: str, wants: str, at: datetime | None) -> Gate:
        return Gate(rule=rule, name=name, passes=passes, figure=figure, wants=wants, age_s=age_s(at, self.snapshot.now))

    def of_tree(self, rule: str, name: str, *, passes: bool, figure: str, wants: str) -> Gate:
        return self.gate(rule, name, passes=passes, figure=figure, wants=wants, at=self.snapshot.tree_read_at)

    def of_figures(self, rule: str, name: str, *, passes: bool, figure: str, wants: str) -> Gate:
        return self.gate(rule, name, passes=passes, figure=figure, wants=wants, at=self.snapshot.insights_read_at)


def of_budget(
    snapshot: Snapshot, frame: Frame, row: int, policy: ClassicPolicy, limits: AccountLimits
) -> tuple[Gate, ...]:
    """Return the gates of every rule on the ad set, or campaign with a budget, in `row`."""
    one = _Row(snapshot=snapshot, frame=frame, row=row, policy=policy, limits=limits, by=measure(frame, policy, limits))
    return (*_raise(one), *_lower(one), *_spike_up(one), *_spike_down(one))


RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "roas_high": "raise the budget",
        "roas_low": "cut the budget, or pause",
        "spike_positive": "raise on a positive spike",
        "spike_negative": "cut or pause on a negative spike",
    }
)


def _steered(one: _Row, rule: str) -> tuple[Gate, ...]:
    hold = Hold(int(one.get("hold")))
    is_free = hold in {Hold.FREE, Hold.CAMPAIGN_BUDGET}
    return (
        one.of_tree(
            rule, "active", passes=bool(one.get("is_active")),
            figure="active" if one.get("is_active") else "paused, or its campaign is", wants="active",
        ),
        one.of_tree(
            rule, "hold", passes=is_free, figure="nothing binds its spend" if is_free else WORDS[hold],
            wants="steered by a daily budget alone",
        ),
    )  # fmt: skip


def _enough_spend(one: _Row, rule: str) -> Gate:
    least = max(1.0, one.policy.min_spend_floors * one.limits.floor_minor)
    return one.of_figures(
        rule,
        "min_spend",
        passes=one.get("spend_window") >= least,
        figure=f"spend {one.amount(one.get('spend_window'))} in {one.snapshot.window_days} days",
        wants=f"at least {one.amount(least)}",
    )


def _own_budget(one: _Row, rule: str, *, passes: bool, wants: str) -> Gate:
    budget = int(one.get("daily_budget_minor"))
    figure = f"daily budget {one.amount(budget)}" if budget > 0 else "no daily budget of its own"
    return one.of_tree(rule, "own_budget", passes=passes, figure=figure, wants=wants)


def _result(one: _Row) -> str:
    value = one.by.value.item(one.row)
    if np.isnan(value):
        return "nothing spent, so no return"
    return f"{one.by.of(one.snapshot, one.frame, one.row)} over {one.snapshot.window_days} days"


def _raise(one: _Row) -> tuple[Gate, ...]:
    rule, budget = "roas_high", one.frame.daily_budget_minor
    up = int(raised(budget, one.policy.step).item(one.row))
    passes = bool(one.by.value.item(one.row) > one.by.high)
    return (
        *_steered(one, rule),
        _enough_spend(one, rule),
        one.of_figures(
            rule, "threshold", passes=passes, figure=_result(one), wants=one.by.above(one.snapshot, one.by.high)
        ),
        _own_budget(one, rule, passes=0 < int(one.get("daily_budget_minor")) < up, wants="a budget that can grow"),
    )


def _lower(one: _Row) -> tuple[Gate, ...]:
    rule, floor = "roas_low", one.limits.floor_minor
    budget = int(one.get("daily_budget_minor"))
    down = int(lowered(one.frame.daily_budget_minor, one.policy.step, floor).item(one.row))
    value = one.by.value.item(one.row)
    is_pause = bool(value < one.by.low / 2) or 0 < budget <= floor
    return (
        *_steered(one, rule),
        _enough_spend(one, rule),
        one.of_figures(
            rule, "threshold", passes=bool(value < one.by.low), figure=_result(one),
            wants=one.by.below(one.snapshot, one.by.low),
        ),
        _own_budget(
            one, rule, passes=is_pause or (budget > 0 and down < budget),
            wants=f"a budget of its own above {one.amount(floor)}, or {one.by.below_half(one.snapshot)}",
        ),
    )  # fmt: skip


def _usual(one: _Row, rule: str) -> Gate:
    return one.of_figures(
        rule,
        "usual_spend",
        passes=one.get("usual_spend") > 0,
        figure=f"usual spend of these {one.snapshot.spike_hours} h {one.amount(one.get('usual_spend'))}",
        wants="something to compare with",
    )


def _usual_clicks(one: _Row, rule: str) -> Gate:
    return one.of_figures(
        rule,
        "usual_clicks",
        passes=one.get("usual_clicks") >= one.policy.spike_min_usual_clicks,
        figure=f"{one.get('usual_clicks'):,.1f} usual clicks",
        wants=f"at least {one.policy.spike_min_usual_clicks:g}",
    )


def _spike_up(one: _Row) -> tuple[Gate, ...]:
    rule, ratio = "spike_positive", one.policy.spike_ratio
    recent, usual = one.get("recent_clicks"), one.get("usual_clicks")
    up = int(raised(one.frame.daily_budget_minor, one.policy.spike_step_up).item(one.row))
    return (
        *_steered(one, rule),
        _usual(one, rule),
        _usual_clicks(one, rule),
        one.of_figures(
            rule, "clicks", passes=recent >= ratio * usual,
            figure=f"{recent:,.0f} clicks in {one.snapshot.spike_hours} h", wants=f"at least {ratio * usual:,.0f}",
        ),
        _enough_spend(one, rule),
        one.of_figures(
            rule, "threshold", passes=bool(one.by.value.item(one.row) > one.by.spike_min), figure=_result(one),
            wants=one.by.above(one.snapshot, one.by.spike_min),
        ),
        one.of_figures(
            rule, "not_negative", passes=not _is_negative(one), figure=_recent(one), wants="no negative spike as well"
        ),
        _own_budget(one, rule, passes=0 < int(one.get("daily_budget_minor")) < up, wants="a budget that can grow"),
    )  # fmt: skip


def _spike_down(one: _Row) -> tuple[Gate, ...]:
    rule, floor = "spike_negative", one.limits.floor_minor
    budget = int(one.get("daily_budget_minor"))
    down = int(lowered(one.frame.daily_budget_minor, one.policy.spike_step_down, floor).item(one.row))
    ratio, usual = one.policy.spike_ratio, one.get("usual_spend")
    return (
        *_steered(one, rule),
        _usual(one, rule),
        one.of_figures(
            rule, "spike", passes=_is_negative(one), figure=_recent(one),
            wants=(
                f"{one.amount(one.policy.spike_usual_spend_share * usual)} spent for at most"
                f" {one.get('usual_clicks') / ratio:,.0f} clicks, or {one.amount(ratio * usual)} spent at half the"
                " usual return"
            ),
        ),
        _own_budget(
            one, rule, passes=_earns_nothing(one) or 0 < budget <= floor or (budget > 0 and down < budget),
            wants=f"a budget of its own above {one.amount(floor)}, or no revenue at all in these hours",
        ),
    )  # fmt: skip


def _recent(one: _Row) -> str:
    return (
        f"spend {one.amount(one.get('recent_spend'))}, {one.get('recent_clicks'):,.0f} clicks, revenue"
        f" {one.amount(one.get('recent_revenue'))} in {one.snapshot.spike_hours} h"
    )


def _is_negative(one: _Row) -> bool:
    policy, floor = one.policy, one.limits.floor_minor
    usual, recent = one.get("usual_spend"), one.get("recent_spend")
    comparable = one.get("usual_clicks") >= policy.spike_min_usual_clicks
    spent = recent >= policy.spike_usual_spend_share * usual
    few = one.get("recent_clicks") * policy.spike_ratio <= one.get("usual_clicks")
    much = recent >= max(policy.spike_ratio * usual, policy.spike_min_spend_floors * floor)
    lags = one.get("recent_revenue") * usual * policy.spike_ratio <= one.get("usual_revenue") * recent
    return (comparable and spent and few) or (much and lags)


def _earns_nothing(one: _Row) -> bool:
    least = max(1.0, one.policy.min_spend_floors * one.limits.floor_minor)
    is_rated = one.get("spend_window") >= least
    return is_rated and one.get("recent_revenue") == 0 and bool(one.by.value.item(one.row) < one.by.low / 2)
