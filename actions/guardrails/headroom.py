"""The arithmetic that the caps share: how much a proposal adds to daily budgets, and what a cap leaves. No rule."""

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import basis_points, budget_in, passed, said, stopped, thing, trimmed
from domain.actions import CREATES, ActionKind, Proposal, Verdict
from domain.money import Money


def added_budget(proposal: Proposal, facts: Facts) -> int | None:
    """What the proposal adds per day to the budgets that run, in minor units; None where it cannot be known."""
    if proposal.kind in CREATES:
        return 0  # created paused: it counts when it is activated
    if proposal.kind is ActionKind.ACTIVATE:
        return facts.object_daily_budget_minor
    before, target = budget_in(proposal.expected_before), budget_in(proposal.target)
    return None if before is None or target is None else target - before


def judge_sum(
    guardrail: str, proposal: Proposal, facts: Facts, *, cap: Money | None, total_minor: int | None, scope: str
) -> Verdict:
    """Judge a sum of daily budgets against its cap: total + added ≤ cap, in integers; a cut is never hindered."""
    if cap is None:
        return passed(guardrail, f"no cap {scope} is set")
    added = added_budget(proposal, facts)
    if added is not None and added <= 0:
        return passed(guardrail, "adds nothing to daily budgets")
    if added is None or total_minor is None:
        unknown = f"what {thing(proposal)} adds" if added is None else "the sum of daily budgets so far"
        return stopped(guardrail, f"{unknown} is not known, so the cap of {said(cap)} {scope} cannot be kept; sync it")
    if total_minor + added <= cap.minor:
        return passed(guardrail, f"under the cap of {said(cap)} {scope}")
    room = cap.minor - total_minor
    if proposal.kind is ActionKind.SET_DAILY_BUDGET:
        return trim_to_room(guardrail, proposal, facts, room=room, scope=scope, cap=cap)
    return stopped(
        guardrail,
        f"activating {thing(proposal)} adds {facts.amount(added)} a day, but the cap of {said(cap)} {scope} leaves"
        f" {facts.amount(max(0, room))}; lower other budgets or raise the cap",
    )


def trim_to_room(guardrail: str, proposal: Proposal, facts: Facts, *, room: int, scope: str, cap: Money) -> Verdict:
    """Trim a raise to the room that a cap leaves, or stop it where that is not worth an edit."""
    before = budget_in(proposal.expected_before) or 0
    if room <= 0 or room * 10_000 < before * basis_points(facts.limits.min_change):
        return stopped(
            guardrail,
            f"the cap of {said(cap)} {scope} leaves {facts.amount(max(0, room))} for {thing(proposal)}, whose daily"
            f" budget is {facts.amount(before)}; lower other budgets or raise the cap",
        )
    return trimmed(
        guardrail,
        f"raise of {thing(proposal)} trimmed to the cap of {said(cap)} {scope}:"
        f" {facts.amount(before)} → {facts.amount(before + room)}",
        proposal,
        before + room,
    )
