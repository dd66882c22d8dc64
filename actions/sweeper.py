"""Which actions wait for a worker and should be rung for again: losing every message costs latency, not work."""

from sqlalchemy import Connection

from actions.wording import Ring, ring
from models import ledger_reads


def due(conn: Connection, limit: int = 100) -> tuple[Ring, ...]:
    """Actions that can be claimed now, by Postgres' clock: approved ones, unknown ones whose quarantine is over, and
    sent ones whose executor let its lease run out. Those that wait longest come first.
    """  # noqa: D205 - the sentence needs the room
    return tuple(ring(row.action, row.platform, row.platform_account_id) for row in ledger_reads.due(conn, limit))
