"""The two roles of a database: the owner changes the schema, the application only reads and writes rows.

The application owns nothing: it cannot alter or drop a table, disable a trigger, or touch the audit but through the
functions that the owner lets it call. Without a second role everything runs as the owner, guarded by triggers alone.
"""

from typing import Final

from psycopg import sql
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from domain.errors import BadInputError, NotReadyError
from models.engine import make_engine

# What the application may look at and not change: the guards themselves, and the audit, which it hears through calls.
_READ_ONLY: Final = ("action_transitions", "alembic_version", "audit", "audit_heads")
_CALLS: Final = (
    "audit_append(bigint, jsonb)",
    "audit_prepare()",
    "audit_drop_before(timestamptz)",
    "insights_partition(text, date)",
)
_ANALYSED: Final = ("campaigns", "ad_sets", "ads", "creatives")  # tidied up by whoever loads them
_MAINTAIN_SINCE: Final = 170_000  # the first server that can grant ANALYZE
_NOT_ALLOWED: Final = "42501"


def admit(owner_url: str, app_url: str) -> bool:
    """Make the role that `app_url` names, if it is missing, and grant it what the application needs, no more.

    To be done after every migration: a new table is nobody's but its owner's. Says whether there are two roles; with
    one and the same name in both addresses there is nothing to do.

    Raises:
        BadInputError: the addresses name two databases.
        NotReadyError: the owner may not make roles, and there is none of that name.
    """
    app = make_url(app_url)
    owner = make_url(owner_url)
    if app.username is None or app.username == owner.username:
        return False
    if app.database != owner.database:
        raise BadInputError(
            f'DATABASE_URL names the database "{app.database}", DATABASE_OWNER_URL "{owner.database}"; name one'
        )
    engine = make_engine(owner_url, pool_size=1, application_name="stakazo roles")
    try:
        with engine.begin() as conn:
            _make(conn, app.username, app.password)
            grant(conn, app.username)
    finally:
        engine.dispose()
    return True


def grant(conn: Connection, role: str) -> None:
    """Take everything from a role and give it what the application needs of this database.

    Raises:
        BadInputError: the role owns the tables, or is a superuser: nothing can be kept from it.
    """
    if _is_master(conn, role):
        raise BadInputError(f"{role} owns the tables or is a superuser; the application needs a role that is neither")
    tables = _tables(conn)
    database = conn.execute(text("SELECT current_database()")).scalar_one()
    say = _Speaker(conn, role)
    say.run("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")
    say.run("REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}")
    say.run("REVOKE ALL ON SCHEMA public FROM {role}")
    say.run("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    say.run("GRANT CONNECT, TEMPORARY ON DATABASE {thing} TO {role}", database)
    say.run("GRANT USAGE ON SCHEMA public TO {role}")
    for table in tables:
        rights = "SELECT" if table in _READ_ONLY else "SELECT, INSERT, UPDATE, DELETE"
        say.run(f"GRANT {rights} ON {{thing}} TO {{role}}", table)
    say.run("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
    for call in _CALLS:
        say.run(f"GRANT EXECUTE ON FUNCTION {call} TO {{role}}")
    if conn.execute(text("SELECT current_setting('server_version_num')::int")).scalar_one() >= _MAINTAIN_SINCE:
        for table in _ANALYSED:
            say.run("GRANT MAINTAIN ON {thing} TO {role}", table)


def is_guarded(conn: Connection) -> bool:
    """Whether the role of this connection is one that cannot touch the audit, whatever it tries."""
    me = conn.execute(text("SELECT current_user")).scalar_one()
    query = text(
        "SELECT has_table_privilege(:me, 'audit', 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')"
        " OR has_table_privilege(:me, 'audit_heads', 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')"
    )
    return not _is_master(conn, me) and not conn.execute(query, {"me": me}).scalar_one()


class _Speaker:
    """Says statements that take names, quoted."""

    def __init__(self, conn: Connection, role: str) -> None:
        self._conn = conn
        self._role = sql.Identifier(role)

    def run(self, words: str, thing: str = "") -> None:
        """Run a statement about the role."""
        composed = sql.SQL(words).format(role=self._role, thing=sql.Identifier(thing))
        self._conn.exec_driver_sql(composed.as_string(), execution_options={"no_parameters": True})


def _make(conn: Connection, role: str, password: str | None) -> None:
    """Make the role, or set its password; roles belong to the server, so another database may have made it at once."""
    say = _Speaker(conn, role)
    conn.execute(text("SELECT pg_advisory_xact_lock(7305114021004)"))
    is_there = conn.execute(text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)"), {"role": role})
    exists = is_there.scalar_one()
    if exists and not _may_make(conn):
        return
    verb = "ALTER" if exists else "CREATE"
    secret = sql.SQL(" PASSWORD {}").format(sql.Literal(password)).as_string() if password else ""
    try:
        say.run(f"{verb} ROLE {{role}} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS" + secret)
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != _NOT_ALLOWED:
            raise
        raise NotReadyError(
            f'the owner in DATABASE_OWNER_URL may not make roles; have a superuser run CREATE ROLE "{role}" LOGIN'
            " with the password of DATABASE_URL, then `stakazo migrate` once more"
        ) from None


def _may_make(conn: Connection) -> bool:
    query = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
    return bool(conn.execute(text(query)).scalar_one())


def _is_master(conn: Connection, role: str) -> bool:
    query = text(
        "SELECT rolsuper OR EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND pg_has_role(r.oid, c.relowner, 'MEMBER')) FROM pg_roles r"
        " WHERE r.rolname = :role"
    )
    return bool(conn.execute(query, {"role": role}).scalar_one_or_none())


def _tables(conn: Connection) -> tuple[str, ...]:
    """Every table that is not part of another: rows of partitions are reached through the whole."""
    query = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname"
    )
    return tuple(conn.execute(text(query)).scalars())
