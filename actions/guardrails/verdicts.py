"""How guardrails read a proposal and word their verdicts. No rule lives here."""

from domain.actions import JsonMap, Proposal, Verdict


def passed(guardrail: str, reason: str) -> Verdict:
    """Let the proposal through as it is."""
    return Verdict(guardrail=guardrail, allowed=True, reason=reason)


def stopped(guardrail: str, reason: str) -> Verdict:
    """Stop it; the reason names the thing, the number and what to do."""
    return Verdict(guardrail=guardrail, allowed=False, reason=reason)


def trimmed(guardrail: str, reason: str, proposal: Proposal, daily_budget_minor: int) -> Verdict:
    """Let it through with a smaller target."""
    target = {**proposal.target, "daily_budget_minor": daily_budget_minor}
    return Verdict(guardrail=guardrail, allowed=True, reason=reason, trimmed_target=target)


def thing(proposal: Proposal) -> str:
    """The object as an operator says it: "ad set 123". By id, since names are other people's text."""
    return f"{proposal.object_kind.replace('_', ' ')} {proposal.object_id}"


def budget_in(values: JsonMap) -> int | None:
    """The daily budget among a proposal's values, or None where there is no whole number above 0."""
    value = values.get("daily_budget_minor")
    return value if type(value) is int and value > 0 else None


def basis_points(share: float) -> int:
    """A share as a whole number of 1/10,000, so that shares of money are taken in integers."""
    return round(share * 10_000)


def percent(share: float) -> str:
    """0.2 → "20 %"."""
    return f"{share * 100:g} %"
