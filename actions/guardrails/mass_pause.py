"""Pausing more than 5 objects or 10 % of the spend in one cycle is a mass pause: a person must approve it."""

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import basis_points, passed, percent, stopped, thing
from domain.actions import Priority, Proposal, Verdict

SLUG = "mass_pause"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Stop the pause that makes it a mass pause; one that a person approved, or asked for, passes."""
    if facts.is_approved or proposal.priority is Priority.PERSON:
        return passed(SLUG, "a person wants it")
    if facts.pauses_in_cycle is None:
        return stopped(SLUG, f"how many pauses this cycle has is not known; pausing {thing(proposal)} needs approval")
    count = facts.pauses_in_cycle + 1
    if count > facts.limits.mass_pause_objects:
        return stopped(
            SLUG,
            f"pausing {thing(proposal)} would be pause {count} of this cycle, over {facts.limits.mass_pause_objects}:"
            " a mass pause, which needs approval",
        )
    return _judge_share(proposal, facts)


def _judge_share(proposal: Proposal, facts: Facts) -> Verdict:
    before, own, total = facts.paused_spend_in_cycle_minor, facts.object_spend_minor, facts.account_spend_minor
    if before is None or own is None or total is None:
        return stopped(SLUG, f"the share of {thing(proposal)} in the spend is not known; pausing it needs approval")
    limit = facts.limits.mass_pause_spend_share
    if (before + own) * 10_000 <= total * basis_points(limit):
        return passed(SLUG, f"at most {percent(limit)} of the spend is paused")
    share = "all" if total <= 0 else f"{(before + own) / total * 100:.1f} %"
    return stopped(
        SLUG,
        f"with {thing(proposal)} this cycle would pause {share} of the spend, over {percent(limit)}:"
        " a mass pause, which needs approval",
    )
