"""Alembic's entry: runs the steps on the connection that `models/migrate.py` hands over, in one transaction."""

from alembic import context
from sqlalchemy import Connection


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=None, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


_run(context.config.attributes["connection"])
