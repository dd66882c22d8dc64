"""The market's laws as numbers: what a scenario may set; sources in `sandbox/scenario_market.py`."""

from dataclasses import dataclass

_EVEN = (1.0,) * 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """Factors per calendar month, January first."""

    cpm: tuple[float, ...] = _EVEN
    ctr: tuple[float, ...] = _EVEN
    cvr: tuple[float, ...] = _EVEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How learning, pacing and orders work in a market.

    `efficiency` multiplies purchases per click while an ad set learns; `budget_step` is the relative budget change
    above which learning starts anew; a day spends at most `day_most` times its budget and a week 7 times.
    """

    events: int = 50
    window_days: int = 7
    efficiency: float = 0.8
    budget_step: float = 0.2
    pause_days: float = 7.0
    day_most: float = 1.75
    demand_spread: float = 0.18
    order_spread: float = 0.35
    season: Season = Season()
