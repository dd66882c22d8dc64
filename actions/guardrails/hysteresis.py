"""No see-saw: what a rule raised, cut or switched is not turned round within 72 h by a rule that weighs no more."""

from datetime import timedelta

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import is_up, passed, stopped, thing
from domain.actions import Priority, Proposal, Verdict

SLUG = "hysteresis"
_HOUR = timedelta(hours=1)


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Stop a change in the other direction than our last one of the object; not for people, never for pauses."""
    if proposal.priority is Priority.PERSON:
        return passed(SLUG, "asked for by a person")
    if not facts.has_ledger:
        return stopped(SLUG, f"which way {thing(proposal)} was changed last is not known; try again")
    last = facts.last_change
    if last is None or facts.now - last.at >= facts.limits.hysteresis:
        return passed(SLUG, "nothing to turn round")
    up = is_up(proposal.kind, proposal.expected_before, proposal.target)
    if up is last.is_up or up is None:
        return passed(SLUG, "the same direction as the last change")
    if proposal.priority > last.priority:
        return passed(SLUG, f"weighs more than {last.rule}")
    until = last.at + facts.limits.hysteresis
    return stopped(
        SLUG,
        f"{last.rule} turned {thing(proposal)} {'up' if last.is_up else 'down'} {(facts.now - last.at) // _HOUR} h ago"
        f" (action {last.action_id}); until {until:%Y-%m-%d %H:%M} UTC only what weighs more than that turns it round",
    )
