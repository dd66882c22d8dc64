"""Emergency stops: what each closed, what it paused, and the only actions that a closed fence admits."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE stops (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_stops PRIMARY KEY,
    account_id bigint CONSTRAINT fk_stops_account_id REFERENCES accounts (id) ON DELETE CASCADE,
    reason text NOT NULL,
    actor text NOT NULL,
    closed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    quiet_at timestamptz,
    fenced_at timestamptz,
    paused_at timestamptz,
    in_doubt jsonb NOT NULL DEFAULT '[]'::jsonb,
    opened_at timestamptz,
    opened_by text
);
CREATE UNIQUE INDEX uq_stops_open ON stops (coalesce(account_id, 0)) WHERE opened_at IS NULL;
ALTER TABLE actions ADD COLUMN stop_id bigint CONSTRAINT fk_actions_stop_id REFERENCES stops (id) ON DELETE CASCADE,
    ADD CONSTRAINT ck_actions_stop CHECK ((kind = 'emergency_pause') = (stop_id IS NOT NULL)),
    DROP CONSTRAINT ck_actions_kind, ADD CONSTRAINT ck_actions_kind CHECK (
        kind IN ('activate', 'archive', 'create_ad', 'create_ad_set', 'create_campaign', 'create_creative',
        'emergency_pause', 'mark_fatigued', 'pause', 'propose_variant', 'set_daily_budget'));
CREATE TABLE stop_items (
    stop_id bigint NOT NULL CONSTRAINT fk_stop_items_stop_id REFERENCES stops (id) ON DELETE CASCADE,
    account_id bigint NOT NULL CONSTRAINT fk_stop_items_account_id REFERENCES accounts (id) ON DELETE CASCADE,
    object_kind text NOT NULL,
    object_id text NOT NULL,
    object_name text NOT NULL,
    status_before text NOT NULL,
    spend_minor bigint NOT NULL DEFAULT 0,
    action_id bigint CONSTRAINT fk_stop_items_action_id REFERENCES actions (id) ON DELETE SET NULL,
    resume_action_id bigint CONSTRAINT fk_stop_items_resume_action_id REFERENCES actions (id) ON DELETE SET NULL,
    note text NOT NULL DEFAULT '',
    CONSTRAINT pk_stop_items PRIMARY KEY (stop_id, account_id, object_kind, object_id),
    CONSTRAINT ck_stop_items_object_kind CHECK (object_kind IN ('account', 'ad', 'ad_set', 'campaign', 'creative'))
);
-- An emergency pause stands beside whatever else is open on its object; a second one does not.
DROP INDEX uq_actions_open_object;
CREATE UNIQUE INDEX uq_actions_open_object ON actions (account_id, object_kind, object_id)
    WHERE state IN ('approved', 'sent', 'unknown')
    AND kind NOT IN ('create_ad', 'create_ad_set', 'create_campaign', 'create_creative', 'emergency_pause');
CREATE UNIQUE INDEX uq_actions_open_emergency ON actions (account_id, object_kind, object_id)
    WHERE state IN ('approved', 'sent', 'unknown') AND kind = 'emergency_pause';
INSERT INTO action_transitions (before_state, after_state) VALUES
    ('unknown', 'dead'), ('dead', 'approved'), ('dead', 'unknown');
"""

DOWN = """
DELETE FROM action_transitions WHERE (before_state, after_state) IN
    (('unknown', 'dead'), ('dead', 'approved'), ('dead', 'unknown'));
DROP INDEX uq_actions_open_emergency;
DROP INDEX uq_actions_open_object;
CREATE UNIQUE INDEX uq_actions_open_object ON actions (account_id, object_kind, object_id)
    WHERE state IN ('approved', 'sent', 'unknown')
    AND kind NOT IN ('create_ad', 'create_ad_set', 'create_campaign', 'create_creative');
DROP TABLE stop_items;
ALTER TABLE actions DROP COLUMN stop_id, DROP CONSTRAINT ck_actions_kind, ADD CONSTRAINT ck_actions_kind CHECK (
        kind IN ('activate', 'create_ad', 'create_ad_set', 'create_campaign', 'create_creative',
        'emergency_pause', 'mark_fatigued', 'pause', 'propose_variant', 'set_daily_budget'));
DROP TABLE stops;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
