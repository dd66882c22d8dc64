"""Commands as rows: what somebody ordered, and what came of it. Functions never commit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from domain.actions import Json, JsonMap
from domain.health import CommandType
from domain.ids import AccountId, CommandId
from models import audit
from models.tables import commands


class CommandState(StrEnum):
    """Where a command stands."""

    ACCEPTED = "accepted"
    HELD = "held"  # waits for a person to release it
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"  # taken back before it began


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """An order, who gave it and why."""

    id: CommandId
    command_type: CommandType
    platform: str | None
    target_modules: Sequence[str]
    reason: str
    actor: str
    execute_immediately: bool
    state: CommandState
    actions: Sequence[Mapping[str, Any]]
    results: Mapping[str, Any]
    account_id: AccountId | None  # None = of all
    options: Mapping[str, Any]
    created_at: datetime
    released_by: str | None
    released_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None


def accept(
    conn: Connection,
    *,
    command_type: CommandType,
    reason: str,
    actor: str,
    platform: str | None = None,
    target_modules: Sequence[str] = (),
    execute_immediately: bool = True,
) -> CommandId:
    """Write an order down; one that must not run at once is held for a person."""
    statement = insert(commands).values(
        command_type=command_type,
        platform=platform,
        target_modules=list(target_modules),
        reason=reason,
        actor=actor,
        execute_immediately=execute_immediately,
        state=CommandState.ACCEPTED if execute_immediately else CommandState.HELD,
    )
    command_id = CommandId(conn.execute(statement.returning(commands.c.id)).scalar_one())
    told: dict[str, Json] = {
        "command": command_id,
        "type": command_type,
        "platform": platform,
        "modules": list(target_modules),
        "reason": reason,
    }
    audit.note(conn, actor=actor, event="command.given", detail=told)
    return command_id


def take_next(conn: Connection) -> Command | None:
    """Take the oldest accepted order to carry out, None if there is none. It is locked until the transaction ends."""
    oldest = (
        select(commands.c.id)
        .where(commands.c.state == CommandState.ACCEPTED)
        .order_by(commands.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    taken = update(commands).where(commands.c.id == oldest.scalar_subquery()).values(state=CommandState.RUNNING)
    row = conn.execute(taken.returning(commands)).one_or_none()
    return None if row is None else _as_command(row)


def finish(
    conn: Connection,
    command_id: CommandId,
    state: CommandState,
    *,
    actions: Sequence[JsonMap] = (),
    results: JsonMap | None = None,
) -> None:
    """Record what was done and what came of it."""
    ended = update(commands).where(commands.c.id == command_id).values(
        state=state,
        actions=[dict(action) for action in actions],
        results=dict(results or {}),
        finished_at=func.clock_timestamp(),
    )  # fmt: skip
    row = conn.execute(ended.returning(commands.c.actor, commands.c.command_type)).one_or_none()
    if row is not None:
        told: dict[str, Json] = {"command": command_id, "type": row.command_type, "results": dict(results or {})}
        audit.note(conn, actor=row.actor, event=f"command.{state}", detail=told)


def history(conn: Connection, limit: int = 50) -> tuple[Command, ...]:
    """Return orders, newest first."""
    rows = conn.execute(select(commands).order_by(commands.c.id.desc()).limit(limit))
    return tuple(_as_command(row) for row in rows)


def _as_command(row: Row[Any]) -> Command:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented way
    fields |= {"command_type": CommandType(fields["command_type"]), "state": CommandState(fields["state"])}
    return Command(**fields)
