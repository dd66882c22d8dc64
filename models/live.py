"""The store of live figures: the account's own hours, and what spends at this hour. Readings are kept for hours only.

What the collector has just read is summed up here as well, so that the platform is not asked for it again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, text

from domain.actions import ObjectKind
from domain.clock import require_aware
from domain.ids import AccountId
from domain.live import HOURS_A_DAY, HourGrid, HourTotal, LiveFrame, LiveSnapshot, ObjectTotal, Source

KEPT: Final = timedelta(hours=4)
HOURS_KEPT: Final = timedelta(days=100)
_DAY: Final = timedelta(days=1)
_FIGURES: Final = ("impressions", "clicks", "spend_minor", "purchases", "revenue_minor")

_NOTE_HOURS: Final = text("""
INSERT INTO account_hours AS h
SELECT :account, *, CAST(:read_at AS timestamptz) FROM unnest(CAST(:days AS date[]), CAST(:hours AS smallint[]),
    CAST(:impressions AS bigint[]), CAST(:clicks AS bigint[]), CAST(:spend AS bigint[]), CAST(:purchases AS bigint[]),
    CAST(:revenue AS bigint[]))
ON CONFLICT (account_id, day, hour) DO UPDATE SET impressions = EXCLUDED.impressions, clicks = EXCLUDED.clicks,
    spend_minor = EXCLUDED.spend_minor, purchases = EXCLUDED.purchases, revenue_minor = EXCLUDED.revenue_minor,
    read_at = EXCLUDED.read_at
WHERE (h.impressions, h.clicks, h.spend_minor, h.purchases, h.revenue_minor)
    IS DISTINCT FROM (EXCLUDED.impressions, EXCLUDED.clicks, EXCLUDED.spend_minor, EXCLUDED.purchases,
    EXCLUDED.revenue_minor)
""")
_HOURS: Final = text("""
SELECT day, array_agg(hour), array_agg(spend_minor), array_agg(impressions), array_agg(clicks), array_agg(purchases)
FROM account_hours WHERE account_id = :account AND day BETWEEN :since AND :until GROUP BY day
""")
_NOTE: Final = text("""
INSERT INTO live_readings (account_id, read_at, object_kind, as_of, day, source, is_whole, object_ids, parent_ids,
    impressions, clicks, spend_minor, purchases, revenue_minor)
VALUES (:account, :read_at, :kind, :as_of, :day, :source, :is_whole, :ids, :parents, :impressions, :clicks,
    :spend_minor, :purchases, :revenue_minor)
ON CONFLICT (account_id, read_at, object_kind) DO NOTHING
""")
_FORGET: Final = text("DELETE FROM live_readings WHERE account_id = :account AND read_at < :before")
_KNOWN: Final = text("""
SELECT day, hour FROM account_hours WHERE account_id = :account ORDER BY day DESC, hour DESC LIMIT 1
""")
_FORGET_HOURS: Final = text("DELETE FROM account_hours WHERE account_id = :account AND day < :before")
# The newest reading, or the newest whose figures are of before a time.
_READ: Final = text("""
SELECT * FROM live_readings WHERE account_id = :account AND read_at = (
    SELECT max(read_at) FROM live_readings WHERE account_id = :account
        AND (CAST(:as_of AS timestamptz) IS NULL OR as_of <= :as_of))
""")
_SUMS: Final = """sum(impressions)::bigint AS impressions, sum(clicks)::bigint AS clicks,
    sum(spend_minor)::bigint AS spend_minor, sum(purchases)::bigint AS purchases, sum(revenue_minor)::bigint AS revenue
FROM insights_daily WHERE account_id = :account AND day = :day"""
_COLLECTED: Final = {
    ObjectKind.AD_SET: text(f"""
SELECT ad_set_id AS id, min(campaign_id) AS parent, {_SUMS} GROUP BY ad_set_id
ORDER BY sum(spend_minor) DESC, id LIMIT :most
"""),
    ObjectKind.CAMPAIGN: text(f"""
SELECT campaign_id AS id, '' AS parent, {_SUMS} GROUP BY campaign_id ORDER BY sum(spend_minor) DESC, id LIMIT :most
"""),
}
_COLLECTED_HOURS: Final = text("""
SELECT day, hour, sum(impressions)::bigint, sum(clicks)::bigint, sum(spend_minor)::bigint, sum(purchases)::bigint,
    sum(revenue_minor)::bigint
