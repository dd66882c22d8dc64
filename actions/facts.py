"""Gathers what the guardrails may know, from ledger and mirror, and counts on as proposals are taken up.

Call it under the account's cap lock (`models.fence.lock_caps`): else two judges see the same room under a cap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from actions.guardrails import GUARDRAILS, Facts, Limits, cycle_limit
from actions.guardrails.headroom import added_budget
from actions.wishes import Wishes, gather_wishes
from domain import catalogue
from domain.actions import CREATES, RECORDED_ONLY, ActionKind, ObjectKind, Proposal, Verdict
from domain.ids import ActionId, RunId
from domain.money import Money
from models import budgets, hand_edits, ledger_sums
from models.accounts import Account
from models.budgets import KnownObject
from models.hand_edits import HandsOff
from models.ledger_sums import BudgetHistory, RunActions

_SPEND_DAYS = 7  # the window in which the share of a pause in the spend is taken
_EDIT_WINDOW = timedelta(hours=1)
_CYCLE_LIMIT = next(row for row in GUARDRAILS if row.slug == cycle_limit.SLUG)
_RAISES = frozenset({ActionKind.SET_DAILY_BUDGET, ActionKind.ACTIVATE})
_Object = tuple[ObjectKind, str]


@dataclass(slots=True, kw_only=True)
class Gathered:
    """What is known of an account and of the objects behind some proposals; `count` keeps it true between them."""

    account: Account
    now: datetime
    limits: Limits
    objects: dict[_Object, KnownObject]
    open_actions: dict[_Object, ActionId]
    histories: dict[str, BudgetHistory]
    account_total_minor: int
    campaign_totals_minor: dict[str, int]
    in_cycle: int
    pauses: int
    wishes: Wishes
    hands_off: Mapping[_Object, HandsOff]
    spend_minor: dict[_Object, int] = field(default_factory=dict)
    account_spend_minor: int = 0
    paused_spend_minor: int = 0
    _full: Facts | None = field(default=None, init=False)

    def facts(self, proposal: Proposal) -> Facts:
        """Say what is known as this proposal is judged."""
        account, key = self.account, (proposal.object_kind, proposal.object_id)
        known = self.objects.get(key)
        history = self.histories.get(proposal.object_id)
        held = self.hands_off.get(key)
        return Facts(
            now=self.now,
            ad_set_cap=_money(account.max_daily_budget_per_ad_set_minor, account) or self.limits.ad_set_cap,
            campaign_cap=_money(account.max_daily_budget_per_campaign_minor, account),
            account_cap=_money(account.max_total_daily_spend_minor, account) or self.limits.account_cap,
            month_budget=self.wishes.month_budget,
            margin=self.wishes.margin,
            budget_edits_per_hour=catalogue.platform(account.platform).budget_edits_per_hour,
            currency=account.currency,
            minimum_daily_budget_minor=account.minimum_daily_budget_minor,
            account_daily_budgets_minor=self.account_total_minor,
            campaign_daily_budgets_minor=self.campaign_totals_minor.get(known.campaign_id) if known else None,
            object_daily_budget_minor=known.sets_going_minor if known else None,
            has_budget_history=True,
            last_budget_change_at=history.last_at if history else None,
            budget_edits_last_hour=history.edits if history else 0,
            is_learning=known.is_learning if known else None,
            has_ledger=True,
            open_action_id=self.open_actions.get(key),
            actions_in_cycle=self.in_cycle,
            pauses_in_cycle=self.pauses,
            paused_spend_in_cycle_minor=self.paused_spend_minor,
            object_spend_minor=self.spend_minor.get(key, 0),
            account_spend_minor=self.account_spend_minor,
            object_earned=self.wishes.earned.get(key),
            month=self.wishes.month,
            has_marks=True,
            mark=self.wishes.mark_on(proposal, known),
            mark_below=self.wishes.mark_below(proposal),
            tree_age=_age(self.now, account.tree_read_at),
            insights_age=_age(self.now, account.insights_read_at),
            activities_age=_age(self.now, account.activities_read_at),
            hands_off_until=held.until if held else None,
            hands_off_by=held.by if held else None,
            limits=self.limits,
        )

    def full_cycle(self, proposal: Proposal) -> Verdict | None:
        """What the limit of the cycle says of a proposal that it concerns, once it is reached; None before that.

        On a large account thousands wait behind it: for those nothing else is looked up or worded.
        """
        if self.in_cycle < self.limits.actions_per_cycle or proposal.kind not in _CYCLE_LIMIT.kinds:
            return None
        if self._full is None:  # what follows no longer changes what this guardrail looks at
            self._full = self.facts(proposal)
        verdict = _CYCLE_LIMIT.judge(proposal, self._full)
        return None if verdict.allowed else verdict

    def count(self, proposal: Proposal, reserved_minor: int) -> None:
        """Take a proposal as taken up: the next one is judged with it in the sums."""
        if proposal.kind in RECORDED_ONLY:
            return
        key = (proposal.object_kind, proposal.object_id)
        known = self.objects.get(key)
        self.in_cycle += 1
        if proposal.kind is ActionKind.PAUSE:
            self.pauses += 1
            self.paused_spend_minor += self.spend_minor.get(key, 0)
        self.account_total_minor += reserved_minor
        if known is not None and known.campaign_id in self.campaign_totals_minor:
            self.campaign_totals_minor[known.campaign_id] += reserved_minor


def gather(
    conn: Connection,
    *,
    account: Account,
    now: datetime,
    proposals: Sequence[Proposal],
    run_id: RunId | None,
    limits: Limits,
    besides: Sequence[ActionId] = (),
    with_spend: bool = True,
) -> Gathered:
    """Gather for a batch of proposals in a fixed number of statements.

    `besides` are the actions that are judged again at the door. `with_spend=False` leaves out what is dear to sum on a
    large account: shares of the spend, the month, break-even; they were judged when the run proposed.
    """
    objects = _objects(conn, account, proposals)
    campaign_ids = sorted({known.campaign_id for known in objects.values()})
    budget_ids = [proposal.object_id for proposal in proposals if proposal.kind is ActionKind.SET_DAILY_BUDGET]
    run = RunActions(count=0, paused=()) if run_id is None else ledger_sums.of_run(conn, run_id, besides)
    running = budgets.running(conn, account.id, campaign_ids, besides=besides)
    gathered = Gathered(
        account=account,
        now=now,
        limits=limits,
        objects=objects,
        open_actions=ledger_sums.open_actions(conn, account.id, besides),
        histories=dict(ledger_sums.budget_histories(conn, account.id, budget_ids, now - _EDIT_WINDOW, besides)),
        account_total_minor=running.account_minor,
        campaign_totals_minor=dict(running.campaigns_minor),
        in_cycle=run.count,
        pauses=len(run.paused),
        wishes=gather_wishes(conn, account, now, proposals, with_figures=with_spend),
        hands_off=hand_edits.hands_off(conn, account.id, None, now),
    )
    if with_spend:
        _add_spend(conn, gathered, proposals, run.paused)
    return gathered


def reservation_for(proposal: Proposal, facts: Facts) -> int:
    """What to hold under the caps while the proposal is on its way; 0 for all but raises and activations."""
    if proposal.kind not in _RAISES:
        return 0
    return max(0, added_budget(proposal, facts) or 0)


def _objects(conn: Connection, account: Account, proposals: Sequence[Proposal]) -> dict[_Object, KnownObject]:
    found: dict[_Object, KnownObject] = {}
    for kind in (ObjectKind.CAMPAIGN, ObjectKind.AD_SET, ObjectKind.AD):
        ids = [
            proposal.object_id
            for proposal in proposals
            if proposal.object_kind is kind and proposal.kind not in CREATES | RECORDED_ONLY
        ]
        found.update({(kind, key): known for key, known in budgets.known_objects(conn, account.id, kind, ids).items()})
    return found


def _add_spend(conn: Connection, gathered: Gathered, proposals: Sequence[Proposal], paused: Sequence[_Object]) -> None:
    pauses = [(row.object_kind, row.object_id) for row in proposals if row.kind is ActionKind.PAUSE]
    if not pauses:
        return
    account = gathered.account
    since = gathered.now.astimezone(ZoneInfo(account.zone)).date() - timedelta(days=_SPEND_DAYS)
    gathered.spend_minor = dict(budgets.spend_of(conn, account.id, [*pauses, *paused], since))
    gathered.account_spend_minor = budgets.spend_total(conn, account.id, since)
    gathered.paused_spend_minor = sum(gathered.spend_minor.get(key, 0) for key in paused)


def _money(minor: int | None, account: Account) -> Money | None:
    return None if minor is None else Money(minor, account.currency)


def _age(now: datetime, read_at: datetime | None) -> timedelta | None:
    return None if read_at is None else now - read_at
