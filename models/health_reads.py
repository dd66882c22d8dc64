"""What the tables say about health: one statement for each source of evidence. Nothing is judged or changed.

Instants named `_at` of runs are the platform's clock unless said; counts over 24 h and ages are Postgres' clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, text

from domain.actions import Mode
from domain.ids import AccountId, RunId

NEWEST_RUNS: Final = 300  # of a cycle and account that are looked at: a real day of the fastest cycle


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What the run rows of one cycle of one account say; counts and durations are of 24 h, of the newest 300 runs."""

    task: str  # a rhythm's name, "meta.full_cycle"
    account_id: AccountId
    succeeded: int = 0
    partial: int = 0
    failed: int = 0
    skipped: int = 0  # slots that were written down as unserved
    errors: int = 0  # failed runs, and errors listed by partial ones
    total_ms: int = 0  # of the runs that succeeded, failed, or did so in part
    last_slot: datetime | None = None  # the newest scheduled slot that has a row, whatever became of it
    last_run_at: datetime | None = None  # `now_at` of the newest run that began
    last_state: str = ""  # of the newest run that ended by itself: succeeded, partial, failed; "" = none has
    last_success_at: datetime | None = None  # `now_at` of the newest run that succeeded, or did so in part
    planned_since_at: datetime | None = None  # the first `now_at` that anything was planned at after that success
    last_error: str | None = None
    last_error_at: datetime | None = None  # Postgres' clock
    worker: str | None = None  # who took one last, "cycles@host"
    open_run: RunId | None = None  # the oldest that is at work
    open_for_s: float | None = None  # real seconds since that one began


_RUNS = text(
    """
    WITH cells AS (
        SELECT task, a.id AS account_id FROM unnest(CAST(:tasks AS text[])) AS task
        JOIN accounts a ON a.platform = split_part(task, '.', 1)
    )
    SELECT c.task, c.account_id, day.*, success.last_success_at, since.planned_since_at, error.last_error,
        error.last_error_at, begun.last_run_at, begun.worker, ended.last_state, slot.last_slot, work.open_run,
        work.open_for_s
    FROM cells c
    LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE state = 'succeeded') AS succeeded,
            count(*) FILTER (WHERE state = 'partial') AS partial,
            count(*) FILTER (WHERE state = 'failed') AS failed,
            count(*) FILTER (WHERE state = 'skipped') AS skipped,
            coalesce(sum(CASE state WHEN 'failed' THEN 1 WHEN 'partial' THEN jsonb_array_length(errors) END), 0)
                AS errors,
            coalesce(sum(duration_ms) FILTER (WHERE state IN ('succeeded', 'partial', 'failed')), 0) AS total_ms
        FROM (SELECT state, errors, duration_ms, finished_at FROM runs r
            WHERE r.task = c.task AND r.account_id = c.account_id ORDER BY slot_at DESC LIMIT :newest) r
        WHERE finished_at > clock_timestamp() - interval '24 hours'
    ) day ON true
    LEFT JOIN LATERAL (
        SELECT slot_at, now_at AS last_success_at FROM runs r WHERE r.task = c.task AND r.account_id = c.account_id
        AND state IN ('succeeded', 'partial') ORDER BY slot_at DESC LIMIT 1
    ) success ON true
    LEFT JOIN LATERAL (
        SELECT min(now_at) AS planned_since_at FROM runs r WHERE r.task = c.task AND r.account_id = c.account_id
        AND r.slot_at > coalesce(success.slot_at, '-infinity')
    ) since ON true
    LEFT JOIN LATERAL (
        SELECT coalesce(errors -> 0 ->> 'message', reason) AS last_error, finished_at AS last_error_at FROM (
            SELECT state, errors, reason, finished_at FROM runs r
            WHERE r.task = c.task AND r.account_id = c.account_id ORDER BY slot_at DESC LIMIT :newest) r
        WHERE state IN ('failed', 'partial') LIMIT 1
    ) error ON true
    LEFT JOIN LATERAL (
        SELECT now_at AS last_run_at, worker FROM runs r WHERE r.task = c.task AND r.account_id = c.account_id
        AND started_at IS NOT NULL ORDER BY slot_at DESC LIMIT 1
    ) begun ON true
    LEFT JOIN LATERAL (
        SELECT state AS last_state FROM runs r WHERE r.task = c.task AND r.account_id = c.account_id
        AND state IN ('succeeded', 'partial', 'failed') ORDER BY slot_at DESC LIMIT 1
    ) ended ON true
    LEFT JOIN LATERAL (
        SELECT slot_at AS last_slot FROM runs r WHERE r.task = c.task AND r.account_id = c.account_id
        AND triggered_by = 'schedule' ORDER BY slot_at DESC LIMIT 1
    ) slot ON true
    LEFT JOIN LATERAL (
        SELECT id AS open_run, extract(epoch FROM clock_timestamp() - started_at)::float8 AS open_for_s FROM runs r
        WHERE r.task = c.task AND r.account_id = c.account_id AND state = 'running' ORDER BY started_at LIMIT 1
    ) work ON true
    """
)


