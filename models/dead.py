"""Dead letters: actions whose executors died too often. What is read of them, and how one is given another life."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from domain.actions import Action, ActionState
from domain.errors import LostClaimError
from domain.ids import AccountId, ActionId
from models import audit
from models.ledger_rows import ACTION_COLUMNS, to_action
from models.tables import Instant, actions
from models.tables import audit as lines

_NOW = func.clock_timestamp(type_=Instant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """One time that an executor began with the action and was not heard of again."""

    at: datetime
    actor: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A dead action with the last that is known of it. `was_sent` = the platform may have it."""

    action: Action
    was_sent: bool
    died_at: datetime | None
    last_error: Mapping[str, Any] | None
    deaths: tuple[Death, ...] = ()


def listing(conn: Connection, account_id: AccountId | None = None, limit: int = 50) -> tuple[Letter, ...]:
    """The newest first, of one account or all, without their deaths."""
    query = _letters().order_by(actions.c.finished_at.desc(), actions.c.id.desc()).limit(limit)
    if account_id is not None:
        query = query.where(actions.c.account_id == account_id)
    return tuple(_letter(row) for row in conn.execute(query).mappings())


def get(conn: Connection, action_id: ActionId) -> Letter | None:
    """Read one, with its deaths oldest first; None = there is no such action, or it is not dead."""
    row = conn.execute(_letters().where(actions.c.id == action_id)).mappings().first()
    if row is None:
        return None
    begun = conn.execute(
        select(lines.c.at, lines.c.actor, lines.c.epoch)
        .where(lines.c.action_id == action_id, lines.c.event == "claimed")
        .order_by(lines.c.seq)
    )
    return _letter(row, tuple(Death(at=line.at, actor=line.actor, epoch=line.epoch) for line in begun))


def revive(conn: Connection, action: Action, after: ActionState, *, actor: str, reason: str) -> Action:
    """Give a dead action another life from now on; the caller knows that it may have one.

    Raises:
        LostClaimError: it is dead no more.
        IntegrityError: another action on its object is open.
    """
    free = {"lease_owner": None, "lease_until": None, "finished_at": None, "crash_count": 0, "looks": 0}
    values = {"state": after, "state_reason": reason, "next_at": _NOW, "requeued_at": _NOW, **free}
    row = conn.execute(
        update(actions)
        .where(actions.c.id == action.id, actions.c.epoch == action.epoch, actions.c.state == ActionState.DEAD)
        .values(**values)
        .returning(*ACTION_COLUMNS)
    ).first()
    if row is None:
        raise LostClaimError(f"action {action.id} is dead no more")
    line = audit.Line(
        actor=actor, event="dead.requeued", action_id=action.id, before=ActionState.DEAD, after=after,
        epoch=action.epoch, detail={"reason": reason},
    )  # fmt: skip
    audit.append(conn, action.account_id, [line])
    return to_action(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping


def _letters() -> Any:
    more = (actions.c.finished_at.label("died_at"), actions.c.last_error)
    return select(*ACTION_COLUMNS, *more).where(actions.c.state == ActionState.DEAD)


def _letter(row: Any, deaths: tuple[Death, ...] = ()) -> Letter:
    action = to_action(row)
    return Letter(
        action=action, was_sent=action.sent_at is not None, died_at=row["died_at"], last_error=row["last_error"],
        deaths=deaths,
    )  # fmt: skip
