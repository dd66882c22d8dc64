"""The platform allows a few budget edits per object and hour; we stay one under, so that a person can still act."""

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import passed, stopped, thing
from domain.actions import Proposal, Verdict

SLUG = "hourly_edits"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Stop the edit that would be the platform's last, whoever made the others."""
    if facts.budget_edits_last_hour is None:
        return stopped(SLUG, f"budget edits of {thing(proposal)} in the last hour are not known; sync the account")
    ours = facts.budget_edits_per_hour - facts.limits.edits_kept_free
    if facts.budget_edits_last_hour < ours:
        return passed(SLUG, f"{facts.budget_edits_last_hour} of {ours} edits used in this hour")
    return stopped(
        SLUG,
        f"budget of {thing(proposal)} was edited {facts.budget_edits_last_hour} times in the last hour;"
        f" the platform allows {facts.budget_edits_per_hour} and we use {ours}; wait an hour",
    )
