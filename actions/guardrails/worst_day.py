"""What one day can cost at most: platforms may spend more than the daily budget on a good day, some 1.75 times."""

from actions.guardrails.facts import Facts
from actions.guardrails.headroom import added_budget, trim_to_room
from actions.guardrails.verdicts import basis_points, passed, said, stopped, thing
from domain.actions import ActionKind, Proposal, Verdict

SLUG = "worst_day"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Keep the sum of daily budgets times the platform's ratio under the account's limit for its worst day.

    Without such a limit the account's cap times the ratio is what a day can cost, and the cap alone judges. Example:
    a limit of 1,750.00 at a ratio of 1.75 leaves room for 1,000.00 of daily budgets.
    """
    cap, ratio, running = facts.worst_day_cap, facts.overspend_ratio, facts.account_daily_budgets_minor
    added = added_budget(proposal, facts)
    if cap is None:
        return passed(SLUG, _most(facts))
    if added is not None and added <= 0:
        return passed(SLUG, "adds nothing to daily budgets")
    if added is None or running is None or ratio is None:
        return stopped(
            SLUG,
            f"what {thing(proposal)} can cost on the worst day is not known, so the limit of {said(cap)} stays; sync",
        )
    most = cap.minor * 10_000 // basis_points(ratio)
    if running + added <= most:
        return passed(SLUG, f"at most {facts.amount(_worst(running + added, ratio))} on the worst day")
    room = most - running
    scope = f"on the worst day ({ratio:g} times the daily budgets)"
    if proposal.kind is ActionKind.SET_DAILY_BUDGET:
        return trim_to_room(SLUG, proposal, facts, room=room, scope=scope, cap=cap)
    return stopped(
        SLUG,
        f"with {thing(proposal)} a day could cost {facts.amount(_worst(running + added, ratio))}, over the limit of"
        f" {said(cap)} {scope}; lower other budgets or raise the limit",
    )


def _worst(budgets_minor: int, ratio: float) -> int:
    return -(-budgets_minor * basis_points(ratio) // 10_000)


def _most(facts: Facts) -> str:
    if facts.account_cap is None or facts.overspend_ratio is None:
        return "no limit for the worst day is set"
    most = facts.amount(_worst(facts.account_cap.minor, facts.overspend_ratio))
    return f"no limit for the worst day is set: with the cap of {said(facts.account_cap)} a day can cost {most}"
