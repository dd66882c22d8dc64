"""What may be spent in all, by the account and by each campaign: once it is, nothing more is placed."""

import numpy as np
from numpy.typing import NDArray

from sandbox.market.columns import Table
from sandbox.market.dice import Floats, Ints

ACCOUNT = 0  # the first row; campaigns follow


class Caps:
    """Limits over the whole life, and what was spent so far; minor units. A limit of 0 is none."""

    def __init__(self) -> None:
        self._rows = Table(most=np.int64, since_s=np.float64, spent=np.int64)
        self.add()

    @property
    def spent_minor(self) -> int:
        """What the account has spent in every hour so far."""
        return int(self._rows.ints("spent")[ACCOUNT])

    def add(self) -> int:
        """Add what may be limited, without a limit yet, and return its index."""
        return self._rows.append(most=0, since_s=0.0, spent=0)

    def set(self, index: int, minor: int, *, at_s: float) -> None:
        """Limit the account or a campaign from an instant on."""
        self._rows.ints("most")[index], self._rows.floats("since_s")[index] = minor, at_s

    def may_spend(self, campaign: Ints) -> NDArray[np.bool_]:
        """Say for each of some campaigns whether neither it nor the account has reached its limit."""
        most, spent = self._rows.ints("most"), self._rows.ints("spent")
        is_free: NDArray[np.bool_] = (most == 0) | (spent < most)
        found: NDArray[np.bool_] = is_free[campaign] & is_free[ACCOUNT]
        return found

    def book(self, spend: Ints, campaign: Ints) -> None:
        """Count what ads of these campaigns have spent."""
        spent = self._rows.ints("spent")
        spent += np.bincount(campaign, weights=spend, minlength=len(spent)).astype(np.int64)
        spent[ACCOUNT] += int(spend.sum())

    def within(self, spend: Ints, campaign: Ints, *, start_s: float) -> Ints:
        """Trim the spends of an hour so that no limit is passed.

        A limit that was set within the hour only ends the delivery: it takes back nothing that was spent before it.
        """
        since_s: Floats = self._rows.floats("since_s")
        most = np.where(since_s <= start_s, self._rows.ints("most"), 0)
        if not most.any():
            return spend
        left = np.maximum(most - self._rows.ints("spent"), 0)
        for owner in (campaign, np.zeros_like(campaign)):
            total = np.bincount(owner, weights=spend, minlength=len(most)).astype(np.int64)
            over = (most > 0) & (total > left)
            cut = spend * np.minimum(left, total)[owner] // np.maximum(total, 1)[owner]
            spend = np.where(over[owner], cut, spend)
        return spend
