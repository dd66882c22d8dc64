"""Spending limits of accounts: a kind of action of their own, and the second one that a stop's closed fence admits."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE actions DROP CONSTRAINT ck_actions_kind, ADD CONSTRAINT ck_actions_kind CHECK (
        kind IN ('activate', 'archive', 'create_ad', 'create_ad_set', 'create_campaign', 'create_creative',
        'emergency_pause', 'mark_fatigued', 'pause', 'propose_variant', 'set_daily_budget', 'set_spending_limit')),
    DROP CONSTRAINT ck_actions_stop, ADD CONSTRAINT ck_actions_stop CHECK (
        (kind = 'emergency_pause') = (stop_id IS NOT NULL) OR kind = 'set_spending_limit');
-- Whatever belongs to a stop is admitted by its closed fence, so that the stop must be open as it comes in and is sent.
DROP TRIGGER guard_emergency_added ON actions;
DROP TRIGGER guard_emergency_sent ON actions;
CREATE TRIGGER guard_emergency_added BEFORE INSERT ON actions
    FOR EACH ROW WHEN (NEW.kind = 'emergency_pause' OR NEW.stop_id IS NOT NULL) EXECUTE FUNCTION guard_emergency();
CREATE TRIGGER guard_emergency_sent BEFORE UPDATE OF state, stop_id ON actions
    FOR EACH ROW WHEN ((NEW.kind = 'emergency_pause' OR NEW.stop_id IS NOT NULL)
        AND (NEW.state = 'sent' AND OLD.state <> 'sent' OR NEW.stop_id IS DISTINCT FROM OLD.stop_id))
    EXECUTE FUNCTION guard_emergency();
CREATE INDEX ix_actions_limit_of_stop ON actions (stop_id) WHERE kind = 'set_spending_limit' AND stop_id IS NOT NULL;
"""

DOWN = """
DROP INDEX ix_actions_limit_of_stop;
DROP TRIGGER guard_emergency_sent ON actions;
DROP TRIGGER guard_emergency_added ON actions;
CREATE TRIGGER guard_emergency_added BEFORE INSERT ON actions
    FOR EACH ROW WHEN (NEW.kind = 'emergency_pause') EXECUTE FUNCTION guard_emergency();
CREATE TRIGGER guard_emergency_sent BEFORE UPDATE OF state, stop_id ON actions
    FOR EACH ROW WHEN (NEW.kind = 'emergency_pause'
        AND (NEW.state = 'sent' AND OLD.state <> 'sent' OR NEW.stop_id IS DISTINCT FROM OLD.stop_id))
    EXECUTE FUNCTION guard_emergency();
DELETE FROM actions WHERE kind = 'set_spending_limit';
ALTER TABLE actions DROP CONSTRAINT ck_actions_stop, ADD CONSTRAINT ck_actions_stop CHECK (
        (kind = 'emergency_pause') = (stop_id IS NOT NULL)),
    DROP CONSTRAINT ck_actions_kind, ADD CONSTRAINT ck_actions_kind CHECK (
        kind IN ('activate', 'archive', 'create_ad', 'create_ad_set', 'create_campaign', 'create_creative',
        'emergency_pause', 'mark_fatigued', 'pause', 'propose_variant', 'set_daily_budget'));
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
