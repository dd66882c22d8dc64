"""Chooses new daily budgets on arrays: solves, drops the edits that are not worth it, and solves again for the rest.

Knows accounts only as groups of rows, so that a benchmark may choose for hundreds of them in one call.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from decisions.allocation_solver import Curves, Filled, fill_nested, fill_price, fill_total
from decisions.learning_price import LearningPrice, price_of
from domain.snapshot import Bools, Floats, Ints
from estimators.response import revenue_at

_ROUNDS: Final = 6
_LEAST_TOP: Final = 1e-9  # what has never earned still has a logarithm
_HORIZON_DAYS: Final = 7.0  # for which an edit's gain is counted against its price: until newer figures move it again


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What may be chosen for n objects; budgets and bounds are whole minor units a day."""

    top: Floats
    kappa: Floats
    bend: Floats
    relative_sd: Floats  # of what a change of the revenue is expected to be
    budget: Ints
    low: Ints
    high: Ints
    is_learning: Bools
    group: Ints  # the account of each
    total: Floats | None  # (groups,) where the totals are fixed; None = free
    worth: float  # of a unit of revenue: 1 / the ROAS that must be reached where free, else 1
    min_change: float
    noise_factor: float  # an edit's gain must be so many times its noise
    price: LearningPrice
    campaign: Ints | None = None  # only of a single group: the cap's place of each
    campaign_cap: Floats | None = None  # infinite where there is none
    account_cap: float | None = None

    def revenue(self, spend: Floats) -> Floats:
        """Return the daily revenue expected at these spends."""
        return revenue_at(spend, self.top, self.kappa, self.bend)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """New budgets and what speaks for each; `wanted` is what would be best if every edit were free and certain."""

    target: Ints
    wanted: Ints
    gain: Floats  # a day, in money, of going from the budget to `wanted`
    noise: Floats
    cost: Floats  # once
    is_small: Bools
    is_noise: Bools
    is_costly: Bools
    log_price: Floats  # (groups,)


def choose(task: Task) -> Choice:
    """Choose the budgets. No target leaves its bounds, no sum its total or caps for the sake of another's."""
    before = task.budget.astype(np.float64)
    frozen = np.zeros(len(before), np.bool_)
    curves = Curves(top=np.maximum(task.top, _LEAST_TOP), kappa=task.kappa, bend=task.bend)
    first = found = _weigh(task, before, _fill(task, curves, task.low.astype(np.float64), task.high.astype(np.float64)))
    dropped = frozen
    for turn in range(_ROUNDS):
        if turn:
            filled = _fill(task, curves, np.where(frozen, before, task.low), np.where(frozen, before, task.high))
            found = _weigh(task, before, filled)
        dropped = ~frozen & (found.wanted != task.budget) & (found.is_small | found.is_noise | found.is_costly)
        if not dropped.any():
            break
        frozen |= dropped
    target = _within_totals(task, np.where(frozen | dropped, task.budget, found.wanted))
    stays = frozen & (first.wanted != task.budget)
    return Choice(
        target=target,
        wanted=np.where(stays, first.wanted, found.wanted),
        gain=np.where(stays, first.gain, found.gain),
        noise=np.where(stays, first.noise, found.noise),
        cost=np.where(stays, first.cost, found.cost),
        is_small=stays & first.is_small,
        is_noise=stays & first.is_noise,
        is_costly=stays & first.is_costly,
        log_price=found.log_price,
    )


def _fill(task: Task, curves: Curves, low: Floats, high: Floats) -> Filled:
    has_caps = task.campaign is not None and task.campaign_cap is not None
    if task.total is None:
        return fill_price(
            curves, low, high, -float(np.log(task.worth)), group=task.campaign if has_caps else None,
            caps=task.campaign_cap if has_caps else None, total=task.account_cap,
        )  # fmt: skip
    total = task.total if task.account_cap is None else np.minimum(task.total, task.account_cap)
    if task.campaign is not None and task.campaign_cap is not None:
        return fill_nested(curves, low, high, float(total[0]), group=task.campaign, caps=task.campaign_cap)
    return fill_total(curves, low, high, total, group=task.group)


def _weigh(task: Task, before: Floats, filled: Filled) -> Choice:
    """Say of every change what it would gain, how sure that is, and whether it is worth an edit."""
    wanted = np.where(filled.spend >= before, np.floor(filled.spend + 1e-6), np.ceil(filled.spend - 1e-6))
    old, new = task.revenue(before), task.revenue(wanted)
    change = wanted - before
    money = np.ones(len(before)) if task.total is None else np.exp(filled.log_price)[_price_row(task, filled)]
    gain = task.worth * (new - old) - money * change
    noise = task.worth * np.abs(new - old) * task.relative_sd
    cost = price_of(
        before, wanted, is_learning=task.is_learning, revenue=old, worth=task.worth, price=task.price
    )  # fmt: skip
    is_forced = (before < task.low) | (before > task.high)
    return Choice(
        target=task.budget, wanted=wanted.astype(np.int64), gain=gain, noise=noise, cost=cost,
        is_small=~is_forced & (np.abs(change) < task.min_change * before),
        is_noise=~is_forced & (gain < task.noise_factor * noise),
        is_costly=~is_forced & (gain * _HORIZON_DAYS < cost),
        log_price=filled.log_price,
    )  # fmt: skip


def _price_row(task: Task, filled: Filled) -> Ints:
    """Which price each row was filled at: its account's, or its campaign's where caps made prices of their own."""
    has_own = task.campaign is not None and task.campaign_cap is not None and len(filled.log_price) > 1
    return task.campaign if has_own and task.campaign is not None else task.group


def _within_totals(task: Task, target: Ints) -> Ints:
    """Shrink raises whose paying cuts have been dropped, and cuts whose money nobody takes any more."""
    if task.total is None:
        return target
    groups = len(task.total)
    change = target - task.budget
    left = np.bincount(task.group, weights=target, minlength=groups) - task.total
    for sign in (1, -1):
        part = np.maximum(sign * change, 0)
        whole = np.bincount(task.group, weights=part, minlength=groups)
        excess = np.maximum(sign * left, 0)
        share = 1 - np.clip(np.divide(excess, whole, out=np.zeros(groups), where=whole > 0), 0, 1)
        kept = np.floor(part * share[task.group]) if sign > 0 else np.ceil(part * share[task.group])
        target = np.where(part > 0, task.budget + sign * kept.astype(np.int64), target)
    return target