def run_facts(conn: Connection, tasks: Sequence[str]) -> Mapping[tuple[str, AccountId], RunFacts]:
    """Read every cycle of every account of its platform."""
    rows = conn.execute(_RUNS, {"tasks": list(tasks), "newest": NEWEST_RUNS}).mappings()
    found = [RunFacts(**{**row, "last_state": row["last_state"] or "", "errors": int(row["errors"])}) for row in rows]
    return {(row.task, row.account_id): row for row in found}


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """How Postgres is: `pool_size` is its max_connections, `active` this database's connections."""

    pool_size: int
    active: int
    query_avg_ms: float  # of a few representative queries, timed now


_CONNECTIONS = text(
    "SELECT current_setting('max_connections')::int AS pool_size,"
    " (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS active"
)
# What every worker asks at every step: the clock, the desired state, the newest run of a cycle.
REPRESENTATIVE: Final = (
    text("SELECT clock_timestamp()"),
    text("SELECT pair, desired FROM module_states"),
    text("SELECT id, state FROM runs ORDER BY id DESC LIMIT 1"),
)


def connections(conn: Connection) -> tuple[int, int]:
    """Read how many clients Postgres takes, and how many it has."""
    row = conn.execute(_CONNECTIONS).one()
    return row.pool_size, row.active


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """Calls to a platform over 24 h."""

    calls: int = 0
    errors: int = 0
    total_ms: int = 0


_CALLS = text(
    "SELECT platform, pair, sum(calls)::bigint AS calls, sum(errors)::bigint AS errors, sum(total_ms)::bigint"
    " AS total_ms FROM call_counts WHERE hour_at > clock_timestamp() - interval '24 hours' GROUP BY platform, pair"
)


