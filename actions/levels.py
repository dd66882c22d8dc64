"""How far an account, and a module on it, may go by itself: which judged changes wait for a person. Pure."""

from actions.guardrails.verdicts import budget_in
from domain.actions import PROTECTIVE, Action, ActionKind, Level, Priority, Proposal

_RISING = tuple(Level)


def effective(of_account: Level, of_module: Level | None) -> Level:
    """Return the lower of the two levels; a module without one of its own goes as far as the account."""
    return of_account if of_module is None else min(of_account, of_module, key=_RISING.index)


def waits_for_person(level: Level, proposal: Proposal | Action) -> str | None:
    """Say why a change that may go by the guardrails waits for approval all the same; None = it does not.

    A person's own request waits only where everything does: at level propose.
    """
    match level:
        case Level.AUTO | Level.OBSERVE:
            return None
        case Level.APPROVE:
            if proposal.priority == Priority.PERSON or _spends_no_more(proposal):
                return None
            return "at level approve, what spends more waits for approval"
        case Level.PROPOSE:
            return "at level propose, every change waits for approval"


def _spends_no_more(proposal: Proposal | Action) -> bool:
    if proposal.kind in PROTECTIVE or proposal.kind is ActionKind.ARCHIVE:
        return True
    if proposal.kind is not ActionKind.SET_DAILY_BUDGET:
        return False
    before, target = budget_in(proposal.expected_before), budget_in(proposal.target)
    return before is not None and target is not None and target <= before
