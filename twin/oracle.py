"""A policy that knows the truth: it moves every budget to where its marginal return is, within the same guardrails.

It is a reference, not a bound: a day's chance and incidents to come it does not know, and it looks one step ahead.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import numpy as np

from domain.actions import ActionKind, ObjectKind, Priority, Proposal
from domain.snapshot import Floats
from sandbox.market.response import CONCAVITY, FATIGUE_EXPONENT
from sandbox.nodes import Node
from twin.brains import Runs, Setting
from twin.ledger import Ledger
from twin.readings import Readings
from twin.tree import KINDS, is_on

_STEPS: Final = np.linspace(0.8, 1.2, 41)
_FORM: Final = 30  # halvings of the price of money
_WORTH: Final = 0.01  # of the budget: a smaller gain is not worth a pause
_LEAST_CHANGE: Final = 0.03
_ASK_AGAIN_DAYS: Final = 4
_TIRING: Final = 0.5  # of that: people who are tired already tire less
_HORIZON: Final = 60  # days for which it plans
_FORGET_DAYS: Final = 65.0  # exposures count for so long: half of them are forgotten after 45 days


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A live ad's share of its budget's money, and what a thousand impressions of it bring."""

    node: Node
    ad_set: Node
    pull: float
    value_per_mille: float
    cpm_minor: float
    saturation_minor: float


@dataclass(slots=True, kw_only=True)
class Oracle:
    """Decides once a day."""

    setting: Setting
    every: timedelta = timedelta(days=1)
    incident: str | None = None
    ledger: Ledger | None = None
    waited: Counter[str] = field(default_factory=Counter)
    first_day: int = 0
    _asked: dict[str, int] = field(default_factory=dict)  # when it wanted to pause what: it may not have been allowed

    def want(self, readings: Readings) -> Runs:
        """Pause what costs more than it brings, then fill budgets to one marginal return."""
        margin = self.setting.wishes.margin or 1.0
        rhythm = _rhythm(readings)
        self.first_day = self.first_day or readings.today
        left = max(1, _HORIZON - (readings.today - self.first_day))
        found: list[Proposal] = []
        carriers: list[tuple[Node, Floats, Floats]] = []
        for carrier in _carriers(readings):
            lines = list(_lines(readings, carrier, margin * rhythm, left))
            if not lines:
                continue
            losers = [node for node in _losers(carrier, lines) if self._may_ask(node, readings.today)]
            found.extend(_pause(node) for node in losers)
            kept = [row for row in lines if row.node not in losers and row.ad_set not in losers]
            if kept and carrier not in losers:
                spend = np.floor((carrier.daily_budget or 0) * _STEPS)
                carriers.append((carrier, spend, _revenue(kept, spend)))
        return ((*found, *self._fill(readings, carriers)),)

    def _may_ask(self, node: Node, today: int) -> bool:
        """Whether a pause is worth asking for: where it was not allowed, budgets are moved for some days instead."""
        if today - self._asked.get(node.id, 0) < _ASK_AGAIN_DAYS:
            return False
        self._asked[node.id] = today
        return True

    def _fill(self, readings: Readings, carriers: list[tuple[Node, Floats, Floats]]) -> Iterable[Proposal]:
        cap = self.setting.caps.account_minor
        others = readings.tree.running_minor() - sum(node.daily_budget or 0 for node, _, _ in carriers)
        price = 1.0
        best = [_best(spend, revenue, price) for _, spend, revenue in carriers]
        if cap is not None and sum(best) + others > cap:
            low, high = 1.0, 100.0
            for _ in range(_FORM):
                price = (low * high) ** 0.5
                best = [_best(spend, revenue, price) for _, spend, revenue in carriers]
                low, high = (price, high) if sum(best) + others > cap else (low, price)
        floor = self.setting.wishes.floor_minor
        changes = [(node, max(int(target), floor)) for (node, _, _), target in zip(carriers, best, strict=True)]
        cuts_first = sorted(changes, key=lambda row: row[1] - (row[0].daily_budget or 0))
        for node, target in cuts_first:
            before = node.daily_budget or 0
            if abs(target - before) >= _LEAST_CHANGE * before:
                yield _move(node, before, target)


def _carriers(readings: Readings) -> Iterable[Node]:
    tree = readings.tree
    for campaign in tree.campaigns:
        if not is_on(campaign):
            continue
        if campaign.daily_budget is not None:
            yield campaign
        else:
            yield from (child for child in campaign.children if is_on(child) and child.daily_budget is not None)


