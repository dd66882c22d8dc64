"""The twin's door: arbiter, guardrails, effect on the market. The same pure rules as the real one, with its own facts.

Everything is as at level auto: what the guardrails let through is done at once, what only a person's approval lifts
waits for a person who never comes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from actions.arbiter import arbitrate
from actions.guardrails import Facts, Limits, fold, judge_all
from actions.guardrails.facts import Earned, MonthSpend
from actions.guardrails.learning_resets import resets as count_resets
from actions.guardrails.mass_pause import share_ppm
from actions.guardrails.verdicts import budget_in
from decisions.policy import AccountLimits
from decisions.waiting_room import ASKS
from domain.actions import RECORDED_ONLY, ActionKind, ObjectKind, Proposal
from domain.money import Money
from domain.objects import BudgetCarrier
from domain.platforms import PLATFORMS, budget_step_minor
from sandbox.nodes import Kind, Node
from twin.ledger import Ledger, Object
from twin.readings import Readings
from twin.tree import is_on

_PLATFORM: Final = next(row for row in PLATFORMS if row.client)  # the one that the sandbox speaks as
_COOLDOWN: Final = "cooldown"
_OPTIMIZER: Final = "allocation"
_ZERO: Final = timedelta()
_HANDS_OFF: Final = timedelta(hours=24)
_STATUS: Final = {ActionKind.PAUSE: "PAUSED", ActionKind.ACTIVATE: "ACTIVE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What the advertiser allows, minor units; None = not set."""

    account_minor: int | None = None
    ad_set_minor: int | None = None
    worst_day_minor: int | None = None


