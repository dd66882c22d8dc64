"""Builds the snapshot of an account: a few aggregates in SQL, arrays out. domain/snapshot.py says what they mean.

Days and hours are counted back from the last reading (`models/windows.py`), in the account's own zone. Each frame is
one statement; for frames of one and the same instant, call it in a REPEATABLE READ transaction.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from domain.clock import require_aware
from domain.objects import Status
from domain.snapshot import AdSetFrame, Bools, CampaignFrame, Ints, Snapshot
from models import snapshot_ads
from models.accounts import Account
from models.columns import fetch_columns, gathered, positions
from models.snapshot_ads import SET_SUMS
from models.snapshot_queries import AD_SETS, CAMPAIGNS, HOURS
from models.tables import campaigns, insights_hourly
from models.windows import USUAL_DAYS, Window, window

_DAY_S: Final = 86_400
_WORK_MEMORY: Final = "64MB"  # groups of 200,000 ads stay in memory

_SET_FLAGS: Final = ("is_active", "is_learning", "is_ab_test")
_RECENT: Final = ("recent_spend", "recent_clicks", "recent_revenue")
_USUAL: Final = ("usual_spend", "usual_clicks", "usual_revenue")


def load(conn: Connection, account: Account, *, now: datetime, window_days: int, spike_hours: int) -> Snapshot:
    """Build the snapshot at `now` on the platform's clock; `account` is the row as it was read for this run."""
    now = require_aware("now", now)
    span = window(
        zone=account.zone,
        now=now,
        read_at=account.insights_read_at,
        window_days=window_days,
        spike_hours=spike_hours,
    )
    conn.exec_driver_sql(f"SET LOCAL work_mem = '{_WORK_MEMORY}'")
    sets = fetch_columns(
        conn,
        AD_SETS,
        {"account": account.id, "zone": account.zone},
        texts=("id", "name"),
        repeated=("campaign_id",),
        numbers=(*_SET_FLAGS, "daily_budget_minor", "hold", "created_local_s"),
    )
    position = {set_id: row for row, set_id in enumerate(sets["id"])}
    ads, sums = snapshot_ads.load(conn, _day_values(account, span), position, now)
    figures = sums | _hours(conn, account, span, position, sets["created_local_s"])
    campaigns_there = fetch_columns(
        conn, CAMPAIGNS, {"account": account.id}, texts=("id", "name"),
        numbers=("daily_budget_minor", "is_active", "hold"),
    )  # fmt: skip
    ad_sets = _ad_set_frame(sets, campaigns_there["id"], figures)
    return Snapshot(
        account_id=account.id,
        currency=account.currency,
        zone=account.zone,
        now=now,
        window_days=window_days,
        spike_hours=spike_hours,
        tree_read_at=account.tree_read_at,
        insights_read_at=account.insights_read_at,
        campaigns_active=_active_campaigns(conn, account),
        campaigns=_campaign_frame(campaigns_there, ad_sets),
        ad_sets=ad_sets,
        ads=ads,
    )


def _ad_set_frame(sets: Mapping[str, Any], campaign_ids: Sequence[str], figures: Mapping[str, Any]) -> AdSetFrame:
    columns: dict[str, Any] = {name: sets[name] for name in ("id", "name", "campaign_id")}
    columns |= {name: sets[name].astype(np.bool_) for name in _SET_FLAGS}
    columns |= {name: sets[name] for name in ("daily_budget_minor", "hold")}
    position = {campaign_id: row for row, campaign_id in enumerate(campaign_ids)}
    return AdSetFrame(**columns, campaign_index=positions(position, sets["campaign_id"]), **figures)


def _campaign_frame(found: Mapping[str, Any], ad_sets: AdSetFrame) -> CampaignFrame:
    rows, length = ad_sets.campaign_index, len(found["id"])
    names = (*SET_SUMS[:-1], *_RECENT, *_USUAL)
    sums: dict[str, Any] = {name: gathered(getattr(ad_sets, name), rows, length) for name in names}
    learning: Bools = np.zeros(length, np.bool_)
    learning[rows[(rows >= 0) & ad_sets.is_active & ad_sets.is_learning]] = True
    return CampaignFrame(
        id=found["id"],
        name=found["name"],
        hold=found["hold"],
        is_active=found["is_active"].astype(np.bool_),
        is_learning=learning,
        daily_budget_minor=found["daily_budget_minor"],
        **sums,
    )


def _hours(
    conn: Connection, account: Account, span: Window, position: Mapping[str, int], created_local_s: Ints
) -> dict[str, NDArray[Any]]:
    """Sums of the recent hours, and means of the usual ones over the days that are known of each ad set."""
    labels = [(*label, True) for label in span.recent] + [(*label, False) for label in span.usual]
    if not labels:
        return {name: np.zeros(len(position), np.int64) for name in _RECENT} | {
            name: np.zeros(len(position), np.float64) for name in _USUAL
        }
    days, hours, recent = (list(column) for column in zip(*labels, strict=True))
    first_day = min(day for day, _ in span.usual)
    values = {"account": account.id, "days": days, "hours": hours, "recent": recent,
              "first": first_day, "today": span.today}  # fmt: skip
    found = fetch_columns(conn, HOURS, values, texts=("ad_set_id",), numbers=(*_RECENT, *_USUAL))
    rows = positions(position, found["ad_set_id"])
    known = _known_days(conn, account, span, created_local_s)
    means = {name: gathered(found[name], rows, len(position)) / np.maximum(known, 1) for name in _USUAL}
    return {name: gathered(found[name], rows, len(position)) for name in _RECENT} | {
        name: np.where(known > 0, mean, 0.0) for name, mean in means.items()
    }


def _known_days(conn: Connection, account: Account, span: Window, created_local_s: Ints) -> Ints:
    """On how many of the 7 days before, each ad set existed and hourly figures of the account were being read.

    A young ad set is thus compared with its own two days, not with two days spread over seven.
    """
    oldest_day, oldest_hour = span.recent[-1]
    first = conn.execute(
        select(func.min(insights_hourly.c.day)).where(
            insights_hourly.c.account_id == account.id, insights_hourly.c.day >= min(day for day, _ in span.usual)
        )
    ).scalar_one()
    if first is None:
        return np.zeros(len(created_local_s), np.int64)
    oldest = datetime(oldest_day.year, oldest_day.month, oldest_day.day, oldest_hour, tzinfo=UTC)  # wall clock as UTC
    existed = (int(oldest.timestamp()) - created_local_s) // _DAY_S
    known: Ints = np.clip(np.minimum(existed, (oldest_day - first).days), 0, USUAL_DAYS)
    return known


def _day_values(account: Account, span: Window) -> dict[str, object]:
    return {
        "account": account.id,
        "today": span.today,
        "since": span.since,
        "last": span.last_day,
        "week_since": span.week_since,
    }


def _active_campaigns(conn: Connection, account: Account) -> int:
    active = select(func.count()).where(campaigns.c.account_id == account.id, campaigns.c.status == Status.ACTIVE.value)
    return int(conn.execute(active).scalar_one())
