"""Runs a policy on an account of the market for some days and says what came of it, as the truth has it."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from actions.guardrails import Limits
from domain.money import Money
from sandbox.market.local import LocalMarket
from twin.audit import breaches
from twin.brains import Brain, Setting
from twin.door import Door
from twin.ledger import Ledger
from twin.readings import Readings


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a policy made of an account. Revenue counts every purchase of the days, arrived or not (matured)."""

    days: int
    spend_minor: int
    revenue_minor: int
    purchases: int
    profit_minor: int  # margin x revenue - spend
    daily_profit_minor: tuple[int, ...]
    daily_spend_minor: tuple[int, ...]
    objects: int  # that carry a budget or can be switched
    edits: int
    by_rule: Mapping[str, int]
    learning_resets: int
    flaps: int
    wanted: int
    stopped: Mapping[str, int]  # by guardrail; a proposal that comes again every half hour counts every time
    trimmed: Mapping[str, int]
    waited: Mapping[str, int]  # kept back by the policy itself for a guardrail, every time that it looked
    put_to_person: Mapping[str, int]  # knowingly asked for what that guardrail leaves to a person; not in `stopped`
    asked: int  # waits for a person's approval, which never comes
    breaches: tuple[str, ...]  # limits that what was done went over, looked up afterwards

    @property
    def flaps_per_object_day(self) -> float:
        """Turns within 72 h, per object and day."""
        return self.flaps / (self.objects * self.days) if self.objects and self.days else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Founded:
    """A market at the instant from which policies are compared; every run gets a copy of its own."""

    market: LocalMarket
    account_id: str

    def fork(self) -> LocalMarket:
        """Return a copy that lives on by itself, with the same dice."""
        return copy.deepcopy(self.market)


def run(
    founded: Founded, brain: Brain, setting: Setting, *, days: int, told: Callable[[float], None] | None = None
) -> Outcome:
    """Let a policy run; `told` hears of the share that is done.

    Days are local days of the account: the run begins at the first midnight after the market's present.
    """
    market = founded.fork()
    readings = Readings(market, founded.account_id)
    door = Door(readings=readings, wishes=setting.wishes, caps=setting.caps, limits=_limits(readings))
    brain.ledger = door.ledger
    calendar, first_day = readings.account.calendar, readings.today + 1
    _advance_to(market, calendar.start_of(calendar.hours_of_day(first_day)[0]))
    end_s = calendar.start_of(calendar.hours_of_day(first_day + days)[0])
    begin_s, done = market.now.timestamp(), 0.0
    while market.now.timestamp() < end_s:
        door.notice_hands()
        runs = brain.want(readings)
        door.incident = brain.incident
        for proposals in runs:
            door.take(proposals)
        market.advance(min(brain.every, timedelta(seconds=end_s - market.now.timestamp())))
        share = (market.now.timestamp() - begin_s) / (end_s - begin_s)
        if told is not None and share - done >= 0.01:  # noqa: PLR2004 - a hundredth is what a bar can show
            done = share
            told(share)
    market.advance(timedelta(hours=2))  # so that the last day's hours are computed
    return _outcome(readings, door.ledger, setting, brain.waited, first_day=first_day, days=days)


def _outcome(
    readings: Readings, ledger: Ledger, setting: Setting, waited: Mapping[str, int], *, first_day: int, days: int
) -> Outcome:  # fmt: skip
    margin = setting.wishes.margin or 1.0
    spend, revenue, purchases = [], [], 0
    for day in range(first_day, first_day + days):
        spent, bought, value = readings.truth(*readings.account.calendar.hours_of_day(day))
        spend.append(spent)
        revenue.append(value)
        purchases += bought
    profit = [int(margin * value) - spent for value, spent in zip(revenue, spend, strict=True)]
    by_rule: dict[str, int] = {}
    for row in ledger.edits:
        by_rule[row.rule] = by_rule.get(row.rule, 0) + 1
    tree = readings.tree
    return Outcome(
        days=days, spend_minor=sum(spend), revenue_minor=sum(revenue), purchases=purchases, profit_minor=sum(profit),
        daily_profit_minor=tuple(profit), daily_spend_minor=tuple(spend),
        objects=len(tree.ads) + len(tree.ad_sets) + len(tree.campaigns), edits=len(ledger.edits), by_rule=by_rule,
        learning_resets=sum(row.resets for row in ledger.edits), flaps=ledger.flaps(), wanted=ledger.wanted,
        stopped=dict(ledger.stopped), trimmed=dict(ledger.trimmed), waited=dict(waited),
        put_to_person=dict(ledger.put_to_person), asked=len(ledger.asked),
        breaches=breaches(ledger.edits, setting),
    )  # fmt: skip


def _limits(readings: Readings) -> Limits:
    """The house's defaults; what needs a person's approval is a change by as much as the account spends on a day.

    The default of 500.00 US dollars says little in twenty currencies.
    """
    most = max(1, readings.tree.running_minor())
    return Limits(max_change=Money(most, readings.account.spec.currency))


def _advance_to(market: LocalMarket, at_s: float) -> None:
    market.advance(max(timedelta(), timedelta(seconds=at_s) - timedelta(seconds=market.now.timestamp())))
