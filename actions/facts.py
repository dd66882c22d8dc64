"""Gathers what the guardrails may know, from ledger and mirror, and counts on as proposals are taken up.

Call it under the account's cap lock (`models.fence.lock_caps`): else two judges see the same room under a cap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from actions import figures, precedence
from actions.figures import Figures
from actions.guardrails import GUARDRAILS, Facts, Limits, cycle_limit
from actions.guardrails.facts import LastChange, Waiting
from actions.guardrails.headroom import added_budget
from actions.guardrails.mass_pause import share_ppm
from actions.guardrails.verdicts import is_up
from actions.wishes import Wishes, gather_wishes
from domain import catalogue
from domain.actions import CREATES, RECORDED_ONLY, ActionKind, JsonMap, ObjectKind, Priority, Proposal, Verdict
from domain.ids import ActionId, RunId
from domain.money import Money
from domain.platforms import Platform, budget_step_minor
from models import anomalies, budgets, hand_edits, ledger_sums
from models.accounts import Account
from models.budgets import KnownObject
from models.hand_edits import HandsOff
from models.ledger_sums import BudgetHistory, OpenAction, SentChange, Taken, WaitingAction

_SPEND_DAYS = 7  # the window in which the share of a pause in the spend is taken
_EDIT_WINDOW = timedelta(hours=1)
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_HALF_HOUR = timedelta(minutes=30)
_CYCLE_LIMIT = next(row for row in GUARDRAILS if row.slug == cycle_limit.SLUG)
_RAISES = frozenset({ActionKind.SET_DAILY_BUDGET, ActionKind.ACTIVATE})
_TURNS = _RAISES | {ActionKind.PAUSE}
_NOTHING: JsonMap = MappingProxyType({})
_Object = tuple[ObjectKind, str]


@dataclass(slots=True, kw_only=True)
class Gathered:
    """What is known of an account and of the objects behind some proposals; `count` keeps it true between them."""

    account: Account
    now: datetime
    limits: Limits
    objects: dict[_Object, KnownObject]
    open_actions: dict[_Object, OpenAction]
    waiting: dict[_Object, WaitingAction]
    last_changes: dict[_Object, SentChange]
    histories: dict[str, BudgetHistory]
    edits_by_hand: Mapping[str, int]
    account_total_minor: int
    campaign_totals_minor: dict[str, int]
    taken: Taken
    wishes: Wishes
    hands_off: Mapping[_Object, HandsOff]
    incident: str | None = None
    active_ad_sets: int | None = None
    shares_ppm: dict[_Object, int] | None = None  # of the objects to be paused; None = taken from `judged`
    judged: dict[_Object, Figures] = field(default_factory=dict)  # at the door: what was told as it was proposed
    in_cycle: int = field(init=False)
    pauses: int = field(init=False)
    paused_ppm: int = field(init=False)
    resets: int = field(init=False)
    _platform: Platform = field(init=False)
    _caps: "_Caps" = field(init=False)
    _unit_minor: int = field(init=False)
    _full: Facts | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.in_cycle, self.pauses = self.taken.in_cycle, self.taken.paused
        self.paused_ppm, self.resets = self.taken.paused_ppm, self.taken.resets
        self._platform = catalogue.platform(self.account.platform)
        self._caps = _caps(self.account, self.limits)
        self._unit_minor = budget_step_minor(self._platform, self.account.currency)

    def facts(self, proposal: Proposal) -> Facts:
        """Say what is known as this proposal is judged."""
        key = (proposal.object_kind, proposal.object_id)
        return self._facts(proposal, self.objects.get(key), self.judged.get(key), self._under_way(proposal))

    def _facts(
        self, proposal: Proposal, known: KnownObject | None, judged: Figures | None, under_way: "_UnderWay"
    ) -> Facts:
        key = (proposal.object_kind, proposal.object_id)
        account, platform, caps = self.account, self._platform, self._caps
        in_campaign = self.campaign_totals_minor.get(known.campaign_id) if known else None
        history, held = self.histories.get(proposal.object_id), self.hands_off.get(key)
        return Facts(
            now=self.now,
            ad_set_cap=caps.ad_set,
            campaign_cap=caps.campaign,
            account_cap=caps.account,
            worst_day_cap=caps.worst_day,
            max_change=caps.change,
            month_budget=self.wishes.month_budget,
            margin=self.wishes.margin,
            budget_edits_per_hour=platform.budget_edits_per_hour,
            overspend_ratio=platform.daily_overspend_ratio,
            budget_step_minor=self._unit_minor,
            learning_reset_step=platform.learning_reset_step,
            currency=account.currency,
            minimum_daily_budget_minor=account.minimum_daily_budget_minor,
            account_daily_budgets_minor=self.account_total_minor - under_way.overtaken_minor,
            campaign_daily_budgets_minor=None if in_campaign is None else in_campaign - under_way.overtaken_minor,
            object_daily_budget_minor=known.sets_going_minor if known else None,
            budget_carrier=known.carrier if known else None,
            has_budget_history=True,
            last_budget_change_at=history.last_at if history else None,
            budget_edits_last_hour=(history.edits if history else 0) + self.edits_by_hand.get(proposal.object_id, 0),
            budget_day_ago_minor=history.day_ago_minor if history else None,
            is_learning=known.is_learning if known else None,
            has_ledger=True,
            open_action_id=under_way.open_action_id,
            last_change=under_way.last_change,
            waiting=under_way.waiting,
            actions_in_cycle=self.in_cycle,
            pauses_in_day=self.pauses,
            paused_ppm_in_day=self.paused_ppm,
            object_ppm=self._share_of(key, judged),
            active_ad_sets=judged.active_ad_sets if judged else self.active_ad_sets,
            learned_ad_sets=known.learned_sets if known else None,
            resets_in_week=self.resets,
            object_earned=judged.earned if judged else self.wishes.earned.get(key),
            month=judged.month if judged else self.wishes.month,
            has_marks=True,
            mark=self.wishes.mark_on(proposal, known),
            mark_below=self.wishes.mark_below(proposal),
            has_incidents=True,
            incident=self.incident,
            tree_age=_age(self.now, account.tree_read_at),
            insights_age=_age(self.now, account.insights_read_at),
            activities_age=_age(self.now, account.activities_read_at),
            hands_off_until=held.until if held else None,
            hands_off_by=held.by if held else None,
            limits=self.limits,
        )

    def _under_way(self, proposal: Proposal) -> "_UnderWay":
        """What else was asked of the object; what the proposal overtakes holds nothing any more."""
        key = (proposal.object_kind, proposal.object_id)
        action, waiting, last = self.open_actions.get(key), self.waiting.get(key), self.last_changes.get(key)
        is_overtaken = action is not None and precedence.overtakes(proposal, action)
        return _UnderWay(
            open_action_id=None if action is None or is_overtaken else action.id,
            overtaken_minor=action.reserved_minor if action is not None and is_overtaken else 0,
            waiting=Waiting(action_id=waiting.id, rule=waiting.rule, priority=waiting.priority) if waiting else None,
            last_change=_last_change(last) if last else None,
        )

    def _share_of(self, key: _Object, judged: Figures | None) -> int | None:
        if judged is not None:
            return judged.share_ppm
        return None if self.shares_ppm is None else self.shares_ppm.get(key, 0)

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

    def count(self, proposal: Proposal, reserved_minor: int, told: JsonMap = _NOTHING) -> None:
        """Take a proposal as taken up: the next one is judged with it in the sums; `told` is what it was judged on."""
        if proposal.kind in RECORDED_ONLY:
            return
        key = (proposal.object_kind, proposal.object_id)
        known = self.objects.get(key)
        self.in_cycle += 1
        self.count_asked(proposal)
        judged = self.judged.get(key) or figures.read(told)
        self.resets += judged.resets
        self.account_total_minor += reserved_minor
        if known is not None and known.campaign_id in self.campaign_totals_minor:
            self.campaign_totals_minor[known.campaign_id] += reserved_minor

    def count_asked(self, proposal: Proposal) -> None:
        """Take a pause as taken up that a person has yet to answer: else the next cycle would do what this one asks."""
        if proposal.kind is ActionKind.PAUSE and proposal.priority is not Priority.PERSON:
            key = (proposal.object_kind, proposal.object_id)
            self.pauses += 1
            self.paused_ppm += self._share_of(key, self.judged.get(key)) or 0


class _UnderWay(NamedTuple):
    """What else was asked of an object."""

    open_action_id: ActionId | None
    overtaken_minor: int  # what an action held that the proposal takes the place of
    waiting: Waiting | None
    last_change: LastChange | None


class _Caps(NamedTuple):
    """The account's own, or those of the settings; None = not set."""

    ad_set: Money | None
    campaign: Money | None
    account: Money | None
    worst_day: Money | None
    change: Money | None


