"""The account's active daily budgets never sum to more than its cap (`MAX_TOTAL_DAILY_SPEND`)."""

from actions.guardrails.facts import Facts
from actions.guardrails.headroom import judge_sum
from domain.actions import Proposal, Verdict

SLUG = "account_cap"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Trim a raise to what the account's cap leaves; stop an activation that does not fit."""
    return judge_sum(
        SLUG,
        proposal,
        facts,
        cap=facts.account_cap,
        total_minor=facts.account_daily_budgets_minor,
        scope="for the account",
    )
