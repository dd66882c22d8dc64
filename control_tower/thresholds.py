"""The one table of limits that status and alerts go by: from what figure on, how bad, and where the number comes from.

Nothing is looked up or decided elsewhere; a figure *past* its limit counts, one that stands on it does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from domain.errors import InvariantError
from domain.health import ModuleStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Limits of one figure. None = it never makes a module that bad by itself. `low` = low figures are the bad ones."""

    name: str
    unit: str  # "intervals", "s", "ms", "ratio" (0..1), "count"
    degraded: float | None
    offline: float | None
    source: str
    low: bool = False

    def status(self, value: float) -> ModuleStatus:
        """Say how bad a figure is."""
        for limit, status in ((self.offline, ModuleStatus.OFFLINE), (self.degraded, ModuleStatus.DEGRADED)):
            if limit is not None and (value < limit if self.low else value > limit):
                return status
        return ModuleStatus.ONLINE


def _row(
    name: str, unit: str, degraded: float | None, offline: float | None, source: str, *, low: bool = False
) -> Threshold:
    return Threshold(name=name, unit=unit, degraded=degraded, offline=offline, source=source, low=low)


_S = "facts/reliability.md §5.3"
MODULE: Final[tuple[Threshold, ...]] = (
    _row("success_age", "intervals", 1.5, 3.0, "I-35 and CycleStale; three intervals without a success: judgement"),
    _row("success_rate", "ratio", 0.95, 0.50, "REQUIREMENTS §4: over 95 % successful; offline: judgement", low=True),
    _row("errors_24h", "count", 50, None, "REQUIREMENTS §2: more than 50 errors in 24 h"),
    _row("cycle_s", "s", 600, None, "REQUIREMENTS §4: a cycle longer than 10 min; it is also the hard limit"),
    _row("missed_slots", "count", 0, None, "I-19: no slot is missed silently"),
    _row("queue_age_s", "s", 60, 600, f"{_S} QueueLength: age over 60 s; offline: the hard limit of a task"),
    _row("queue_length", "count", 100, None, f"{_S} QueueLength: over 100"),
    _row("worker_silent_s", "s", 30, 60, "three and six missed heartbeats of 10 s"),
    _row("canary_age_s", "s", 120, 180, "facts/reliability.md F1: processed in the last 2 min; given up after 3"),
    _row("busy_canary_age_s", "s", 600, 780, "every process at work: the hard limit of a task, and a canary more"),
    _row("api_error_rate", "ratio", 0.10, 0.50, "REQUIREMENTS §4: over 10 % of calls; offline: judgement"),
    _row("api_usage", "ratio", 0.80, None, f"{_S} ApiUsage: over 0.8"),
    _row("round_trip_ms", "ms", 5_000, None, "judgement: a plain read of the platform takes under a second"),
)
HOUSE: Final[tuple[Threshold, ...]] = (
    _row("db_connections", "ratio", 0.80, 0.95, "judgement: share of max_connections in use"),
    _row("db_query_ms", "ms", 100, 1_000, "judgement: indexed reads that take under 5 ms on one machine"),
    _row("redis_memory", "ratio", 0.80, 0.95, f"{_S} RedisMem: over 80 %"),
    _row("redis_round_trip_ms", "ms", 250, 2_000, "judgement: under 1 ms on one machine"),
    _row("redis_evicted", "count", None, 0, f"{_S} RedisEvict: evicted_keys over 0"),
    _row("tower_silent_s", "s", 60, None, "twelve of its rounds; health is looked at by others then"),
    _row("beat_silent_s", "s", 30, None, "three missed signs of life of 10 s; the tower plans meanwhile"),
    _row("facts_age_s", "s", 7_200, None, "two hourly runs of the API client; older facts are not known"),
    _row("token_left_s", "s", 7 * 86_400, 0, f"{_S} TokenExpiry: under 7 days", low=True),
    _row("version_left_days", "days", 60, 0, "judgement: an upgrade takes a release", low=True),
)
ALERTS: Final[tuple[Threshold, ...]] = (
    _row("slow_cycle_s", "s", 600, None, "REQUIREMENTS §4: longer than 10 min"),
    _row("alert_api_error_rate", "ratio", 0.10, None, "REQUIREMENTS §4: API error rate over 10 %"),
    _row("no_cycle_s", "s", 3_600, None, "REQUIREMENTS §4: no cycle in 1 h"),
    _row("alert_errors_24h", "count", 50, None, "REQUIREMENTS §2: more than 50 errors in 24 h"),
    _row("token_page_s", "s", 86_400, None, f"{_S} TokenExpiry: under 24 h", low=True),
)
TABLE: Final[Mapping[str, Threshold]] = MappingProxyType({row.name: row for row in (*MODULE, *HOUSE, *ALERTS)})

FEWEST_RUNS: Final = 5  # that must have ended before their rate says anything
FEWEST_CALLS: Final = 20
MOST_DEGRADED: Final = 2  # modules with which the system is still healthy (ARCHITECTURE §5)


def row(name: str) -> Threshold:
    """Find a row of the table.

    Raises:
        InvariantError: there is none of that name.
    """
    if name not in TABLE:
        raise InvariantError(f"no threshold {name}; there are {', '.join(TABLE)}")
    return TABLE[name]


def first_limit(name: str) -> float:
    """The figure past which the row of this name is no longer fine."""
    limits = row(name)
    return limits.degraded if limits.degraded is not None else limits.offline or 0.0
