"""The daily budgets under one campaign never sum to more than its cap."""

from actions.guardrails.facts import Facts
from actions.guardrails.headroom import judge_sum
from domain.actions import Proposal, Verdict

SLUG = "campaign_cap"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Trim a raise to what the campaign's cap leaves; stop an activation that does not fit."""
    return judge_sum(
        SLUG,
        proposal,
        facts,
        cap=facts.campaign_cap,
        total_minor=facts.campaign_daily_budgets_minor,
        scope="per campaign",
    )
