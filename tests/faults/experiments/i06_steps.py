"""I-6: no step over the limit, no more writes an hour than we allow ourselves, whatever the figures say."""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from actions.arbiter import arbitrate
from actions.guardrails import Facts, Limits, judge
from decisions.policy import AccountLimits, ClassicPolicy
from decisions.registry import decide
from domain.actions import ActionKind, Proposal
from domain.objects import BudgetCarrier
from domain.snapshot import Snapshot
from tests.actions.judging import facts
from tests.decisions.frames import NOW, ad_set, snapshot
from tests.faults.guarantee import Guarantee, Outcome, Place

_SETS = 50
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_FLOOR = AccountLimits(minimum_daily_budget_minor=500)
_STEP_BP = 2_000
_EDITS = 3


@dataclass
class Shop:
    """An account of 50 ad sets whose figures are drawn anew each cycle; `log` has every effect: when, before, after."""

    dice: random.Random
    limits: Limits
    now: datetime = NOW
    budgets: dict[str, int] = field(default_factory=dict)
    log: dict[str, list[tuple[datetime, int, int]]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.budgets = {f"s{number}": self.dice.randrange(500, 100_000) for number in range(1, _SETS + 1)}

    def snapshot(self, policy: ClassicPolicy) -> Snapshot:
        return snapshot(
            [self._figures(key, minor) for key, minor in self.budgets.items()],
            now=self.now, tree_read_at=self.now, insights_read_at=self.now,
            window_days=policy.window_days, spike_hours=policy.spike_hours,
        )  # fmt: skip

    def _figures(self, key: str, budget_minor: int) -> dict[str, Any]:
        dice = self.dice
        spend = dice.randrange(0, 5 * budget_minor)
        usual = dice.randrange(1, budget_minor)
        return ad_set(
            id=key, daily_budget_minor=budget_minor, spend_window=spend,
            revenue_window=int(spend * dice.choice([0, 0.5, 1, 2, 4, 9])), purchases_window=dice.randrange(9),
            recent_spend=int(usual * dice.choice([0.1, 1, 3])), recent_clicks=dice.choice([0, 10, 30, 100]),
            recent_revenue=dice.choice([0, usual, 5 * usual]), usual_spend=float(usual), usual_clicks=30.0,
            usual_revenue=float(2 * usual),
        )  # fmt: skip

    def facts(self, key: str) -> Facts:
        """As the ledger would tell."""
        log = self.log[key]
        day = [before for at, before, _ in log if self.now - at < _DAY]
        return facts(
            now=self.now, limits=self.limits, budget_carrier=BudgetCarrier.OWN_DAILY,
            last_budget_change_at=log[-1][0] if log else None,
            budget_edits_last_hour=sum(self.now - at < _HOUR for at, _, _ in log),
            budget_day_ago_minor=day[0] if day else None,
        )  # fmt: skip

    def write(self, key: str, after: int) -> None:
        self.log[key].append((self.now, self.budgets[key], after))
        self.budgets[key] = after


def _changes(shop: Shop, policy: ClassicPolicy) -> Iterator[Proposal]:
    decided = decide(shop.snapshot(policy), policy, _FLOOR, _DAY)
    for proposal in arbitrate(decided.proposals).winners:
        if proposal.kind is ActionKind.SET_DAILY_BUDGET:
            yield proposal


def as_it_is(shop: Shop, proposal: Proposal) -> None:
    """Judge, and write the absolute value; a lost answer leads to the same write again."""
    judgement = judge(proposal, shop.facts(proposal.object_id))
    if judgement.allowed:
        shop.write(proposal.object_id, int(str(judgement.target["daily_budget_minor"])))


def relative(shop: Shop, proposal: Proposal) -> None:
    """Weaker: write "times 1.2"; one answer in five is lost, and the write is tried again."""
    key = proposal.object_id
    judgement = judge(proposal, shop.facts(key))
    if judgement.allowed:
        before, after = shop.budgets[key], int(str(judgement.target["daily_budget_minor"]))
        again = shop.dice.random() < 1 / 5
        end = after * after // before if again else after
        shop.log[key].append((shop.now, before, end))
        shop.budgets[key] = end


def unguarded(shop: Shop, proposal: Proposal) -> None:
    """Weaker: whatever the policy wants."""
    shop.write(proposal.object_id, int(str(proposal.target["daily_budget_minor"])))


def _broken(shop: Shop) -> Iterator[str]:
    """Scan the log: each step, the steps of any 24 h together, the writes of any hour."""
    for key, log in shop.log.items():
        for place, (at, before, after) in enumerate(log):
            if abs(after - before) * 10_000 > before * _STEP_BP:
                yield f"{key}: one step from {before} to {after}"
            recent = [row for row in log[: place + 1] if at - row[0] < _DAY]
            if abs(after - recent[0][1]) * 10_000 > recent[0][1] * _STEP_BP:
                yield f"{key}: from {recent[0][1]} to {after} within 24 h"
            if sum(at - row[0] < _HOUR for row in recent) > _EDITS:
                yield f"{key}: over {_EDITS} writes in an hour"


def _run(way: Any, place: Place, trials: int) -> Outcome:
    dice, violations, effects, widest = random.Random(place.seed), [], 0, 0.0
    policy = ClassicPolicy(step=0.3)
    for start in range(0, trials, 40):
        quick = Limits(cooldown=timedelta(0), cooldown_learning=timedelta(0))
        shop = Shop(dice=dice, limits=quick if dice.random() < 1 / 2 else Limits())
        for _ in range(min(40, trials - start)):
            for proposal in _changes(shop, policy):
                way(shop, proposal)
            shop.now += timedelta(minutes=dice.choice([5, 15, 30]))
        violations += list(_broken(shop))
        effects += sum(map(len, shop.log.values()))
        steps = [abs(after - before) / before for log in shop.log.values() for _, before, after in log]
        widest = max([widest, *steps])
    figures: dict[str, float | str] = {"effects": effects, "widest step in %": round(widest * 100, 2)}
    return Outcome(trials=trials, violations=tuple(violations), figures=figures)


GUARANTEE = Guarantee(
    id="I-6",
    statement="No write moves a daily budget by more than 20 %, all writes of 24 h together stay within 20 % of where"
    " it stood, and no ad set gets more than 3 of our writes in an hour.",
    enforced_at="actions/guardrails: step, cumulative_24h, hourly_edits, cooldown",
    refuted_by="Cycles of 50 ad sets with figures drawn anew each time, every 5 to 30 minutes, with and without the"
    " cooldown; a policy that wants ±30 %; the log of effects is scanned.",
    short=200,
    full=100_000,
    experiment=partial(_run, as_it_is),
    weaker={"relative writes": partial(_run, relative), "no guardrails": partial(_run, unguarded)},
    judge="the log of effects of an account in memory",
    not_promised="Taking a change back restores what stood before it in one step, which can be 25 %; people's own edits"
    " on the platform are theirs.",
)
