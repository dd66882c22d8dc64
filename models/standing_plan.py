"""The optimizer's newest plan as far as it was not asked for yet: what may still be, and what came of that.

`models/allocations.py` keeps the plan, `models/findings.py` its words.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text, update

from domain.actions import ObjectKind
from domain.evidence import PlannedStep
from domain.ids import AccountId, ActionId
from models.tables import allocations

_NEWEST: Final = text("SELECT max(planned_at) FROM allocations WHERE account_id = :account")
_STEPS: Final = text("""
SELECT a.object_kind, a.object_id, a.budget_minor, a.target_minor
FROM allocations a
WHERE a.account_id = :account AND a.settled_at IS NULL AND a.action_id IS NULL AND a.planned_at = :planned_at
ORDER BY a.object_kind, a.object_id
""")
# Read apart: joined, a server that has not counted the findings yet compares every step with every one of them.
_WORDS: Final = text("""
SELECT object_kind, object_id, words, evidence FROM findings
WHERE account_id = :account AND module = 'optimization' AND found_at = :planned_at AND object_id = ANY(:objects)
""")


def planned_at(conn: Connection, account_id: AccountId, since: datetime) -> datetime | None:
    """Read when the newest plan was made (platform's clock); None where there is none as young as `since`."""
    newest: datetime | None = conn.execute(_NEWEST, {"account": account_id}).scalar_one()
    return None if newest is None or newest < since else newest


def steps(conn: Connection, account_id: AccountId, planned_at: datetime) -> tuple[PlannedStep, ...]:
    """Read the steps of that plan that were not asked for, with what was said of them."""
    asked = {"account": account_id, "planned_at": planned_at}
    rows = conn.execute(_STEPS, asked).all()
    if not rows:
        return ()
    asked["objects"] = [row.object_id for row in rows]
    said = {(row.object_kind, row.object_id): row for row in conn.execute(_WORDS, asked)}
    return tuple(
        PlannedStep(
            object_kind=ObjectKind(row.object_kind), object_id=row.object_id, budget_minor=row.budget_minor,
            target_minor=row.target_minor, words=str(found.evidence.get("wish", found.words)), evidence=found.evidence,
        )
        for row in rows
        if (found := said.get((row.object_kind, row.object_id))) is not None
    )  # fmt: skip


def link(
    conn: Connection, account_id: AccountId, planned_at: datetime, asked: Mapping[tuple[ObjectKind, str], ActionId]
) -> None:
    """Say by which actions steps of that plan were asked for again, so that what comes of them is counted."""
    for (kind, object_id), action_id in asked.items():
        conn.execute(
            update(allocations)
            .where(
                allocations.c.account_id == account_id,
                allocations.c.planned_at == planned_at,
                allocations.c.object_kind == kind,
                allocations.c.object_id == object_id,
            )
            .values(action_id=action_id)
        )
