"""The store of orphans, and what tells one: whose token it is, what else stands beside it. What to do is `actions`'."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.actions import CREATES, Action, ActionState, ObjectKind
from domain.ids import AccountId, ActionId
from models.ledger_rows import ACTION_COLUMNS, to_action
from models.tables import Instant, actions, orphans

_NOW = func.clock_timestamp(type_=Instant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """One object. `action_id` is the action whose token it carries, or that it most likely came of."""

    account_id: AccountId
    object_kind: ObjectKind
    object_id: str
    object_name: str
    status: str
    made_at: datetime  # platform's clock
    action_id: ActionId | None
    why: str
    spend_minor: int
    archive_action_id: ActionId | None
    archive_state: ActionState | None
    found_at: datetime


def by_token(conn: Connection, account_id: AccountId, tokens: Sequence[str]) -> Mapping[str, Action]:
    """Whose tokens these are, as far as they are the account's."""
    query = select(*ACTION_COLUMNS).where(
        actions.c.account_id == account_id, actions.c.op_token == func.any(list(tokens))
    )
    return {row["op_token"]: to_action(row) for row in conn.execute(query).mappings()}


def recorded_results(conn: Connection, account_id: AccountId, object_ids: Sequence[str]) -> frozenset[str]:
    """Which of these objects are the recorded results of applied actions."""
    query = select(actions.c.result_object_id).where(
        actions.c.account_id == account_id,
        actions.c.state == ActionState.APPLIED,
        actions.c.result_object_id == func.any(list(object_ids)),
    )
    return frozenset(row[0] for row in conn.execute(query))


def not_applied_near(
    conn: Connection, account_id: AccountId, kinds: Sequence[str], at: datetime, within: timedelta
) -> ActionId | None:
    """The create without a seen effect whose sending is nearest to an instant of the platform's clock."""
    gap = func.abs(func.extract("epoch", actions.c.sent_platform_at - at))
    query = (
        select(actions.c.id)
        .where(
            actions.c.account_id == account_id,
            actions.c.kind.in_(set(kinds) & CREATES),
            actions.c.state.in_((ActionState.NOT_APPLIED, ActionState.DEAD, ActionState.REFUSED)),
            actions.c.sent_platform_at.between(at - within, at + within),
        )
        .order_by(gap)
        .limit(1)
    )
    found = conn.execute(query).scalar_one_or_none()
    return None if found is None else ActionId(found)


def record(conn: Connection, rows: Sequence[Mapping[str, object]]) -> frozenset[str]:
    """Put orphans on record, or look at them again; return the ids of those that are new."""
    new = set()
    for row in rows:
        statement = insert(orphans).values(**row)
        added = statement.on_conflict_do_nothing().returning(orphans.c.object_id)
        if conn.execute(added).first() is not None:
            new.add(str(row["object_id"]))
            continue
        seen = {name: row[name] for name in ("object_name", "status", "why", "spend_minor")}
        conn.execute(update(orphans).where(*_is(row)).values(**seen, seen_at=_NOW))
    return frozenset(new)


def note_archive(
    conn: Connection, account_id: AccountId, kind: ObjectKind, object_id: str, action_id: ActionId
) -> None:
    """Write down by which action an orphan is put away."""
    key = {"account_id": account_id, "object_kind": kind, "object_id": object_id}
    conn.execute(update(orphans).where(*_is(key)).values(archive_action_id=action_id))


def listing(conn: Connection, account_id: AccountId | None = None, limit: int = 50) -> tuple[Orphan, ...]:
    """The newest first, of one account or all."""
    archive = actions.alias("archive")
    names = [name for name in Orphan.__dataclass_fields__ if name != "archive_state"]
    query = (
        select(*(orphans.c[name] for name in names), archive.c.state.label("archive_state"))
        .join(archive, archive.c.id == orphans.c.archive_action_id, isouter=True)
        .order_by(orphans.c.found_at.desc(), orphans.c.object_id)
        .limit(limit)
    )
    if account_id is not None:
        query = query.where(orphans.c.account_id == account_id)
    return tuple(_orphan(dict(row)) for row in conn.execute(query).mappings())


def archives(conn: Connection, account_id: AccountId) -> Mapping[tuple[ObjectKind, str], ActionState]:
    """Where the archiving of each orphan stands, for those that have one."""
    query = select(orphans.c.object_kind, orphans.c.object_id, actions.c.state).join(
        actions, actions.c.id == orphans.c.archive_action_id
    )
    rows = conn.execute(query.where(orphans.c.account_id == account_id))
    return {(ObjectKind(row[0]), row[1]): ActionState(row[2]) for row in rows}


def _is(row: Mapping[str, object]) -> tuple[Any, ...]:
    return tuple(orphans.c[name] == row[name] for name in ("account_id", "object_kind", "object_id"))


def _orphan(values: dict[str, Any]) -> Orphan:
    state = values["archive_state"]
    return Orphan(
        **{**values, "object_kind": ObjectKind(values["object_kind"]),
           "archive_state": None if state is None else ActionState(state)}
    )  # fmt: skip
