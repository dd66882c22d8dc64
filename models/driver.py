"""Single statements straight through psycopg, for the few that run hundreds of times a cycle. No others.

SQLAlchemy's own work on such a statement takes three times as long as the statement. Errors stay those of SQLAlchemy.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from domain.errors import InvariantError

_NAMES: Final = re.compile(r"(?<!:):([a-z_]+)")


def driver_sql(statement: str) -> bytes:
    """Spell `:name` as psycopg does; a statement of ours, without any value in it."""
    return _NAMES.sub(r"%(\1)s", statement).encode()


def run_now(conn: Connection, statement: bytes, values: Mapping[str, object]) -> Any:
    """Run a statement and return its first row, with its columns by name; None = there is none.

    Raises:
        DBAPIError: as SQLAlchemy would; a connection that went away leaves its pool.
    """
    driver = conn.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise InvariantError("this statement needs a psycopg connection; engines come from models.engine.make_engine")
    try:
        with driver.cursor(row_factory=namedtuple_row) as cursor:
            cursor.execute(statement, values)
            return cursor.fetchone() if cursor.description else None
    except psycopg.Error as error:
        is_gone = driver.closed
        if is_gone:
            conn.invalidate(error)
        raise DBAPIError(None, None, error, hide_parameters=True, connection_invalidated=is_gone) from error