@dataclass(slots=True, kw_only=True)
class Door:
    """Judges what rules want of one account and does it."""

    readings: Readings
    wishes: AccountLimits
    caps: Caps
    limits: Limits
    ledger: Ledger = field(default_factory=Ledger)
    incident: str | None = None  # in words, while one holds automation
    _seen: dict[str, tuple[str, int | None]] = field(default_factory=dict)

    def notice_hands(self) -> None:
        """Find what people changed by hand since the last look: it is left alone for a day."""
        for kind in (ObjectKind.CAMPAIGN, ObjectKind.AD_SET, ObjectKind.AD):
            for node in self.readings.tree.nodes(kind):
                state = (node.status, node.daily_budget)
                if self._seen.get(node.id, state) != state:
                    self.ledger.hands_off[node.id] = self.readings.now + _HANDS_OFF
                self._seen[node.id] = state

    def take(self, proposals: Iterable[Proposal]) -> int:
        """Arbitrate, judge and do what one run wants; return how many changes were made."""
        made, ledger, now = 0, self.ledger, self.readings.now
        for proposal in arbitrate(proposals).winners:
            ledger.wanted += 1
            if proposal.kind in RECORDED_ONLY:
                ledger.recorded[proposal.kind] += 1
                if proposal.kind is ActionKind.MARK_FATIGUED:
                    self.readings.fatigued.add(proposal.object_id)
                continue
            node = self._node(proposal)
            if proposal.rule == _OPTIMIZER and not is_on(node):
                continue  # paused a moment ago
            if self._rests(proposal, node, now):
                ledger.stopped[_COOLDOWN] += 1  # it cannot pass: nothing else needs to be asked
                continue
            made += self._judge(proposal, node, now)
        return made

    def _judge(self, proposal: Proposal, node: Node, now: datetime) -> bool:
        ledger = self.ledger
        facts = self._facts(proposal, node, now)
        verdicts = judge_all(proposal, facts)
        judged = fold(proposal, verdicts)
        ledger.trimmed.update(row.guardrail for row in verdicts if row.trimmed_target is not None)
        if not judged.allowed:
            stops = [row.guardrail for row in verdicts if not row.allowed]
            is_known = judged.needs_approval and proposal.evidence.get(ASKS) in stops
            (ledger.put_to_person if is_known else ledger.stopped).update(stops)
            if judged.needs_approval:
                ledger.ask(proposal, at=now, share_ppm=facts.object_ppm or 0)
            return False
        target = budget_in(judged.target)
        resets = count_resets(proposal, facts) or 0
        if proposal.kind is ActionKind.SET_DAILY_BUDGET and target is not None:
            self.readings.market.edit(node.id, daily_budget=target)
        elif proposal.kind in _STATUS:
            self.readings.market.edit(node.id, status=_STATUS[proposal.kind])
        ledger.write(
            proposal, at=now, target_minor=target, resets=resets, running_minor=self.readings.tree.running_minor(),
            share_ppm=(facts.object_ppm or 0) if proposal.kind is ActionKind.PAUSE else 0,
        )  # fmt: skip
        self._seen[node.id] = (node.status, node.daily_budget)
        return True

    def _rests(self, proposal: Proposal, node: Node, now: datetime) -> bool:
        if proposal.kind is not ActionKind.SET_DAILY_BUDGET:
            return False
        last = self.ledger.last_budget_change_at((proposal.object_kind, proposal.object_id))
        wait = self.limits.cooldown_learning if self._is_learning(node) else self.limits.cooldown
        return last is not None and now - last < wait

    def _is_learning(self, node: Node) -> bool:
        tree = self.readings.tree
        sets = [row for row in tree.sets_of(node) if node.kind is not Kind.CAMPAIGN or is_on(row)]
        return node.kind is not Kind.AD and any(not tree.is_learned(row) for row in sets)

    def _facts(self, proposal: Proposal, node: Node, now: datetime) -> Facts:
        key: Object = (proposal.object_kind, proposal.object_id)
        ledger, tree, currency = self.ledger, self.readings.tree, self.readings.account.spec.currency
        campaign = node.campaign
        pauses, paused_ppm = ledger.pauses(now)
        caps, wishes = self.caps, self.wishes
        month = wishes.month_budget_minor
        return Facts(
            now=now, ad_set_cap=_money(caps.ad_set_minor, currency), campaign_cap=None,
            account_cap=_money(caps.account_minor, currency), month_budget=_money(month, currency),
            margin=wishes.margin, budget_edits_per_hour=_PLATFORM.budget_edits_per_hour,
            worst_day_cap=_money(caps.worst_day_minor, currency), max_change=self.limits.max_change,
            currency=currency, minimum_daily_budget_minor=wishes.minimum_daily_budget_minor,
            account_daily_budgets_minor=tree.running_minor(),
            campaign_daily_budgets_minor=tree.campaign_minor(campaign) if campaign else None,
            object_daily_budget_minor=_sets_going(node), overspend_ratio=_PLATFORM.daily_overspend_ratio,
            budget_step_minor=budget_step_minor(_PLATFORM, currency), budget_carrier=_carrier(node),
            has_budget_history=True, last_budget_change_at=ledger.last_budget_change_at(key),
            budget_edits_last_hour=ledger.edits_last_hour(key, now),
            budget_day_ago_minor=ledger.budget_day_ago_minor(key, now), is_learning=self._is_learning(node),
            has_ledger=True, last_change=ledger.last_change(key), actions_in_cycle=ledger.in_cycle(now),
            pauses_in_day=pauses, paused_ppm_in_day=paused_ppm, object_ppm=self._share(node),
            active_ad_sets=sum(map(is_on, tree.ad_sets)), learning_reset_step=_PLATFORM.learning_reset_step,
            learned_ad_sets=sum(tree.is_learned(row) for row in tree.sets_of(node)), resets_in_week=ledger.resets(now),
            object_earned=self._earned(node) if wishes.margin is not None else None,
            month=self._month() if month is not None else None,
            has_incidents=True,
            incident=self.incident,
            has_marks=True, tree_age=_ZERO, insights_age=_ZERO, activities_age=_ZERO,
            hands_off_until=ledger.hands_off.get(node.id), hands_off_by="a person", limits=self.limits,
        )  # fmt: skip

    def _node(self, proposal: Proposal) -> Node:
        return self.readings.market.named(self.readings.account.id, proposal.object_id)

    def _week(self, node: Node) -> tuple[int, int]:
        """Spend and revenue of an object over the last 7 days and today."""
        readings, today = self.readings, self.readings.today
        ads = [ad.market_index for ad in _ads_of(node)]
        spend = sum(int(readings.figures(day)[0][ads].sum()) for day in range(today - 7, today + 1))
        return spend, int(readings.bought(today - 7, 8)[1][ads].sum())

    def _earned(self, node: Node) -> Earned:
        spend, revenue = self._week(node)
        return Earned(days=7, spend_minor=spend, revenue_minor=revenue)

    def _share(self, node: Node) -> int:
        """The object's share of the account's spend over the week, in millionths."""
        today = self.readings.today
        total = sum(int(self.readings.figures(day)[0].sum()) for day in range(today - 7, today + 1))
        return share_ppm(self._week(node)[0], total)

    def _month(self) -> MonthSpend:
        readings, today = self.readings, self.readings.today
        on = readings.now.astimezone(readings.account.calendar.zone).date()
        spent = sum(int(readings.figures(day)[0].sum()) for day in range(today - on.day + 1, today))
        after = ((on.replace(day=28) + timedelta(days=4)).replace(day=1) - on).days - 1
        today_minor = int(readings.figures(today)[0].sum())
        return MonthSpend(before_today_minor=spent, today_minor=today_minor, days_after_today=after)


def _ads_of(node: Node) -> list[Node]:
    if node.kind is Kind.AD:
        return [node]
    return [ad for child in node.children for ad in _ads_of(child)]


def _carrier(node: Node) -> BudgetCarrier:
    above = node.parent
    if node.kind is Kind.AD:
        return BudgetCarrier.CAMPAIGN
    if node.lifetime_budget is not None or (above is not None and above.lifetime_budget is not None):
        return BudgetCarrier.LIFETIME
    if node.kind is Kind.AD_SET and above is not None and above.daily_budget is not None:
        return BudgetCarrier.CAMPAIGN
    if node.daily_budget is not None:
        return BudgetCarrier.OWN_DAILY
    return BudgetCarrier.AD_SETS if node.kind is Kind.CAMPAIGN else BudgetCarrier.NONE


def _sets_going(node: Node) -> int:
    if node.kind is Kind.AD:
        return 0
    if node.kind is Kind.AD_SET or node.daily_budget is not None:
        return node.daily_budget or 0
    return sum(child.daily_budget or 0 for child in node.children if is_on(child))


def _money(minor: int | None, currency: str) -> Money | None:
    return None if minor is None else Money(minor, currency)