def _lines(readings: Readings, carrier: Node, worth: float, days_left: int) -> Iterable[_Line]:
    """What is known of the live ads under a carrier; an impression costs what it tires people for the days left."""
    market, shown = readings.account.market, readings.figures(readings.today - 1)[2]
    crowd = _crowd(readings)
    weight = _TIRING * _FORGET_DAYS * (1 - np.exp(-days_left / _FORGET_DAYS))
    sets = carrier.children if KINDS[carrier.kind] is ObjectKind.CAMPAIGN else [carrier]
    for ad_set in sets:
        audience = market.audience(ad_set.market_index)
        for ad in ad_set.children:
            if not ad.is_live:
                continue
            truth = market.truth(ad.market_index)
            pull = 1.0 if audience.even else truth["ctr_now"] / audience.ctr_factor
            value = truth["ctr_now"] * truth["cvr"] * truth["order_value_minor"] * truth["learning_efficiency"]
            people = truth["audience_size"] * (1 + truth["exposures_per_person"])
            tiring = FATIGUE_EXPONENT * truth["fatigue"] * float(shown[ad.market_index]) * weight / people
            yield _Line(
                node=ad, ad_set=ad_set, pull=pull, value_per_mille=1_000 * value * worth * (1 - tiring),
                cpm_minor=audience.cpm_minor,
                saturation_minor=audience.saturation_daily_minor / crowd.get(ad_set.id, 1.0),
            )  # fmt: skip


def _crowd(readings: Readings) -> dict[str, float]:
    """By ad set: the money that bids for its people, over its own; ad sets whose audience has a name share it."""
    named = {
        spec.name: spec.audience
        for campaign in readings.account.spec.campaigns
        for spec in campaign.ad_sets
        if spec.audience
    }
    money: dict[str, int] = {}
    rows = [node for node in readings.tree.ad_sets if node.name in named and is_on(node) and node.daily_budget]
    for node in rows:
        money[named[node.name]] = money.get(named[node.name], 0) + (node.daily_budget or 0)
    return {node.id: money[named[node.name]] / (node.daily_budget or 1) for node in rows}


def _revenue(lines: list[_Line], spend: Floats) -> Floats:
    """What budgets bring in a day, margin taken."""
    pulls = sum(row.pull for row in lines)
    of_set: dict[str, float] = {}
    for row in lines:
        of_set[row.ad_set.id] = of_set.get(row.ad_set.id, 0.0) + row.pull / pulls
    total = np.zeros(len(spend))
    for row in lines:
        price = row.cpm_minor * np.exp(CONCAVITY * np.log1p(spend * of_set[row.ad_set.id] / row.saturation_minor))
        total += spend * (row.pull / pulls) / price * row.value_per_mille
    return total


def _losers(carrier: Node, lines: list[_Line]) -> Iterable[Node]:
    """Ads without which the same money brings more, worst first; the carrier itself where nothing brings its cost."""
    budget = float(carrier.daily_budget or 0)
    kept, point = list(lines), np.array([budget])
    while len(kept) > 1:
        now = float(_revenue(kept, point)[0])
        gains = [(float(_revenue([r for r in kept if r is not row], point)[0]) - now, row) for row in kept]
        gain, worst = max(gains, key=lambda pair: pair[0])
        if gain <= _WORTH * budget:
            break
        kept.remove(worst)
        yield worst.node
    small = np.array([0.05 * budget])
    if float(_revenue(kept, small)[0]) < float(small[0]):
        yield carrier


def _best(spend: Floats, revenue: Floats, price: float) -> float:
    return float(spend[int(np.argmax(revenue - price * spend))])


def _rhythm(readings: Readings) -> float:
    """The day's mean of what hours do to clicks, purchases and prices."""
    first, end = readings.account.calendar.hours_of_day(readings.today)
    cells = [readings.account.calendar.cell(hour) for hour in range(first, end)]
    return sum(cell.share * cell.ctr * cell.cvr / cell.cpm for cell in cells)


def _pause(node: Node) -> Proposal:
    return Proposal(
        kind=ActionKind.PAUSE, object_kind=KINDS[node.kind], object_id=node.id, object_name=node.name,
        expected_before={"status": "active"}, target={"status": "paused"}, rule="oracle", priority=Priority.ROAS,
        reason="brings less than it costs",
    )  # fmt: skip


def _move(node: Node, before: int, target: int) -> Proposal:
    return Proposal(
        kind=ActionKind.SET_DAILY_BUDGET, object_kind=KINDS[node.kind], object_id=node.id, object_name=node.name,
        expected_before={"daily_budget_minor": before}, target={"daily_budget_minor": target}, rule="oracle",
        priority=Priority.ROAS, reason="moves to where a further unit brings as much as elsewhere",
    )  # fmt: skip
