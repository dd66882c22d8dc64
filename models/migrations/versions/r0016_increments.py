"""What reports still added to a day after it ended: the increments from which the maturity of figures is learnt."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_PARTITION = """
CREATE OR REPLACE FUNCTION insights_partition(of_table text, month date) RETURNS boolean LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    first date := date_trunc('month', month)::date;
    name text := of_table || '_' || to_char(first, 'YYYY_MM');
BEGIN
    IF of_table NOT IN ({tables}) OR month NOT BETWEEN '2000-01-01' AND '2199-12-31' THEN
        RAISE EXCEPTION 'no partition of % for % is ever made', of_table, month USING ERRCODE = 'check_violation';
    END IF;
    PERFORM pg_advisory_xact_lock(7305114021002);
    IF EXISTS (SELECT FROM pg_class WHERE relname = name AND relnamespace = 'public'::regnamespace) THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL)', name, of_table);
    EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', of_table, name,
        first, (first + interval '1 month')::date);
    RETURN true;
END $$;
"""

UP = """
ALTER TABLE insights_daily ADD COLUMN first_read_at timestamptz;
CREATE TABLE insight_increments (
    account_id BIGINT NOT NULL,
    day DATE NOT NULL,
    ad_id TEXT NOT NULL,
    read_on DATE NOT NULL,
    impressions INTEGER NOT NULL,
    clicks INTEGER NOT NULL,
    spend_minor BIGINT NOT NULL,
    purchases INTEGER NOT NULL,
    revenue_minor BIGINT NOT NULL,
    CONSTRAINT pk_insight_increments PRIMARY KEY (account_id, day, ad_id, read_on),
    CONSTRAINT ck_insight_increments_read_on CHECK (read_on > day)
) PARTITION BY RANGE (day);
"""

DOWN = """
DROP TABLE insight_increments;
ALTER TABLE insights_daily DROP COLUMN first_read_at;
"""


def _run(statement: str) -> None:
    op.get_bind().exec_driver_sql(statement, execution_options={"no_parameters": True})


def upgrade() -> None:
    _run(UP + _PARTITION.format(tables="'insights_daily', 'insights_hourly', 'insight_increments'"))


def downgrade() -> None:
    _run(DOWN + _PARTITION.format(tables="'insights_daily', 'insights_hourly'"))
