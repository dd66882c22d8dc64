"""What the mirror says of daily budgets that run, of the objects behind a proposal, and of what they spent.

Money is minor units of the account's currency. Sums only: whether they are too much is said in `actions`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select, text

from domain.actions import ObjectKind
from domain.ids import AccountId, ActionId
from domain.objects import BudgetCarrier, Learning, Status
from models.tables import ad_sets, ads, campaigns, insights_daily


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownObject:
    """What of an object matters to caps. `sets_going_minor` is the daily budget that activating it would start."""

    campaign_id: str
    sets_going_minor: int
    is_learning: bool
    learned_sets: int = 0  # ad sets that a significant edit of it would put back into learning
    carrier: BudgetCarrier = BudgetCarrier.NONE
    ad_set_id: str | None = None  # of an ad


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Daily budgets that run or may come to run: of the account, and under each campaign that was asked for."""

    account_minor: int
    campaigns_minor: Mapping[str, int]


# One statement, hence one snapshot: an outcome recorded between two would be missed by both sums. "held" is what the
# mirror does not show: raises under way, and changes of ours that a reading begun before them has overwritten.
_RUNNING = text(
    """
    WITH latest AS (
        SELECT DISTINCT ON (object_kind, object_id, kind = 'set_daily_budget') object_kind, object_id, kind,
               (target ->> 'daily_budget_minor')::bigint AS budget, sent_platform_at
        FROM actions
        WHERE account_id = :account AND state = 'applied' AND sent_platform_at IS NOT NULL
          AND kind IN ('set_daily_budget', 'activate', 'pause', 'emergency_pause')
          AND created_at > now() - interval '2 days'
        ORDER BY object_kind, object_id, kind = 'set_daily_budget', id DESC
    ), held (campaign_id, minor) AS (
        SELECT CASE WHEN a.object_kind = 'campaign' THEN a.object_id ELSE s.campaign_id END, a.cap_reserved_minor
        FROM actions a LEFT JOIN ad_sets s ON s.account_id = a.account_id AND s.id = a.object_id
        WHERE a.account_id = :account AND a.cap_reserved_minor > 0
          AND a.state IN ('approved', 'sent', 'unknown', 'dead')
          AND a.id <> ALL (CAST(:besides AS bigint[]))
        UNION ALL
        SELECT s.campaign_id, CASE WHEN l.kind = 'activate' THEN s.daily_budget_minor
                                   ELSE l.budget - s.daily_budget_minor END
        FROM latest l JOIN ad_sets s ON s.account_id = :account AND s.id = l.object_id
                                    AND l.sent_platform_at >= s.seen_at
        WHERE l.object_kind = 'ad_set' AND ((l.kind = 'set_daily_budget' AND l.budget > s.daily_budget_minor)
                                            OR (l.kind = 'activate' AND s.status <> 'active'))
        UNION ALL
        SELECT c.id, l.budget - c.daily_budget_minor
        FROM latest l JOIN campaigns c ON c.account_id = :account AND c.id = l.object_id
                                      AND l.sent_platform_at >= c.seen_at
        WHERE l.object_kind = 'campaign' AND l.kind = 'set_daily_budget' AND l.budget > c.daily_budget_minor
    ), under AS (
        SELECT campaign_id, sum(daily_budget_minor) AS minor FROM ad_sets
        WHERE account_id = :account AND status = 'active' GROUP BY campaign_id
    )
    SELECT NULL, (SELECT coalesce(sum(minor), 0) FROM held) + coalesce(sum(coalesce(c.daily_budget_minor, u.minor)), 0)
    FROM campaigns c LEFT JOIN under u ON u.campaign_id = c.id
    WHERE c.account_id = :account AND c.status = 'active'
    UNION ALL
    SELECT c.id, coalesce(c.daily_budget_minor, u.minor, 0)
                 + coalesce((SELECT sum(h.minor) FROM held h WHERE h.campaign_id = c.id), 0)
    FROM campaigns c LEFT JOIN under u ON u.campaign_id = c.id
    WHERE c.account_id = :account AND c.id = ANY(CAST(:campaigns AS text[]))
    """
)


def running(
    conn: Connection, account_id: AccountId, campaign_ids: Sequence[str] = (), *, besides: Sequence[ActionId] = ()
) -> Running:
    """Sum what runs: active ad sets in active campaigns, or campaigns with their own budget, and raises under way.

    Under a campaign that was asked for, active ad sets count whether it is active or not. `besides` leaves the raises
    of some actions out.
    """
    asked = {"account": account_id, "campaigns": list(campaign_ids), "besides": list(besides)}
    rows = {row[0]: int(row[1]) for row in conn.execute(_RUNNING, asked)}
    return Running(account_minor=rows.pop(None), campaigns_minor=rows)


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


