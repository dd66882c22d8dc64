"""How fast proposals are arbitrated and judged: the pure functions alone, at growing sizes, with their peak memory."""

import gc
import time
import tracemalloc
from datetime import timedelta
from typing import Any

import numpy as np

from actions.arbiter import arbitrate
from actions.guardrails import Facts, Limits, fold, judge_all
from benchmarks.door_house import NOW
from domain.actions import ActionKind, ObjectKind, Priority, Proposal
from domain.money import Money
from domain.objects import BudgetCarrier

_RULES = (
    (ActionKind.SET_DAILY_BUDGET, Priority.ROAS, "roas"),
    (ActionKind.SET_DAILY_BUDGET, Priority.POSITIVE_SPIKE, "spike"),
    (ActionKind.PAUSE, Priority.NEGATIVE_SPIKE, "negative_spike"),
    (ActionKind.SET_DAILY_BUDGET, Priority.AB_WINNER, "ab_winner"),
)
_LIMITS = Limits(actions_per_cycle=1_000_000)
_MIB = 1024 * 1024


def measure_judging(most: int) -> dict[str, Any]:
    """Arbitrate and judge a hundredth, a tenth and all of `most` proposals, two of three on an object with a rival."""
    told: dict[str, Any] = {}
    for count in (most // 100, most // 10, most):
        if count:
            told[f"{count}_s"] = round(_seconds(count), 3)
    tracemalloc.start()
    _seconds(most)
    told["peak_mib"] = round(tracemalloc.get_traced_memory()[1] / _MIB, 1)
    tracemalloc.stop()
    return told | {"aim_s": 5.0}


def _seconds(count: int) -> float:
    proposals = _proposals(count)
    gc.collect()
    began = time.perf_counter()
    arbitration = arbitrate(proposals)
    total_minor = 0
    for proposal in arbitration.winners:
        facts = _facts(total_minor)
        judgement = fold(proposal, judge_all(proposal, facts))
        total_minor += judgement.allowed
    return time.perf_counter() - began


def _proposals(count: int) -> list[Proposal]:
    dice = np.random.default_rng(1)
    places, rules = dice.integers(0, max(1, count * 2 // 3), count), dice.integers(0, len(_RULES), count)
    return [_proposal(int(place), *_RULES[int(rule)]) for place, rule in zip(places, rules, strict=True)]


def _proposal(place: int, kind: ActionKind, priority: Priority, rule: str) -> Proposal:
    is_pause = kind is ActionKind.PAUSE
    return Proposal(
        kind=kind,
        object_kind=ObjectKind.AD_SET,
        object_id=str(place),
        object_name="Ad set",
        expected_before={"status": "active"} if is_pause else {"daily_budget_minor": 10_000},
        target={"status": "paused"} if is_pause else {"daily_budget_minor": 9_000 + place % 40 * 100},
        rule=rule,
        priority=priority,
        reason="ROAS 4.0 over 3.0",
    )


def _facts(total_minor: int) -> Facts:
    """As the door states them anew for each proposal; everything is known, and most of it harmless."""
    return Facts(
        now=NOW,
        ad_set_cap=Money(1_000_000, "USD"),
        campaign_cap=Money(10_000_000, "USD"),
        account_cap=Money(10_000_000_000, "USD"),
        month_budget=None,
        margin=None,
        budget_edits_per_hour=4,
        max_change=Money(50_000, "USD"),
        currency="USD",
        minimum_daily_budget_minor=100,
        account_daily_budgets_minor=total_minor,
        campaign_daily_budgets_minor=10_000,
        object_daily_budget_minor=10_000,
        overspend_ratio=1.75,
        budget_step_minor=1,
        budget_carrier=BudgetCarrier.OWN_DAILY,
        has_budget_history=True,
        budget_edits_last_hour=0,
        is_learning=False,
        has_ledger=True,
        actions_in_cycle=0,
        pauses_in_day=0,
        paused_ppm_in_day=0,
        object_ppm=10,
        active_ad_sets=1_000,
        learned_ad_sets=1,
        learning_reset_step=0.2,
        resets_in_week=0,
        has_marks=True,
        tree_age=timedelta(minutes=5),
        insights_age=timedelta(minutes=5),
        activities_age=timedelta(minutes=5),
        limits=_LIMITS,
    )
