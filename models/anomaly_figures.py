"""Reads what `decisions/anomalies.py` judges: an hour of ad sets from the hourly figures, what is live, what changed.

Hours are the account's own clock hours. One that the clocks repeat in autumn is two hours in one row, and left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection, select, text

from decisions.anomaly_watch import HourFigures, plain, share_arrived
from domain.actions import MAY_HAVE_EFFECT, ObjectKind
from domain.snapshot import Bools, Ints, Texts
from models.accounts import Account
from models.columns import fetch_columns
from models.tables import actions, hand_edits

HOUR: Final = timedelta(hours=1)
SETTLES: Final = timedelta(minutes=30)  # after its end an hour's spend is told whole
CHANGED_WITHIN: Final = timedelta(hours=24)
_LIVE_KNOWN: Final = timedelta(hours=3)  # how long before its reading the tree tells what was live
_FIRST_DAYS: Final = 8

# Ad sets that are gone keep their figures.
_HOUR: Final = """
SELECT coalesce(s.id, f.ad_set_id) AS id, coalesce(s.campaign_id, f.campaign_id) AS campaign_id,
    coalesce(s.daily_budget_minor, -1) AS daily_budget_minor,
    (coalesce(s.status = 'active', false) AND coalesce(c.status = 'active', false))::int::bigint AS is_active,
    coalesce(f.impressions, 0) AS impressions, coalesce(f.clicks, 0) AS clicks,
    coalesce(f.spend_minor, 0) AS spend_minor, coalesce(f.purchases, 0) AS purchases
FROM (
    SELECT ad_set_id, min(campaign_id) AS campaign_id, sum(impressions)::bigint AS impressions,
        sum(clicks)::bigint AS clicks, sum(spend_minor)::bigint AS spend_minor, sum(purchases)::bigint AS purchases
    FROM insights_hourly WHERE account_id = %(account)s AND day = %(day)s AND hour = %(hour)s GROUP BY ad_set_id
) AS f
FULL JOIN (
    SELECT * FROM ad_sets WHERE account_id = %(account)s AND status = 'active' AND created_at < %(at)s
) AS s ON s.id = f.ad_set_id
LEFT JOIN campaigns AS c ON c.account_id = %(account)s AND c.id = s.campaign_id
"""
_CAMPAIGN_BUDGETS: Final = text(
    "SELECT id, daily_budget_minor FROM campaigns WHERE account_id = :account AND daily_budget_minor IS NOT NULL"
)
_FIRST_DAY: Final = text("SELECT min(day) FROM insights_hourly WHERE account_id = :account AND day >= :since")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of an object, ours or a person's."""

    object_id: str
    at: datetime
    words: str


def hours_to_see(conn: Connection, account: Account, last: datetime | None, now: datetime) -> Iterator[datetime]:
    """Yield the starts of complete hours after `last`; of a new account from its first hourly figures on."""
    if account.insights_read_at is None:
        return
    zone = ZoneInfo(account.zone)
    until = min(account.insights_read_at, now) - SETTLES
    earliest = (until.astimezone(zone) - timedelta(days=_FIRST_DAYS)).date()
    if last is None or last.astimezone(zone).date() < earliest:
        day = conn.execute(_FIRST_DAY, {"account": account.id, "since": earliest}).scalar_one()
        if day is None:
            return
        at = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    else:
        at = last + HOUR
    while at + HOUR <= until:
        if not _is_repeated(at, zone):
            yield at
        at += HOUR


