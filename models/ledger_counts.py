"""How many actions stand where: for those who watch. Nothing is changed."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, func, select

from domain.actions import ActionState
from domain.ids import AccountId
from models.tables import actions


def by_state(conn: Connection, account_id: AccountId | None = None) -> Mapping[ActionState, int]:
    """Count the actions of an account, or of all, by state; states that none is in are missing."""
    statement = select(actions.c.state, func.count()).group_by(actions.c.state)
    if account_id is not None:
        statement = statement.where(actions.c.account_id == account_id)
    return {ActionState(state): count for state, count in conn.execute(statement)}


def count_in(conn: Connection, states: Iterable[ActionState]) -> int:
    """Count the actions of all accounts that stand in one of these states."""
    return conn.execute(select(func.count()).where(actions.c.state.in_(tuple(states)))).scalar_one()
