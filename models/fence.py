"""The fence: a flag per account and one for all, and the locks that make closing it mean something.

A sender holds the shared lock while it reads the flag and sends; a stop commits the flag, then takes the exclusive
lock: once it has it, whoever sends next has read the flag. Locks end with the caller's transaction.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError

from domain.errors import InvariantError
from domain.ids import AccountId, StopId
from models.tables import accounts, fence, stops

FENCE_CLASS = 7_101  # first key of the advisory locks of senders and stops; the second is the account, 0 = all
CAP_CLASS = 7_102  # first key of the lock under which an account's budgets are summed and reserved
_ALL = 0
_LOCK_NOT_AVAILABLE = "55P03"


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceState:
    """Whether anything may be sent for an account; `epoch` grows with every closing and opening that concerns it."""

    closed: bool
    epoch: int
    reason: str


def state(conn: Connection, account_id: AccountId) -> FenceState:
    """Read both flags. A flag that is missing counts as closed: what cannot be read does not let anything through."""
    everyone = conn.execute(select(fence.c.closed, fence.c.epoch, fence.c.reason)).first()
    own = conn.execute(
        select(accounts.c.fence_closed, accounts.c.fence_epoch, accounts.c.fence_reason).where(
            accounts.c.id == account_id
        )
    ).first()
    if everyone is None or own is None:
        return FenceState(closed=True, epoch=0, reason="the fence cannot be read")
    reasons = [row[2] for row in (everyone, own) if row[0]]
    return FenceState(closed=bool(everyone[0] or own[0]), epoch=everyone[1] + own[1], reason="; ".join(reasons))


def barrier(conn: Connection, account_id: AccountId, stop_id: StopId | None) -> str | None:
    """Say what keeps an action of the account from being sent, None = nothing.

    What carries a stop, an emergency pause or a spending limit of one, needs that stop to be open and to cover the
    account; everything else needs an open fence.
    """
    if stop_id is None:
        found = state(conn, account_id)
        return f"the fence is closed: {found.reason}" if found.closed else None
    covers = or_(stops.c.account_id.is_(None), stops.c.account_id == account_id)
    query = select(stops.c.id).where(stops.c.id == stop_id, stops.c.opened_at.is_(None), covers)
    return None if conn.execute(query).first() else f"stop {stop_id} is over, or not of this account: it pauses nothing"


def close(conn: Connection, account_id: AccountId | None, *, reason: str) -> int:
    """Close the fence of an account, or of all (None); return its epoch. Counts once the caller commits."""
    return _set(conn, account_id, closed=True, reason=reason)


def open_(conn: Connection, account_id: AccountId | None) -> int:
    """Open the fence of an account, or the one of all (None); the other stays as it is."""
    return _set(conn, account_id, closed=False, reason="")


def hold_shared(conn: Connection, account_id: AccountId, *, timeout_s: float) -> bool:
    """Take a sender's place: the shared lock of all, then of the account. False = a stop kept us waiting too long.

    After False the transaction is void; the caller rolls it back.
    """
    return _lock(conn, "pg_advisory_xact_lock_shared", (_ALL, account_id), timeout_s)


def drain(conn: Connection, account_id: AccountId | None, *, timeout_s: float) -> bool:
    """Wait until every sender that may have read the flag before it was closed is done; call it after the commit.

    False = some still send after `timeout_s`; the ledger lists them as sent. The transaction is void then.
    """
    return _lock(conn, "pg_advisory_xact_lock", (_ALL if account_id is None else account_id,), timeout_s)


def lock_caps(conn: Connection, account_id: AccountId) -> None:
    """Be the only one that sums and reserves the account's budgets, until the end of the transaction."""
    conn.execute(select(func.pg_advisory_xact_lock(CAP_CLASS, account_id)))


def _set(conn: Connection, account_id: AccountId | None, *, closed: bool, reason: str) -> int:
    if account_id is None:
        row = insert(fence).values(id=1, closed=closed, epoch=1, reason=reason)
        statement = row.on_conflict_do_update(
            index_elements=[fence.c.id],
            set_={"closed": closed, "epoch": fence.c.epoch + 1, "reason": reason, "changed_at": func.clock_timestamp()},
        )
        return int(conn.execute(statement.returning(fence.c.epoch)).scalar_one())
    epoch = conn.execute(
        update(accounts)
        .where(accounts.c.id == account_id)
        .values(fence_closed=closed, fence_epoch=accounts.c.fence_epoch + 1, fence_reason=reason)
        .returning(accounts.c.fence_epoch)
    ).scalar_one_or_none()
    if epoch is None:
        raise InvariantError(f"no account {account_id} to set the fence of")
    return int(epoch)


def _lock(conn: Connection, function: str, keys: tuple[int, ...], timeout_s: float) -> bool:
    conn.execute(text("SELECT set_config('lock_timeout', :limit, true)"), {"limit": f"{max(1, int(timeout_s * 1000))}"})
    try:
        for key in keys:
            conn.execute(select(getattr(func, function)(FENCE_CLASS, key)))
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            return False
        raise
    return True
