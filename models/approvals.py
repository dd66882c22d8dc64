"""The store of approvals: a person's yes or no to one exact request. Whether a yes stands is said in `actions`.

Using one and giving it back is the database's own doing, in the step that marks an action sent or takes that back.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Interval, Select, and_, exists, func, insert, select, update

from domain.actions import Action, ActionState, Level
from domain.ids import AccountId, ActionId, PlatformAccountId, PrincipalId
from domain.permissions import Role
from models.ledger_rows import ACTION_COLUMNS, to_action
from models.tables import Instant, accounts, actions, approvals, module_levels, principals

_NOW = func.clock_timestamp(type_=Instant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An approval that was not withdrawn, with its approver as they are now. Instants are on Postgres' clock."""

    id: int
    action_id: ActionId
    request_hash: str
    approver: str
    approver_role: Role
    is_approver_disabled: bool
    reason: str
    decided_at: datetime
    expires_at: datetime
    is_expired: bool
    used_at: datetime | None


def give(
    conn: Connection, action_id: ActionId, *, request_hash: str, decided_by: PrincipalId, reason: str, life_s: float
) -> datetime:
    """Record a yes that expires in `life_s`; return when."""
    row = insert(approvals).values(
        action_id=action_id,
        request_hash=request_hash,
        decision="approved",
        reason=reason,
        decided_by=decided_by,
        expires_at=_NOW + func.make_interval(0, 0, 0, 0, 0, 0, life_s, type_=Interval()),
    )
    expires_at: datetime = conn.execute(row.returning(approvals.c.expires_at)).scalar_one()
    return expires_at


def reject(conn: Connection, action_id: ActionId, *, request_hash: str, decided_by: PrincipalId, reason: str) -> None:
    """Record a no."""
    row = {"action_id": action_id, "request_hash": request_hash, "decided_by": decided_by, "reason": reason}
    conn.execute(insert(approvals).values(**row, decision="rejected"))


def standing(conn: Connection, action_ids: Collection[ActionId]) -> dict[ActionId, Approval]:
    """Find each yes that nobody withdrew; it and its approver stay so until the transaction ends."""
    query = _standing().where(approvals.c.action_id == func.any(list(action_ids))).with_for_update(read=True)
    found = (Approval(**{**row, "approver_role": Role(row["approver_role"])}) for row in conn.execute(query).mappings())
    return {approval.action_id: approval for approval in found}


def withdraw(conn: Connection, approval_id: int, *, withdrawn_by: str) -> None:
    """Take a yes back."""
    conn.execute(
        update(approvals).where(approvals.c.id == approval_id).values(withdrawn_by=withdrawn_by, withdrawn_at=_NOW)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An action as its row is now, kept so until the transaction ends, with what its account lets its module do."""

    action: Action
    account: PlatformAccountId
    account_level: Level
    module_level: Level | None
    was_approved: bool  # somebody said yes at some time, whether or not it still stands


def locked(conn: Connection, action_ids: Collection[ActionId]) -> dict[ActionId, Standing]:
    """Read actions as they are now and keep them so until the transaction ends."""
    query = (
        select(
            *ACTION_COLUMNS,
            accounts.c.platform_account_id,
            accounts.c.level.label("account_level"),
            module_levels.c.level.label("module_level"),
            exists().where(approvals.c.action_id == actions.c.id, approvals.c.decision == "approved").label("yes"),
        )
        .join(accounts, accounts.c.id == actions.c.account_id)
        .outerjoin(
            module_levels,
            and_(module_levels.c.account_id == actions.c.account_id, module_levels.c.module == actions.c.module),
        )
        .where(actions.c.id == func.any(list(action_ids)))
        .order_by(actions.c.id)
        .with_for_update(of=actions)
    )
    return {
        row["id"]: Standing(
            action=to_action(row),
            account=row["platform_account_id"],
            account_level=Level(row["account_level"]),
            module_level=None if row["module_level"] is None else Level(row["module_level"]),
            was_approved=row["yes"],
        )
        for row in conn.execute(query).mappings()
    }


def waiting(conn: Connection, account_id: AccountId | None = None) -> tuple[Action, ...]:
    """What waits for approval, of one account or all, oldest first."""
    query = select(*ACTION_COLUMNS).where(actions.c.state == ActionState.AWAITING_APPROVAL).order_by(actions.c.id)
    if account_id is not None:
        query = query.where(actions.c.account_id == account_id)
    return tuple(to_action(row) for row in conn.execute(query).mappings())


def unanswered(conn: Connection, life_s: float, limit: int) -> tuple[Action, ...]:
    """What has waited for longer than `life_s`, by account and age."""
    oldest = _NOW - func.make_interval(0, 0, 0, 0, 0, 0, life_s, type_=Interval())
    query = (
        select(*ACTION_COLUMNS)
        .where(actions.c.state == ActionState.AWAITING_APPROVAL, actions.c.created_at < oldest)
        .order_by(actions.c.account_id, actions.c.id)
        .limit(limit)
    )
    return tuple(to_action(row) for row in conn.execute(query).mappings())


def rejected_within(conn: Connection, account_id: AccountId, life_s: float) -> dict[tuple[str, str, str], str]:
    """Who said no to what in the last `life_s`; by (kind, object id, rule)."""
    since = _NOW - func.make_interval(0, 0, 0, 0, 0, 0, life_s, type_=Interval())
    query = (
        select(actions.c.kind, actions.c.object_id, actions.c.rule, principals.c.name)
        .join(actions, actions.c.id == approvals.c.action_id)
        .join(principals, principals.c.id == approvals.c.decided_by)
        .where(actions.c.account_id == account_id, approvals.c.decision == "rejected", approvals.c.decided_at > since)
    )
    return {(row[0], row[1], row[2]): row[3] for row in conn.execute(query)}


def answers(conn: Connection, action_id: ActionId) -> tuple[dict[str, object], ...]:
    """Every yes and no that an action was given, withdrawn ones too, oldest first."""
    query = (
        select(approvals, principals.c.name.label("decided_by_name"))
        .join(principals, principals.c.id == approvals.c.decided_by)
        .where(approvals.c.action_id == action_id)
        .order_by(approvals.c.id)
    )
    return tuple(dict(row) for row in conn.execute(query).mappings())


def _standing() -> Select[tuple[object, ...]]:
    return (
        select(
            approvals.c.id,
            approvals.c.action_id,
            approvals.c.request_hash,
            principals.c.name.label("approver"),
            principals.c.role.label("approver_role"),
            principals.c.disabled_at.is_not(None).label("is_approver_disabled"),
            approvals.c.reason,
            approvals.c.decided_at,
            approvals.c.expires_at,
            (approvals.c.expires_at <= _NOW).label("is_expired"),
            approvals.c.used_at,
        )
        .join(principals, principals.c.id == approvals.c.decided_by)
        .where(approvals.c.decision == "approved", approvals.c.withdrawn_at.is_(None))
    )
