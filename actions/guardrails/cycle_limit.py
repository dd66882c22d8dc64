"""At most 20 actions per account and cycle; proposals come in the order of their priority, so the weightiest get in."""

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import passed, stopped, thing
from domain.actions import Priority, Proposal, Verdict

SLUG = "cycle_limit"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Stop what would be one action too many in this cycle; a person's change belongs to no cycle."""
    if proposal.priority is Priority.PERSON:
        return passed(SLUG, "asked for by a person")
    most = facts.limits.actions_per_cycle
    if facts.actions_in_cycle is None:
        return stopped(
            SLUG, f"how many actions this cycle has is not known, so {thing(proposal)} waits for the next one"
        )
    if facts.actions_in_cycle < most:
        return passed(SLUG, f"{facts.actions_in_cycle} of {most} actions in this cycle")
    return stopped(
        SLUG,
        f"this cycle already has {facts.actions_in_cycle} of {most} actions; {thing(proposal)} waits for the next",
    )
