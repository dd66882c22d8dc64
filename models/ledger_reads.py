"""What people and tests read of the ledger: rows, their events, how the machinery holds them. Nothing is changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, or_, select

from domain.actions import IN_FLIGHT, Action, ActionState
from domain.ids import AccountId, ActionId, RunId, StopId
from models.ledger_rows import ACTION_COLUMNS, to_action
from models.tables import accounts, actions, audit, stops


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of an action's history."""

    at: datetime
    actor: str
    event: str
    before: ActionState | None
    after: ActionState
    epoch: int
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machinery:
    """How the machinery holds an action: everything a person needs who asks why it stands where it stands.

    `sent_platform_at` is on the platform's clock, every other instant on Postgres'.
    """

    verdicts: tuple[Mapping[str, Any], ...]
    judged_on: Mapping[str, Any]
    looks: int  # after a quarantine, in vain
    cap_reserved_minor: int
    lease_owner: str | None
    lease_until: datetime | None
    next_at: datetime
    sent_platform_at: datetime | None
    send_deadline_at: datetime | None
    quarantine_until: datetime | None
    last_error: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueAction:
    """An action to ring for: its account says on which platform's queue and under which name."""

    action: Action
    platform: str
    platform_account_id: str


def get(conn: Connection, action_id: ActionId) -> Action | None:
    """Find an action."""
    row = conn.execute(select(*ACTION_COLUMNS).where(actions.c.id == action_id)).mappings().first()
    return None if row is None else to_action(row)


def listing(
    conn: Connection, account_id: AccountId | None = None, state: ActionState | None = None, limit: int = 50
) -> tuple[Action, ...]:
    """The newest actions first, of one account or all, in one state or any."""
    statement = select(*ACTION_COLUMNS).order_by(actions.c.id.desc()).limit(limit)
    if account_id is not None:
        statement = statement.where(actions.c.account_id == account_id)
    if state is not None:
        statement = statement.where(actions.c.state == state)
    return tuple(to_action(row) for row in conn.execute(statement).mappings())


def of_run(conn: Connection, run_id: RunId) -> tuple[Action, ...]:
    """Everything a run proposed, in the order of its proposing."""
    statement = select(*ACTION_COLUMNS).where(actions.c.run_id == run_id).order_by(actions.c.id)
    return tuple(to_action(row) for row in conn.execute(statement).mappings())


def blocked_since(
    conn: Connection, account_id: AccountId, since: datetime, until: datetime
) -> frozenset[tuple[str, str, str, str, str]]:
    """What was blocked as it was proposed in (since, until] on the platform's clock.

    Each is (kind, object kind, object id, rule, blocked by).
    """
    statement = select(
        actions.c.kind, actions.c.object_kind, actions.c.object_id, actions.c.rule, actions.c.blocked_by
    ).where(
        actions.c.account_id == account_id,
        actions.c.blocked_by.is_not(None),
        actions.c.decided_at > since,
        actions.c.decided_at <= until,
    )
    return frozenset((row[0], row[1], row[2], row[3], row[4]) for row in conn.execute(statement))


def events(conn: Connection, action_id: ActionId) -> tuple[Event, ...]:
    """The history of an action, oldest first."""
    rows = conn.execute(
        select(audit)
        .where(audit.c.action_id == action_id, audit.c.after_state.is_not(None))
        .order_by(audit.c.chain, audit.c.seq)
    ).mappings()
    return tuple(
        Event(
            at=row["at"],
            actor=row["actor"],
            event=row["event"],
            before=None if row["before_state"] is None else ActionState(row["before_state"]),
            after=ActionState(row["after_state"]),
            epoch=row["epoch"],
            detail=row["detail"],
        )
        for row in rows
    )


def machinery(conn: Connection, action_id: ActionId) -> Machinery | None:
    """Find what the machinery knows of an action."""
    columns = [actions.c[name] for name in Machinery.__dataclass_fields__]
    row = conn.execute(select(*columns).where(actions.c.id == action_id)).mappings().first()
    if row is None:
        return None
    values = dict(row)
    return Machinery(**{**values, "verdicts": tuple(values["verdicts"])})


def unsent_of_stop(conn: Connection, stop_id: StopId) -> tuple[Action, ...]:
    """Pauses of a stop that may still be sent, by account."""
    statement = select(*ACTION_COLUMNS).where(actions.c.stop_id == stop_id, actions.c.state == ActionState.APPROVED)
    ordered = statement.order_by(actions.c.account_id, actions.c.id)
    return tuple(to_action(row) for row in conn.execute(ordered).mappings())


def in_doubt(conn: Connection, account_id: AccountId | None = None) -> tuple[Action, ...]:
    """Actions of which nobody can say yet whether the platform has them, oldest first."""
    unsure = (ActionState.SENT, ActionState.UNKNOWN)
    statement = select(*ACTION_COLUMNS).where(actions.c.state.in_(unsure)).order_by(actions.c.id)
    if account_id is not None:
        statement = statement.where(actions.c.account_id == account_id)
    return tuple(to_action(row) for row in conn.execute(statement).mappings())


def longest_to_begin_s(conn: Connection, account_id: AccountId | None, since: datetime) -> float:
    """Seconds until nothing ordinary that was written ahead by `since` (Postgres' clock) can begin to be sent."""
    left = func.extract("epoch", func.max(actions.c.send_deadline_at) - func.clock_timestamp())
    statement = select(func.coalesce(left, 0)).where(
        actions.c.state == ActionState.SENT, actions.c.stop_id.is_(None), actions.c.sent_at <= since
    )
    if account_id is not None:
        statement = statement.where(actions.c.account_id == account_id)
    return float(conn.execute(statement).scalar_one())


def due(conn: Connection, limit: int) -> tuple[DueAction, ...]:
    """Actions that can be claimed now, by Postgres' clock; those that wait longest first."""
    ended = select(stops.c.id).where(stops.c.id == actions.c.stop_id, stops.c.opened_at.is_not(None))
    rows = conn.execute(
        select(*ACTION_COLUMNS, accounts.c.platform, accounts.c.platform_account_id)
        .join(accounts, accounts.c.id == actions.c.account_id)
        .where(
            actions.c.state.in_(IN_FLIGHT),
            # Carried out by who ordered the stop, or by the tower; what an ended stop left behind nobody else looks at.
            or_(actions.c.stop_id.is_(None), ended.exists()),
            actions.c.next_at <= func.now(),  # stands still in a transaction, so that the index serves it
            func.coalesce(actions.c.lease_until, func.now()) <= func.now(),
        )
        .order_by(actions.c.next_at, actions.c.id)
        .limit(limit)
    ).mappings()
    return tuple(
        DueAction(action=to_action(row), platform=row["platform"], platform_account_id=row["platform_account_id"])
        for row in rows
    )
