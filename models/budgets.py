"""What the mirror says of daily budgets that run, of the objects behind a proposal, and of what they spent.

Money is minor units of the account's currency. Sums only: whether they are too much is said in `actions`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Connection, Subquery, and_, case, func, select

from domain.actions import ObjectKind
from domain.ids import AccountId
from domain.objects import Learning, Status
from models.tables import ad_sets, ads, campaigns, insights_daily


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownObject:
    """What of an object matters to caps. `sets_going_minor` is the daily budget that activating it would start."""

    campaign_id: str
    sets_going_minor: int
    is_learning: bool


def active_total(conn: Connection, account_id: AccountId) -> int:
    """Sum the daily budgets that run: active ad sets in active campaigns, and active campaigns with their own."""
    under = _under_campaigns(account_id)
    statement = (
        select(func.coalesce(func.sum(func.coalesce(campaigns.c.daily_budget_minor, under.c.active_minor, 0)), 0))
        .outerjoin(under, under.c.campaign_id == campaigns.c.id)
        .where(campaigns.c.account_id == account_id, campaigns.c.status == Status.ACTIVE)
    )
    return int(conn.execute(statement).scalar_one())


def campaign_totals(conn: Connection, account_id: AccountId, campaign_ids: Sequence[str]) -> Mapping[str, int]:
    """Sum the daily budgets under each campaign, or its own, as they run once the campaign does."""
    under = _under_campaigns(account_id)
    statement = (
        select(campaigns.c.id, func.coalesce(campaigns.c.daily_budget_minor, under.c.active_minor, 0))
        .outerjoin(under, under.c.campaign_id == campaigns.c.id)
        .where(campaigns.c.account_id == account_id, campaigns.c.id == func.any(list(campaign_ids)))
    )
    return {row[0]: int(row[1]) for row in conn.execute(statement)}


def known_objects(
    conn: Connection, account_id: AccountId, kind: ObjectKind, ids: Sequence[str]
) -> Mapping[str, KnownObject]:
    """Find objects in the mirror; those that it does not hold are missing from the answer."""
    if not ids or kind not in _FINDERS:
        return {}
    return _FINDERS[kind](conn, account_id, list(ids))


def spend_of(
    conn: Connection, account_id: AccountId, objects: Sequence[tuple[ObjectKind, str]], since: date
) -> Mapping[tuple[ObjectKind, str], int]:
    """What each object spent from `since` on, by the account's days; objects without a figure are missing."""
    found: dict[tuple[ObjectKind, str], int] = {}
    for kind, column in _SPENDERS.items():
        ids = [object_id for of_kind, object_id in objects if of_kind is kind]
        if ids:
            statement = (
                select(column, func.sum(insights_daily.c.spend_minor))
                .where(_spent(account_id, since), column == func.any(ids))
                .group_by(column)
            )
            found.update({(kind, row[0]): int(row[1]) for row in conn.execute(statement)})
    return found


def spend_total(conn: Connection, account_id: AccountId, since: date) -> int:
    """What the account spent from `since` on."""
    statement = select(func.coalesce(func.sum(insights_daily.c.spend_minor), 0)).where(_spent(account_id, since))
    return int(conn.execute(statement).scalar_one())


def _under_campaigns(account_id: AccountId) -> Subquery:
    return (
        select(ad_sets.c.campaign_id, func.sum(ad_sets.c.daily_budget_minor).label("active_minor"))
        .where(ad_sets.c.account_id == account_id, ad_sets.c.status == Status.ACTIVE)
        .group_by(ad_sets.c.campaign_id)
        .subquery()
    )


def _find_ad_sets(conn: Connection, account_id: AccountId, ids: list[str]) -> Mapping[str, KnownObject]:
    learning = ad_sets.c.learning != Learning.DONE
    statement = select(
        ad_sets.c.id, ad_sets.c.campaign_id, func.coalesce(ad_sets.c.daily_budget_minor, 0), learning
    ).where(ad_sets.c.account_id == account_id, ad_sets.c.id == func.any(ids))
    return {
        row[0]: KnownObject(campaign_id=row[1], sets_going_minor=row[2], is_learning=row[3])
        for row in conn.execute(statement)
    }


def _find_campaigns(conn: Connection, account_id: AccountId, ids: list[str]) -> Mapping[str, KnownObject]:
    """A campaign learns while one of its active ad sets does."""
    active = ad_sets.c.status == Status.ACTIVE
    statement = (
        select(
            campaigns.c.id,
            func.coalesce(
                campaigns.c.daily_budget_minor, func.sum(case((active, ad_sets.c.daily_budget_minor), else_=0)), 0
            ),
            func.coalesce(func.bool_or(and_(active, ad_sets.c.learning != Learning.DONE)), False),
        )
        .outerjoin(
            ad_sets, and_(ad_sets.c.account_id == campaigns.c.account_id, ad_sets.c.campaign_id == campaigns.c.id)
        )
        .where(campaigns.c.account_id == account_id, campaigns.c.id == func.any(ids))
        .group_by(campaigns.c.account_id, campaigns.c.id)
    )
    return {
        row[0]: KnownObject(campaign_id=row[0], sets_going_minor=int(row[1]), is_learning=row[2])
        for row in conn.execute(statement)
    }


def _find_ads(conn: Connection, account_id: AccountId, ids: list[str]) -> Mapping[str, KnownObject]:
    statement = select(ads.c.id, ads.c.campaign_id).where(ads.c.account_id == account_id, ads.c.id == func.any(ids))
    return {
        row[0]: KnownObject(campaign_id=row[1], sets_going_minor=0, is_learning=False)
        for row in conn.execute(statement)
    }


_FINDERS = {ObjectKind.AD_SET: _find_ad_sets, ObjectKind.CAMPAIGN: _find_campaigns, ObjectKind.AD: _find_ads}
_SPENDERS = {
    ObjectKind.CAMPAIGN: insights_daily.c.campaign_id,
    ObjectKind.AD_SET: insights_daily.c.ad_set_id,
    ObjectKind.AD: insights_daily.c.ad_id,
}


def _spent(account_id: AccountId, since: date) -> ColumnElement[bool]:
    return and_(insights_daily.c.account_id == account_id, insights_daily.c.day >= since)
