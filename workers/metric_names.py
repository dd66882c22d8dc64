"""Every metric that `stakazo metrics` may show: one frozen row each. Rules and boards in `deploy/` use no other.

Base units, `_total` for what only grows. Names are those that people know: `celery_*`, `redis_*`, `pg_*`, ours `ads_*`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class MetricKind(StrEnum):
    """Whether it may fall."""

    GAUGE = "gauge"
    COUNTER = "counter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric. `labels` in the order in which its samples give them."""

    name: str
    labels: tuple[str, ...]
    help: str

    @property
    def kind(self) -> MetricKind:
        """Counters are told by their name."""
        return MetricKind.COUNTER if self.name.endswith("_total") else MetricKind.GAUGE


_ROWS: Final[tuple[tuple[str, str, str], ...]] = (
    # money: the ledger
    ("ads_actions_total", "module kind outcome", "Actions that ended, by how they ended"),
    ("ads_action_state", "state", "Actions that have not ended, by where they stand"),
    ("ads_action_age_seconds", "state", "Age of the oldest action in a state that it should leave"),
    ("ads_ledger_lag_seconds", "", "How long the action that is longest due has waited to be sent, fences open"),
    ("ads_dead_actions", "", "Actions given up for a person to look at"),
    ("ads_unknown_outcomes_total", "kind cause", "Writes whose outcome was not known at first"),
    ("ads_quarantine_actions", "", "Writes of unknown outcome that may still land"),
    ("ads_orphan_objects_total", "", "Objects on a platform that carry our mark and are no recorded result"),
    ("ads_duplicate_objects_total", "", "Objects that were created twice for one action; must stay 0"),
    ("ads_conflicts_total", "kind", "Changes given up because somebody else had changed the object"),
    ("ads_readback_mismatch_total", "kind", "Writes that reading back did not find on the platform"),
    ("ads_human_edits_total", "found_by", "Edits by hand, by how they were found"),
    ("ads_human_edit_overwritten_total", "", "Edits by hand that our write went over"),
    ("ads_approvals_waiting", "", "Changes that wait for a person"),
    # money: caps and spend, minor units of the account's currency
    ("ads_cap_minor", "account currency", "Cap of the daily budgets of an account"),
    ("ads_committed_minor", "account currency", "Daily budgets that run, as last read"),
    ("ads_reserved_minor", "account currency", "Raises under way that are held under the cap"),
    ("ads_spend_today_minor", "account currency", "Spend of the account's day, as last read"),
    ("ads_figures_age_seconds", "account", "Age of the account's figures on its platform's clock, LIVE only"),
    # the fence
    ("ads_gate_stopped", "account", "1 while the fence of an account, or of all, is closed"),
    ("ads_stop_duration_seconds", "phase", "How long the newest stop took to be quiet, fenced, paused"),
    ("ads_stops_open", "", "Stops that nobody has ended"),
    ("ads_writes_after_stop_total", "", "Writes that took effect while a fence was closed; must stay 0"),
    # cycles
    ("ads_cycle_runs_total", "cycle outcome", "Runs of cycles that ended, by how"),
    ("ads_cycle_missed_total", "cycle", "Slots that passed unserved"),
    ("ads_cycle_open", "cycle state", "Runs planned or at work"),
    ("ads_cycle_running_seconds", "cycle", "How long the oldest run at work has been at it"),
    ("ads_cycle_last_success_timestamp_seconds", "cycle", "When a run last succeeded"),
    ("ads_cycle_interval_seconds", "cycle", "Real seconds between two slots"),
    # the platforms
    ("ads_api_calls_total", "platform mode account", "Calls to a platform; account is the platform's id"),
    ("ads_api_kept_back_total", "platform mode account", "Calls that our own budget of calls did not let out"),
    ("ads_api_requests_recent", "platform mode module class", "Calls of this hour and the last, ok or error"),
    ("ads_api_request_seconds", "platform mode module", "Mean duration of these calls"),
    ("ads_api_request_slowest_seconds", "platform mode module", "The slowest of these calls"),
    ("ads_api_usage_ratio", "platform mode account kind", "Share of the quota in use as last told, aged"),
    ("ads_retry_tokens", "platform mode account", "Retries left"),
    ("ads_breaker_state", "platform mode account kind", "1 while calls of this kind are broken off"),
    ("ads_token_valid", "platform mode", "1 if the platform said that our token is valid"),
    ("ads_token_expiry_timestamp_seconds", "platform mode", "When our token ends, where the platform tells"),
    ("ads_api_version_end_timestamp_seconds", "platform mode", "When the version of the API that we speak ends"),
    ("ads_platform_round_trip_seconds", "platform mode", "Round trip of the hourly look at the platform"),
    ("ads_platform_facts_age_seconds", "platform mode", "Age of that look"),
    # the audit
    ("ads_audit_rows_total", "", "Rows of the audit, all chains, dropped ones too"),
    ("ads_audit_chain_ok", "", "1 if every chain ends in its head and no check found it broken"),
    ("ads_audit_head_age_seconds", "", "Age of the newest row of the audit"),
    # health, alerts, recovery
    ("ads_system_status", "status", "1 for the status that holds"),
    ("ads_module_status", "module status", "1 for the status that holds"),
    ("ads_status_seen_age_seconds", "scope", "Age of the last look that gave this status"),
    ("ads_health_check_age_seconds", "platform", "Age of the last full check"),
    ("ads_health_check_seconds", "platform", "How long that check took"),
    ("ads_incidents_open", "kind severity", "Open incidents"),
    ("ads_incidents_total", "kind", "Incidents that ever were"),
    ("ads_notices_waiting", "channel", "Messages to people that are due and not sent"),
    ("ads_notices_given_up_total", "channel", "Messages to people that no channel took"),
    ("ads_recoveries_total", "trigger action state", "Attempts to recover, by how they ended"),
    ("ads_commands_total", "command_type state", "Commands that ended"),
    # processes
    ("ads_heartbeat_age_seconds", "kind process", "Age of a process' last sign of life"),
    ("ads_canary_age_seconds", "worker", "Age of the last canary that a worker's pool has processed"),
    ("celery_worker_up", "worker", "1 if the worker gave a sign of life within 30 s"),
    ("celery_worker_memory_bytes", "worker", "Resident memory of a worker and its children, as it says"),
    ("celery_queue_length", "queue_name", "Messages that wait"),
    ("celery_queue_age_seconds", "queue_name", "How long the oldest message waits"),
    ("celery_unacked_messages", "", "Messages taken and not acknowledged"),
    ("redis_memory_used_bytes", "", "Memory in use"),
    ("redis_memory_max_bytes", "", "Its limit, 0 = none"),
    ("redis_evicted_keys_total", "", "Keys thrown away for memory; must stay 0"),
    ("redis_connected_clients", "", "Connections"),
    ("redis_aof_last_write_ok", "", "1 if the last write of the append-only file went well"),
    ("redis_round_trip_seconds", "", "Round trip of a look at it"),
    ("pg_connections", "state", "Connections to our database, by state"),
    ("pg_connections_max", "", "Most connections that the server takes"),
    ("pg_oldest_transaction_seconds", "", "Age of the oldest transaction of our database"),
    ("pg_idle_in_transaction_seconds", "", "How long the longest idle transaction stands"),
    ("pg_lock_waits", "", "Sessions that wait for a lock"),
    ("pg_replication_lag_seconds", "replica", "How far a replica is behind"),
    ("pg_database_size_bytes", "", "Size of our database"),
    ("ads_db_clock_skew_seconds", "", "Postgres' clock less this machine's"),
    # this page
    ("ads_source_up", "source", "1 if the source could be read for this page; its metrics are missing if not"),
    ("ads_source_seconds", "source", "How long reading it took"),
    ("ads_account_info", "account platform mode name", "1; names the account behind a number"),
)

METRICS: Final[tuple[Metric, ...]] = tuple(
    Metric(name=name, labels=tuple(labels.split()), help=words) for name, labels, words in _ROWS
)
BY_NAME: Final[Mapping[str, Metric]] = MappingProxyType({row.name: row for row in METRICS})
