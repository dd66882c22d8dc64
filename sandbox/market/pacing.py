"""Daily budgets and how they are spent: days differ with demand, within 1.75 times a day and 7 times a week.

A week runs from Sunday to Saturday in the account's zone. What a day left unspent may be spent later in its week; days
on which nothing was delivered leave nothing. Where a budget changes, each day counts with the most that was in force.
"""

from typing import Final

import numpy as np

from sandbox.market.columns import Table
from sandbox.market.dice import Floats, Ints, normals
from sandbox.market.rhythm import Hour
from sandbox.market.rules import Rules

_WEEK: Final = 7
_CATCH_UP: Final = 1.5  # an hour may take at most this multiple of its share when the day has fallen behind
_S_DEMAND: Final = 21


class Budgets:
    """Every daily budget of the account: of ad sets, or of campaigns for all their ad sets. Integer minor units."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._rows = Table(
            key=np.uint64, minor=np.int64, spent=np.int64, most=np.int64, week_budget=np.int64, week_spent=np.int64
        )

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def minor(self) -> Ints:
        """The budgets in force."""
        return self._rows.ints("minor")

    def add(self, minor: int, *, key: int) -> int:
        """Add a budget and return its index."""
        return self._rows.append(key=key, minor=minor, spent=0, most=0, week_budget=0, week_spent=0)

    def set(self, index: int, minor: int) -> None:
        """Change a budget."""
        self._note_most()
        self.minor[index] = minor

    def begin_day(self, day: int) -> None:
        """Close the former day and, on a Sunday, the former week."""
        self._note_most()
        rows = self._rows
        spent = rows.ints("spent")
        rows.ints("week_budget")[:] += np.where(spent > 0, rows.ints("most"), 0)
        rows.ints("week_spent")[:] += spent
        if day % _WEEK == 0:  # ordinal 1 was a Monday
            rows.ints("week_budget")[:] = 0
            rows.ints("week_spent")[:] = 0
        spent[:] = 0
        rows.ints("most")[:] = 0

    def money(self, hour: Hour) -> Floats:
        """Return what each budget would place in an hour."""
        minor, spent = self.minor.astype(np.float64), self._rows.ints("spent")
        days_left = _WEEK - hour.day % _WEEK
        spread = self._rules.demand_spread
        demand = np.exp(spread * normals(self._rows.keys(), hour.day, _S_DEMAND) - spread**2 / 2)
        week_left = self._week_left(hour).astype(np.float64)
        day = np.minimum(demand * week_left / days_left, np.minimum(self._rules.day_most * minor, week_left))
        left = np.maximum(day - spent, 0.0)
        return np.minimum(left * (hour.share / hour.rest), day * (_CATCH_UP * hour.share))

    def ceiling(self, hour: Hour) -> Ints:
        """Return the most that each budget may have spent on the hour's day."""
        return np.minimum((self._rules.day_most * self.minor).astype(np.int64), self._week_left(hour))

    def book(self, spend: Ints, budget: Ints, ceiling: Ints) -> Ints:
        """Trim spends of an hour so that no ceiling is passed, book them and return them."""
        spent = self._rows.ints("spent")
        total = np.bincount(budget, weights=spend, minlength=len(spent)).astype(np.int64)
        left = np.maximum(ceiling - spent, 0)
        over = total > left
        if over.any():
            cut = spend * left[budget] // np.maximum(total[budget], 1)
            spend = np.where(over[budget], cut, spend)
            total = np.bincount(budget, weights=spend, minlength=len(spent)).astype(np.int64)
        spent += total
        return spend

    def _week_left(self, hour: Hour) -> Ints:
        rows, days_left = self._rows, _WEEK - hour.day % _WEEK
        left: Ints = rows.ints("week_budget") + self.minor * days_left - rows.ints("week_spent")
        return np.maximum(left, 0)

    def _note_most(self) -> None:
        most = self._rows.ints("most")
        np.maximum(most, self.minor, out=most)
