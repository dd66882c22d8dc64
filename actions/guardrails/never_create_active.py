"""Everything is created paused; a later, separate action activates it once it is verified unique."""

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import passed, stopped
from domain.actions import Proposal, Verdict

SLUG = "never_create_active"


def judge(proposal: Proposal, facts: Facts) -> Verdict:  # noqa: ARG001 - every guardrail has this signature
    """Stop a create whose target does not say that it is paused."""
    status = proposal.target.get("status")
    if status == "paused":
        return passed(SLUG, "created paused")
    return stopped(
        SLUG,
        f"{proposal.kind.replace('_', ' ')} under {proposal.object_id} has status {status!r};"
        ' create it with "paused" and activate it afterwards',
    )
