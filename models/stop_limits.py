"""Spending limits that stops ordered: which are on their way, and which a resume still has to give back. Only SQL."""

from sqlalchemy import Connection, func, select

from domain.actions import IN_FLIGHT, MAY_HAVE_EFFECT, Action, ActionKind, ActionState
from domain.ids import ActionId, StopId
from models.ledger_rows import ACTION_COLUMNS, to_action
from models.tables import actions, stops

_OF_STOP = (actions.c.kind == ActionKind.SET_SPENDING_LIMIT, actions.c.stop_id.is_not(None))


def due(conn: Connection) -> tuple[ActionId, ...]:
    """Limits of open stops that somebody can go on with now; workers leave them to who ordered them, or the tower."""
    query = (
        select(actions.c.id)
        .join(stops, stops.c.id == actions.c.stop_id)
        .where(
            *_OF_STOP,
            stops.c.opened_at.is_(None),
            actions.c.state.in_(IN_FLIGHT),
            actions.c.next_at <= func.now(),
            func.coalesce(actions.c.lease_until, func.now()) <= func.now(),
        )
        .order_by(actions.c.id)
    )
    return tuple(ActionId(row[0]) for row in conn.execute(query))


def to_give_back(conn: Connection, stop_id: StopId) -> tuple[Action, ...]:
    """The newest limit that the stop set, or may have set, of each account; those that are taken back are left out."""
    back = actions.alias("back")
    newest = (
        select(func.max(actions.c.id))
        .where(
            *_OF_STOP,
            actions.c.stop_id == stop_id,
            actions.c.state.in_(MAY_HAVE_EFFECT),
            actions.c.sent_at.is_not(None),  # else it was so already
        )
        .group_by(actions.c.account_id)
    )
    is_on_its_way = select(back.c.id).where(
        back.c.undoes == actions.c.id,
        back.c.state.in_(IN_FLIGHT | {ActionState.APPLIED, ActionState.AWAITING_APPROVAL}),
    )
    query = select(*ACTION_COLUMNS).where(actions.c.id.in_(newest), ~is_on_its_way.exists())
    return tuple(to_action(row) for row in conn.execute(query.order_by(actions.c.account_id)).mappings())
