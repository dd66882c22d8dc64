"""Proposals and facts for the guardrails' tests: everything known and harmless unless a test says otherwise."""

from datetime import UTC, datetime, timedelta
from typing import Any

from actions.guardrails import Facts
from domain.actions import ActionKind, ObjectKind, Priority, Proposal
from domain.money import Money
from domain.objects import BudgetCarrier

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)

_KNOWN: dict[str, Any] = {
    "now": NOW,
    "currency": "EUR",
    "ad_set_cap": None,
    "campaign_cap": None,
    "account_cap": None,
    "month_budget": None,
    "margin": None,
    "has_marks": True,
    "has_incidents": True,
    "budget_edits_per_hour": 4,
    "minimum_daily_budget_minor": 500,
    "account_daily_budgets_minor": 100_000,
    "campaign_daily_budgets_minor": 50_000,
    "object_daily_budget_minor": 0,
    "has_budget_history": True,
    "budget_edits_last_hour": 0,
    "is_learning": False,
    "has_ledger": True,
    "actions_in_cycle": 0,
    "pauses_in_day": 0,
    "paused_ppm_in_day": 0,
    "object_ppm": 1_000,
    "active_ad_sets": 100,
    "learned_ad_sets": 1,
    "learning_reset_step": 0.2,
    "resets_in_week": 0,
    "overspend_ratio": 1.75,
    "budget_step_minor": 1,
    "budget_carrier": BudgetCarrier.OWN_DAILY,
    "max_change": Money(10**12, "EUR"),
    "tree_age": timedelta(minutes=5),
    "insights_age": timedelta(minutes=5),
    "activities_age": timedelta(minutes=5),
}


def facts(**known: Any) -> Facts:
    """Facts with everything known: 1,000.00 EUR of budgets run, nothing was changed lately."""
    return Facts(**{**_KNOWN, **known})


def proposal(kind: ActionKind, target: dict[str, Any], before: dict[str, Any], **fields: Any) -> Proposal:
    values: dict[str, Any] = {
        "object_kind": ObjectKind.AD_SET,
        "object_id": "123",
        "object_name": "An ad set",
        "rule": "roas_high",
        "priority": Priority.ROAS,
        "reason": "because",
        **fields,
    }
    return Proposal(kind=kind, target=target, expected_before=before, **values)


def budget(before: int, target: int, **fields: Any) -> Proposal:
    """A change of a daily budget."""
    return proposal(
        ActionKind.SET_DAILY_BUDGET, {"daily_budget_minor": target}, {"daily_budget_minor": before}, **fields
    )


def pause(**fields: Any) -> Proposal:
    return proposal(ActionKind.PAUSE, {"status": "paused"}, {"status": "active"}, **fields)


def activate(**fields: Any) -> Proposal:
    return proposal(ActionKind.ACTIVATE, {"status": "active"}, {"status": "paused"}, **fields)


def create(kind: ActionKind = ActionKind.CREATE_AD_SET, **target: Any) -> Proposal:
    return proposal(kind, {"name": "New", "status": "paused", **target}, {}, object_kind=ObjectKind.CAMPAIGN)
