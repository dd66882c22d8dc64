"""Commands as rows: what somebody ordered, and what came of it. Functions never commit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, select, update

from domain.actions import Json, JsonMap
from domain.errors import BadInputError, LostClaimError
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


OPEN_STATES = (CommandState.ACCEPTED, CommandState.RUNNING)  # those that the tower sees to
_ORDER = 7_106  # advisory lock, to the end of the transaction: commands are begun one after the other


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
    account_id: AccountId | None = None,
    options: JsonMap | None = None,
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
        account_id=account_id,
        options=dict(options or {}),
    )
    command_id = CommandId(conn.execute(statement.returning(commands.c.id)).scalar_one())
    told: dict[str, Json] = {
        "command": command_id,
        "type": command_type,
        "platform": platform,
        "modules": list(target_modules),
        "account": account_id,
        "reason": reason,
    }
    audit.note(conn, actor=actor, event="command.given", detail=told)
    return command_id


def get(conn: Connection, command_id: CommandId) -> Command:
    """Read one order.

    Raises:
        BadInputError: there is none of that id.
    """
    row = conn.execute(select(commands).where(commands.c.id == command_id)).one_or_none()
    if row is None:
        raise BadInputError(f"no command {command_id}; `stakazo command list` shows them")
    return _as_command(row)


def open_ids(conn: Connection) -> tuple[CommandId, ...]:
    """Return orders that are to be carried out or gone on with, the oldest first."""
    wanted = select(commands.c.id).where(commands.c.state.in_(OPEN_STATES)).order_by(commands.c.id)
    return tuple(CommandId(row[0]) for row in conn.execute(wanted))


def lock_to_begin(conn: Connection, command_id: CommandId) -> Command | None:
    """Hold an accepted order, and the right to begin any, until the transaction ends; None if it was begun already."""
    conn.execute(select(func.pg_advisory_xact_lock(_ORDER)))
    mine = select(commands).where(commands.c.id == command_id, commands.c.state == CommandState.ACCEPTED)
    row = conn.execute(mine.with_for_update()).one_or_none()
    return None if row is None else _as_command(row)


def begin(conn: Connection, command_id: CommandId, results: JsonMap) -> None:
    """Write down that it is being carried out, and what was decided for it."""
    values = {"state": CommandState.RUNNING, "started_at": func.clock_timestamp(), "results": dict(results)}
    conn.execute(update(commands).where(commands.c.id == command_id).values(**values))


def note(conn: Connection, before: Command, *, results: JsonMap, actions: Sequence[JsonMap] = ()) -> Command:
    """Write down how far it is; only whoever read it last may.

    Raises:
        LostClaimError: somebody else went on with it, or ended it, since `before` was read.
    """
    values = {"results": dict(results), "actions": commands.c.actions.concat([dict(action) for action in actions])}
    row = conn.execute(update(commands).where(_is_as(before)).values(**values).returning(commands)).one_or_none()
    if row is None:
        raise LostClaimError(f"command {before.id} was gone on with by somebody else")
    return _as_command(row)


def end(
    conn: Connection, before: Command, state: CommandState, *, results: JsonMap, actions: Sequence[JsonMap] = ()
) -> Command:
    """Record what came of it, once; only whoever read it last may.

    Raises:
        LostClaimError: somebody else went on with it, or ended it, since `before` was read.
    """
    note(conn, before, results=results, actions=actions)
    ended = update(commands).where(commands.c.id == before.id).values(
        state=state, finished_at=func.clock_timestamp()
    )  # fmt: skip
    row = conn.execute(ended.returning(commands)).one()
    told: dict[str, Json] = {"command": before.id, "type": before.command_type, "results": dict(results)}
    audit.note(conn, actor=before.actor, event=f"command.{state}", detail=told)
    return _as_command(row)


def release(conn: Connection, command_id: CommandId, *, by: str) -> Command:
    """Let a held order be carried out.

    Raises:
        BadInputError: there is none of that id, or it is not held.
    """
    values = {"state": CommandState.ACCEPTED, "released_by": by, "released_at": func.clock_timestamp()}
    return _move(conn, command_id, (CommandState.HELD,), by=by, event="command.released", values=values)


def cancel(conn: Connection, command_id: CommandId, *, by: str) -> Command:
    """Take an order back that nobody has begun.

    Raises:
        BadInputError: there is none of that id, or it was begun.
    """
    values = {"state": CommandState.CANCELLED, "finished_at": func.clock_timestamp()}
    waiting = (CommandState.HELD, CommandState.ACCEPTED)
    return _move(conn, command_id, waiting, by=by, event="command.cancelled", values=values)


def history(conn: Connection, limit: int = 50) -> tuple[Command, ...]:
    """Return orders, newest first."""
    rows = conn.execute(select(commands).order_by(commands.c.id.desc()).limit(limit))
    return tuple(_as_command(row) for row in rows)


def _is_as(before: Command) -> ColumnElement[bool]:
    held = commands.c.results == dict(before.results)
    return and_(commands.c.id == before.id, commands.c.state == CommandState.RUNNING, held)


def _move(
    conn: Connection,
    command_id: CommandId,
    from_: Sequence[CommandState],
    *,
    by: str,
    event: str,
    values: Mapping[str, object],
) -> Command:
    mine = update(commands).where(commands.c.id == command_id, commands.c.state.in_(from_))
    row = conn.execute(mine.values(**values).returning(commands)).one_or_none()
    if row is None:
        found = get(conn, command_id)
        raise BadInputError(f"command {command_id} is {found.state}; only {' or '.join(from_)} ones can be changed so")
    audit.note(conn, actor=by, event=event, detail={"command": command_id, "type": row.command_type})
    return _as_command(row)


def _as_command(row: Row[Any]) -> Command:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented way
    fields |= {"command_type": CommandType(fields["command_type"]), "state": CommandState(fields["state"])}
    return Command(**fields)
