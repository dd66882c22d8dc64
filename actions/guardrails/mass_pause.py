"""Pausing more than 5 objects or 10 % of the spend in 24 h is a mass pause: a person must approve it."""

from actions.guardrails.facts import Facts, Limits
from actions.guardrails.verdicts import basis_points, passed, percent, stopped, thing
from domain.actions import Priority, Proposal, Verdict
from domain.leeway import StopRoom

SLUG = "mass_pause"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Stop the pause that makes it a mass pause; one that a person approved, or asked for, passes.

    Over 24 h, not over a cycle: else 48 cycles a day would pause an account five objects at a time.
    """
    if facts.is_approved or proposal.priority is Priority.PERSON:
        return passed(SLUG, "a person wants it")
    if facts.pauses_in_day is None:
        return stopped(SLUG, f"how much was paused in 24 h is not known; pausing {thing(proposal)} needs approval")
    count = facts.pauses_in_day + 1
    if count > facts.limits.mass_pause_objects:
        return stopped(
            SLUG,
            f"pausing {thing(proposal)} would be pause {count} in 24 h, over {facts.limits.mass_pause_objects}:"
            " a mass pause, which needs approval",
        )
    before, own, limit = facts.paused_ppm_in_day, facts.object_ppm, facts.limits.mass_pause_spend_share
    if before is None or own is None:
        return stopped(SLUG, f"the share of {thing(proposal)} in the spend is not known; pausing it needs approval")
    if before + own <= basis_points(limit) * 100:
        return passed(SLUG, f"at most {percent(limit)} of the spend is paused")
    return stopped(
        SLUG,
        f"with {thing(proposal)} {(before + own) / 10_000:.1f} % of the spend would be paused in 24 h, over"
        f" {percent(limit)}: a mass pause, which needs approval",
    )


def share_ppm(own_minor: int, total_minor: int) -> int:
    """A share of the spend in millionths, rounded up, so that a sum of shares is never taken too low."""
    if own_minor <= 0:
        return 0
    return -(-own_minor * 1_000_000 // total_minor) if total_minor > 0 else 1_000_000


def room_left(limits: Limits, pauses: int, paused_ppm: int) -> StopRoom:
    """Return what may still be paused in these 24 h, so that a policy need not ask in vain."""
    left = basis_points(limits.mass_pause_spend_share) * 100 - paused_ppm
    return StopRoom(
        objects=max(0, limits.mass_pause_objects - pauses),
        spend_share=max(0, left) / 1_000_000,
        alone=limits.mass_pause_spend_share,
    )
