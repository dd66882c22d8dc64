"""The check of health: gather evidence, judge it, remember it. A look remembers spans of status only, a check a run
with a log for every module of each built platform; the check of an hour is done once, whoever comes first.
"""  # noqa: D205 - the sentence needs the room

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Connection

from control_tower.evidence import Evidence
from control_tower.gathering import Sources, gather
from control_tower.judging import ModuleHealth, SystemHealth, judge, system
from control_tower.records import log_of, run_of
from domain import catalogue
from domain.catalogue import WATCHED
from models import status_spans, tower_runs

__all__ = ["HOURLY_S", "LOOK_S", "SCHEDULER", "Checked", "Sources", "check", "hourly", "judged", "look"]

SCHEDULER: Final = "scheduler"
LOOK_S, HOURLY_S = 15.0, 30.0  # real seconds between two times

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One look at the house, judged."""

    evidence: Evidence
    modules: tuple[ModuleHealth, ...]  # every watched pair of every platform, planned ones too, catalogue's order
    system: SystemHealth
    of_platform: Mapping[str, SystemHealth]  # built platforms
    took_ms: int
    run_ids: Mapping[str, UUID]  # platform → the row of `control_tower_runs`; empty where it was only a look

    def module(self, slug: str) -> ModuleHealth:
        """Return the health of a pair, such as "meta.full_cycle"; raises KeyError if there is none."""
        return next(row for row in self.modules if row.pair.slug == slug)


def judged(sources: Sources, *, in_full: bool = False) -> Checked:
    """Gather and judge, and leave no trace. Raises nothing: what cannot be asked is unknown."""
    began_s = time.perf_counter()
    evidence = gather(sources, in_full=in_full)
    modules = judge(evidence, WATCHED, sources.rhythms)
    return Checked(
        evidence=evidence,
        modules=modules,
        system=system(evidence, modules),
        of_platform={
            platform.slug: system(evidence, [row for row in modules if row.pair.platform is platform])
            for platform in catalogue.built_platforms()
        },
        took_ms=round((time.perf_counter() - began_s) * 1000),
        run_ids={},
    )


def look(sources: Sources) -> Checked:
    """Look, and note in the spans how all is.

    Raises:
        SQLAlchemyError: Postgres is away, so that nothing could be noted.
    """
    found = judged(sources)
    with sources.engine.begin() as conn:
        _note(conn, found)
    return found


def check(sources: Sources, *, executed_by: str) -> Checked:
    """Check everything now and write it down: a run and its logs for each built platform.

    Raises:
        SQLAlchemyError: Postgres is away, so that nothing could be written.
    """
    began_s = time.perf_counter()
    found = judged(sources, in_full=True)
    with sources.engine.begin() as conn:
        ids = {slug: _write(conn, found, slug, executed_by) for slug in found.of_platform}
        _note(conn, found)
    took_ms = round((time.perf_counter() - began_s) * 1000)
    return replace(found, took_ms=took_ms, run_ids=ids)


def hourly(sources: Sources, *, executed_by: str = SCHEDULER) -> Checked | None:
    """Do the check of this hour by Postgres' clock, unless it is done; any number may try at once.

    Raises:
        SQLAlchemyError: Postgres is away.
    """
    with sources.engine.begin() as conn:
        slot_at = tower_runs.this_hour(conn)
        open_ = [row.slug for row in catalogue.built_platforms() if not tower_runs.is_claimed(conn, row.slug, slot_at)]
    if not open_:
        return None
    found = judged(sources, in_full=True)
    with sources.engine.begin() as conn:
        ids = {slug: run_id for slug in open_ if (run_id := _claim(conn, found, slug, slot_at, executed_by))}
        tower_runs.forget_old(conn)
        status_spans.forget_old(conn)
        _note(conn, found)
    if not ids:
        return None
    log.info("health checked", status=found.system.status, offline=found.system.offline, degraded=found.system.degraded)
    return replace(found, run_ids=ids)


def _note(conn: Connection, found: Checked) -> None:
    words = {row.pair.slug: row.word for row in found.modules if row.pair.is_built}
    status_spans.note(conn, {status_spans.SYSTEM: str(found.system.status), **words})


def _write(conn: Connection, found: Checked, platform: str, executed_by: str) -> UUID:
    run_id = tower_runs.add_run(conn, _run(found, platform, executed_by))
    _log(conn, found, platform, run_id)
    return run_id


def _claim(conn: Connection, found: Checked, platform: str, slot_at: datetime, executed_by: str) -> UUID | None:
    run_id = tower_runs.claim_slot(conn, _run(found, platform, executed_by), slot_at)
    if run_id is not None:
        _log(conn, found, platform, run_id)
    return run_id


def _run(found: Checked, platform: str, executed_by: str) -> tower_runs.NewRun:
    return run_of(
        found.evidence,
        _modules_of(found, platform),
        found.of_platform[platform],
        platform=platform,
        executed_by=executed_by,
        took_ms=found.took_ms,
    )


def _log(conn: Connection, found: Checked, platform: str, run_id: UUID) -> None:
    tower_runs.add_logs(conn, run_id, [log_of(found.evidence, row) for row in _modules_of(found, platform)])


def _modules_of(found: Checked, platform: str) -> tuple[ModuleHealth, ...]:
    return tuple(row for row in found.modules if row.pair.platform.slug == platform)
