"""No ad set's daily budget is raised above its cap (`MAX_DAILY_BUDGET_PER_ADSET`); a cut is never hindered."""

from actions.guardrails.facts import Facts
from actions.guardrails.headroom import trim_to_room
from actions.guardrails.verdicts import budget_in, passed, said, stopped, thing
from domain.actions import ActionKind, ObjectKind, Proposal, Verdict
from domain.money import Money

SLUG = "ad_set_cap"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Trim a raise to the cap, or stop it where no room is left; stop a create or an activation above the cap."""
    cap = facts.ad_set_cap
    if not _concerns_ad_set(proposal):
        return passed(SLUG, "not the budget of an ad set")
    if cap is None:
        return passed(SLUG, "no cap per ad set is set")
    if proposal.kind is ActionKind.SET_DAILY_BUDGET:
        return _judge_change(proposal, facts, cap)
    planned = _planned(proposal, facts)
    if planned is None:
        return stopped(
            SLUG, f"daily budget of {thing(proposal)} is not known, so its cap of {said(cap)} cannot be kept; sync it"
        )
    if planned > cap.minor:
        return stopped(
            SLUG,
            f"daily budget {facts.amount(planned)} of {thing(proposal)} is above the cap of {said(cap)} per ad set;"
            " lower it or raise the cap",
        )
    return passed(SLUG, f"under the cap of {said(cap)} per ad set")


def _concerns_ad_set(proposal: Proposal) -> bool:
    return proposal.kind is ActionKind.CREATE_AD_SET or proposal.object_kind is ObjectKind.AD_SET


def _planned(proposal: Proposal, facts: Facts) -> int | None:
    """The budget that comes with a create or an activation; 0 where the campaign carries it."""
    if proposal.kind is ActionKind.ACTIVATE:
        return facts.object_daily_budget_minor
    if proposal.target.get("daily_budget_minor") is None:
        return 0
    return budget_in(proposal.target)


def _judge_change(proposal: Proposal, facts: Facts, cap: Money) -> Verdict:
    before, target = budget_in(proposal.expected_before), budget_in(proposal.target)
    if before is None or target is None:
        return stopped(SLUG, f"the change of {thing(proposal)} lacks its budget before or after")
    if target <= before:
        return passed(SLUG, "a cut")
    if target <= cap.minor:
        return passed(SLUG, f"under the cap of {said(cap)} per ad set")
    return trim_to_room(SLUG, proposal, facts, room=cap.minor - before, scope="per ad set", cap=cap)
