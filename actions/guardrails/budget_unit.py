"""Budgets move in steps that the platform can hold: whole forints, cents, fils by ten. A finer target is rounded."""

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import budget_in, passed, stopped, thing, trimmed
from domain.actions import CREATES, Proposal, Verdict

SLUG = "budget_unit"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Round towards the present value, so that no step and no cap is passed by rounding; a new budget is rounded down.

    Example: 10,000 HUF → 11,999.50 HUF becomes 11,999 HUF.
    """
    if proposal.kind in CREATES and proposal.target.get("daily_budget_minor") is None:
        return passed(SLUG, "carries no daily budget")
    target, unit = budget_in(proposal.target), facts.budget_step_minor
    if target is None:
        return stopped(SLUG, f"the target of {thing(proposal)} is no daily budget; give whole minor units above 0")
    if unit is None:
        return stopped(SLUG, f"in which steps the budget of {thing(proposal)} moves is not known; sync the account")
    if target % unit == 0:
        return passed(SLUG, "a step that the platform can hold")
    before = budget_in(proposal.expected_before) or 0
    rounded = target - target % unit if target > before else target - target % unit + unit
    if rounded == 0 or (rounded - before) * (target - before) <= 0:
        return stopped(
            SLUG,
            f"the platform moves the budget of {thing(proposal)} in steps of {facts.amount(unit)}:"
            f" {facts.amount(before)} → {facts.amount(target)} is less than one",
        )
    return trimmed(
        SLUG,
        f"budget of {thing(proposal)} rounded to steps of {facts.amount(unit)}:"
        f" {facts.amount(target)} becomes {facts.amount(rounded)}",
        proposal,
        rounded,
    )