def calls(conn: Connection) -> Mapping[tuple[str, str], CallFacts]:
    """Read calls by (platform, pair); the pair is "" for those of the door, people and the tower."""
    return {
        (row.platform, row.pair): CallFacts(calls=row.calls, errors=row.errors, total_ms=row.total_ms)
        for row in conn.execute(_CALLS)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformFacts:
    """What a platform said of our token and its version, as the API client's cycle wrote it down."""

    platform: str
    mode: Mode
    age_s: float
    round_trip_ms: float | None
    is_token_valid: bool | None
    token_left_s: float | None  # None = does not end, or is not told
    scopes: tuple[str, ...]
    version: str | None
    version_left_days: int | None  # None = no end announced
    version_ends_on: date | None
    newest_version: str | None
    error: str | None  # why it could not be asked


_PLATFORMS = text(
    "SELECT platform, mode, round_trip_ms, is_token_valid, scopes, version, newest_version, error, version_ends_on,"
    " extract(epoch FROM clock_timestamp() - checked_at)::float8 AS age_s,"
    " extract(epoch FROM token_expires_at - clock_timestamp())::float8 AS token_left_s,"
    " CAST(version_ends_on AS date) - CAST(clock_timestamp() AS date) AS version_left_days"
    " FROM platform_facts ORDER BY platform, mode"
)


def platform_facts(conn: Connection) -> tuple[PlatformFacts, ...]:
    """Read what was last written down of every platform and mode."""
    return tuple(
        PlatformFacts(
            **{
                **row,
                "mode": Mode(row["mode"]),
                "scopes": tuple(row["scopes"]),
                "version_ends_on": date.fromisoformat(row["version_ends_on"]) if row["version_ends_on"] else None,
            }
        )
        for row in conn.execute(_PLATFORMS).mappings()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryFacts:
    """What recovery did about a pair in 24 h."""

    attempts: int
    last_action: str | None
    was_successful: bool | None  # None = its outcome is still watched


_RECOVERIES = text(
    """
    SELECT target, count(*) AS attempts, (array_agg(action ORDER BY begun_at DESC, id DESC))[1] AS last_action,
        (array_agg(state ORDER BY begun_at DESC, id DESC))[1] AS last_state
    FROM recoveries WHERE begun_at > clock_timestamp() - interval '24 hours' AND state <> 'recommended'
    GROUP BY target
    """
)


def recoveries(conn: Connection) -> Mapping[str, RecoveryFacts]:
    """Read attempts by target."""
    outcome = {"cured": True, "failed": False, "escalated": False}
    return {
        row.target: RecoveryFacts(
            attempts=row.attempts, last_action=row.last_action, was_successful=outcome.get(row.last_state)
        )
        for row in conn.execute(_RECOVERIES)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """What is at stake on a platform: active campaigns, and running daily budgets (minor units) per currency."""

    active_campaigns: int
    daily_budget_minor: Mapping[str, int]


_BUSINESS = text(
    """
    WITH going AS (SELECT c.account_id, c.id, c.daily_budget_minor FROM campaigns c WHERE c.status = 'active'),
    of_sets AS (SELECT s.account_id, sum(s.daily_budget_minor) AS minor FROM ad_sets s JOIN going g
        ON g.account_id = s.account_id AND g.id = s.campaign_id
        WHERE s.status = 'active' AND g.daily_budget_minor IS NULL GROUP BY s.account_id),
    of_campaigns AS (SELECT account_id, count(*) AS campaigns, sum(daily_budget_minor) AS minor FROM going
        GROUP BY account_id)
    SELECT a.platform, a.currency, sum(coalesce(c.campaigns, 0))::bigint AS campaigns,
        sum(coalesce(c.minor, 0) + coalesce(s.minor, 0))::bigint AS minor
    FROM accounts a LEFT JOIN of_campaigns c ON c.account_id = a.id LEFT JOIN of_sets s ON s.account_id = a.id
    WHERE a.mode = 'live'
        OR NOT EXISTS (SELECT FROM accounts real WHERE real.platform = a.platform AND real.mode = 'live')
    GROUP BY a.platform, a.currency
    """
)


def business(conn: Connection) -> Mapping[str, Business]:
    """Sum what the mirror shows as running, by platform; it reads every active ad set.

    The sandbox's money is no money: its accounts count only where a platform has no live one.
    """
    found: dict[str, Business] = {}
    for row in conn.execute(_BUSINESS):
        before = found.get(row.platform)
        found[row.platform] = Business(
            active_campaigns=row.campaigns + (before.active_campaigns if before else 0),
            daily_budget_minor={**(before.daily_budget_minor if before else {}), row.currency: row.minor},
        )
    return found


def is_closed_for_all(conn: Connection) -> bool:
    """Whether the fence of all accounts is closed; a flag that is missing counts as closed."""
    return bool(conn.execute(text("SELECT coalesce((SELECT bool_or(closed) FROM fence), true)")).scalar_one())
