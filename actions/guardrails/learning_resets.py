"""At most 10 % of the active ad sets are put back into learning in 7 days; what weighs more finds some kept for it."""

from actions.guardrails.facts import Facts
from actions.guardrails.verdicts import basis_points, budget_in, passed, stopped, thing
from domain.actions import ActionKind, Priority, Proposal, Verdict

SLUG = "learning_resets"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Stop what would put more ad sets back into learning than the allowance leaves; people and pauses are free.

    Example: of 60 active ad sets 6 may be put back in 7 days; 4 of them by the ROAS steps and what weighs less.
    """
    count = resets(proposal, facts)
    if count == 0:
        return passed(SLUG, "puts no ad set back into learning")
    if proposal.priority is Priority.PERSON or facts.is_approved:
        return passed(SLUG, "a person wants it")
    if count is None or facts.active_ad_sets is None or facts.resets_in_week is None:
        return stopped(
            SLUG, f"how many ad sets {thing(proposal)} puts back into learning is not known; sync the account"
        )
    whole = max(1, facts.active_ad_sets * basis_points(facts.limits.learning_share) // 10_000)
    kept = int(whole * facts.limits.learning_kept) if proposal.priority <= Priority.ROAS else 0
    if facts.resets_in_week + count <= whole - kept:
        return passed(SLUG, f"{facts.resets_in_week} of {whole - kept} ad sets put back into learning in 7 days")
    left = f", of which {kept} are kept for what weighs more" if kept else ""
    return stopped(
        SLUG,
        f"{thing(proposal)} would put {count} ad sets back into learning; {facts.resets_in_week} were in 7 days, and"
        f" {whole} of {facts.active_ad_sets} may be{left}; wait, or take a smaller step",
    )


def resets(proposal: Proposal, facts: Facts) -> int | None:
    """How many ad sets that have learned would learn anew; None where that is not known (domain.md §2a).

    A budget does it by a large step, a switch always: whether the rest was long enough is only the platform's to say.
    """
    if proposal.kind is ActionKind.ACTIVATE:
        return facts.learned_ad_sets
    if proposal.kind is not ActionKind.SET_DAILY_BUDGET:
        return 0
    before, target = budget_in(proposal.expected_before), budget_in(proposal.target)
    if before is None or target is None or facts.learning_reset_step is None:
        return None
    is_large = abs(target - before) * 10_000 > before * basis_points(facts.learning_reset_step)
    return facts.learned_ad_sets if is_large else 0
