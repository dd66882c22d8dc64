"""The account's month: what is spent, and daily budgets to its end, stay within the month budget. Raises only.

It says nothing about budgets that already are too high: those are a person's, or the pacing's.
"""

from actions.guardrails.facts import Facts, MonthSpend
from actions.guardrails.headroom import added_budget
from actions.guardrails.verdicts import basis_points, budget_in, passed, said, stopped, thing, trimmed
from domain.actions import ActionKind, Proposal, Verdict
from domain.money import Money

SLUG = "month_budget"


def judge(proposal: Proposal, facts: Facts) -> Verdict:
    """Trim a raise to what the month leaves, in integers; stop it where that is not worth an edit.

    Example: 3,000.00 a month, 2,000.00 spent before today, nothing yet today, 9 more days after it: 1,000.00 / 10 days
    = 100.00 of daily budgets in all. With 90.00 running, a raise by 20.00 is trimmed to 10.00.
    """
    cap, month = facts.month_budget, facts.month
    if cap is None:
        return passed(SLUG, "no month budget is set")
    added = added_budget(proposal, facts)
    if added is not None and added <= 0:
        return passed(SLUG, "adds nothing to daily budgets")
    running = facts.account_daily_budgets_minor
    if added is None or running is None or month is None:
        return stopped(
            SLUG, f"what of the month budget of {said(cap)} is left is not known, so {thing(proposal)} stays"
        )
    most = daily_budgets_that_fit(cap.minor, month)
    if running + added <= most:
        return passed(SLUG, f"within the month budget of {said(cap)}")
    return _trim(proposal, facts, month, cap, room=most - running)


def daily_budgets_that_fit(budget_minor: int, month: MonthSpend) -> int:
    """The largest sum of daily budgets that ends the month within its budget; under 0 where none does.

    Today will cost the sum of daily budgets, or what it has cost by now if that is more.
    """
    left, after = budget_minor - month.before_today_minor, month.days_after_today
    whole_today = left // (after + 1)
    if after > 0:
        return min(whole_today, (left - month.today_minor) // after)
    return whole_today if month.today_minor <= left else min(whole_today, -1)


def _trim(proposal: Proposal, facts: Facts, month: MonthSpend, cap: Money, *, room: int) -> Verdict:
    spent = facts.amount(month.before_today_minor + month.today_minor)
    figures = (
        f"of {said(cap)} for the month {spent} is spent, and with {month.days_after_today} days after today"
        f" daily budgets of {facts.amount(facts.account_daily_budgets_minor or 0)}"
    )
    before = budget_in(proposal.expected_before) or 0
    is_small = room <= 0 or room * 10_000 < before * basis_points(facts.limits.min_change)
    if is_small or proposal.kind is not ActionKind.SET_DAILY_BUDGET:
        return stopped(SLUG, f"{figures} leave {facts.amount(max(0, room))} a day more for {thing(proposal)}")
    return trimmed(
        SLUG,
        f"raise of {thing(proposal)} trimmed to the month budget: {facts.amount(before)} →"
        f" {facts.amount(before + room)}; {figures}",
        proposal,
        before + room,
    )
