"""Cycle runs, and what the machinery remembers of itself."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE runs (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    task TEXT NOT NULL,
    account_id BIGINT NOT NULL,
    slot_at timestamptz NOT NULL,
    now_at timestamptz NOT NULL,
    mode TEXT NOT NULL,
    level TEXT NOT NULL,
    triggered_by TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    lease_owner TEXT,
    lease_until timestamptz,
    ring_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    created_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    duration_ms INTEGER,
    steps_executed JSONB DEFAULT '[]'::jsonb NOT NULL,
    errors JSONB DEFAULT '[]'::jsonb NOT NULL,
    stats_snapshot JSONB DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT pk_runs PRIMARY KEY (id),
    CONSTRAINT uq_runs_task_account_id_slot_at UNIQUE (task, account_id, slot_at),
    CONSTRAINT ck_runs_state CHECK (
        state IN ('failed', 'partial', 'planned', 'running', 'skipped', 'stopped', 'succeeded')),
    CONSTRAINT ck_runs_mode CHECK (mode IN ('live', 'stub')),
    CONSTRAINT ck_runs_level CHECK (level IN ('auto', 'observe')),
    CONSTRAINT fk_runs_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX ix_runs_open ON runs (ring_at) WHERE state IN ('planned', 'running');
CREATE INDEX ix_runs_task_slot ON runs (task, slot_at);
CREATE TABLE run_logs (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    run_id BIGINT NOT NULL,
    step TEXT NOT NULL,
    action TEXT NOT NULL,
    input_snapshot JSONB DEFAULT '{}'::jsonb NOT NULL,
    output_snapshot JSONB DEFAULT '{}'::jsonb NOT NULL,
    success BOOLEAN NOT NULL,
    error_message TEXT,
    entity_type TEXT,
    entity_id TEXT,
    created_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_run_logs PRIMARY KEY (id),
    CONSTRAINT fk_run_logs_run_id FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE INDEX ix_run_logs_run_id ON run_logs (run_id);
CREATE TABLE module_states (
    pair TEXT NOT NULL,
    desired TEXT NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_module_states PRIMARY KEY (pair),
    CONSTRAINT ck_module_states_desired CHECK (desired IN ('running', 'stopped'))
);
CREATE TABLE commands (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    command_type TEXT NOT NULL,
    platform TEXT,
    target_modules TEXT[] DEFAULT '{}'::text[] NOT NULL,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    execute_immediately BOOLEAN DEFAULT true NOT NULL,
    state TEXT DEFAULT 'accepted' NOT NULL,
    actions JSONB DEFAULT '[]'::jsonb NOT NULL,
    results JSONB DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    finished_at timestamptz,
    CONSTRAINT pk_commands PRIMARY KEY (id),
    CONSTRAINT ck_commands_command_type CHECK (
        command_type IN ('emergency_stop', 'health_check', 'optimize', 'restart_module', 'resume',
        'start_all', 'stop_all', 'sync_data')),
    CONSTRAINT ck_commands_state CHECK (state IN ('accepted', 'held', 'running', 'done', 'failed'))
);
CREATE TABLE heartbeats (
    process TEXT NOT NULL,
    kind TEXT NOT NULL,
    seen_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    detail JSONB DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT pk_heartbeats PRIMARY KEY (process)
);
"""

DOWN = """
DROP TABLE heartbeats;
DROP TABLE commands;
DROP TABLE module_states;
DROP TABLE run_logs;
DROP TABLE runs;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
