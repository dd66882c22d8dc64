"""One minimal case for every guardrail in which it binds, and it alone; the tests of `why` use it."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from actions.guardrails import GUARDRAILS, Facts, judge_all
from actions.guardrails.facts import Earned, LastChange, MonthSpend
from domain.actions import Proposal
from domain.ids import ActionId
from domain.money import Money
from domain.objects import BudgetCarrier
from tests.actions.judging import NOW, activate, budget, create, facts, pause

HOUR = timedelta(hours=1)
RAISE = budget(4000, 4400)
_LAST = LastChange(action_id=ActionId(7), at=NOW - HOUR, rule="roas_low", priority=30, is_up=False)
_JUST = LastChange(action_id=ActionId(7), at=NOW - HOUR / 6, rule="roas_high", priority=30, is_up=True)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


# 40.00 → 44.00 unless said; what is not named is known and harmless (judging.py).
BINDING: Mapping[str, tuple[Proposal, Facts]] = MappingProxyType(
    {
        "currency": (RAISE, facts(campaign_cap=Money(10**9, "USD"))),
        "never_touch": (RAISE, facts(mark="ad set 123 was marked by ana")),
        "hands_off": (RAISE, facts(hands_off_until=NOW + HOUR, hands_off_by="ana")),
        "data_age": (RAISE, facts(tree_age=2 * HOUR)),
        "never_create_active": (create(status="active"), facts()),
        "one_open_action": (RAISE, facts(open_action_id=ActionId(7))),
        "arbiter_window": (RAISE, facts(last_change=_JUST)),
        "hysteresis": (RAISE, facts(last_change=_LAST)),
        "incident": (RAISE, facts(incident="the account's prices doubled")),
        "cooldown": (RAISE, facts(last_budget_change_at=NOW - 6 * HOUR)),
        "hourly_edits": (RAISE, facts(budget_edits_last_hour=3)),
        "cbo": (RAISE, facts(budget_carrier=BudgetCarrier.CAMPAIGN)),
        "break_even": (
            RAISE,
            facts(margin=0.4, object_earned=Earned(days=7, spend_minor=10_000, revenue_minor=20_000)),
        ),
        "step": (budget(4000, 5200), facts()),
        "cumulative_24h": (RAISE, facts(budget_day_ago_minor=3500)),  # at most 42.00
        "ad_set_cap": (RAISE, facts(ad_set_cap=eur(4200))),
        "campaign_cap": (RAISE, facts(campaign_cap=eur(50_200))),
        "account_cap": (RAISE, facts(account_cap=eur(100_200))),
        "worst_day": (RAISE, facts(worst_day_cap=eur(175_350))),  # 1,002.00 of budgets at 1.75
        "month_budget": (
            RAISE,
            facts(
                month_budget=eur(300_000),
                month=MonthSpend(before_today_minor=199_800, today_minor=0, days_after_today=0),
            ),
        ),
        "budget_unit": (budget(4000, 4450), facts(budget_step_minor=100)),
        "floor": (budget(500, 400), facts()),
        "large_change": (RAISE, facts(max_change=eur(300))),
        "learning_resets": (activate(), facts(active_ad_sets=60, resets_in_week=4)),
        "mass_pause": (pause(), facts(pauses_in_day=5)),
        "cycle_limit": (RAISE, facts(actions_in_cycle=20)),
    }
)


def binders(proposal: Proposal, known: Facts) -> set[str]:
    """The guardrails that stop the proposal or take something from it."""
    verdicts = judge_all(proposal, known)
    return {row.guardrail for row in verdicts if not row.allowed or row.trimmed_target is not None}


def unbound() -> set[str]:
    """Guardrails without a case of their own."""
    return {row.slug for row in GUARDRAILS} - set(BINDING)
