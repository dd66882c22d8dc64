"""No daily budget is set under the account's minimum: the platform would refuse it."""

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import budget_in, passed, stopped, thing
from domain.actions import CREATES, Proposal, Verdict

SLUG = "floor"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Stop a target under the minimum; runs after every trim, since a trim may lead under it."""
    if proposal.kind in CREATES and proposal.target.get("daily_budget_minor") is None:
        return passed(SLUG, "carries no daily budget")
    target = budget_in(proposal.target)
    if target is None:
        return stopped(SLUG, f"the target of {thing(proposal)} is no daily budget; give whole minor units above 0")
    minimum = facts.minimum_daily_budget_minor
    if minimum is None:
        return stopped(SLUG, f"the minimum daily budget for {thing(proposal)} is not known; sync the account")
    if target >= minimum:
        return passed(SLUG, f"not under the floor of {facts.amount(minimum)}")
    return stopped(
        SLUG,
        f"daily budget {facts.amount(target)} of {thing(proposal)} is under the floor of {facts.amount(minimum)};"
        " raise it or pause it",
    )