FROM insights_hourly WHERE account_id = :account AND day = :day AND hour >= :hour GROUP BY day, hour
""")
_CARRIERS: Final = """
    SELECT 'campaign' AS kind, id, name, daily_budget_minor FROM campaigns
    WHERE account_id = :account AND status = 'active' AND daily_budget_minor IS NOT NULL
    UNION ALL
    SELECT 'ad_set', s.id, s.name, s.daily_budget_minor FROM ad_sets s
    JOIN campaigns c ON c.account_id = s.account_id AND c.id = s.campaign_id
    WHERE s.account_id = :account AND s.status = 'active' AND c.status = 'active'
        AND s.daily_budget_minor IS NOT NULL AND c.daily_budget_minor IS NULL
"""
_BUDGETS: Final = text(f"SELECT * FROM ({_CARRIERS}) AS carriers WHERE id = ANY(:ids)")  # noqa: S608 - our own query
_TOTAL: Final = text(f"SELECT coalesce(sum(daily_budget_minor), 0)::bigint FROM ({_CARRIERS}) AS carriers")  # noqa: S608
_NAMES: Final = {
    ObjectKind.CAMPAIGN: text("SELECT id, name FROM campaigns WHERE account_id = :account AND id = ANY(:ids)"),
    ObjectKind.AD_SET: text("SELECT id, name FROM ad_sets WHERE account_id = :account AND id = ANY(:ids)"),
}
_WEEK: Final = text("""
SELECT coalesce(ad_set_id, campaign_id) AS id, sum(clicks)::bigint AS clicks, sum(purchases)::bigint AS purchases
FROM insights_daily WHERE account_id = :account AND day BETWEEN :since AND :until
    AND (ad_set_id = ANY(:ids) OR campaign_id = ANY(:ids))
GROUP BY GROUPING SETS ((ad_set_id), (campaign_id)) HAVING coalesce(ad_set_id, campaign_id) = ANY(:ids)
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """An active object with a daily budget of its own."""

    kind: ObjectKind
    object_id: str
    name: str
    daily_budget_minor: int


def note_hours(conn: Connection, account_id: AccountId, rows: Sequence[HourTotal], read_at: datetime) -> None:
    """Keep the account's hours; those that are known already are replaced where they differ."""
    if not rows:
        return
    days, hours, impressions, clicks, spend, purchases, revenue = (list(column) for column in zip(*rows, strict=True))
    told = {"impressions": impressions, "clicks": clicks, "spend": spend, "purchases": purchases, "revenue": revenue}
    at = require_aware("read_at", read_at)
    conn.execute(_NOTE_HOURS, {"account": account_id, "days": days, "hours": hours, "read_at": at, **told})


def hours(conn: Connection, account_id: AccountId, since: date, until: date) -> HourGrid:
    """Read the account's hours of consecutive days, both included."""
    days = (until - since).days + 1
    is_known, grids = np.zeros(days), np.zeros((4, days, HOURS_A_DAY))
    for row in conn.execute(_HOURS, {"account": account_id, "since": since, "until": until}):
        at = (row[0] - since).days
        is_known[at] = 1.0
        for grid, values in zip(grids, row[2:], strict=True):
            grid[at, row[1]] = values
    spend, impressions, clicks, purchases = grids
    return HourGrid(
        first_on=since, is_known=is_known, spend_minor=spend, impressions=impressions, clicks=clicks,
        purchases=purchases,
    )  # fmt: skip


