"""One change at a time per object: while an action on it is open, its state is not known well enough for another."""

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import passed, stopped, thing
from domain.actions import Proposal, Verdict

SLUG = "one_open_action"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Stop while another action on the object is open."""
    if not facts.has_ledger:
        return stopped(SLUG, f"whether an action on {thing(proposal)} is open is not known; try again")
    if facts.open_action_id is None:
        return passed(SLUG, "no other action on it is open")
    return stopped(
        SLUG, f"action {facts.open_action_id} on {thing(proposal)} is still open; wait for its outcome or cancel it"
    )
