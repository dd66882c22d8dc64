"""What of a check is written down: the row of its run, and the log of each module. Pure."""

from collections.abc import Mapping, Sequence

from control_tower.evidence import Evidence, Known, Reading, RecoveryFacts, Unknown
from control_tower.judging import ModuleHealth, SystemHealth
from domain.actions import Json, Mode
from domain.health import RunType
from models.health_reads import Business
from models.tower_runs import HealthLog, NewRun, Totals


def run_of(
    evidence: Evidence,
    modules: Sequence[ModuleHealth],
    system: SystemHealth,
    *,
    platform: str,
    executed_by: str,
    took_ms: int,
) -> NewRun:
    """Build the row of a check of one platform from its modules."""
    unknown: list[dict[str, Json]] = [{"source": name, "why": why} for name, why in sorted(_cut(evidence).items())]
    return NewRun(
        run_type=RunType.HEALTH_CHECK,
        system_status=system.status,
        executed_by=executed_by,
        mode=mode_of(evidence, platform),
        execution_time_ms=took_ms,
        platform=platform,
        totals=_totals(evidence, modules, system, platform),
        details={"reasons": list(system.reasons), "modules": {row.pair.slug: _detail(row) for row in modules}},
        errors=unknown,
    )


def log_of(evidence: Evidence, row: ModuleHealth) -> HealthLog:
    """Build the log of one module."""
    recovery = _recovery(evidence, row.pair.slug)
    return HealthLog(
        platform=row.pair.platform.slug,
        module_name=row.pair.slug,
        module_full_name=f"{row.pair.id} {row.pair.module.title}",
        health_status="planned" if row.status is None else row.status,
        mode=mode_of(evidence, row.pair.platform.slug),
        success_rate=row.success_rate,
        avg_execution_time_ms=row.avg_execution_ms,
        error_count_24h=row.error_count_24h,
        api_calls_24h=row.api_calls_24h,
        is_scheduler_running=row.is_scheduler_running,
        is_db_healthy=row.is_db_healthy,
        is_api_healthy=row.is_api_healthy,
        last_run=row.last_run_at,
        next_run=row.next_run_at,
        last_error=row.last_error,
        last_error_time=row.last_error_at,
        recovery_attempts=recovery.attempts,
        last_recovery_action=recovery.last_action,
        recovery_successful=recovery.was_successful,
        db_connections=row.db_connections,
        memory_usage_mb=row.memory_mb,
        cpu_usage_pct=row.cpu_pct,
        reasons=(row.stopped_by,) if row.stopped_by else tuple(reason.text for reason in row.reasons),
    )


def mode_of(evidence: Evidence, platform: str) -> Mode:
    """LIVE if any account of the platform is; STUB where none is open or nobody knows."""
    return evidence.modes.value.get(platform, Mode.STUB) if isinstance(evidence.modes, Known) else Mode.STUB


def _totals(evidence: Evidence, modules: Sequence[ModuleHealth], system: SystemHealth, platform: str) -> Totals:
    database = evidence.database.value if isinstance(evidence.database, Known) else None
    stake = _stake(evidence.business, platform)
    errors = [row.error_count_24h for row in modules if row.pair.is_built]
    return Totals(
        checked=sum(row.counts for row in modules),
        online=system.online,
        degraded=system.degraded,
        offline=system.offline,
        unknown=system.unknown,
        planned=system.planned,
        api_calls_24h=_calls(evidence, platform),
        errors_24h=None if None in errors else sum(count for count in errors if count is not None),
        campaigns_active=stake.active_campaigns if stake else None,
        daily_budget_minor=stake.daily_budget_minor if stake else {},
        db_pool_size=database.pool_size if database else None,
        db_active=database.active if database else None,
        db_query_avg_ms=database.query_avg_ms if database else None,
    )


def _calls(evidence: Evidence, platform: str) -> int | None:
    if isinstance(evidence.client, Unknown):
        return None
    facts = evidence.client.value.of_platform.get(platform)
    return facts.calls if facts else 0


def _stake(reading: Reading[Mapping[str, Business]], platform: str) -> Business | None:
    if isinstance(reading, Unknown):
        return None
    return reading.value.get(platform) or Business(active_campaigns=0, daily_budget_minor={})


def _recovery(evidence: Evidence, slug: str) -> RecoveryFacts:
    none = RecoveryFacts(attempts=0, last_action=None, was_successful=None)
    return evidence.recoveries.value.get(slug, none) if isinstance(evidence.recoveries, Known) else none


def _detail(row: ModuleHealth) -> dict[str, Json]:
    return {
        "status": row.word,
        "success_rate": row.success_rate,
        "errors_24h": row.error_count_24h,
        "reasons": [row.stopped_by] if row.stopped_by else [reason.text for reason in row.reasons],
    }


def _cut(evidence: Evidence) -> dict[str, str]:
    """Name the sources that did not answer."""
    found = {name: getattr(evidence, name) for name in Evidence.__dataclass_fields__}
    return {name: value.why for name, value in found.items() if isinstance(value, Unknown)}
