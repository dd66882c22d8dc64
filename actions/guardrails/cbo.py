"""A daily budget is changed where it decides: not under a campaign's budget, nor beside a lifetime budget."""

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import passed, stopped, thing
from domain.actions import Proposal, Verdict
from domain.objects import BudgetCarrier

SLUG = "cbo"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Stop a daily budget for an object that does not carry one of its own."""
    carrier = facts.budget_carrier
    if carrier is BudgetCarrier.OWN_DAILY:
        return passed(SLUG, "carries its own daily budget")
    if carrier is None or carrier is BudgetCarrier.NONE:
        return stopped(SLUG, f"what carries the budget of {thing(proposal)} is not known; sync the account")
    where = "change that one" if carrier is BudgetCarrier.CAMPAIGN else "a person changes that on the platform"
    if carrier is BudgetCarrier.AD_SETS:
        where = "change theirs"
    return stopped(SLUG, f"{thing(proposal)} spends by {carrier}, not by a daily budget of its own; {where}")
