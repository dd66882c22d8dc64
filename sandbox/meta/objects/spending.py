"""What objects have spent so far, as reports know it, and what their budgets have left. Reads only."""

from sandbox.account import Account, ads_under
from sandbox.market.grid import SPEND
from sandbox.meta.context import Context
from sandbox.nodes import Node


class Spending:
    """Spend of an account's objects for one call; each span is added up once."""

    def __init__(self, context: Context, account: Account) -> None:
        self._context, self._account = context, account
        self._held: dict[bool, list[int]] = {}

    def minor(self, node: Node, *, today: bool = False) -> int:
        """Return what the ads under an object have spent, ever or on the account's present day."""
        spent = self._by_ad(today=today)
        return sum(spent[ad.market_index] for ad in ads_under(node) if 0 <= ad.market_index < len(spent))

    def remaining_minor(self, node: Node) -> int | None:
        """Return what is left of an object's own budget: of today's, or of the whole; None where it has none."""
        if node.daily_budget is not None:
            return max(0, node.daily_budget - self.minor(node, today=True))
        if node.lifetime_budget is not None:
            return max(0, node.lifetime_budget - self.minor(node))
        return None

    def _by_ad(self, *, today: bool) -> list[int]:
        if today not in self._held:
            market, calendar = self._account.market, self._account.calendar
            cutoff_s = self._context.cutoff_s()
            market.advance_to(cutoff_s)
            first = market.grid.first_hour
            if today:
                first = calendar.hours_of_day(calendar.day_at(cutoff_s))[0]
            sums = market.grid.sums(first, market.next_hour, ads=market.ads)
            self._held[today] = [int(value) for value in sums[SPEND]]
        return self._held[today]


def spent_minor(context: Context, account: Account, node: Node) -> int:
    """Return what an object has spent ever, minor units."""
    return Spending(context, account).minor(node)
