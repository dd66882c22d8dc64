"""Steps of the optimizer's plan that waited for a rest or for room: found, and asked for by the full cycle."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from decisions import standing_steps
from domain.actions import Action
from domain.evidence import PlannedStep
from domain.ids import AccountId
from models import standing_plan

_STANDS: Final = timedelta(hours=6)  # a plan; later the next one is nearer


def waiting_steps(conn: Connection, account_id: AccountId, now: datetime) -> tuple[PlannedStep, ...]:
    """Return the steps of the plan that were not asked for yet; whether there is room for them now is judged anew."""
    planned_at = standing_plan.planned_at(conn, account_id, now - _STANDS)
    return () if planned_at is None else standing_plan.steps(conn, account_id, planned_at)


def link(conn: Connection, account_id: AccountId, now: datetime, actions: Iterable[Action]) -> None:
    """Let the plan know by which of these actions its steps were asked for again."""
    asked = {(row.object_kind, row.object_id): row.id for row in actions if row.rule == standing_steps.RULE}
    planned_at = standing_plan.planned_at(conn, account_id, now - _STANDS) if asked else None
    if planned_at is not None:
        standing_plan.link(conn, account_id, planned_at, asked)
