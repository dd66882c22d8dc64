"""A daily budget moves by at most ±20 % at a time: larger steps reset learning (facts/decisions.md §0)."""

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import basis_points, budget_in, passed, percent, stopped, thing, trimmed
from domain.actions import Proposal, Verdict

SLUG = "step"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Trim a larger step to the largest whole minor unit within the limit."""
    before, target = budget_in(proposal.expected_before), budget_in(proposal.target)
    if before is None or target is None:
        return stopped(
            SLUG,
            f"the change of {thing(proposal)} lacks the budget it was decided on, or its target;"
            " both must be whole minor units above 0",
        )
    if target == before:
        return stopped(SLUG, f"daily budget of {thing(proposal)} already is {facts.amount(before)}; nothing to change")
    widest = before * basis_points(facts.limits.step_max) // 10_000
    limit = percent(facts.limits.step_max)
    if abs(target - before) <= widest:
        return passed(SLUG, f"within the step of {limit}")
    if widest == 0:
        return stopped(
            SLUG,
            f"{limit} of the daily budget {facts.amount(before)} of {thing(proposal)} is under one minor unit;"
            " set it by hand or pause it",
        )
    reduced = before + widest if target > before else before - widest
    return trimmed(
        SLUG,
        f"step of {thing(proposal)} trimmed to {limit}: {facts.amount(before)} → {facts.amount(reduced)}"
        f" instead of {facts.amount(target)}",
        proposal,
        reduced,
    )
