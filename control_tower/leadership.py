"""Which tower leads: the one whose session holds a Postgres advisory lock. It dies with the session, so with us."""

from contextlib import suppress

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

_KEY = 7_305_114_021_018  # any constant of our own


class Leadership:
    """Takes and keeps the lock on a connection of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._conn: Connection | None = None

    def is_held(self) -> bool:
        """Say whether we lead, trying to take the lock if we do not.

        Raises:
            SQLAlchemyError: Postgres cannot be asked; the lock is then gone.
        """
        try:
            if self._conn is not None:
                self._conn.execute(text("SELECT 1"))
                return True
            return self._take()
        except SQLAlchemyError:
            self._drop()
            raise

    def release(self) -> None:
        """Let another tower lead, from now on: Postgres may take its time to see that a session has ended."""
        if self._conn is not None:
            with suppress(SQLAlchemyError):  # it is gone, and the lock with it
                self._conn.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _KEY})
        self._drop()

    def _drop(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.invalidate()  # a session that goes back to the pool would keep the lock
            conn.close()

    def _take(self) -> bool:
        conn = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if conn.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _KEY}).scalar():
            self._conn = conn
            return True
        conn.close()
        return False
