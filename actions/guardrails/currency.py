"""Caps hold in the account's own currency: an account in another one must have its own caps, or spends nothing more."""

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import passed, stopped, thing
from domain.actions import Proposal, Verdict

SLUG = "currency"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Stop where the account's currency is unknown or a cap is in another one; amounts are never converted."""
    if facts.currency is None:
        return stopped(
            SLUG, f"the account's currency is not known, so {thing(proposal)} stays as it is; sync the account"
        )
    caps = (
        ("per ad set", facts.ad_set_cap),
        ("per campaign", facts.campaign_cap),
        ("for the account", facts.account_cap),
    )
    for scope, cap in caps:
        if cap is not None and cap.currency != facts.currency:
            return stopped(
                SLUG, f"the cap {scope} is {cap}, but the account spends {facts.currency}; give the account its own cap"
            )
    return passed(SLUG, f"all in {facts.currency}")
