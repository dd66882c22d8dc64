"""The audit: append-only, hash-chained, out of reach of the role that the application runs as."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE audit (
    chain bigint NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    event text NOT NULL,
    action_id bigint,
    before_state text,
    after_state text,
    epoch integer,
    detail jsonb NOT NULL DEFAULT '{}'::jsonb,
    prev_hash bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT pk_audit PRIMARY KEY (chain, seq, at)
) PARTITION BY RANGE (at);
CREATE INDEX ix_audit_action_id ON audit (action_id) WHERE action_id IS NOT NULL;
CREATE TABLE audit_heads (
    chain bigint NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    hash bytea NOT NULL,
    base_seq bigint NOT NULL DEFAULT '0',
    base_hash bytea NOT NULL,
    CONSTRAINT pk_audit_heads PRIMARY KEY (chain)
) WITH (fillfactor = 50);
"""

# A row's hash covers the hash before it and every column, in the words of jsonb, which writes a value in one way only.
# Stable and without a search path of its own, so that it is written into the loop that calls it (twice as fast).
_HASH = """
CREATE FUNCTION audit_hash(
    prev bytea, chain bigint, seq bigint, at timestamptz, actor text, event text, action_id bigint,
    before_state text, after_state text, epoch integer, detail jsonb
) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT pg_catalog.sha256(prev || pg_catalog.convert_to(pg_catalog.jsonb_build_array(chain, seq,
        (extract(epoch FROM at) * 1000000)::bigint, actor, event, action_id, before_state, after_state, epoch,
        detail)::text, 'UTF8'))
$$;
"""

_GUARDS = """
CREATE FUNCTION guard_audit() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER guard_audit BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION guard_audit();
CREATE TRIGGER guard_audit_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION guard_audit();
CREATE TRIGGER guard_audit_heads BEFORE DELETE ON audit_heads FOR EACH ROW EXECUTE FUNCTION guard_audit();
CREATE TRIGGER guard_audit_heads_truncate BEFORE TRUNCATE ON audit_heads
    FOR EACH STATEMENT EXECUTE FUNCTION guard_audit();

-- A head only moves forward, to a row that is there; so does the base, behind which rows were dropped.
CREATE FUNCTION guard_audit_head() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.chain = OLD.chain AND NEW.seq > OLD.seq AND (NEW.base_seq, NEW.base_hash) = (OLD.base_seq, OLD.base_hash)
        AND EXISTS (SELECT FROM audit a WHERE a.chain = NEW.chain AND a.seq = NEW.seq AND a.at = NEW.at
            AND a.hash = NEW.hash)
    THEN
        RETURN NEW;
    END IF;
    IF (NEW.chain, NEW.seq, NEW.at, NEW.hash) = (OLD.chain, OLD.seq, OLD.at, OLD.hash) AND NEW.base_seq > OLD.base_seq
        AND EXISTS (SELECT FROM audit a WHERE a.chain = NEW.chain AND a.seq = NEW.base_seq AND a.hash = NEW.base_hash)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'audit_heads only follows the audit: % of chain % refused', TG_OP, OLD.chain
        USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER guard_audit_head BEFORE UPDATE ON audit_heads FOR EACH ROW EXECUTE FUNCTION guard_audit_head();
"""

