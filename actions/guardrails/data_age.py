"""Nothing is changed on stale data: what the decision was made from must still be young when it is sent."""

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import is_protective, passed, stopped, thing
from domain.actions import Priority, Proposal, Verdict

SLUG = "data_age"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Stop where objects or insights are too old or of unknown age.

    A person's change rests on what they saw, and the door reads the object again before it sends. A protective pause
    rests on a reading of its own, made for it: it must not wait for a collector that is down.
    """
    if proposal.priority is Priority.PERSON:
        return passed(SLUG, "asked for by a person")
    if is_protective(proposal):
        return passed(SLUG, "a protective pause looks at the platform itself")
    most = facts.limits.max_data_age
    for what, age in (("objects", facts.tree_age), ("insights", facts.insights_age)):
        if age is None:
            return stopped(SLUG, f"the age of the {what} behind {thing(proposal)} is not known; collect them")
        if age > most:
            return stopped(
                SLUG,
                f"the {what} behind {thing(proposal)} are {age.total_seconds() / 60:.0f} min old,"
                f" more than {most.total_seconds() / 60:.0f} min; collect them again",
            )
    return passed(SLUG, "decided on fresh data")
