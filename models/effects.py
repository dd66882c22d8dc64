"""What our changes did to objects: applied actions and those that may have been, to be undone or explained. Reads only.

Instants of windows are Postgres' clock: when an action was ended, not when it was decided.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, tuple_

from domain.actions import MAY_HAVE_EFFECT, Action, ActionState, ObjectKind
from domain.ids import AccountId, ActionId, RunId
from models.ledger_rows import ACTION_COLUMNS, to_action
from models.tables import actions


def of_actions(conn: Connection, account_id: AccountId, ids: Sequence[ActionId]) -> tuple[Action, ...]:
    """Actions by their ids, in the order in which they were recorded, whatever became of them."""
    return _found(conn, account_id, actions.c.id == func.any(list(ids)))


def of_object(
    conn: Connection, account_id: AccountId, object_id: str, *, since: datetime | None = None
) -> tuple[Action, ...]:
    """What may have changed one object, oldest first."""
    is_it = or_(actions.c.object_id == object_id, actions.c.result_object_id == object_id)
    return _found(conn, account_id, and_(is_it, _effective(), *_after(since)))


def of_run(conn: Connection, account_id: AccountId, run_id: RunId) -> tuple[Action, ...]:
    """What a run may have changed."""
    return _found(conn, account_id, and_(actions.c.run_id == run_id, _effective()))


def of_window(conn: Connection, account_id: AccountId, since: datetime, until: datetime | None) -> tuple[Action, ...]:
    """What may have been changed from `since` on, and before `until`."""
    before = () if until is None else (_ended() < until,)
    return _found(conn, account_id, and_(_effective(), *_after(since), *before))


def on_objects(
    conn: Connection, account_id: AccountId, objects: Iterable[tuple[ObjectKind, str]], *, after: ActionId
) -> tuple[Action, ...]:
    """Everything that may have changed these objects and was recorded after an action, oldest first."""
    keys = [(kind.value, object_id) for kind, object_id in objects]
    if not keys:
        return ()
    is_one = tuple_(actions.c.object_kind, actions.c.object_id).in_(keys)
    return _found(conn, account_id, and_(is_one, _effective(), actions.c.id > after))


def _found(conn: Connection, account_id: AccountId, condition: ColumnElement[bool]) -> tuple[Action, ...]:
    query = select(*ACTION_COLUMNS).where(actions.c.account_id == account_id, condition).order_by(actions.c.id)
    return tuple(to_action(row) for row in conn.execute(query).mappings())


def _effective() -> ColumnElement[bool]:
    return actions.c.state.in_(MAY_HAVE_EFFECT | {ActionState.APPROVED})


def _ended() -> ColumnElement[datetime]:
    return func.coalesce(actions.c.finished_at, actions.c.created_at)


def _after(since: datetime | None) -> tuple[ColumnElement[bool], ...]:
    return () if since is None else (_ended() >= since,)