# Partitions of six days: dropped as a whole once the youngest row is 90 days old, when the oldest is 96, which leaves
# the round that drops them a day until 97. Attached rather than made in place: writers are not kept waiting. The
# table is looked for in pg_class: to_regclass() answers from a cache in which a name once missed stays missing.
_PARTITIONS = """
CREATE FUNCTION audit_partition(at timestamptz) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    day_number integer := (at AT TIME ZONE 'UTC')::date - date '2000-01-01';
    first date := date '2000-01-01' + (floor(day_number / 6.0) * 6)::integer;
    name text := 'audit_' || to_char(first, 'YYYY_MM_DD');
BEGIN
    IF EXISTS (SELECT FROM pg_class WHERE relname = name AND relnamespace = 'public'::regnamespace) THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(7305114021003);
    IF EXISTS (SELECT FROM pg_class WHERE relname = name AND relnamespace = 'public'::regnamespace) THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.audit INCLUDING ALL)', name);
    EXECUTE format('CREATE TRIGGER guard_audit_truncate BEFORE TRUNCATE ON public.%I '
        'FOR EACH STATEMENT EXECUTE FUNCTION public.guard_audit()', name);
    EXECUTE format('ALTER TABLE public.audit ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', name,
        first::timestamp AT TIME ZONE 'UTC', (first + 6)::timestamp AT TIME ZONE 'UTC');
    RETURN true;
END $$;

CREATE FUNCTION audit_prepare() RETURNS integer LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT count(*) FILTER (WHERE public.audit_partition(clock_timestamp() + make_interval(days => 6 * n)))::integer
    FROM generate_series(0, 2) AS n
$$;

CREATE FUNCTION audit_drop_before(instant timestamptz) RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '3s' AS $$
DECLARE
    part record;
    dropped text[] := '{}';
BEGIN
    IF instant IS NULL OR instant > clock_timestamp() - interval '90 days' THEN
        RAISE EXCEPTION 'audit rows are kept for 90 days: % is later than %', instant,
            clock_timestamp() - interval '90 days' USING ERRCODE = 'check_violation';
    END IF;
    -- Heads before rows, as whoever appends does.
    LOCK TABLE public.audit_heads IN EXCLUSIVE MODE;
    FOR part IN
        SELECT c.relname, to_date(right(c.relname, 10), 'YYYY_MM_DD') AS first
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'public.audit'::regclass ORDER BY first
    LOOP
        EXIT WHEN (part.first + 6)::timestamp AT TIME ZONE 'UTC' > instant;
        EXECUTE format('UPDATE public.audit_heads h SET base_seq = p.seq, base_hash = p.hash FROM ('
            'SELECT DISTINCT ON (chain) chain, seq, hash FROM public.%I ORDER BY chain, seq DESC) p '
            'WHERE p.chain = h.chain AND p.seq > h.base_seq', part.relname);
        EXECUTE format('DROP TABLE public.%I', part.relname);
        dropped := dropped || part.relname::text;
    END LOOP;
    RETURN dropped;
END $$;

CREATE FUNCTION insights_partition(of_table text, month date) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    first date := date_trunc('month', month)::date;
    name text := of_table || '_' || to_char(first, 'YYYY_MM');
BEGIN
    IF of_table NOT IN ('insights_daily', 'insights_hourly') OR month NOT BETWEEN '2000-01-01' AND '2199-12-31' THEN
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

# The chain's head is locked once per call and until the transaction ends; `at` never goes back within a chain, so that
# what is dropped is always its beginning.
_APPEND = """
CREATE FUNCTION audit_append(of_chain bigint, told jsonb) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    head public.audit_heads%ROWTYPE;
    line record;
    next_hash bytea;
    nothing constant bytea := decode(repeat('00', 32), 'hex');
BEGIN
    IF jsonb_array_length(told) = 0 THEN
        RETURN 0;
    END IF;
    SELECT * INTO head FROM public.audit_heads WHERE chain = of_chain FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO public.audit_heads (chain, seq, at, hash, base_hash)
            VALUES (of_chain, 0, '-infinity', nothing, nothing) ON CONFLICT DO NOTHING;
        SELECT * INTO STRICT head FROM public.audit_heads WHERE chain = of_chain FOR UPDATE;
    END IF;
    head.at := greatest(clock_timestamp(), head.at);
    PERFORM public.audit_partition(head.at);
    FOR line IN
        SELECT * FROM jsonb_to_recordset(told) AS given (actor text, event text, action_id bigint, before_state text,
            after_state text, epoch integer, detail jsonb)
    LOOP
        head.seq := head.seq + 1;
        next_hash := public.audit_hash(head.hash, of_chain, head.seq, head.at, line.actor, line.event, line.action_id,
            line.before_state, line.after_state, line.epoch, coalesce(line.detail, '{}'));
        INSERT INTO public.audit (chain, seq, at, actor, event, action_id, before_state, after_state, epoch, detail,
                prev_hash, hash)
            VALUES (of_chain, head.seq, head.at, line.actor, line.event, line.action_id, line.before_state,
                line.after_state, line.epoch, coalesce(line.detail, '{}'), head.hash, next_hash);
        head.hash := next_hash;
    END LOOP;
    UPDATE public.audit_heads SET seq = head.seq, at = head.at, hash = head.hash WHERE chain = of_chain;
    RETURN head.seq;
