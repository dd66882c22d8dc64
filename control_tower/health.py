"""The check of health: gather evidence, judge it, remember it.

`look(sources) -> Checked` remembers spans of status only; `check(sources, *, executed_by) -> Checked` a run and 17 logs
per platform too; `hourly(sources, *, executed_by) -> Checked | None` is the check of this hour, None if it was done.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine

from control_tower.evidence import Evidence
from control_tower.judging import ModuleHealth, SystemHealth
from domain.clock import PlatformClock
from domain.ports import Processes, Switchboard
from models.accounts import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where evidence comes from."""

    engine: Engine
    switchboard: Switchboard
    processes: Processes
    clock_of: Callable[[Account], PlatformClock]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One look at the house, judged."""

    evidence: Evidence
    modules: tuple[ModuleHealth, ...]  # every watched pair of every platform, planned ones too, catalogue's order
    system: SystemHealth
    of_platform: Mapping[str, SystemHealth]  # built platforms
    took_ms: int
    run_ids: Mapping[str, UUID]  # platform → the row of `control_tower_runs`; empty where it was only a look
