"""What a person marked "never touch" stays as it is, and so does everything under it; a person lifts the mark first."""

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import passed, stopped, thing
from domain.actions import ActionKind, Proposal, Verdict

SLUG = "never_touch"
_SWITCHES = frozenset({ActionKind.PAUSE, ActionKind.ACTIVATE})


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Stop a change of a marked object, of a part of one, and a switch of what a marked object is part of.

    Budgets above a marked object stay free: the platform shares them out as it likes anyway.
    """
    if not facts.has_marks:
        return stopped(SLUG, f"whether {thing(proposal)} is marked never touch is not known; try again")
    if facts.mark is not None:
        return stopped(SLUG, f"{thing(proposal)} is never to be touched: {facts.mark}; lift the mark to let it change")
    if facts.mark_below is not None and proposal.kind in _SWITCHES:
        return stopped(SLUG, f"switching {thing(proposal)} would touch what is never to be touched: {facts.mark_below}")
    return passed(SLUG, "no mark on it")
