"""What Meta refuses of bids, billing, pacing, schedules and frequency of an ad set (meta_graph_api.md §2.3)."""

from typing import Any, Final

from sandbox.meta.objects.drafts import Draft
from sandbox.meta.objects.odax import billing_of
from sandbox.meta.protocol.errors import invalid
from sandbox.nodes import Node

AUTOMATIC: Final = "LOWEST_COST_WITHOUT_CAP"
_CAPPED: Final = frozenset({"COST_CAP", "LOWEST_COST_WITH_BID_CAP"})
_ROAS: Final = "LOWEST_COST_WITH_MIN_ROAS"
_FLOOR: Final = (100, 10_000_000)  # of roas_average_floor, a ratio times 10,000
_LEAST_BID_MINOR: Final = 1
_LEAST_BID_IMPRESSIONS_MINOR: Final = 2
_HOUR_MIN: Final = 60
_DAY_MIN: Final = 1_440
_MOST_FREQUENCY: Final = 90
_CLICK, _VIEW, _ENGAGED = "CLICK_THROUGH", "VIEW_THROUGH", "ENGAGED_VIDEO_VIEW"
_ONE_DAY: Final = frozenset({((_CLICK, 1),)})
# Windows by goal, each a sorted tuple of (event, days).
_WINDOWS: Final = {
    "OFFSITE_CONVERSIONS": frozenset(
        {((_CLICK, 1),), ((_CLICK, 7),), ((_CLICK, 1), (_VIEW, 1)), ((_CLICK, 7), (_VIEW, 1))}
    ),
    "APP_INSTALLS": frozenset({((_CLICK, 1),), ((_CLICK, 1), (_VIEW, 1)), ((_CLICK, 1), (_ENGAGED, 1))}),
}  # fmt: skip
_LIKE_CONVERSIONS: Final = frozenset({"VALUE", "APP_INSTALLS_AND_OFFSITE_CONVERSIONS"})


def strategy_of(draft: Draft, campaign: Node) -> str:
    """Return the bid strategy that will rule the ad set: its campaign's, where that carries the budget."""
    if campaign.budget_index >= 0:
        return str(campaign.extra.get("bid_strategy") or AUTOMATIC)
    asked = draft.get("bid_strategy")
    if asked:
        return str(asked)
    if draft.is_new and draft.get("bid_amount"):
        return "LOWEST_COST_WITH_BID_CAP"
    return AUTOMATIC


def check_bids(draft: Draft, campaign: Node) -> None:
    """Refuse a bid that its strategy, or a strategy that its goal, does not go with."""
    if not (draft.is_new or draft.touches("bid_strategy", "bid_amount", "bid_constraints", "optimization_goal")):
        return
    strategy, amount = strategy_of(draft, campaign), draft.get("bid_amount")
    if strategy in _CAPPED and not amount:
        raise invalid(
            f"Bid strategy {strategy} needs a bid_amount.", subcode=1_815_857, field="bid_amount",
            title="Bid amount is required",
        )  # fmt: skip
    if strategy not in _CAPPED and amount and draft.touches("bid_amount"):
        raise invalid(
            f"Bid strategy {strategy} takes no bid_amount.", subcode=1_885_204, field="bid_amount",
            title="The bid is automatic",
        )  # fmt: skip
    if strategy == "COST_CAP" and draft.get("billing_event") not in (None, "IMPRESSIONS"):
        raise invalid("Bid strategy COST_CAP is billed by IMPRESSIONS only.", field="billing_event")
    if strategy == "COST_CAP" and (draft.get("pacing_type") or ["standard"]) != ["standard"]:
        raise invalid("Bid strategy COST_CAP needs standard pacing.", field="pacing_type")
    least = _LEAST_BID_IMPRESSIONS_MINOR if draft.get("billing_event") == "IMPRESSIONS" else _LEAST_BID_MINOR
    if amount is not None and draft.touches("bid_amount") and amount < least:
        raise invalid(f"The bid {amount} is below the least of {least}.", field="bid_amount", title="Bid is too low")
    if strategy == _ROAS:
        _check_floor(draft)


