"""One budget change per object in 24 h, 72 h in learning: 48 cycles of +20 % a day would be x6,300. Not for pauses."""

from datetime import timedelta

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import passed, stopped, thing
from domain.actions import Proposal, Verdict

SLUG = "cooldown"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Stop a budget change that follows another too soon, on the platform's clock."""
    if not facts.has_budget_history:
        return stopped(SLUG, f"when the budget of {thing(proposal)} last changed is not known; sync the account")
    if facts.last_budget_change_at is None:
        return passed(SLUG, "its budget has not been changed before")
    learning = facts.is_learning is not False
    wait = facts.limits.cooldown_learning if learning else facts.limits.cooldown
    age = facts.now - facts.last_budget_change_at
    if age >= wait:
        return passed(SLUG, f"its last change is {_hours(age)} h ago")
    return stopped(
        SLUG,
        f"daily budget of {thing(proposal)} changed {_hours(age)} h ago and rests for {_hours(wait)} h"
        f"{' while it is learning' if learning else ''};"
        f" it may change from {facts.last_budget_change_at + wait:%Y-%m-%d %H:%M} UTC on",
    )


def _hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:.1f}".removesuffix(".0")
