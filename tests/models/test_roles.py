"""The application's role: every statement that could touch the audit or the schema is refused."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from domain.errors import BadInputError
from domain.ids import AccountId
from embedded.scratch import as_application
from models import audit, roles
from models.engine import make_engine
from models.migrate import pending, upgrade

_REFUSED = {"42501", "23514"}  # insufficient privilege, check violation (a trigger)
AUDIT = ("audit", "audit_heads", "the partition")
STATEMENTS = {
    "update": "UPDATE {t} SET seq = 9",
    "update nothing": "UPDATE {t} SET seq = seq WHERE false",
    "delete": "DELETE FROM {t}",
    "truncate": "TRUNCATE {t}",
    "insert": "INSERT INTO {t} SELECT * FROM {t}",
    "copy in": "COPY {t} FROM STDIN",
    "merge": "MERGE INTO {t} USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
    "alter": "ALTER TABLE {t} DROP COLUMN hash",
    "rename": "ALTER TABLE {t} RENAME TO other",
    "disable triggers": "ALTER TABLE {t} DISABLE TRIGGER ALL",
    "drop triggers": "DROP TRIGGER {g} ON {t}",
    "add trigger": "CREATE TRIGGER mine BEFORE INSERT ON {t} FOR EACH ROW EXECUTE FUNCTION guard_audit()",
    "add rule": "CREATE RULE mine AS ON INSERT TO {t} DO INSTEAD NOTHING",
    "drop": "DROP TABLE {t} CASCADE",
    "own": "ALTER TABLE {t} OWNER TO CURRENT_USER",
    "grant, then use": "GRANT ALL ON {t} TO CURRENT_USER; DELETE FROM {t}",  # Postgres only warns of an empty grant
    "lock away": "LOCK TABLE {t} IN ACCESS EXCLUSIVE MODE",
    "index": "CREATE INDEX ON {t} (hash)",
    "reference": "CREATE TEMP TABLE mine (LIKE {t}); ALTER TABLE {t} INHERIT mine",
}
AROUND = {
    "replication role": "SET session_replication_role = replica",
    "become the owner": "SET ROLE stakazo",
    "session of the owner": "SET SESSION AUTHORIZATION stakazo",
    "detach": "ALTER TABLE audit DETACH PARTITION {p}",
    "replace a function": "CREATE OR REPLACE FUNCTION guard_audit() RETURNS trigger LANGUAGE sql AS ''",
    "drop a function": "DROP FUNCTION audit_append(bigint, jsonb)",
    "a table of ours": "CREATE TABLE public.mine (a int)",
    "a schema of ours": "CREATE SCHEMA mine",
    "a role": "CREATE ROLE mine SUPERUSER",
    "promote": "ALTER ROLE CURRENT_USER SUPERUSER",
    "a partition by hand": "SELECT audit_partition(now())",
    "a transition": "INSERT INTO action_transitions VALUES ('applied', 'approved')",
    "no guard of actions": "ALTER TABLE actions DISABLE TRIGGER guard_action",
    "empty actions at once": "TRUNCATE actions CASCADE",
    "another schema's version": "UPDATE alembic_version SET version_num = '0001'",
    "a program": "COPY (SELECT 1) TO PROGRAM 'true'",
    "a file": "COPY (SELECT 1) TO '/tmp/x'",
}


def told(engine: Engine) -> str:
    """Tell something; the name of the partition that holds it."""
    with engine.begin() as conn:
        audit.note(conn, actor="os:ana", event="thing.done", account_id=AccountId(1))
        name: str = conn.execute(text("SELECT tableoid::regclass::text FROM audit LIMIT 1")).scalar_one()
        return name


def refusal(engine: Engine, statement: str) -> str:
    """The state with which Postgres refuses, "" where it does not."""
    with engine.connect() as conn:
        try:
            conn.exec_driver_sql(statement, execution_options={"no_parameters": True})
        except DBAPIError as error:
            return str(getattr(error.orig, "sqlstate", None))
    return ""


@pytest.mark.parametrize("table", AUDIT)
@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_application_can_do_nothing_to_the_audit(engine: Engine, table: str, statement: str) -> None:
    part = told(engine)
    name = part if table == "the partition" else table
    guard = "guard_audit_heads" if table == "audit_heads" else "guard_audit"
    assert refusal(engine, STATEMENTS[statement].format(t=name, g=guard)) in _REFUSED


@pytest.mark.parametrize("statement", AROUND)
def test_the_application_finds_no_way_around(engine: Engine, statement: str) -> None:
    part = told(engine)
    assert refusal(engine, AROUND[statement].format(p=part)) in _REFUSED


def test_a_table_of_the_application_s_own_does_not_stand_in_for_the_audit(engine: Engine) -> None:
    """The functions look for their tables in the schema, not in whatever the session puts before it."""
    told(engine)
    with engine.begin() as conn:
        conn.execute(text("CREATE TEMP TABLE audit (LIKE public.audit)"))
        conn.execute(text("CREATE TEMP TABLE audit_heads (LIKE public.audit_heads)"))
        conn.execute(text("SET LOCAL search_path = pg_temp, public"))
        audit.note(conn, actor="os:ana", event="thing.done", account_id=AccountId(1))
        assert conn.execute(text("SELECT count(*) FROM pg_temp.audit")).scalar_one() == 0
        assert conn.execute(text("SELECT count(*) FROM public.audit")).scalar_one() == 2


def test_the_application_is_told_apart_from_the_owner(engine: Engine, owner_database_url: str) -> None:
    with engine.connect() as conn:
        assert roles.is_guarded(conn)
    owner = make_engine(owner_database_url)
    with owner.connect() as conn:
        assert not roles.is_guarded(conn)
    owner.dispose()


def test_the_application_can_see_how_far_the_schema_is(database_url: str) -> None:
    assert pending(database_url) == ()


def test_admitting_twice_changes_nothing_and_one_role_for_both_is_no_split(empty_database_url: str) -> None:
    app = as_application(empty_database_url)
    upgrade(empty_database_url)
    assert roles.admit(empty_database_url, app)
    assert roles.admit(empty_database_url, app)
    assert not roles.admit(empty_database_url, empty_database_url)
    engine = make_engine(app)
    assert refusal(engine, "DELETE FROM audit") == "42501"
    engine.dispose()


def test_two_databases_are_no_pair(empty_database_url: str) -> None:
    other = make_url(as_application(empty_database_url)).set(database="other")
    with pytest.raises(BadInputError, match='names the database "other"'):
        roles.admit(empty_database_url, other.render_as_string(hide_password=False))


def test_a_role_that_owns_the_tables_is_no_application(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    engine = make_engine(empty_database_url)
    with engine.connect() as conn, pytest.raises(BadInputError, match="needs a role that is neither"):
        roles.grant(conn, make_url(empty_database_url).username or "")
    engine.dispose()


def test_the_suite_runs_as_the_application(database_url: str) -> None:
    assert make_url(database_url).username == "stakazo_app"
