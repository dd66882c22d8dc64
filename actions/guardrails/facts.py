"""What a guardrail may know of the account and the object: frozen facts that the door gathers, and the limits.

Facts never count the action that is being judged: sums, counts and the open action are those of all others.
Every default is the one that blocks, so that a fact which nobody gathered stops the action.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from actions.guardrails.verdicts import amount
from domain.ids import ActionId
from domain.money import Money
from domain.objects import BudgetCarrier

_MAX_CHANGE = Money(50_000, "USD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The house's change limits (ARCHITECTURE §5); settings may tighten or widen them."""

    step_max: float = 0.20  # of the present daily budget, up and down
    min_change: float = 0.03  # where a cap leaves less room than that, the edit is not worth its risk
    cooldown: timedelta = timedelta(hours=24)
    cooldown_learning: timedelta = timedelta(hours=72)
    edits_kept_free: int = 1  # budget edits per object and hour that are left to people
    actions_per_cycle: int = 20
    mass_pause_objects: int = 5  # in 24 h
    mass_pause_spend_share: float = 0.10  # of the spend, in 24 h
    window: timedelta = timedelta(minutes=30)  # one change per object, unless a weightier rule wants another
    hysteresis: timedelta = timedelta(hours=72)  # no rule turns round what a rule as weighty did
    learning_share: float = 0.10  # of the active ad sets may be put back into learning in 7 days, but always one
    learning_kept: float = 1 / 3  # of that allowance is left to rules that weigh more than the ROAS steps
    max_data_age: timedelta = timedelta(hours=1)  # two cycles
    ad_set_cap: Money | None = None  # the setting, for an account without a cap of its own; in the setting's currency
    account_cap: Money | None = None  # the same for the sum of an account's daily budgets
    max_change: Money | None = _MAX_CHANGE  # of a daily budget by one action; a larger one needs approval


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """What an object spent and brought in the last `days` days and today, as far as it has arrived."""

    days: int
    spend_minor: int
    revenue_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthSpend:
    """The account's calendar month so far, in its own zone."""

    before_today_minor: int
    today_minor: int
    days_after_today: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LastChange:
    """The last change of ours of an object that took effect, or may have; `at` is on the platform's clock."""

    action_id: ActionId
    at: datetime
    rule: str
    priority: int
    is_up: bool  # more budget, or switched on


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A change of the object that waits for a person's approval."""

    action_id: ActionId
    rule: str
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known as a proposal is judged. None = unknown, which blocks; for the required ones it means *not set*."""

    now: datetime  # the platform's clock
    ad_set_cap: Money | None  # daily budget of one ad set
    campaign_cap: Money | None  # sum of the daily budgets under one campaign, or its own
    account_cap: Money | None  # sum of all active daily budgets
    month_budget: Money | None  # what the account may spend in a calendar month
    margin: float | None  # share of the revenue that stays; None = not set
    budget_edits_per_hour: int  # what the platform allows per object
    worst_day_cap: Money | None = None  # what the account may spend on the platform's worst day
    max_change: Money | None = None  # of a daily budget by one action without approval; None lets no raise go alone

    currency: str | None = None  # the account's
    minimum_daily_budget_minor: int | None = None
    account_daily_budgets_minor: int | None = None  # active ones, raises that are approved or under way included
    campaign_daily_budgets_minor: int | None = None  # the same within the object's campaign
    object_daily_budget_minor: int | None = None  # what an activation of the object sets going; 0 for an ad
    overspend_ratio: float | None = None  # the platform's worst day against the daily budget
    budget_step_minor: int | None = None  # the smallest step that the platform can hold in this currency
    budget_carrier: BudgetCarrier | None = None  # what decides how much the object may spend

    has_budget_history: bool = False  # whether `last_budget_change_at` could be looked up
    last_budget_change_at: datetime | None = None  # on the platform's clock; None = never
    budget_edits_last_hour: int | None = None  # by whomever, as far as is known
    budget_day_ago_minor: int | None = None  # the value before our first change in 24 h; None = none was made
    is_learning: bool | None = None  # unknown counts as learning

    has_ledger: bool = False  # whether `open_action_id` could be looked up
    open_action_id: ActionId | None = None
    last_change: LastChange | None = None
    waiting: Waiting | None = None
    actions_in_cycle: int | None = None  # of the account in this cycle and half hour, whichever modules they are of
    pauses_in_day: int | None = None  # objects that rules paused in 24 h, or are about to
    paused_ppm_in_day: int | None = None  # their share of the account's spend, in millionths
    object_ppm: int | None = None  # the object's own share
    active_ad_sets: int | None = None
    learned_ad_sets: int | None = None  # at the object: those that a reset would put back into learning
    learning_reset_step: float | None = None  # the platform's: a larger budget change restarts learning
    resets_in_week: int | None = None  # ad sets that our changes put back into learning in 7 days

    object_earned: Earned | None = None
    month: MonthSpend | None = None

    has_marks: bool = False  # whether marks could be looked up
    mark: str | None = None  # the "never touch" mark on the object or on what it is part of, in words
    mark_below: str | None = None  # one on a part of the object

    has_incidents: bool = False  # whether incidents could be looked up
    incident: str | None = None  # the one that is under way, in words

    tree_age: timedelta | None = None
    insights_age: timedelta | None = None
    activities_age: timedelta | None = None  # how long ago it was read what people changed by hand
    hands_off_until: datetime | None = None  # a person changed the object by hand; platform's clock
    hands_off_by: str | None = None
    is_approved: bool = False  # a person approved this very action
    limits: Limits = field(default_factory=Limits)

    def amount(self, minor: int) -> str:
        """Write an amount in the account's currency."""
        return f"{minor} minor units" if self.currency is None else amount(minor, self.currency)