END $$;
REVOKE EXECUTE ON FUNCTION audit_partition(timestamptz), audit_prepare(), audit_drop_before(timestamptz),
    insights_partition(text, date), audit_append(bigint, jsonb) FROM PUBLIC;
"""

# What was told so far enters the chains in the order in which it was told, at its own instants.
_MOVE = """
DO $$
DECLARE
    line record;
    head public.audit_heads%ROWTYPE;
    next_hash bytea;
    nothing constant bytea := decode(repeat('00', 32), 'hex');
BEGIN
    head.chain := NULL;
    FOR line IN
        SELECT a.account_id AS chain, e.* FROM action_events e JOIN actions a ON a.id = e.action_id
        ORDER BY a.account_id, e.id
    LOOP
        IF head.chain IS DISTINCT FROM line.chain THEN
            head := ROW(line.chain, 0, '-infinity', nothing, 0, nothing);
            INSERT INTO audit_heads SELECT (head).*;
        END IF;
        head.seq := head.seq + 1;
        head.at := greatest(line.at, head.at);
        PERFORM audit_partition(head.at);
        next_hash := audit_hash(head.hash, line.chain, head.seq, head.at, line.actor, line.event, line.action_id,
            line.before_state, line.after_state, line.epoch, line.detail);
        INSERT INTO audit VALUES (line.chain, head.seq, head.at, line.actor, line.event, line.action_id,
            line.before_state, line.after_state, line.epoch, line.detail, head.hash, next_hash);
        head.hash := next_hash;
        UPDATE audit_heads SET seq = head.seq, at = head.at, hash = head.hash WHERE chain = head.chain;
    END LOOP;
END $$;
DROP TABLE action_events;
DROP FUNCTION guard_action_events();
"""

UP = _TABLES + _HASH + _GUARDS + _PARTITIONS + _APPEND + _MOVE

DOWN = """
CREATE TABLE action_events (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    action_id BIGINT NOT NULL,
    at timestamptz DEFAULT clock_timestamp() NOT NULL,
    actor TEXT NOT NULL,
    event TEXT NOT NULL,
    before_state TEXT,
    after_state TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    detail JSONB DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT pk_action_events PRIMARY KEY (id),
    CONSTRAINT fk_action_events_action_id FOREIGN KEY(action_id) REFERENCES actions (id) ON DELETE CASCADE
);
CREATE INDEX ix_action_events_action_id ON action_events (action_id);
INSERT INTO action_events (action_id, at, actor, event, before_state, after_state, epoch, detail)
    SELECT t.action_id, t.at, t.actor, t.event, t.before_state, t.after_state, coalesce(t.epoch, 0), t.detail
    FROM audit t JOIN actions a ON a.id = t.action_id WHERE t.after_state IS NOT NULL ORDER BY t.at, t.chain, t.seq;
CREATE FUNCTION guard_action_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND pg_trigger_depth() > 1 THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'action_events is append-only: % refused', TG_OP USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER guard_action_events BEFORE UPDATE OR DELETE ON action_events
    FOR EACH ROW EXECUTE FUNCTION guard_action_events();
CREATE TRIGGER guard_action_events_truncate BEFORE TRUNCATE ON action_events
    FOR EACH STATEMENT EXECUTE FUNCTION guard_action_events();
DROP FUNCTION audit_append(bigint, jsonb);
DROP FUNCTION insights_partition(text, date);
DROP FUNCTION audit_drop_before(timestamptz);
DROP FUNCTION audit_prepare();
DROP FUNCTION audit_partition(timestamptz);
DROP TABLE audit;
DROP TABLE audit_heads;
DROP FUNCTION guard_audit_head();
DROP FUNCTION guard_audit();
DROP FUNCTION audit_hash(bytea, bigint, bigint, timestamptz, text, text, bigint, text, text, integer, jsonb);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN, execution_options={"no_parameters": True})
