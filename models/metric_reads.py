"""What the metrics ask Postgres: one statement per metric, its columns the metric's labels and last the value.

No statement reads a table that grows with the business as a whole: indexes, small tables and heads only.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from sqlalchemy import Connection, text

from domain.actions import TERMINAL, ActionState
from domain.errors import InvariantError


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One line of the page."""

    metric: str
    labels: tuple[str, ...]
    value: float


QUESTIONS: Final[Mapping[str, str]] = {
    "ads_action_age_seconds": """
        SELECT state, clock_timestamp() - min(created_at) FROM actions
        WHERE state IN ('approved', 'sent', 'unknown') GROUP BY state
        UNION ALL SELECT 'awaiting_approval', clock_timestamp() - min(created_at) FROM actions
        WHERE state = 'awaiting_approval' HAVING count(*) > 0""",
    "ads_ledger_lag_seconds": """
        SELECT coalesce(clock_timestamp() - min(x.next_at), interval '0')
        FROM actions x JOIN accounts a ON a.id = x.account_id
        WHERE x.state IN ('approved', 'sent', 'unknown') AND x.state = 'approved' AND x.next_at <= clock_timestamp()
          AND NOT a.is_paused AND NOT (a.fence_closed OR (SELECT closed FROM fence))""",
    "ads_unknown_outcomes_total": """
        SELECT kind, CASE WHEN last_error ->> 'http_status' IS NOT NULL THEN 'http_' || (last_error ->> 'http_status')
                          WHEN last_error IS NULL THEN 'executor_gone' ELSE 'no_answer' END, count(*)
        FROM actions WHERE quarantine_until IS NOT NULL GROUP BY 1, 2""",
    "ads_quarantine_actions": """
        SELECT count(*) FROM actions
        WHERE state IN ('approved', 'sent', 'unknown')
          AND state = 'unknown' AND quarantine_until > clock_timestamp()""",
    "ads_orphan_objects_total": "SELECT count(*) FROM orphans",
    "ads_duplicate_objects_total": """
        SELECT count(*) FROM orphans o JOIN actions x ON x.id = o.action_id
        WHERE x.state = 'applied' AND starts_with(x.kind, 'create_') AND x.result_object_id <> o.object_id""",
    "ads_human_edits_total": "SELECT found_by, count(*) FROM hand_edits GROUP BY 1",
    "ads_human_edit_overwritten_total": "SELECT count(*) FROM hand_edits WHERE found_by = 'overwritten'",
    "ads_approvals_waiting": "SELECT count(*) FROM actions WHERE state = 'awaiting_approval'",
    "ads_cap_minor": """
        SELECT id, currency, coalesce(max_total_daily_spend_minor, :cap_minor) FROM accounts
        WHERE max_total_daily_spend_minor IS NOT NULL OR currency = :cap_currency""",
    "ads_committed_minor": """
        SELECT a.id, a.currency, coalesce(sum(coalesce(c.daily_budget_minor, u.minor)), 0)
        FROM accounts a
        LEFT JOIN campaigns c ON c.account_id = a.id AND c.status = 'active'
        LEFT JOIN (SELECT account_id, campaign_id, sum(daily_budget_minor) AS minor FROM ad_sets
                   WHERE status = 'active' GROUP BY 1, 2) u ON u.account_id = c.account_id AND u.campaign_id = c.id
        GROUP BY a.id, a.currency""",
    "ads_reserved_minor": """
        SELECT a.id, a.currency, coalesce(sum(x.cap_reserved_minor), 0)
        FROM accounts a LEFT JOIN actions x ON x.account_id = a.id AND x.state IN ('approved', 'sent', 'unknown')
        GROUP BY a.id, a.currency""",
    "ads_spend_today_minor": """
        SELECT a.id, a.currency, coalesce((SELECT sum(i.spend_minor) FROM insights_daily i WHERE i.account_id = a.id
               AND i.day = (a.insights_read_at AT TIME ZONE a.zone)::date), 0)
        FROM accounts a WHERE a.insights_read_at IS NOT NULL""",
    "ads_figures_age_seconds": """
        SELECT id, clock_timestamp() - insights_read_at FROM accounts
        WHERE mode = 'live' AND insights_read_at IS NOT NULL""",
    "ads_gate_stopped": "SELECT a.id, (a.fence_closed OR (SELECT closed FROM fence)) FROM accounts a",
    "ads_stop_duration_seconds": """
        SELECT phase, reached_at - closed_at
        FROM (SELECT * FROM stops ORDER BY id DESC LIMIT 1) s,
             LATERAL (VALUES ('quiet', quiet_at), ('fenced', fenced_at), ('paused', paused_at)) t (phase, reached_at)
        WHERE reached_at IS NOT NULL""",
    "ads_stops_open": "SELECT count(*) FROM stops WHERE opened_at IS NULL",
    "ads_writes_after_stop_total": """
        SELECT coalesce(sum(n), 0) FROM stops s CROSS JOIN LATERAL (
            SELECT count(*) AS n FROM actions x
            WHERE x.sent_at > s.fenced_at AND x.sent_at < coalesce(s.opened_at, now())
              AND x.state = 'applied' AND x.kind <> 'emergency_pause'
              AND (s.account_id IS NULL OR s.account_id = x.account_id)) t
        WHERE s.fenced_at IS NOT NULL""",
    "ads_cycle_open": "SELECT task, state, count(*) FROM runs WHERE state IN ('planned', 'running') GROUP BY 1, 2",
    "ads_cycle_running_seconds": """
        SELECT task, clock_timestamp() - min(started_at) FROM runs
        WHERE state IN ('planned', 'running') AND state = 'running' AND started_at IS NOT NULL GROUP BY 1""",
    "ads_cycle_last_success_timestamp_seconds": """
        SELECT task, at
        FROM unnest(CAST(:cycles AS text[])) AS task,
             LATERAL (SELECT max(finished_at) FROM runs r WHERE r.task = task.task AND r.state = 'succeeded') t (at)
        WHERE at IS NOT NULL""",
    "ads_api_calls_total": "SELECT platform, mode, account, calls FROM quotas",
    "ads_api_kept_back_total": "SELECT platform, mode, account, kept_back FROM quotas",
    "ads_api_requests_recent": """
        SELECT platform, mode, pair, class, sum(n) FROM call_counts,
               LATERAL (VALUES ('ok', calls - errors), ('error', errors)) t (class, n)
        WHERE hour_at >= date_trunc('hour', clock_timestamp()) - interval '1 hour' GROUP BY 1, 2, 3, 4""",
    "ads_api_request_seconds": """
        SELECT platform, mode, pair, sum(total_ms) / sum(calls) / 1000.0 FROM call_counts
        WHERE hour_at >= date_trunc('hour', clock_timestamp()) - interval '1 hour'
        GROUP BY 1, 2, 3 HAVING sum(calls) > 0""",
    "ads_api_request_slowest_seconds": """
        SELECT platform, mode, pair, max(slowest_ms) / 1000.0 FROM call_counts
        WHERE hour_at >= date_trunc('hour', clock_timestamp()) - interval '1 hour' GROUP BY 1, 2, 3""",
    "ads_api_usage_ratio": """
        SELECT platform, mode, account, kind,
               share * greatest(0, 1 - extract(epoch FROM clock_timestamp() - reported_at) / decay_s)
        FROM quotas, LATERAL (VALUES ('account', account_share, CAST(:decay_s AS float8)),
                                     ('business', business_share, CAST(:hourly_decay_s AS float8)),
                                     ('insights', insights_share, CAST(:hourly_decay_s AS float8))
        ) t (kind, share, decay_s)
        WHERE share IS NOT NULL AND reported_at IS NOT NULL""",
    "ads_retry_tokens": "SELECT platform, mode, account, retry_tenths / 10.0 FROM quotas",
    "ads_breaker_state": "SELECT platform, mode, account, kind, is_open FROM breakers",
    "ads_token_valid": """
        SELECT platform, mode, is_token_valid FROM platform_facts WHERE is_token_valid IS NOT NULL""",
    "ads_token_expiry_timestamp_seconds": """
        SELECT platform, mode, token_expires_at FROM platform_facts
        WHERE token_expires_at IS NOT NULL""",
    "ads_api_version_end_timestamp_seconds": """
        SELECT platform, mode, version_ends_on::date::timestamptz FROM platform_facts
        WHERE version_ends_on IS NOT NULL""",
    "ads_platform_round_trip_seconds": """
        SELECT platform, mode, round_trip_ms / 1000.0 FROM platform_facts WHERE round_trip_ms IS NOT NULL""",
    "ads_platform_facts_age_seconds": "SELECT platform, mode, clock_timestamp() - checked_at FROM platform_facts",
    "ads_audit_rows_total": "SELECT coalesce(sum(seq), 0) FROM audit_heads",
    "ads_audit_chain_ok": """
        SELECT (NOT EXISTS (SELECT 1 FROM audit_heads h WHERE h.seq > h.base_seq AND NOT EXISTS (SELECT 1 FROM audit x
                                WHERE x.chain = h.chain AND x.seq = h.seq AND x.at = h.at AND x.hash = h.hash))
                AND NOT EXISTS (SELECT 1 FROM incidents WHERE kind = 'audit_broken' AND resolved_at IS NULL))""",
    "ads_audit_head_age_seconds": "SELECT clock_timestamp() - max(at) FROM audit_heads HAVING count(at) > 0",
    "ads_system_status": "SELECT status, 1 FROM status_spans WHERE ended_at IS NULL AND scope = 'system'",
    "ads_module_status": "SELECT scope, status, 1 FROM status_spans WHERE ended_at IS NULL AND scope <> 'system'",
    "ads_status_seen_age_seconds": """
        SELECT scope, clock_timestamp() - seen_until FROM status_spans WHERE ended_at IS NULL""",
    "ads_health_check_age_seconds": """
        SELECT coalesce(platform, ''), clock_timestamp() - max(executed_at) FROM control_tower_runs
        WHERE run_type = 'health_check' AND executed_at > clock_timestamp() - interval '2 days' GROUP BY 1""",
    "ads_health_check_seconds": """
        SELECT DISTINCT ON (platform) coalesce(platform, ''), execution_time_ms / 1000.0 FROM control_tower_runs
        WHERE run_type = 'health_check' AND executed_at > clock_timestamp() - interval '2 days'
        ORDER BY platform, executed_at DESC""",
    "ads_incidents_open": """
        SELECT kind, (ARRAY['info', 'warning', 'critical'])[severity], count(*) FROM incidents
        WHERE resolved_at IS NULL GROUP BY 1, 2""",
    "ads_incidents_total": "SELECT kind, count(*) FROM incidents GROUP BY 1",
    "ads_notices_waiting": """
        SELECT channel, count(*) FROM notices
        WHERE sent_at IS NULL AND given_up_at IS NULL AND due_at <= clock_timestamp() GROUP BY 1""",
    "ads_notices_given_up_total": "SELECT channel, count(*) FROM notices WHERE given_up_at IS NOT NULL GROUP BY 1",
    "ads_recoveries_total": """
        SELECT trigger, action, state, count(*) FROM recoveries WHERE state <> 'running' GROUP BY 1, 2, 3""",
    "ads_commands_total": """
        SELECT command_type, state, count(*) FROM commands
        WHERE state IN ('done', 'failed', 'cancelled') GROUP BY 1, 2""",
    "ads_heartbeat_age_seconds": "SELECT kind, process, clock_timestamp() - seen_at FROM heartbeats",
    "ads_canary_age_seconds": """
        SELECT worker, clock_timestamp() - coalesce(done_at, sent_at) FROM canaries
        WHERE coalesce(done_at, sent_at) IS NOT NULL""",
    "celery_worker_up": """
        SELECT process, clock_timestamp() - seen_at < interval '30 s' FROM heartbeats WHERE kind = 'worker'""",
    "celery_worker_memory_bytes": """
        SELECT process, (detail ->> 'rss_mb')::float8 * 1048576 FROM heartbeats
        WHERE kind = 'worker' AND jsonb_typeof(detail -> 'rss_mb') = 'number'""",
    "pg_connections": """
        SELECT coalesce(state, 'other'), count(*) FROM pg_stat_activity
        WHERE datname = current_database() GROUP BY 1""",
    "pg_connections_max": "SELECT current_setting('max_connections')::int",
    "pg_oldest_transaction_seconds": """
        SELECT coalesce(clock_timestamp() - min(xact_start), interval '0') FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()""",
    "pg_idle_in_transaction_seconds": """
        SELECT coalesce(clock_timestamp() - min(state_change), interval '0') FROM pg_stat_activity
        WHERE datname = current_database() AND state LIKE 'idle in transaction%'""",
    "pg_lock_waits": """
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'""",
    "pg_replication_lag_seconds": """
        SELECT application_name, coalesce(replay_lag, interval '0') FROM pg_stat_replication""",
    "pg_database_size_bytes": "SELECT pg_database_size(current_database())",
    "ads_account_info": "SELECT id, platform, mode, name, 1 FROM accounts",
}  # fmt: skip

