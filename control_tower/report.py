"""The report: how the house did in a period, with the requirements' success metrics. Reads only; words are the cli's.

A share is of the time in which somebody looked: what nobody saw is in no share, and how much that was is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine

from control_tower.evidence import Known
from control_tower.health import Checked
from control_tower.judging import ModuleHealth, SystemHealth
from domain.actions import ActionState
from domain.health import ModuleStatus, SystemStatus
from domain.recovery import AUTOMATIC_FROM
from models import commands, incidents, ledger_counts, recoveries, report_reads, status_spans
from models.commands import Command
from models.engine import db_now
from models.health_reads import Business
from models.incidents import Incident
from models.recoveries import Recovery, Summary
from models.report_reads import Calls, IncidentCount, RunCount, StopEvent
from models.status_spans import StatusSpan

WEEK: Final = timedelta(days=7)
_MOST_ROWS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """The requirements' success metrics; None where nothing was there to divide by."""

    uptime: float | None  # share of the observed time in which the system was HEALTHY
    observed: float  # share of the period in which somebody looked
    recovery_rate: float | None  # cures of attempts that ended
    mean_time_to_recover_s: float | None
    availability: float | None  # mean of the modules'
    stops_a_week: float
    false_alarm_rate: float | None  # alerts that a person called false


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleRecord:
    """A built module: how it is, and what share of the observed time it was online while it was wanted."""

    health: ModuleHealth
    availability: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything, of one period on Postgres' clock."""

    since: datetime
    until: datetime
    system: SystemHealth
    planned: int
    modules: tuple[ModuleRecord, ...]
    success: Success
    business: Mapping[str, Business] | None  # by platform; None = could not be read
    calls: tuple[Calls, ...]
    runs: tuple[RunCount, ...]
    actions: Mapping[str, int]
    waiting: int  # changes that wait for a person, now
    recommendations: Mapping[str, int]
    recovery: Summary
    recoveries: tuple[Recovery, ...]
    commands: tuple[Command, ...]
    stops: tuple[StopEvent, ...]
    incidents: tuple[IncidentCount, ...]
    open_incidents: tuple[Incident, ...]
    spans: tuple[StatusSpan, ...]  # of the system, oldest first
    checks: int

    @property
    def total_calls(self) -> int:
        """Calls to the platforms."""
        return sum(row.calls for row in self.calls)

    @property
    def total_errors(self) -> int:
        """Those of them that ended in an error."""
        return sum(row.errors for row in self.calls)

    @property
    def failed_runs(self) -> int:
        """Runs that failed."""
        return sum(row.count for row in self.runs if row.state == "failed")

    @property
    def ended_runs(self) -> int:
        """Runs that ended, skipped slots left out."""
        return sum(row.count for row in self.runs if row.state != "skipped")


def make(engine: Engine, checked: Checked, *, period: timedelta = WEEK) -> Report:
    """Sum the period up to now; `checked` is a look at this moment, in full."""
    with engine.begin() as conn:
        until = db_now(conn)
        return _made(conn, checked, until - period, until)


def _made(conn: Connection, checked: Checked, since: datetime, until: datetime) -> Report:
    seconds = status_spans.seconds(conn, since)
    records = tuple(_record(row, seconds) for row in checked.modules if row.pair.is_built)
    stops, recovery = report_reads.stops_since(conn, since), recoveries.summary(conn, since)
    business = checked.evidence.business
    return Report(
        since=since,
        until=until,
        system=checked.system,
        planned=checked.system.planned,
        modules=records,
        success=_success(conn, seconds, records, stops, recovery, since, until),
        business=business.value if isinstance(business, Known) else None,
        calls=report_reads.calls_by_hour(conn, since),
        runs=report_reads.runs_by_day(conn, since),
        actions=report_reads.actions_by_state(conn, since),
        waiting=ledger_counts.count_in(conn, [ActionState.AWAITING_APPROVAL]),
        recommendations=report_reads.recommendations_by_state(conn, since, automatic_from=AUTOMATIC_FROM),
        recovery=recovery,
        recoveries=tuple(row for row in recoveries.listing(conn, limit=_MOST_ROWS) if row.begun_at >= since),
        commands=tuple(row for row in commands.history(conn, _MOST_ROWS) if row.created_at >= since),
        stops=stops,
        incidents=report_reads.incidents_by_kind(conn, since),
        open_incidents=incidents.listing(conn),
        spans=status_spans.listing(conn, status_spans.SYSTEM, since),
        checks=report_reads.health_checks(conn, since),
    )


def _success(  # noqa: PLR0917 - what it divides
    conn: Connection,
    seconds: Mapping[str, Mapping[str, float]],
    records: tuple[ModuleRecord, ...],
    stops: tuple[StopEvent, ...],
    recovery: Summary,
    since: datetime,
    until: datetime,
) -> Success:
    of_system = seconds.get(status_spans.SYSTEM, {})
    known = [row.availability for row in records if row.availability is not None]
    alarms = incidents.tally(conn, since)
    period_s = (until - since).total_seconds()
    began = sum(row.closed_at >= since for row in stops)
    return Success(
        uptime=share(of_system, SystemStatus.HEALTHY),
        observed=min(1.0, sum(of_system.values()) / period_s),
        recovery_rate=recovery.success_rate,
        mean_time_to_recover_s=recovery.mean_time_to_recover_s,
        availability=sum(known) / len(known) if known else None,
        stops_a_week=began * WEEK.total_seconds() / period_s,
        false_alarm_rate=alarms.called_false / alarms.opened if alarms.opened else None,
    )


def _record(health: ModuleHealth, seconds: Mapping[str, Mapping[str, float]]) -> ModuleRecord:
    """Time in which a person had it stopped is neither up nor down."""
    wanted = {word: time_s for word, time_s in seconds.get(health.pair.slug, {}).items() if word in set(ModuleStatus)}
    return ModuleRecord(health=health, availability=share(wanted, ModuleStatus.ONLINE))


def share(seconds: Mapping[str, float], word: str) -> float | None:
    """The part of these seconds that one word has; None where there are none."""
    total = sum(seconds.values())
    return seconds.get(word, 0.0) / total if total > 0 else None
