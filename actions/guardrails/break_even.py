"""No rule raises a budget that earns less than it costs: break-even ROAS is 1 / margin, whatever the rule thinks."""

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import basis_points, budget_in, passed, percent, stopped, thing
from domain.actions import Priority, Proposal, Verdict

SLUG = "break_even"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Stop a raise of what stands under break-even in the window; exact, as revenue x margin against spend."""
    margin = facts.margin
    if margin is None:
        return passed(SLUG, "no margin is set")
    before, target = budget_in(proposal.expected_before), budget_in(proposal.target)
    if before is not None and target is not None and target <= before:
        return passed(SLUG, "no raise")
    if proposal.priority is Priority.PERSON:
        return passed(SLUG, "asked for by a person")
    earned = facts.object_earned
    if earned is None or earned.spend_minor <= 0:
        return stopped(
            SLUG, f"the ROAS of {thing(proposal)} is not known, so break-even at {1 / margin:.2f} cannot be kept"
        )
    roas = f"ROAS {earned.revenue_minor / earned.spend_minor:.2f} over {earned.days} days"
    if earned.revenue_minor * basis_points(margin) >= earned.spend_minor * 10_000:
        return passed(SLUG, f"{roas} is not under break-even {1 / margin:.2f}")
    return stopped(
        SLUG,
        f"{roas} of {thing(proposal)} is under break-even {1 / margin:.2f} (margin {percent(margin)}): no raise;"
        f" {facts.amount(earned.revenue_minor)} came in for {facts.amount(earned.spend_minor)} spent",
    )
