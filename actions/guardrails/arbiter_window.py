"""One change per object and window, over modules and cycles: a second one must weigh more than the first."""

from datetime import timedelta

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import is_up, passed, stopped, thing
from domain.actions import Priority, Proposal, Verdict

SLUG = "arbiter_window"
_MINUTE = timedelta(minutes=1)


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Stop what comes within the window of a change that weighs as much, or while a weightier one waits for a person.

    People choose for themselves; a pause or a cut does not wait for an answer, whatever was asked.
    """
    if proposal.priority is Priority.PERSON:
        return passed(SLUG, "asked for by a person")
    if not facts.has_ledger:
        return stopped(SLUG, f"what was changed at {thing(proposal)} lately is not known; try again")
    last, waiting = facts.last_change, facts.waiting
    if last is not None and facts.now - last.at < facts.limits.window and proposal.priority <= last.priority:
        return stopped(
            SLUG,
            f"action {last.action_id} ({last.rule}) changed {thing(proposal)} {(facts.now - last.at) // _MINUTE} min"
            f" ago: one change per object in {facts.limits.window // _MINUTE} min, unless it weighs more",
        )
    if waiting is not None and proposal.priority < waiting.priority and not _spends_less(proposal):
        return stopped(
            SLUG,
            f"action {waiting.action_id} ({waiting.rule}) on {thing(proposal)} weighs more and waits for a person;"
            " approve or reject it first",
        )
    return passed(SLUG, "nothing as weighty in the window")


def _spends_less(proposal: Proposal) -> bool:
    return is_up(proposal.kind, proposal.expected_before, proposal.target) is False
