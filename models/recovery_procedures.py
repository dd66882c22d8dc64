"""Procedures that people declared for a pair, in place of the house's own table. Functions never commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, select, update

from domain.actions import Json
from domain.recovery import RecoveryAction, Trigger
from models import audit
from models.tables import recovery_procedures as table

_LIVE = table.c.dropped_at.is_(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One row of somebody's."""

    id: int
    pair: str
    trigger: Trigger
    action: RecoveryAction
    confidence: float
    reason: str
    set_by: str
    set_at: datetime


def listing(conn: Connection, pair: str | None = None) -> tuple[Declared, ...]:
    """Those in force, by pair and trigger, the most trusted first."""
    query = select(table).where(_LIVE).order_by(table.c.pair, table.c.trigger, table.c.confidence.desc(), table.c.id)
    rows = conn.execute(query if pair is None else query.where(table.c.pair == pair))
    return tuple(_declared(row) for row in rows)


def set_(
    conn: Connection, *, pair: str, trigger: Trigger, action: RecoveryAction, confidence: float, reason: str, by: str
) -> Declared:
    """Declare one; the same action on the same trigger of the pair is replaced."""
    dropped = drop(conn, pair=pair, trigger=trigger, action=action, by=by, is_replaced=True)
    values = {"pair": pair, "trigger": trigger, "action": action, "confidence": confidence, "reason": reason}
    row = conn.execute(insert(table).values(**values, set_by=by).returning(*table.c)).one()
    before: list[Json] = [held.confidence for held in dropped]
    told: dict[str, Json] = {"pair": pair, "trigger": trigger, "action": action, "before": before, "after": confidence}
    told["reason"] = reason
    audit.note(conn, actor=by, event="recovery.procedure_set", detail=told)
    return _declared(row)


def drop(
    conn: Connection,
    *,
    pair: str,
    trigger: Trigger,
    action: RecoveryAction | None,
    by: str,
    is_replaced: bool = False,
) -> Sequence[Declared]:
    """Take back what was declared on a trigger of a pair, one action or all; returns what that was."""
    chosen = and_(_LIVE, table.c.pair == pair, table.c.trigger == trigger)
    if action is not None:
        chosen = and_(chosen, table.c.action == action)
    gone = update(table).where(chosen).values(dropped_at=func.clock_timestamp(), dropped_by=by)
    found = tuple(_declared(row) for row in conn.execute(gone.returning(*table.c)))
    if found and not is_replaced:
        told: dict[str, Json] = {"pair": pair, "trigger": trigger, "actions": [row.action.value for row in found]}
        audit.note(conn, actor=by, event="recovery.procedure_dropped", detail=told)
    return found


def _declared(row: Row[Any]) -> Declared:
    return Declared(
        id=row.id, pair=row.pair, trigger=Trigger(row.trigger), action=RecoveryAction(row.action),
        confidence=row.confidence, reason=row.reason, set_by=row.set_by, set_at=row.set_at,
    )  # fmt: skip
