"""Real time's waits where weeks pass in minutes: a simulation lets them pass with the platform's time. STUB rows only.

A quarantine is not among them: the sandbox's late effects come in real seconds. Functions never commit.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, text

_AT_WORK: Final = text(
    "SELECT EXISTS (SELECT FROM runs WHERE state = 'running')"
    " OR EXISTS (SELECT FROM actions WHERE lease_until > clock_timestamp())"
    " OR EXISTS (SELECT FROM actions WHERE state = 'unknown' AND quarantine_until > clock_timestamp())"
)
_PASS: Final = tuple(
    text(statement)
    for statement in (
        "UPDATE quotas SET reported_at = reported_at - :span, regain_at = regain_at - :span WHERE mode = 'stub'",
        "UPDATE breakers SET probe_at = probe_at - :span WHERE mode = 'stub' AND probe_at IS NOT NULL",
        "UPDATE runs SET ring_at = ring_at - :span WHERE mode = 'stub' AND state = 'planned'",
        """
        UPDATE actions SET next_at = next_at - :span FROM accounts
        WHERE actions.state = 'approved' AND actions.lease_until IS NULL
          AND accounts.id = actions.account_id AND accounts.mode = 'stub'
        """,
    )
)


def is_anything_at_work(conn: Connection) -> bool:
    """Whether somebody holds a run or an action just now, or the sandbox may: a late effect falls into its quarantine.

    Else all that is open waits for a time.
    """
    return bool(conn.execute(_AT_WORK).scalar_one())


def let_pass(conn: Connection, span: timedelta) -> None:
    """Let so much time go by for what was told of calls, for broken-off calls, and for what was put back."""
    for statement in _PASS:
        conn.execute(statement, {"span": span})
