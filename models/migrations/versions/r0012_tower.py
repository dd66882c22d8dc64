"""The tower's memory: runs and health logs, spans, incidents, notices, recovery, and the evidence of calls."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE runs ADD COLUMN worker text;
ALTER TABLE stops ADD COLUMN halts boolean NOT NULL DEFAULT false, ADD COLUMN alerts boolean NOT NULL DEFAULT true,
    ADD COLUMN halted jsonb NOT NULL DEFAULT '[]'::jsonb;
ALTER TABLE module_states ADD COLUMN restarted_at timestamptz;
ALTER TABLE commands ADD COLUMN account_id bigint CONSTRAINT fk_commands_account_id
        REFERENCES accounts (id) ON DELETE CASCADE,
    ADD COLUMN options jsonb NOT NULL DEFAULT '{}'::jsonb, ADD COLUMN released_by text,
    ADD COLUMN released_at timestamptz, ADD COLUMN started_at timestamptz,
    DROP CONSTRAINT ck_commands_state, ADD CONSTRAINT ck_commands_state CHECK (
        state IN ('accepted', 'held', 'running', 'done', 'failed', 'cancelled'));
CREATE TABLE control_tower_runs (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    platform text,
    run_type text NOT NULL,
    command_type text,
    command_id bigint,
    stop_id bigint,
    slot_at timestamptz,
    system_status text NOT NULL,
    total_modules_checked integer DEFAULT 0 NOT NULL,
    online_modules integer DEFAULT 0 NOT NULL,
    degraded_modules integer DEFAULT 0 NOT NULL,
    offline_modules integer DEFAULT 0 NOT NULL,
    unknown_modules integer DEFAULT 0 NOT NULL,
    planned_modules integer DEFAULT 0 NOT NULL,
    module_health_details jsonb DEFAULT '{}'::jsonb NOT NULL,
    actions_executed jsonb DEFAULT '[]'::jsonb NOT NULL,
    errors_encountered jsonb DEFAULT '[]'::jsonb NOT NULL,
    recoveries_performed jsonb DEFAULT '[]'::jsonb NOT NULL,
    total_api_calls_24h bigint,
    total_errors_24h bigint,
    total_campaigns_active integer,
    total_daily_budget jsonb DEFAULT '{}'::jsonb NOT NULL,
    db_connection_pool_size integer,
    db_active_connections integer,
    db_query_avg_ms double precision,
    execution_time_ms integer DEFAULT 0 NOT NULL,
    executed_by text NOT NULL,
    executed_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    recommendations jsonb DEFAULT '[]'::jsonb NOT NULL,
    alerts jsonb DEFAULT '[]'::jsonb NOT NULL,
    mode text NOT NULL,
    CONSTRAINT pk_control_tower_runs PRIMARY KEY (id),
    CONSTRAINT ck_control_tower_runs_run_type CHECK (run_type IN ('command', 'emergency_stop', 'health_check',
        'resume')),
    CONSTRAINT ck_control_tower_runs_command_type CHECK (command_type IN ('emergency_stop', 'health_check',
        'optimize', 'restart_module', 'resume', 'start_all', 'stop_all', 'sync_data')),
    CONSTRAINT ck_control_tower_runs_system_status CHECK (system_status IN ('critical', 'degraded',
        'emergency_stop', 'healthy')),
    CONSTRAINT fk_control_tower_runs_command_id FOREIGN KEY(command_id) REFERENCES commands (id) ON DELETE SET NULL,
    CONSTRAINT fk_control_tower_runs_stop_id FOREIGN KEY(stop_id) REFERENCES stops (id) ON DELETE SET NULL
);
CREATE INDEX ix_control_tower_runs_command ON control_tower_runs (command_type, executed_at);
CREATE INDEX ix_control_tower_runs_status ON control_tower_runs (system_status, executed_at);
CREATE INDEX ix_control_tower_runs_type ON control_tower_runs (run_type, system_status);
CREATE UNIQUE INDEX uq_control_tower_runs_slot ON control_tower_runs (platform, slot_at) WHERE slot_at IS NOT NULL;
CREATE TABLE system_health_logs (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    run_id uuid NOT NULL,
    platform text NOT NULL,
    module_name text NOT NULL,
    module_full_name text NOT NULL,
    health_status text NOT NULL,
    success_rate double precision,
    avg_execution_time_ms double precision,
    error_count_24h integer,
    api_calls_24h bigint,
    is_scheduler_running boolean,
    is_db_healthy boolean,
    is_api_healthy boolean,
    last_run timestamptz,
    next_run timestamptz,
    last_error text,
    last_error_time timestamptz,
    recovery_attempts integer DEFAULT 0 NOT NULL,
    last_recovery_action text,
    recovery_successful boolean,
    db_connections integer,
    memory_usage_mb double precision,
    cpu_usage_pct double precision,
    reasons jsonb DEFAULT '[]'::jsonb NOT NULL,
    checked_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    mode text NOT NULL,
    CONSTRAINT pk_system_health_logs PRIMARY KEY (id),
    CONSTRAINT ck_system_health_logs_health_status CHECK (health_status IN ('degraded', 'offline', 'online',
        'planned', 'unknown')),
    CONSTRAINT fk_system_health_logs_run_id FOREIGN KEY(run_id) REFERENCES control_tower_runs (id) ON DELETE CASCADE
);
CREATE INDEX ix_system_health_logs_checked ON system_health_logs (module_name, checked_at);
CREATE INDEX ix_system_health_logs_errors ON system_health_logs (error_count_24h, checked_at);
CREATE INDEX ix_system_health_logs_run_id ON system_health_logs (run_id);
CREATE INDEX ix_system_health_logs_running ON system_health_logs (is_scheduler_running, is_db_healthy);
CREATE INDEX ix_system_health_logs_status ON system_health_logs (module_name, health_status);
CREATE TABLE status_spans (
    id bigint GENERATED ALWAYS AS IDENTITY,
    scope text NOT NULL,
    status text NOT NULL,
    since timestamptz DEFAULT clock_timestamp() NOT NULL,
    seen_until timestamptz DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamptz,
    CONSTRAINT pk_status_spans PRIMARY KEY (id)
);
CREATE UNIQUE INDEX uq_status_spans_open ON status_spans (scope) WHERE ended_at IS NULL;
CREATE TABLE incidents (
    id bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    scope text DEFAULT '' NOT NULL,
    severity integer NOT NULL,
    title text NOT NULL,
    body text DEFAULT '' NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    times integer DEFAULT 1 NOT NULL,
    opened_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    updated_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    resolved_at timestamptz,
    acknowledged_by text,
    acknowledged_at timestamptz,
    false_by text,
    CONSTRAINT pk_incidents PRIMARY KEY (id),
    CONSTRAINT ck_incidents_severity CHECK (severity BETWEEN 1 AND 3)
);
CREATE INDEX ix_incidents_opened ON incidents (opened_at);
CREATE UNIQUE INDEX uq_incidents_open ON incidents (kind, scope) WHERE resolved_at IS NULL;
CREATE TABLE notices (
    id bigint GENERATED ALWAYS AS IDENTITY,
    incident_id bigint NOT NULL,
    channel text NOT NULL,
    event text NOT NULL,
    severity integer NOT NULL,
    title text NOT NULL,
    body text NOT NULL,
    wanted_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    due_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    sent_at timestamptz,
    given_up_at timestamptz,
    error text,
    CONSTRAINT pk_notices PRIMARY KEY (id),
    CONSTRAINT ck_notices_event CHECK (event IN ('escalated', 'opened', 'reminded', 'resolved')),
    CONSTRAINT fk_notices_incident_id FOREIGN KEY(incident_id) REFERENCES incidents (id) ON DELETE CASCADE
);
CREATE INDEX ix_notices_due ON notices (due_at) WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX ix_notices_incident_id ON notices (incident_id);
CREATE TABLE recoveries (
    id bigint GENERATED ALWAYS AS IDENTITY,
    trigger text NOT NULL,
    action text NOT NULL,
    platform text,
    target text NOT NULL,
    confidence double precision NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    evidence jsonb DEFAULT '{}'::jsonb NOT NULL,
    steps jsonb DEFAULT '[]'::jsonb NOT NULL,
    begun_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    verify_until timestamptz,
    ended_at timestamptz,
    outcome text DEFAULT '' NOT NULL,
    CONSTRAINT pk_recoveries PRIMARY KEY (id),
    CONSTRAINT ck_recoveries_confidence CHECK (confidence BETWEEN 0 AND 1),
    CONSTRAINT ck_recoveries_state CHECK (state IN ('cured', 'escalated', 'failed', 'recommended', 'running')),
    CONSTRAINT ck_recoveries_action CHECK (action IN ('alert_admin', 'clear_cache', 'reconnect_db', 'reset_module',
        'restart_scheduler'))
);
CREATE INDEX ix_recoveries_target ON recoveries (target, begun_at);
CREATE TABLE recovery_procedures (
    id bigint GENERATED ALWAYS AS IDENTITY,
    pair text NOT NULL,
    trigger text NOT NULL,
    action text NOT NULL,
    confidence double precision NOT NULL,
    reason text NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    dropped_at timestamptz,
    dropped_by text,
    CONSTRAINT pk_recovery_procedures PRIMARY KEY (id),
    CONSTRAINT ck_recovery_procedures_confidence CHECK (confidence BETWEEN 0 AND 1),
    CONSTRAINT ck_recovery_procedures_action CHECK (action IN ('alert_admin', 'clear_cache', 'reconnect_db',
        'reset_module', 'restart_scheduler'))
);
CREATE TABLE canaries (
    worker text NOT NULL,
    sent_at timestamptz,
    done_at timestamptz,
    CONSTRAINT pk_canaries PRIMARY KEY (worker)
);
CREATE TABLE call_counts (
    platform text NOT NULL,
    mode text NOT NULL,
    account text NOT NULL,
    pair text NOT NULL,
    hour_at timestamptz NOT NULL,
    calls bigint DEFAULT 0 NOT NULL,
    errors bigint DEFAULT 0 NOT NULL,
    total_ms bigint DEFAULT 0 NOT NULL,
    slowest_ms integer DEFAULT 0 NOT NULL,
    CONSTRAINT pk_call_counts PRIMARY KEY (platform, mode, account, pair, hour_at)
);
CREATE TABLE platform_facts (
    platform text NOT NULL,
    mode text NOT NULL,
    checked_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    round_trip_ms double precision,
    is_token_valid boolean,
    token_expires_at timestamptz,
    scopes jsonb DEFAULT '[]'::jsonb NOT NULL,
    version text,
    version_ends_on text,
    newest_version text,
    error text,
    CONSTRAINT pk_platform_facts PRIMARY KEY (platform, mode)
);
"""

DOWN = """
DROP TABLE platform_facts;
DROP TABLE call_counts;
DROP TABLE canaries;
DROP TABLE recovery_procedures;
DROP TABLE recoveries;
DROP TABLE notices;
DROP TABLE incidents;
DROP TABLE status_spans;
DROP TABLE system_health_logs;
DROP TABLE control_tower_runs;
UPDATE commands SET state = 'failed' WHERE state = 'cancelled';
ALTER TABLE commands DROP COLUMN account_id, DROP COLUMN options, DROP COLUMN released_by, DROP COLUMN released_at,
    DROP COLUMN started_at, DROP CONSTRAINT ck_commands_state, ADD CONSTRAINT ck_commands_state CHECK (
        state IN ('accepted', 'held', 'running', 'done', 'failed'));
ALTER TABLE module_states DROP COLUMN restarted_at;
ALTER TABLE stops DROP COLUMN halts, DROP COLUMN alerts, DROP COLUMN halted;
ALTER TABLE runs DROP COLUMN worker;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