def _check_floor(draft: Draft) -> None:
    limits = draft.get("bid_constraints")
    floor = limits.get("roas_average_floor") if isinstance(limits, dict) else None
    try:
        ratio = int(str(floor))
    except ValueError:
        ratio = -1
    if not _FLOOR[0] <= ratio <= _FLOOR[1]:
        raise invalid(
            f"Bid strategy {_ROAS} needs bid_constraints.roas_average_floor from {_FLOOR[0]} to {_FLOOR[1]} "
            "(the ratio times 10000).", field="bid_constraints", title="Minimum ROAS is missing",
        )  # fmt: skip
    if draft.get("optimization_goal") not in (None, "VALUE"):
        raise invalid(f"Bid strategy {_ROAS} goes with the optimization goal VALUE only.", field="bid_strategy")


def check_billing(draft: Draft, campaign: Node) -> None:
    """Refuse a billing event that the goal is not billed by."""
    goal, billing = draft.get("optimization_goal"), draft.get("billing_event")
    if not draft.touches("optimization_goal", "billing_event") or goal is None or billing is None:
        return
    allowed = billing_of(goal, str(campaign.extra.get("buying_type") or "AUCTION"))
    if billing not in allowed:
        raise invalid(
            f"Billing event {billing} does not go with optimization goal {goal}; it may be "
            f"{' or '.join(sorted(allowed))}.", field="billing_event",
        )  # fmt: skip


def check_attribution(draft: Draft) -> None:
    """Refuse attribution windows that the goal does not have."""
    rows = draft.values.get("attribution_spec")
    if rows is None:
        return
    goal = draft.get("optimization_goal")
    key = "OFFSITE_CONVERSIONS" if goal in _LIKE_CONVERSIONS else str(goal)
    found = tuple(sorted((str(row.get("event_type")), _whole(row.get("window_days"))) for row in rows))
    if found not in _WINDOWS.get(key, _ONE_DAY):
        words = " + ".join(f"{days} d {event}" for event, days in found) or "no window"
        raise invalid(
            f"The attribution window {words} is not available for optimization goal {goal}.",
            field="attribution_spec", title="Attribution window is not available",
        )  # fmt: skip


def check_schedule(draft: Draft) -> None:
    """Refuse a timetable without a lifetime budget, or one of broken hours or days."""
    rows = draft.values.get("adset_schedule")
    if not rows:
        return
    if not draft.get("lifetime_budget") and draft.get("daily_budget"):
        raise invalid("adset_schedule needs a lifetime budget.", field="adset_schedule", title="Schedule not possible")
    for row in rows:
        start, end = _whole(row.get("start_minute")), _whole(row.get("end_minute"))
        days = row.get("days")
        is_well = (
            0 <= start < end <= _DAY_MIN and start % _HOUR_MIN == 0 and end % _HOUR_MIN == 0
            and isinstance(days, list) and days and all(day in range(7) for day in days)
            and row.get("timezone_type", "USER") in ("USER", "ADVERTISER")
        )  # fmt: skip
        if not is_well:
            raise invalid(
                "A row of adset_schedule has start_minute and end_minute at whole hours, days from 0 (Sunday) to 6 and "
                "timezone_type USER or ADVERTISER.", field="adset_schedule", title="Schedule is broken",
            )  # fmt: skip


def check_frequency(draft: Draft) -> None:
    """Refuse a frequency limit out of range, and any change of one that is set."""
    rows = draft.values.get("frequency_control_specs")
    if rows is None:
        return
    if not draft.is_new and draft.changes("frequency_control_specs"):
        raise invalid(
            "frequency_control_specs is set once, when the ad set is made; it cannot be changed.",
            subcode=1_815_198, field="frequency_control_specs", title="Frequency control cannot be changed",
        )  # fmt: skip
    for row in rows:
        numbers = [_whole(row.get(name)) for name in ("interval_days", "max_frequency")]
        if row.get("event") != "IMPRESSIONS" or not all(1 <= number <= _MOST_FREQUENCY for number in numbers):
            raise invalid(
                f"frequency_control_specs counts the event IMPRESSIONS, with interval_days and max_frequency from 1 to "
                f"{_MOST_FREQUENCY}.", field="frequency_control_specs",
            )  # fmt: skip


def _whole(value: Any) -> int:
    """Return a whole number, -1 where it is none."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return -1
