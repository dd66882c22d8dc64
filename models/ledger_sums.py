"""What cooldowns and limits count in the ledger. Sums only: whether they are too much is said in `actions`.

Instants are the platform's clock. `besides` leaves actions out: those that are being judged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from domain.actions import CREATES, IN_FLIGHT, MAY_HAVE_EFFECT, RECORDED_ONLY, ActionKind, ActionState, ObjectKind
from domain.ids import AccountId, ActionId, RunId
from models.tables import actions

_TAKEN = IN_FLIGHT | {
    ActionState.APPLIED,
    ActionState.OBSERVED,
    ActionState.REFUSED,
    ActionState.NOT_APPLIED,
    ActionState.CONFLICT,
    ActionState.DEAD,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetHistory:
    """Changes of one object's daily budget that took effect, or may have."""

    last_at: datetime | None
    edits: int  # since the instant that was asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class RunActions:
    """What a run took up so far, blocked proposals and what is only recorded not counted."""

    count: int
    paused: tuple[tuple[ObjectKind, str], ...]


def open_actions(
    conn: Connection, account_id: AccountId, besides: Sequence[ActionId]
) -> dict[tuple[ObjectKind, str], ActionId]:
    """Find the open action of every object that has one; creates leave their parent free."""
    statement = select(actions.c.object_kind, actions.c.object_id, actions.c.id).where(
        actions.c.account_id == account_id,
        actions.c.state.in_(IN_FLIGHT),
        actions.c.kind.not_in(CREATES),
    )
    rows = conn.execute(_leaving_out(statement, besides))
    return {(ObjectKind(row[0]), row[1]): ActionId(row[2]) for row in rows}


def budget_histories(
    conn: Connection, account_id: AccountId, object_ids: Sequence[str], since: datetime, besides: Sequence[ActionId]
) -> Mapping[str, BudgetHistory]:
    """When the daily budgets of the objects were last changed by us, and how often since `since`."""
    statement = (
        select(
            actions.c.object_id,
            func.max(actions.c.sent_platform_at),
            func.count().filter(actions.c.sent_platform_at > since),
        )
        .where(
            actions.c.account_id == account_id,
            actions.c.object_id == func.any(list(object_ids)),
            actions.c.kind == ActionKind.SET_DAILY_BUDGET,
            actions.c.state.in_(MAY_HAVE_EFFECT),
            actions.c.sent_platform_at.is_not(None),
        )
        .group_by(actions.c.object_id)
    )
    rows = conn.execute(_leaving_out(statement, besides))
    return {row[0]: BudgetHistory(last_at=row[1], edits=row[2]) for row in rows}


def of_run(conn: Connection, run_id: RunId, besides: Sequence[ActionId]) -> RunActions:
    """Count what a run took up."""
    statement = select(actions.c.kind, actions.c.object_kind, actions.c.object_id).where(
        actions.c.run_id == run_id, actions.c.state.in_(_TAKEN), actions.c.kind.not_in(RECORDED_ONLY)
    )
    rows = conn.execute(_leaving_out(statement, besides)).all()
    paused = tuple((ObjectKind(row[1]), row[2]) for row in rows if row[0] == ActionKind.PAUSE)
    return RunActions(count=len(rows), paused=paused)


def _leaving_out(statement: Select[Any], besides: Sequence[ActionId]) -> Select[Any]:
    return statement.where(actions.c.id != func.all(list(besides))) if besides else statement
