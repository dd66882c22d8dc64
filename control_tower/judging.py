"""From evidence to status. Pure: limits are in `thresholds.py`, what was seen in `evidence.py`.

A source that is unknown makes its figures None and the modules that depend on it UNKNOWN, never ONLINE.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from control_tower import house
from control_tower.evidence import Evidence, Unknown
from control_tower.figures import Figures, figures_of
from control_tower.findings import Reason, condensed, worst
from control_tower.module_findings import api, planning, queues, runs, workers
from control_tower.thresholds import MOST_DEGRADED
from domain.catalogue import RHYTHMS, Pair, Rhythm
from domain.health import ModuleStatus, SystemStatus
from models.module_states import Desired

__all__ = ["ModuleHealth", "Reason", "Standing", "SystemHealth", "judge", "module", "status_of", "system"]


class Standing(StrEnum):
    """Whether a pair is judged at all. Only judged ones count."""

    JUDGED = "judged"
    STOPPED = "stopped"  # by a person: its desired state, the settings, the fence or pauses of all its accounts
    PLANNED = "planned"  # not built


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleHealth:
    """One pair. Figures are None where their source is unknown; `status` is None for planned pairs.

    That of a stopped one is UNKNOWN: it does nothing that could be seen to work.
    """

    pair: Pair
    standing: Standing
    status: ModuleStatus | None
    reasons: tuple[Reason, ...]  # the worst first; empty = online
    stopped_by: str = ""  # "stopped by ana: maintenance"
    success_rate: float | None = None  # 0..1 over 24 h; None also where nothing ended
    avg_execution_ms: float | None = None
    error_count_24h: int | None = None
    api_calls_24h: int | None = None
    is_scheduler_running: bool | None = None
    is_db_healthy: bool | None = None
    is_api_healthy: bool | None = None
    last_run_at: datetime | None = None  # platform's clock, as the two below
    last_success_at: datetime | None = None  # of the cycle and account whose success is the oldest
    next_run_at: datetime | None = None
    success_age_intervals: float | None = None  # of the worst cycle and account
    missed_slots: int | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None  # Postgres' clock
    worker: str | None = None
    db_connections: int | None = None
    memory_mb: float | None = None
    cpu_pct: float | None = None

    @property
    def counts(self) -> bool:
        """Whether the system's status depends on it."""
        return self.standing is Standing.JUDGED

    @property
    def word(self) -> str:
        """For people: "online", "stopped", "planned" and so on."""
        return str(self.status) if self.counts else str(self.standing)

    @property
    def is_stale(self) -> bool:
        """Whether its last success is too old to be called well (I-35)."""
        return any(reason.name == "success_age" for reason in self.reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemHealth:
    """The whole, or one platform. `degraded` includes the unknown."""

    status: SystemStatus
    reasons: tuple[str, ...]
    online: int
    degraded: int
    offline: int
    unknown: int
    stopped: int
    planned: int


def module(evidence: Evidence, pair: Pair, rhythms: Sequence[Rhythm] = RHYTHMS) -> ModuleHealth:
    """Judge one pair; `rhythms` are the catalogue's with the cadence that the settings give them."""
    if not pair.is_built:
        return ModuleHealth(pair=pair, standing=Standing.PLANNED, status=None, reasons=())
    mine = tuple(rhythm for rhythm in rhythms if rhythm.pair == pair)
    figures = figures_of(evidence, pair, mine)
    stopped_by = _stopped_by(evidence, pair, mine)
    on_database, on_api = house.database(evidence), api(evidence, pair)
    on_queues = (*queues(evidence, mine), *planning(evidence))
    reasons = condensed(
        (*runs(evidence, mine), *on_queues, *workers(evidence, mine), *on_database, *house.broker(evidence), *on_api)
    )
    told = _told(figures) | {
        "is_scheduler_running": False if stopped_by else _is_well(on_queues, but=("queue_age_s", "queue_length")),
        "is_db_healthy": _is_well(on_database),
        "is_api_healthy": _is_well(on_api),
    }
    if stopped_by:
        status = ModuleStatus.UNKNOWN
        return ModuleHealth(
            pair=pair, standing=Standing.STOPPED, status=status, reasons=(), stopped_by=stopped_by, **told
        )
    return ModuleHealth(pair=pair, standing=Standing.JUDGED, status=worst(reasons), reasons=reasons, **told)


def judge(evidence: Evidence, pairs: Iterable[Pair], rhythms: Sequence[Rhythm] = RHYTHMS) -> tuple[ModuleHealth, ...]:
    """Judge pairs, in their order."""
    return tuple(module(evidence, pair, rhythms) for pair in pairs)


def status_of(*, offline: int, degraded: int) -> SystemStatus:
    """The system's status from the counts of its modules alone (ARCHITECTURE §5); the unknown count as degraded."""
    if offline:
        return SystemStatus.CRITICAL
    return SystemStatus.DEGRADED if degraded > MOST_DEGRADED else SystemStatus.HEALTHY


def system(evidence: Evidence, modules: Sequence[ModuleHealth]) -> SystemHealth:
    """Judge the whole, or a platform by its modules.

    HEALTHY is not said either where something is found of the house itself, a source that all depend on is unknown, or
    a module's last success is too old.
    """
    counted = [row for row in modules if row.counts]
    offline = [row for row in counted if row.status is ModuleStatus.OFFLINE]
    unknowns = [row for row in counted if row.status is ModuleStatus.UNKNOWN]
    degraded = [row for row in counted if row.status is ModuleStatus.DEGRADED]
    found = condensed(house.findings(evidence))
    status = status_of(offline=len(offline), degraded=len(degraded) + len(unknowns))
    if status is SystemStatus.HEALTHY and (found or any(row.is_stale for row in counted)):
        status = SystemStatus.DEGRADED
    stop = _stop_of_all(evidence)
    named = [f"{row.pair.slug} is {row.status}: {row.reasons[0].text}" for row in (*offline, *unknowns, *degraded)]
    return SystemHealth(
        status=SystemStatus.EMERGENCY_STOP if stop else status,
        reasons=(*((stop,) if stop else ()), *(row.text for row in found), *named),
        online=len(counted) - len(offline) - len(unknowns) - len(degraded),
        degraded=len(degraded) + len(unknowns),
        offline=len(offline),
        unknown=len(unknowns),
        stopped=sum(row.standing is Standing.STOPPED for row in modules),
        planned=sum(row.standing is Standing.PLANNED for row in modules),
    )


def _stop_of_all(evidence: Evidence) -> str | None:
    if isinstance(evidence.stops, Unknown):
        return None
    for stop in evidence.stops.value:
        if stop.account_id is None:
            return f"emergency stop {stop.id} since {stop.closed_at:%Y-%m-%d %H:%M:%S}Z by {stop.actor}: {stop.reason}"
    if isinstance(evidence.slots, Unknown):
        return None
    everybody = {row.account_id for row in evidence.slots.value}
    stopped = {stop.account_id for stop in evidence.stops.value}
    if not everybody or not everybody <= stopped:
        return None
    return f"every account is stopped by itself: stops {', '.join(str(stop.id) for stop in evidence.stops.value)}"


def _stopped_by(evidence: Evidence, pair: Pair, mine: Sequence[Rhythm]) -> str:
    """Say who keeps it from running, "" where nobody does or nobody knows."""
    if not mine:
        return "switched off in the settings"
    if not isinstance(evidence.desired, Unknown):
        state = evidence.desired.value.get(pair.slug)
        if state is not None and state.desired is Desired.STOPPED:
            return f"stopped by {state.changed_by}: {state.reason}"
    if isinstance(evidence.slots, Unknown):
        return ""
    names = {rhythm.name for rhythm in mine}
    excuses = [row.excused for row in evidence.slots.value if row.task in names]
    if not excuses or not all(excuses):
        return ""
    return f"no account of it may run: {', '.join(sorted(set(excuses)))}"


def _is_well(reasons: Iterable[Reason], but: tuple[str, ...] = ()) -> bool | None:
    status = worst(row for row in reasons if row.name not in but)
    return None if status is ModuleStatus.UNKNOWN else status is ModuleStatus.ONLINE


def _told(figures: Figures) -> dict[str, Any]:
    """Return the figures by name: `ModuleHealth` has each of them under the same one."""
    return {name: getattr(figures, name) for name in Figures.__dataclass_fields__}