def of_hour(conn: Connection, account: Account, at: datetime) -> dict[ObjectKind, HourFigures]:
    """Read an hour of the account's ad sets, and sum it up by campaign and for the account."""
    zone = ZoneInfo(account.zone)
    local = at.astimezone(zone)
    rows = fetch_columns(
        conn, _HOUR, {"account": account.id, "day": local.date(), "hour": local.hour, "at": at}, texts=("id",),
        repeated=("campaign_id",),
        numbers=("daily_budget_minor", "is_active", "impressions", "clicks", "spend_minor", "purchases"),
    )  # fmt: skip
    read_at = account.insights_read_at or at + HOUR
    middle_age_h = (read_at - at - HOUR / 2) / HOUR
    is_fresh = account.tree_read_at is not None and account.tree_read_at - at <= _LIVE_KNOWN
    live: Bools = (rows["is_active"] > 0) & is_fresh if is_fresh else rows["spend_minor"] > 0
    shared = _Shared(
        at=at,
        hour_of_week=local.weekday() * 24 + local.hour,
        maturity=share_arrived(max(middle_age_h, 0.25)),
        rows=rows,
    )
    roots = plain(rows["campaign_id"])
    budgets = {
        str(row.id): int(row.daily_budget_minor) for row in conn.execute(_CAMPAIGN_BUDGETS, {"account": account.id})
    }
    campaigns, position = np.unique(roots, return_inverse=True)
    whole = np.zeros(len(roots), np.int64)
    name = np.array([str(account.platform_account_id)])
    own = np.array([budgets.get(key, -1) for key in campaigns.tolist()], np.int64)
    return {
        ObjectKind.AD_SET: shared.figures(
            ObjectKind.AD_SET, plain(rows["id"]), roots, np.arange(len(roots)), live=live,
            budgets=rows["daily_budget_minor"],
        ),
        ObjectKind.CAMPAIGN: shared.figures(
            ObjectKind.CAMPAIGN, campaigns, campaigns, position, live=live, budgets=own,
        ),
        ObjectKind.ACCOUNT: shared.figures(ObjectKind.ACCOUNT, name, name, whole, live=live, budgets=np.array([-1])),
    }  # fmt: skip


def changes(conn: Connection, account: Account, since: datetime) -> tuple[Change, ...]:
    """Read what we sent and what people edited from `since` on, oldest first; the platform's clock."""
    ours = select(actions.c.id, actions.c.object_id, actions.c.kind, actions.c.sent_platform_at).where(
        actions.c.account_id == account.id, actions.c.sent_platform_at >= since, actions.c.state.in_(MAY_HAVE_EFFECT)
    )
    theirs = select(hand_edits.c.object_id, hand_edits.c.event, hand_edits.c.actor_name, hand_edits.c.edited_at).where(
        hand_edits.c.account_id == account.id, hand_edits.c.edited_at >= since
    )
    found = [
        Change(
            object_id=row.object_id, at=row.sent_platform_at, words=f"{row.kind.replace('_', ' ')} of action {row.id}"
        )
        for row in conn.execute(ours)
    ]
    found += [
        Change(object_id=row.object_id, at=row.edited_at, words=f"edit by {row.actor_name or 'somebody'} ({row.event})")
        for row in conn.execute(theirs)
    ]
    return tuple(sorted(found, key=lambda change: change.at))


def changed_before(found: tuple[Change, ...], at: datetime) -> dict[str, str]:
    """Say by object what was changed within a day before the end of the hour."""
    end = at + HOUR
    return {row.object_id: row.words for row in found if end - CHANGED_WITHIN <= row.at < end}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    at: datetime
    hour_of_week: int
    maturity: float
    rows: dict[str, Any]

    def figures(
        self, kind: ObjectKind, ids: Texts, root: Texts, position: Ints, *, live: Bools, budgets: Ints
    ) -> HourFigures:
        """Sum the rows up by their position among the ids."""

        def total(name: str) -> Ints:
            known = np.maximum(self.rows[name], 0)  # an hour restated below nothing must not stop those after it
            sums: Ints = np.bincount(position, weights=known, minlength=len(ids)).astype(np.int64)
            return sums

        impressions = total("impressions")
        return HourFigures(
            kind=kind, object_id=ids, root=root, at=self.at, hour_of_week=self.hour_of_week, maturity=self.maturity,
            is_live=np.bincount(position, weights=live, minlength=len(ids)) > 0, daily_budget_minor=budgets,
            impressions=impressions, clicks=np.minimum(total("clicks"), impressions), spend_minor=total("spend_minor"),
            purchases=total("purchases"),
        )  # fmt: skip


def _is_repeated(at: datetime, zone: ZoneInfo) -> bool:
    """Whether the clocks show this hour twice."""
    local = at.astimezone(zone)
    return local.fold == 1 or local.replace(fold=1).utcoffset() != local.utcoffset()
