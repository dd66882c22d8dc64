"""A change of a daily budget by more than MAX_CHANGE_WITHOUT_APPROVAL is a person's to approve."""

from actions.guardrails.facts import Facts
from actions.guardrails.headroom import added_budget
from actions.guardrails.verdicts import passed, said, stopped, thing
from domain.actions import Proposal, Verdict

SLUG = "large_change"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Stop a change that is too large to go alone, up or down; an activation counts with what it sets going.

    Without a limit in the account's own currency every raise waits, and cuts go.
    """
    if facts.is_approved:
        return passed(SLUG, "a person approved it")
    moved, limit = added_budget(proposal, facts), facts.max_change
    if moved is None:
        return stopped(SLUG, f"by how much {thing(proposal)} changes daily budgets is not known; it needs approval")
    if limit is None or limit.currency != facts.currency:
        if moved <= 0:
            return passed(SLUG, "no raise")
        return stopped(
            SLUG,
            f"{thing(proposal)} adds {facts.amount(moved)} a day, and no limit in {facts.currency} says what may go"
            " without approval: set the account's own",
        )
    if abs(moved) <= limit.minor:
        return passed(SLUG, f"at most {said(limit)} by one action")
    return stopped(
        SLUG,
        f"{thing(proposal)} changes daily budgets by {facts.amount(abs(moved))}, more than {said(limit)} by one action:"
        " it needs approval",
    )
