"""What a person changed by hand is left alone for a day; without a fresh look at what they changed, so is everything.

A change that a person asks for passes: they know. A protective pause yields to an edit that is known, but does not wait
until it is known whether there was one. An emergency pause is asked of no guardrail.
"""

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import is_protective, passed, stopped, thing
from domain.actions import Priority, Proposal, Verdict

SLUG = "hands_off"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Stop a change of what was edited by hand within the last day, or while it is not known what was."""
    if proposal.priority is Priority.PERSON:
        return passed(SLUG, "asked for by a person")
    age, most = facts.activities_age, facts.limits.max_data_age
    is_unknown = age is None or age > most
    if is_unknown and is_protective(proposal) and not _is_held(facts):
        return passed(SLUG, "a protective pause does not wait to know what people changed")
    if age is None:
        return stopped(SLUG, f"whether somebody changed {thing(proposal)} by hand is not known; collect activities")
    if age > most:
        minutes = f"{age.total_seconds() / 60:.0f} min, more than {most.total_seconds() / 60:.0f} min,"
        return stopped(SLUG, f"what people changed by hand was last read {minutes} ago; collect activities again")
    until = facts.hands_off_until
    if until is None or not _is_held(facts):
        return passed(SLUG, "nobody changed it by hand of late")
    return stopped(
        SLUG,
        f"{thing(proposal)} was changed by hand by {facts.hands_off_by or 'somebody'} and is left alone until"
        f" {until:%Y-%m-%d %H:%M} UTC; `stakazo edits release {proposal.object_id}` lets it change before",
    )


def _is_held(facts: Facts) -> bool:
    return facts.hands_off_until is not None and facts.hands_off_until > facts.now
