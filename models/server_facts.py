"""What the Postgres server says of itself: for those who watch. Nothing is changed."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

_QUERY = text(
    "SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS version_number,"
    " current_setting('max_connections')::int AS most_connections,"
    " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,"
    " clock_timestamp() AS now"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """One look. `version_number` is such as 160004 for 16.4; `now` is the server's own clock."""

    version: str
    version_number: int
    connections: int
    most_connections: int
    now: datetime


def connections_named(conn: Connection, name: str) -> int:
    """Return how many connections carry an application name that begins so."""
    wanted = text("SELECT count(*) FROM pg_stat_activity WHERE starts_with(application_name, :name)")
    found: int = conn.execute(wanted, {"name": name}).scalar_one()
    return found


def read(conn: Connection) -> ServerFacts:
    """Ask the server."""
    row = conn.execute(_QUERY).one()
    return ServerFacts(
        version=row.version,
        version_number=row.version_number,
        connections=row.connections,
        most_connections=row.most_connections,
        now=row.now,
    )
