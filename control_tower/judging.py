"""From evidence to status. Pure: the table of limits is in `thresholds.py`, what was seen in `evidence.py`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.catalogue import Pair
from domain.health import ModuleStatus, SystemStatus


class Standing(StrEnum):
    """Whether a pair is judged at all. Only judged ones count."""

    JUDGED = "judged"
    STOPPED = "stopped"  # by a person: its desired state, the fence or pauses of all its accounts
    PLANNED = "planned"  # not built


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One finding on a pair or the house: which row of the table (or which source), how bad, in words."""

    name: str  # of the threshold or the source: "success_age", "consumers", ...
    status: ModuleStatus
    text: str
    value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleHealth:
    """One pair. Figures are None where their source is unknown; `status` is None for planned pairs."""

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
    last_run_at: datetime | None = None  # platform's clock, as the three below
    last_success_at: datetime | None = None
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
