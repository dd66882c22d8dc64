"""What the report sums up of a period: calls, runs, actions, incidents, stops, recommendations. Nothing is changed.

Sums by day or hour are of UTC and of Postgres' clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from domain.ids import AccountId, StopId


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Calls to the platforms in one hour."""

    hour_at: datetime
    calls: int
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCount:
    """Runs of a cycle that ended on a day, by how."""

    task: str
    state: str
    day_at: datetime
    count: int
    mean_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentCount:
    """Incidents of a kind that began in the period."""

    kind: str
    severity: int
    count: int
    still_open: int
    called_false: int
    mean_open_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopEvent:
    """A stop that was ordered in the period, with its four times."""

    id: StopId
    account_id: AccountId | None
    reason: str
    actor: str
    closed_at: datetime
    quiet_at: datetime | None
    fenced_at: datetime | None
    paused_at: datetime | None
    opened_at: datetime | None
    opened_by: str | None
    paused_objects: int
    resumed_objects: int
    in_doubt: int


_CALLS = text(
    "SELECT hour_at, sum(calls)::bigint AS calls, sum(errors)::bigint AS errors FROM call_counts"
    " WHERE hour_at >= date_trunc('hour', CAST(:since AS timestamptz)) GROUP BY 1 ORDER BY 1"
)
_RUNS = text(
    "SELECT task, state, date_trunc('day', finished_at) AS day_at, count(*) AS count, avg(duration_ms)::float8"
    " AS mean_ms FROM runs WHERE finished_at >= :since AND state NOT IN ('planned', 'running')"
    " GROUP BY 1, 2, 3 ORDER BY 3, 1, 2"
)
_ACTIONS = text("SELECT state, count(*) FROM actions WHERE created_at >= :since GROUP BY 1 ORDER BY 2 DESC, 1")
_INCIDENTS = text(
    "SELECT kind, max(severity) AS severity, count(*) AS count, count(*) FILTER (WHERE resolved_at IS NULL) AS"
    " still_open, count(false_by) AS called_false, avg(extract(epoch FROM resolved_at - opened_at))::float8 AS"
    " mean_open_s FROM incidents WHERE opened_at >= :since AND kind <> 'test' GROUP BY 1 ORDER BY 2 DESC, 3 DESC, 1"
)
_STOPS = text(
    "SELECT s.id, s.account_id, s.reason, s.actor, s.closed_at, s.quiet_at, s.fenced_at, s.paused_at, s.opened_at,"
    " s.opened_by, (SELECT count(*) FROM stop_items i WHERE i.stop_id = s.id) AS paused_objects,"
    " (SELECT count(i.resume_action_id) FROM stop_items i WHERE i.stop_id = s.id) AS resumed_objects,"
    " jsonb_array_length(s.in_doubt) AS in_doubt"
    " FROM stops s WHERE s.closed_at >= :since OR s.opened_at IS NULL ORDER BY s.id DESC"
)
_RECOMMENDED = text(
    "SELECT state, count(*) FROM recoveries WHERE begun_at >= :since AND confidence < :automatic"
    " AND action <> 'alert_admin' GROUP BY 1 ORDER BY 1"
)
_CHECKS = text("SELECT count(*) FROM control_tower_runs WHERE run_type = 'health_check' AND executed_at >= :since")


def calls_by_hour(conn: Connection, since: datetime) -> tuple[Calls, ...]:
    """Sum the calls to all platforms, oldest hour first."""
    return tuple(Calls(**row._mapping) for row in conn.execute(_CALLS, {"since": since}))  # noqa: SLF001 - documented


def runs_by_day(conn: Connection, since: datetime) -> tuple[RunCount, ...]:
    """Count the runs that ended, oldest day first."""
    return tuple(RunCount(**row._mapping) for row in conn.execute(_RUNS, {"since": since}))  # noqa: SLF001 - documented


def actions_by_state(conn: Connection, since: datetime) -> Mapping[str, int]:
    """Count the actions that were proposed, by where they stand now."""
    return {row[0]: row[1] for row in conn.execute(_ACTIONS, {"since": since})}


def incidents_by_kind(conn: Connection, since: datetime) -> tuple[IncidentCount, ...]:
    """Count incidents, the gravest kinds first; tests are none."""
    rows = conn.execute(_INCIDENTS, {"since": since})
    return tuple(IncidentCount(**row._mapping) for row in rows)  # noqa: SLF001 - SQLAlchemy's documented way


def stops_since(conn: Connection, since: datetime) -> tuple[StopEvent, ...]:
    """Read the stops of the period, and those that are still open, newest first."""
    return tuple(StopEvent(**row._mapping) for row in conn.execute(_STOPS, {"since": since}))  # noqa: SLF001 - documented


def recommendations_by_state(conn: Connection, since: datetime, *, automatic_from: float) -> Mapping[str, int]:
    """Count procedures that were below the confidence of acting by itself, by what became of them."""
    asked = {"since": since, "automatic": automatic_from}
    return {row[0]: row[1] for row in conn.execute(_RECOMMENDED, asked)}


def health_checks(conn: Connection, since: datetime) -> int:
    """Count the checks that were written down."""
    return int(conn.execute(_CHECKS, {"since": since}).scalar_one())


_TOLD = text(
    "SELECT EXISTS (SELECT 1 FROM audit WHERE chain = 0 AND event = :event AND detail ->> 'key' = :key"
    " AND at > clock_timestamp() - interval '14 days')"
)


def was_told(conn: Connection, event: str, key: str) -> bool:
    """Whether the house's audit tells this event with this key, within two weeks."""
    return bool(conn.execute(_TOLD, {"event": event, "key": key}).scalar_one())
