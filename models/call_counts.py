"""How many calls a platform was asked, in whose name and how long they took, by the hour. Functions never commit."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, func

from models.driver import driver_sql, run_now
from models.quota import Key
from models.tables.tower import call_counts

# One statement on one row. The call's time is by Postgres' clock on both ends: what entered is what it told then.
_NOTE: Final = driver_sql("""
WITH ended AS (
    SELECT clock_timestamp() AS at,
        greatest(0, extract(epoch FROM clock_timestamp() - CAST(:entered_at AS timestamptz)) * 1000)::bigint AS ms)
INSERT INTO call_counts AS c (platform, mode, account, pair, hour_at, calls, errors, total_ms, slowest_ms)
SELECT :platform, :mode, :account, :pair, date_trunc('hour', at, 'UTC'), 1, :errors, ms, ms FROM ended
ON CONFLICT (platform, mode, account, pair, hour_at) DO UPDATE SET
    calls = c.calls + 1, errors = c.errors + excluded.errors, total_ms = c.total_ms + excluded.total_ms,
    slowest_ms = greatest(c.slowest_ms, excluded.slowest_ms)
""")


def note(conn: Connection, key: Key, pair: str, *, entered_at: datetime, failed: bool) -> None:
    """Count a call that ended now. `pair` = the pair's slug, "" = the door, a person, the tower."""
    values = {"platform": key.platform, "mode": key.mode, "account": key.account, "pair": pair}
    run_now(conn, _NOTE, {**values, "entered_at": entered_at, "errors": int(failed)})


def forget_older(conn: Connection, age: timedelta) -> int:
    """Drop hours that lie further back."""
    old = call_counts.c.hour_at < func.clock_timestamp() - age
    return conn.execute(delete(call_counts).where(old)).rowcount
