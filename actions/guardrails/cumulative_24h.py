"""Steps do not add up: all changes of a daily budget in 24 h together stay within one step of where it stood."""

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import basis_points, budget_in, passed, percent, stopped, thing, trimmed
from domain.actions import Proposal, Verdict

SLUG = "cumulative_24h"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Trim to one step around the value before our first change in 24 h; a way back towards it is never hindered.

    Example: 100.00 this morning, 112.00 now: up to 120.00 or down to 80.00, whatever rules want.
    """
    if not facts.has_budget_history:
        return stopped(SLUG, f"how the budget of {thing(proposal)} stood 24 h ago is not known; sync the account")
    base = facts.budget_day_ago_minor
    if base is None:
        return passed(SLUG, "not changed in the last 24 h")
    before, target = budget_in(proposal.expected_before), budget_in(proposal.target)
    if before is None or target is None:
        return stopped(SLUG, f"the change of {thing(proposal)} lacks its budget before or after")
    widest = base * basis_points(facts.limits.step_max) // 10_000
    is_back = abs(target - base) <= abs(before - base) and (target - base) * (before - base) >= 0
    if abs(target - base) <= widest or is_back:
        return passed(SLUG, f"within {percent(facts.limits.step_max)} in 24 h")
    edge = base + widest if target > base else base - widest
    if (edge - before) * (target - before) <= 0:
        return stopped(
            SLUG,
            f"daily budget of {thing(proposal)} stood at {facts.amount(base)} within the last 24 h and now at"
            f" {facts.amount(before)}: {percent(facts.limits.step_max)} a day are used up",
        )
    return trimmed(
        SLUG,
        f"change of {thing(proposal)} trimmed to {percent(facts.limits.step_max)} in 24 h from {facts.amount(base)}:"
        f" {facts.amount(before)} → {facts.amount(edge)}",
        proposal,
        edge,
    )
