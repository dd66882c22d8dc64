"""The market without a server: a scenario in this process, edited and moved on by calls, read as arrays.

It is the very same market that `python -m sandbox serve` puts behind HTTP; tests/sandbox/test_market_twins.py holds the
two against one another. Everything is computed when asked for and nothing is written to disk.

    from datetime import UTC, datetime, timedelta
    from sandbox.market.local import LocalMarket

    market = LocalMarket("small_shop", start=datetime(2026, 3, 2, tzinfo=UTC))
    (account_id,) = market.accounts
    market.advance(timedelta(days=7))
    ad_set = market.named(account_id, "Oil · Lookalike of buyers")
    market.edit(ad_set.id, daily_budget=12_000)
    market.advance(timedelta(days=7))
    days = market.daily(account_id)              # days.spend_minor has shape (days, ads)
    roas = days.value_minor.sum() / days.spend_minor.sum()
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

import numpy as np

from sandbox.account import Account
from sandbox.clock import to_us
from sandbox.journal import LogLine
from sandbox.market.dice import Ints
from sandbox.market.grid import METRICS
from sandbox.nodes import Kind, Node
from sandbox.people import HandEdit, People, named
from sandbox.scenario import Scenario, load_scenario
from sandbox.world import World, new_object_id


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyFigures:
    """What reports would say now, shape (days, ads); purchases as far as they have arrived. Money in minor units."""

    days: tuple[date, ...]
    ad_ids: tuple[str, ...]
    impressions: Ints
    clicks: Ints
    link_clicks: Ints
    spend_minor: Ints
    purchases: Ints
    value_minor: Ints


class LocalMarket:
    """A world with its own clock, which moves only by `advance`."""

    def __init__(self, scenario: Scenario | str, *, start: datetime) -> None:
        found = load_scenario(scenario) if isinstance(scenario, str) else scenario
        start_us = to_us(start) // 1_000_000 * 1_000_000
        self._world = World(found, start_us=start_us)
        self._people = People(self._world, start_us=start_us)
        self._now_us, self._seq = start_us, 0

    @classmethod
    def resume(cls, scenario: Scenario, *, start: datetime, lines: Iterable[LogLine], now: datetime) -> Self:
        """Return a market as a log of effects has left it, at an instant after all of them."""
        market = cls(scenario, start=start)
        for line in lines:
            market._world.replay(line)
            market._seq = line.seq
        market._now_us = max(to_us(now), market._now_us)
        market._world.catch_up(market._now_us / 1e6)
        return market

    @property
    def now(self) -> datetime:
        """The platform's present."""
        return datetime.fromtimestamp(self._now_us / 1e6, UTC)

    @property
    def accounts(self) -> tuple[str, ...]:
        """The ids of the accounts."""
        return tuple(self._world.accounts)

    def account(self, account_id: str) -> Account:
        """Return an account's state, computed up to the present; for reading only."""
        account = self._world.accounts[account_id]
        account.market.advance_to(self.cutoff_s)
        return account

    @property
    def cutoff_s(self) -> float:
        """The instant up to which reports know, in seconds since 1970."""
        return self._world.cutoff_s(self._now_us / 1e6)

    def named(self, account_id: str, name: str) -> Node:
        """Return the first object of a name or id.

        Raises:
            KeyError: there is none.
        """
        node = named(self._world.accounts[account_id], name)
        if node is None:
            raise KeyError(name)
        return node

    def advance(self, by: timedelta) -> None:
        """Move the clock on; people who edit by hand do so meanwhile.

        Raises:
            ValueError: it would go back.
        """
        until_us = self._now_us + by // timedelta(microseconds=1)
        if until_us < self._now_us:
            message = f"the market's clock never goes back: {by}"
            raise ValueError(message)
        self._people.act(after_us=self._now_us, upto_us=until_us, effect=self._edit_by_hand)
        self._now_us = until_us
        self._world.catch_up(until_us / 1e6)

    def edit(self, object_id: str, **values: Any) -> None:
        """Change an object now: status, daily_budget (minor units), name, targeting; unknown ids raise KeyError."""
        node = self._world.nodes[object_id]
        before = {name: getattr(node, name, node.extra.get(name)) for name in values}
        change = {name: [before[name], value] for name, value in values.items() if before[name] != value}
        if change:
            self._apply(node.kind, node.account_id, node.id, change, at_us=self._now_us, actor="api")

    def create(self, account_id: str, kind: Kind, **values: Any) -> str:
        """Make an object now and return its id; `parent` is the id of an ad's ad set or an ad set's campaign."""
        new_id = new_object_id(self._seq + 1, kind)
        change = {name: [None, value] for name, value in values.items()}
        self._apply(kind, account_id, new_id, change, at_us=self._now_us, actor="api")
        return new_id

    def daily(self, account_id: str) -> DailyFigures:
        """Return every local day since the account's history begins, today's as far as it is known."""
        account = self.account(account_id)
        market, calendar = account.market, account.calendar
        first = calendar.day_at(calendar.start_of(market.grid.first_hour))
        last = calendar.day_at(calendar.start_of(market.next_hour - 1))
        total = np.zeros((METRICS + 2, last - first + 1, market.ads), dtype=np.int64)
        for row, day in enumerate(range(first, last + 1)):
            hours = calendar.hours_of_day(day)
            total[:METRICS, row] = market.grid.sums(*hours, ads=market.ads)
            total[METRICS:, row] = market.purchases.arrived(*hours, cutoff_s=self.cutoff_s, ads=market.ads)
        return DailyFigures(
            days=tuple(date.fromordinal(day) for day in range(first, last + 1)),
            ad_ids=tuple(ad.id for ad in account.nodes[Kind.AD]),
            impressions=total[0], clicks=total[1], link_clicks=total[2], spend_minor=total[3], purchases=total[4],
            value_minor=total[5],
        )  # fmt: skip

    def _edit_by_hand(self, edit: HandEdit) -> None:
        node = edit.node
        self._apply(node.kind, node.account_id, node.id, edit.change, at_us=edit.at_us, actor=edit.actor)

    def _apply(
        self, kind: Kind, account_id: str, object_id: str, change: dict[str, list[Any]], *, at_us: int, actor: str
    ) -> None:
        self._seq += 1
        self._world.apply(
            LogLine(
                seq=self._seq, platform_at_us=at_us, real_at_us=at_us, method="POST", path=f"/{object_id}",
                account_id=account_id, kind=kind, object_id=object_id, change=change, op_token=None,
                outcome="answered", actor=actor, request_id=None,
            )
        )  # fmt: skip