STATEMENTS: Final = {metric: text(question) for metric, question in QUESTIONS.items()}
_PARAMETERS: Final = {metric: tuple(statement.compile().params) for metric, statement in STATEMENTS.items()}
ACTIONS: Final = text("SELECT coalesce(module, ''), kind, state, count(*) FROM actions GROUP BY module, kind, state")
RUNS: Final = text("SELECT task, state, count(*) FROM runs GROUP BY task, state")
_OF_STATE: Final = {ActionState.CONFLICT: "ads_conflicts_total", ActionState.NOT_APPLIED: "ads_readback_mismatch_total"}
_FINAL: Final = TERMINAL - {ActionState.DEAD}  # a dead one may be given another life
TALLIED: Final = ("ads_actions_total", "ads_action_state", "ads_dead_actions", *_OF_STATE.values(),
                  "ads_cycle_runs_total", "ads_cycle_missed_total")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the questions need to know of the house."""

    cap_minor: int
    cap_currency: str
    cycles: Sequence[str]
    decay_s: float
    hourly_decay_s: float


def read(conn: Connection, asked: Asked) -> Iterator[Sample]:
    """Ask everything, within a few seconds or not at all."""
    conn.execute(text("SET LOCAL statement_timeout = '5s'"))
    yield from _tally_actions(conn)
    yield from _tally_runs(conn)
    params = {
        "cap_minor": asked.cap_minor,
        "cap_currency": asked.cap_currency,
        "cycles": list(asked.cycles),
        "decay_s": asked.decay_s,
        "hourly_decay_s": asked.hourly_decay_s,
    }
    for metric, statement in STATEMENTS.items():
        for *labels, value in conn.execute(statement, {name: params[name] for name in _PARAMETERS[metric]}):
            if value is not None:  # not known: left out, rather than shown as some number
                yield Sample(metric=metric, labels=tuple(map(str, labels)), value=_number(value))


def _number(value: object) -> float:
    """What a column says, in the metric's unit: seconds of a span, a Unix time of an instant, 1 and 0 of a truth."""
    match value:
        case timedelta():
            return value.total_seconds()
        case datetime():
            return value.timestamp()
        case bool() | int() | float() | Decimal():
            return float(value)
        case _:
            raise InvariantError(f"a metric cannot be {value!r}")


def _tally_actions(conn: Connection) -> Iterator[Sample]:
    dead = 0
    standing: dict[str, int] = {}
    by_kind: dict[tuple[str, str], int] = {}
    for module, kind, state, count in conn.execute(ACTIONS):
        if state == ActionState.DEAD:
            dead += count
        elif state in _FINAL:
            yield Sample(metric="ads_actions_total", labels=(module, kind, state), value=count)
        else:
            standing[state] = standing.get(state, 0) + count
        if state in _OF_STATE:
            key = (_OF_STATE[ActionState(state)], kind)
            by_kind[key] = by_kind.get(key, 0) + count
    yield Sample(metric="ads_dead_actions", labels=(), value=dead)
    yield from (Sample(metric="ads_action_state", labels=(state,), value=count) for state, count in standing.items())
    yield from (Sample(metric=name, labels=(kind,), value=count) for (name, kind), count in by_kind.items())


def _tally_runs(conn: Connection) -> Iterator[Sample]:
    for task, state, count in conn.execute(RUNS):
        if state == "skipped":
            yield Sample(metric="ads_cycle_missed_total", labels=(task,), value=count)
        if state not in {"planned", "running"}:
            yield Sample(metric="ads_cycle_runs_total", labels=(task, state), value=count)
