"""Blocks that repeat: a large account would write the same ten thousand blocked rows with every cycle.

Of a block (kind and object, rule, what blocks) the ledger keeps one row per 24 h of the platform's clock, with its full
reason; until they are over, the same again is only counted. Another guardrail, or another kind of change, is another
block. What a person asked for is always a row: who asks is owed an answer.
"""

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import Connection

from domain.actions import Priority
from domain.ids import AccountId
from models import ledger_reads
from models.ledger import Draft

SHOWN_EVERY = timedelta(hours=24)
ARBITER = "arbiter"
FENCE = "fence"
PAUSED = "account_paused"


class Repeats:
    """The blocks of an account that are on record, and how many more were met; `counts` is by what blocks."""

    def __init__(self, conn: Connection, account_id: AccountId, now: datetime) -> None:
        self._shown = ledger_reads.blocked_since(conn, account_id, now - SHOWN_EVERY, now)
        self.counts: Counter[str] = Counter()

    def is_repeat(self, draft: Draft) -> bool:
        """Say whether the draft is a block that is on record already; if so, count it."""
        wanted = draft.proposal
        if draft.blocked_by is None or wanted.priority is Priority.PERSON:
            return False
        block = (wanted.kind.value, wanted.object_kind.value, wanted.object_id, wanted.rule, draft.blocked_by)
        if block not in self._shown:
            return False
        self.counts[draft.blocked_by] += 1
        return True