def frame_of(rows: Sequence[ObjectTotal], *, is_whole: bool) -> LiveFrame:
    """Make a frame of rows that stand in their order."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * 7
    numbers = dict(zip(_FIGURES, (np.array(column, np.int64) for column in columns[2:]), strict=True))
    ids, parents = (np.array(column, np.object_) for column in columns[:2])
    return LiveFrame(object_id=ids, parent_id=parents, is_whole=is_whole, **numbers)


def rows_of(frame: LiveFrame) -> Iterator[ObjectTotal]:
    """The rows of a frame, in their order."""
    columns = (frame.object_id, frame.parent_id, *(getattr(frame, name) for name in _FIGURES))
    return (ObjectTotal(*row) for row in zip(*(column.tolist() for column in columns), strict=True))


def note(conn: Connection, account_id: AccountId, snapshot: LiveSnapshot) -> None:
    """Keep a reading, and let those go that are hours old. Noting the same twice changes nothing."""
    common = {
        "account": account_id, "read_at": snapshot.read_at, "as_of": snapshot.as_of, "day": snapshot.day,
        "source": snapshot.source.value,
    }  # fmt: skip
    rows = [
        common
        | {"kind": kind.value, "is_whole": frame.is_whole}
        | {"ids": frame.object_id.tolist(), "parents": frame.parent_id.tolist()}
        | {name: getattr(frame, name).tolist() for name in _FIGURES}
        for kind, frame in snapshot.frames.items()
    ]
    if rows:
        conn.execute(_NOTE, rows)
    conn.execute(_FORGET, {"account": account_id, "before": snapshot.read_at - KEPT})


def forget_old_hours(conn: Connection, account_id: AccountId, today: date) -> None:
    """Let hours go that no span looks at any more."""
    conn.execute(_FORGET_HOURS, {"account": account_id, "before": today - HOURS_KEPT})


def latest(conn: Connection, account_id: AccountId, *, as_of: datetime | None = None) -> LiveSnapshot | None:
    """Read the newest reading, or the newest whose figures end at `as_of` or before; None where there is none."""
    rows = conn.execute(_READ, {"account": account_id, "as_of": as_of}).mappings().all()
    if not rows:
        return None
    first = rows[0]
    return LiveSnapshot(
        day=first["day"],
        read_at=first["read_at"],
        as_of=first["as_of"],
        source=Source(first["source"]),
        frames={ObjectKind(row["object_kind"]): _frame(row) for row in rows},
    )


def collected(
    conn: Connection, account_id: AccountId, kind: ObjectKind, day: date, *, most: int
) -> tuple[ObjectTotal, ...]:
    """Sum up what the collector read of a day: the ad sets, or campaigns, that spent most."""
    rows = conn.execute(_COLLECTED[kind], {"account": account_id, "day": day, "most": most})
    return tuple(ObjectTotal(*row) for row in rows)


def collected_hours(conn: Connection, account_id: AccountId, day: date, *, from_hour: int) -> tuple[HourTotal, ...]:
    """Sum up the hours of a day that the collector read, from one on: earlier ones are known here already."""
    rows = conn.execute(_COLLECTED_HOURS, {"account": account_id, "day": day, "hour": from_hour})
    return tuple(HourTotal(*row) for row in rows)


def carriers(conn: Connection, account_id: AccountId, ids: Sequence[str]) -> tuple[Carrier, ...]:
    """Read which of these are active and carry a daily budget of their own."""
    rows = conn.execute(_BUDGETS, {"account": account_id, "ids": list(ids)})
    return tuple(
        Carrier(kind=ObjectKind(kind), object_id=object_id, name=name, daily_budget_minor=budget)
        for kind, object_id, name, budget in rows
    )


def known_until(conn: Connection, account_id: AccountId) -> tuple[date, int] | None:
    """Read the newest day and hour of the account that are known; None where none is."""
    row = conn.execute(_KNOWN, {"account": account_id}).one_or_none()
    return None if row is None else (row.day, row.hour)


def names(conn: Connection, account_id: AccountId, kind: ObjectKind, ids: Sequence[str]) -> Mapping[str, str]:
    """Read the names of campaigns or ad sets."""
    rows = conn.execute(_NAMES[kind], {"account": account_id, "ids": list(ids)})
    return {row.id: row.name for row in rows}


def daily_budgets(conn: Connection, account_id: AccountId) -> int:
    """Sum up the active daily budgets."""
    return int(conn.execute(_TOTAL, {"account": account_id}).scalar_one())


def weeks_of(conn: Connection, account_id: AccountId, ids: Sequence[str], today: date) -> Mapping[str, tuple[int, int]]:
    """Read clicks and purchases of ad sets and campaigns in the seven days before today, as arrived, in one pass."""
    if not ids:
        return {}
    values = {"account": account_id, "ids": list(ids), "since": today - 7 * _DAY, "until": today - _DAY}
    found = {row.id: (row.clicks, row.purchases) for row in conn.execute(_WEEK, values)}
    return {object_id: found.get(object_id, (0, 0)) for object_id in ids}


def _frame(row: Mapping[Any, Any]) -> LiveFrame:
    numbers = {name: np.array(row[name], np.int64) for name in _FIGURES}
    return LiveFrame(
        object_id=np.array(row["object_ids"], np.object_),
        parent_id=np.array(row["parent_ids"], np.object_),
        is_whole=row["is_whole"],
        **numbers,
    )