def _caps(account: Account, limits: Limits) -> _Caps:
    return _Caps(
        ad_set=_money(account.max_daily_budget_per_ad_set_minor, account) or limits.ad_set_cap,
        campaign=_money(account.max_daily_budget_per_campaign_minor, account),
        account=_money(account.max_total_daily_spend_minor, account) or limits.account_cap,
        worst_day=_money(account.max_worst_day_minor, account),
        change=_money(account.max_change_without_approval_minor, account) or limits.max_change,
    )


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
    large account: shares of the spend, the month, break-even. The door judges on those of them that each action was
    proposed with; the sums of ledger and mirror are always those of this moment.
    """
    objects = _objects(conn, account, proposals)
    campaign_ids = sorted({known.campaign_id for known in objects.values()})
    budget_ids = [proposal.object_id for proposal in proposals if proposal.kind is ActionKind.SET_DAILY_BUDGET]
    changed_ids = [proposal.object_id for proposal in proposals if proposal.kind in _TURNS]
    judged = ledger_sums.judged_on(conn, besides) if besides and not with_spend else ()
    running = budgets.running(conn, account.id, campaign_ids, besides=besides)
    gathered = Gathered(
        account=account,
        now=now,
        limits=limits,
        objects=objects,
        open_actions=ledger_sums.open_actions(conn, account.id, besides),
        waiting=ledger_sums.waiting(conn, account.id, besides),
        last_changes=ledger_sums.last_changes(conn, account.id, changed_ids, now - limits.hysteresis, besides),
        histories=dict(
            ledger_sums.budget_histories(
                conn, account.id, budget_ids, hour_since=now - _EDIT_WINDOW, day_since=now - _DAY, besides=besides
            )
        ),
        edits_by_hand=ledger_sums.budget_edits_by_hand(conn, account.id, budget_ids, now - _EDIT_WINDOW),
        account_total_minor=running.account_minor,
        campaign_totals_minor=dict(running.campaigns_minor),
        taken=ledger_sums.taken(
            conn,
            account.id,
            run_id,
            half_hour=_half_hour(judged[0].decided_at if judged else now),
            day_since=now - _DAY,
            week_since=now - _WEEK,
            besides=besides,
        ),
        wishes=gather_wishes(conn, account, now, proposals, with_figures=with_spend),
        hands_off=hand_edits.hands_off(conn, account.id, None, now),
        incident=anomalies.incident(conn, account.id),
        judged={(row.object_kind, row.object_id): figures.read(row.figures) for row in judged},
    )
    if with_spend:
        _add_dear(conn, gathered, proposals)
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


def _add_dear(conn: Connection, gathered: Gathered, proposals: Sequence[Proposal]) -> None:
    account = gathered.account
    if any(row.kind in _RAISES for row in proposals):
        gathered.active_ad_sets = budgets.active_ad_sets(conn, account.id)
    pauses = [(row.object_kind, row.object_id) for row in proposals if row.kind is ActionKind.PAUSE]
    gathered.shares_ppm = {}
    if pauses:
        since = gathered.now.astimezone(ZoneInfo(account.zone)).date() - timedelta(days=_SPEND_DAYS)
        total = budgets.spend_total(conn, account.id, since)
        spent = budgets.spend_of(conn, account.id, pauses, since)
        gathered.shares_ppm = {key: share_ppm(minor, total) for key, minor in spent.items()}


def _half_hour(now: datetime) -> tuple[datetime, datetime]:
    """The half hour by the clock, in which the cycles of all modules share one limit."""
    start = now - (now - datetime.min.replace(tzinfo=now.tzinfo)) % _HALF_HOUR
    return start, start + _HALF_HOUR


def _last_change(row: SentChange) -> LastChange | None:
    up = is_up(row.kind, row.expected_before, row.target)
    if up is None:
        return None
    return LastChange(action_id=row.id, at=row.at, rule=row.rule, priority=row.priority, is_up=up)


def _money(minor: int | None, account: Account) -> Money | None:
    return None if minor is None else Money(minor, account.currency)


def _age(now: datetime, read_at: datetime | None) -> timedelta | None:
    return None if read_at is None else now - read_at
