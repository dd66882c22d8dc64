"""During an incident nothing that spends more goes by itself: no raise, no activation, nothing new. Cuts and pauses do.

What a person asks for passes: they were told of the incident. The incident is `decisions/incident_mode.py`'s.
"""

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import is_up, passed, stopped, thing
from domain.actions import CREATES, Priority, Proposal, Verdict

SLUG = "incident"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Stop what adds spend while an incident is under way, or while it is not known whether one is."""
    if proposal.priority is Priority.PERSON:
        return passed(SLUG, "asked for by a person")
    if proposal.kind not in CREATES and is_up(proposal.kind, proposal.expected_before, proposal.target) is False:
        return passed(SLUG, "adds no spend")
    if not facts.has_incidents:
        return stopped(SLUG, f"whether an incident is under way is not known, so {thing(proposal)} stays; try again")
    if facts.incident is None:
        return passed(SLUG, "no incident is under way")
    return stopped(
        SLUG,
        f"{thing(proposal)} stays as it is during an incident: {facts.incident}; `stakazo anomalies list` shows it, and"
        " what a person asks for passes",
    )