def earned_of(
    conn: Connection, account_id: AccountId, objects: Sequence[tuple[ObjectKind, str]], since: date
) -> Mapping[tuple[ObjectKind, str], tuple[int, int]]:
    """Spend and revenue of each object from `since` on; objects without a figure are missing."""
    found: dict[tuple[ObjectKind, str], tuple[int, int]] = {}
    for kind, column in _SPENDERS.items():
        ids = [object_id for of_kind, object_id in objects if of_kind is kind]
        if ids:
            spend, revenue = func.sum(insights_daily.c.spend_minor), func.sum(insights_daily.c.revenue_minor)
            statement = (
                select(column, spend, revenue)
                .where(_spent(account_id, since), column == func.any(ids))
                .group_by(column)
            )
            found.update({(kind, row[0]): (int(row[1]), int(row[2])) for row in conn.execute(statement)})
    return found


def spend_before_and_on(conn: Connection, account_id: AccountId, since: date, today: date) -> tuple[int, int]:
    """What the account spent from `since` to the day before `today`, and on `today`."""
    spend, day = insights_daily.c.spend_minor, insights_daily.c.day
    statement = select(
        func.coalesce(func.sum(spend).filter(day < today), 0), func.coalesce(func.sum(spend).filter(day == today), 0)
    ).where(_spent(account_id, since))
    row = conn.execute(statement).one()
    return int(row[0]), int(row[1])


def active_ad_sets(conn: Connection, account_id: AccountId) -> int:
    """Count the account's active ad sets."""
    statement = select(func.count()).where(ad_sets.c.account_id == account_id, ad_sets.c.status == Status.ACTIVE)
    return conn.execute(statement).scalar_one()


_NOT_LEARNED = (Learning.LEARNING, Learning.LIMITED)  # an unknown stage may be a finished one
_ABOVE = and_(campaigns.c.account_id == ad_sets.c.account_id, campaigns.c.id == ad_sets.c.campaign_id)


def _find_ad_sets(conn: Connection, account_id: AccountId, ids: list[str]) -> Mapping[str, KnownObject]:
    carrier = case(
        (or_(ad_sets.c.lifetime_budget_minor.is_not(None), campaigns.c.lifetime_budget_minor.is_not(None)), "LIFETIME"),
        (campaigns.c.daily_budget_minor.is_not(None), "CAMPAIGN"),
        (ad_sets.c.daily_budget_minor.is_not(None), "OWN_DAILY"),
        else_="NONE",
    )
    statement = (
        select(
            ad_sets.c.id,
            ad_sets.c.campaign_id,
            func.coalesce(ad_sets.c.daily_budget_minor, 0),
            ad_sets.c.learning != Learning.DONE,
            ad_sets.c.learning.not_in(_NOT_LEARNED),
            carrier,
        )
        .outerjoin(campaigns, _ABOVE)
        .where(ad_sets.c.account_id == account_id, ad_sets.c.id == func.any(ids))
    )
    return {
        row[0]: KnownObject(
            campaign_id=row[1],
            sets_going_minor=row[2],
            is_learning=row[3],
            learned_sets=int(row[4]),
            carrier=BudgetCarrier[row[5]],
        )
        for row in conn.execute(statement)
    }


def _find_campaigns(conn: Connection, account_id: AccountId, ids: list[str]) -> Mapping[str, KnownObject]:
    """A campaign learns while one of its active ad sets does."""
    active = ad_sets.c.status == Status.ACTIVE
    carrier = case(
        (campaigns.c.lifetime_budget_minor.is_not(None), "LIFETIME"),
        (campaigns.c.daily_budget_minor.is_not(None), "OWN_DAILY"),
        else_="AD_SETS",
    )
    statement = (
        select(
            campaigns.c.id,
            func.coalesce(
                campaigns.c.daily_budget_minor, func.sum(case((active, ad_sets.c.daily_budget_minor), else_=0)), 0
            ),
            func.coalesce(func.bool_or(and_(active, ad_sets.c.learning != Learning.DONE)), False),
            func.count().filter(and_(active, ad_sets.c.learning.not_in(_NOT_LEARNED))),
            carrier,
        )
        .outerjoin(ad_sets, _ABOVE)
        .where(campaigns.c.account_id == account_id, campaigns.c.id == func.any(ids))
        .group_by(campaigns.c.account_id, campaigns.c.id)
    )
    return {
        row[0]: KnownObject(
            campaign_id=row[0],
            sets_going_minor=int(row[1]),
            is_learning=row[2],
            learned_sets=row[3],
            carrier=BudgetCarrier[row[4]],
        )
        for row in conn.execute(statement)
    }


def _find_ads(conn: Connection, account_id: AccountId, ids: list[str]) -> Mapping[str, KnownObject]:
    """An ad that is switched on is news to its ad set, which learns anew."""
    its_set = and_(ad_sets.c.account_id == ads.c.account_id, ad_sets.c.id == ads.c.ad_set_id)
    statement = (
        select(
            ads.c.id,
            ads.c.campaign_id,
            ads.c.ad_set_id,
            func.coalesce(ad_sets.c.learning.not_in(_NOT_LEARNED), True),
        )
        .outerjoin(ad_sets, its_set)
        .where(ads.c.account_id == account_id, ads.c.id == func.any(ids))
    )
    return {
        row[0]: KnownObject(
            campaign_id=row[1],
            sets_going_minor=0,
            is_learning=False,
            learned_sets=int(row[3]),
            carrier=BudgetCarrier.CAMPAIGN,
            ad_set_id=row[2],
        )
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
