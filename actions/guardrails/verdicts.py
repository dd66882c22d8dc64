"""How guardrails read a proposal and word their verdicts. No rule lives here."""

from functools import lru_cache

from domain.actions import ActionKind, JsonMap, Priority, Proposal, Verdict
from domain.money import Money


@lru_cache(maxsize=4096)
def passed(guardrail: str, reason: str) -> Verdict:
    """Let the proposal through as it is; of ten thousand verdicts of a cycle nearly all are alike."""
    return Verdict(guardrail=guardrail, allowed=True, reason=reason)


def stopped(guardrail: str, reason: str) -> Verdict:
    """Stop it; the reason names the thing, the number and what to do."""
    return Verdict(guardrail=guardrail, allowed=False, reason=reason)


def trimmed(guardrail: str, reason: str, proposal: Proposal, daily_budget_minor: int) -> Verdict:
    """Let it through with a smaller target."""
    target = {**proposal.target, "daily_budget_minor": daily_budget_minor}
    return Verdict(guardrail=guardrail, allowed=True, reason=reason, trimmed_target=target)


@lru_cache(maxsize=65_536)
def amount(minor: int, currency: str) -> str:
    """Write an amount, such as "12.34 EUR"."""
    return str(Money(minor, currency))


def said(cap: Money) -> str:
    """Write a cap."""
    return amount(cap.minor, cap.currency)


def thing(proposal: Proposal) -> str:
    """The object as an operator says it: "ad set 123". By id, since names are other people's text."""
    return f"{proposal.object_kind.replace('_', ' ')} {proposal.object_id}"


def is_protective(proposal: Proposal) -> bool:
    """Whether it is a pause that cannot wait: module 14 looked at the platform itself right before it asked."""
    return proposal.kind is ActionKind.PAUSE and proposal.priority is Priority.SAFETY


def budget_in(values: JsonMap) -> int | None:
    """The daily budget among a proposal's values, or None where there is no whole number above 0."""
    value = values.get("daily_budget_minor")
    return value if type(value) is int and value > 0 else None


def is_up(kind: ActionKind, before: JsonMap, target: JsonMap) -> bool | None:
    """Whether a change means more: budget or delivery; None where it cannot be told, or it means neither."""
    if kind is ActionKind.ACTIVATE:
        return True
    if kind in {ActionKind.PAUSE, ActionKind.EMERGENCY_PAUSE}:
        return False
    old, new = budget_in(before), budget_in(target)
    return None if kind is not ActionKind.SET_DAILY_BUDGET or old is None or new is None else new > old


def basis_points(share: float) -> int:
    """A share as a whole number of 1/10,000, so that shares of money are taken in integers."""
    return round(share * 10_000)


def percent(share: float) -> str:
    """0.2 → "20 %"."""
    return f"{share * 100:g} %"
