"""What a day's digest is made of: what was only observed, how those objects stand now, what they earned since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, func, select

from domain.actions import MAY_HAVE_EFFECT, RECORDED_ONLY, Action, ActionState, ObjectKind
from domain.ids import AccountId
from models.ledger_rows import ACTION_COLUMNS, to_action
from models.tables import actions, ad_sets, ads, campaigns, insights_daily

_Object = tuple[ObjectKind, str]
_TABLES: Final = {ObjectKind.CAMPAIGN: campaigns, ObjectKind.AD_SET: ad_sets, ObjectKind.AD: ads}
_COLUMNS: Final = {
    ObjectKind.CAMPAIGN: insights_daily.c.campaign_id,
    ObjectKind.AD_SET: insights_daily.c.ad_set_id,
    ObjectKind.AD: insights_daily.c.ad_id,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures:
    """What an object spent and brought on one day of the account's zone, as far as it had arrived by the reading."""

    day: date
    spend_minor: int
    revenue_minor: int
    purchases: int


def observed(conn: Connection, account_id: AccountId, since: datetime, until: datetime) -> tuple[Action, ...]:
    """What was decided in [since, until) and only observed, the first of each object and rule, oldest first.

    At level observe the same wish comes back every cycle; its first is when a person could have acted.
    """
    statement = (
        select(*ACTION_COLUMNS)
        .where(
            actions.c.account_id == account_id,
            actions.c.state == ActionState.OBSERVED,
            actions.c.decided_at >= since,
            actions.c.decided_at < until,
        )
        .order_by(actions.c.id)
    )
    first: dict[tuple[str, str, str], Action] = {}
    for row in conn.execute(statement).mappings():
        action = to_action(row)
        first.setdefault((action.object_id, action.kind, action.rule), action)
    return tuple(first.values())


def changed_by_us(
    conn: Connection, account_id: AccountId, objects: Sequence[_Object], since: datetime
) -> frozenset[_Object]:
    """Objects on which a change of ours, decided from `since` on, took effect or may have."""
    statement = select(actions.c.object_kind, actions.c.object_id).where(
        actions.c.account_id == account_id,
        actions.c.object_id == func.any([object_id for _, object_id in objects]),
        actions.c.state.in_(MAY_HAVE_EFFECT),
        actions.c.kind.not_in(RECORDED_ONLY),
        actions.c.decided_at >= since,
    )
    return frozenset((ObjectKind(row[0]), row[1]) for row in conn.execute(statement))


def standing(
    conn: Connection, account_id: AccountId, objects: Sequence[_Object]
) -> Mapping[_Object, Mapping[str, object]]:
    """Status and daily budget of each object as the mirror has them; unknown ones are missing."""
    found: dict[_Object, Mapping[str, object]] = {}
    for kind, table in _TABLES.items():
        ids = [object_id for of_kind, object_id in objects if of_kind is kind]
        names = [name for name in ("status", "daily_budget_minor") if name in table.c]
        if ids:
            statement = select(table.c.id, *(table.c[name] for name in names)).where(
                table.c.account_id == account_id, table.c.id == func.any(ids)
            )
            for row in conn.execute(statement).mappings():
                found[kind, row["id"]] = {name: row[name] for name in names}
    return found


def figures(
    conn: Connection, account_id: AccountId, objects: Sequence[_Object], since: date
) -> Mapping[_Object, tuple[DayFigures, ...]]:
    """Daily figures of each object from `since` on, oldest first; days without delivery are missing."""
    found: dict[_Object, list[DayFigures]] = {}
    for kind, column in _COLUMNS.items():
        ids = [object_id for of_kind, object_id in objects if of_kind is kind]
        if ids:
            sums = [func.sum(insights_daily.c[name]) for name in ("spend_minor", "revenue_minor", "purchases")]
            statement = (
                select(column, insights_daily.c.day, *sums)
                .where(
                    insights_daily.c.account_id == account_id, insights_daily.c.day >= since, column == func.any(ids)
                )
                .group_by(column, insights_daily.c.day)
                .order_by(column, insights_daily.c.day)
            )
            for object_id, day, spend, revenue, purchases in conn.execute(statement):
                one = DayFigures(
                    day=day, spend_minor=int(spend), revenue_minor=int(revenue), purchases=int(purchases)
                )  # fmt: skip
                found.setdefault((kind, object_id), []).append(one)
    return {key: tuple(days) for key, days in found.items()}
