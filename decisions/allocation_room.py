"""How much an account and its campaigns may spend a day, as far as somebody said so. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Caps of daily budgets in minor units; None or a missing campaign = no cap."""

    account_daily_minor: int | None = None
    campaign_daily_minor: Mapping[str, int] = field(default_factory=dict)


NO_CAPS = Room()


def daily_room(month_budget_minor: int | None, *, spent_minor: int, days_left: int) -> int | None:
    """Return what is left of a month's budget for each of its days left (today counts); None without a budget."""
    if month_budget_minor is None:
        return None
    return max(0, month_budget_minor - max(0, spent_minor)) // max(1, days_left)
