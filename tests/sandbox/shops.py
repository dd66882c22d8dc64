"""Small worlds for tests of the market: one account, as few objects as the fact needs."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from sandbox.account import Account
from sandbox.market.local import LocalMarket
from sandbox.meta.insights.breakdowns import cut_of
from sandbox.meta.insights.report import ENGAGED, Report, build
from sandbox.meta.insights.rows import RowWriter
from sandbox.meta.insights.spans import Period
from sandbox.scenario import Scenario

START = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)  # a Monday
FIELDS = (
    "ad_id", "adset_id", "campaign_id", "impressions", "clicks", "inline_link_clicks", "spend", "actions",
    "action_values", "reach",
)  # fmt: skip


def ad(name: str = "Ad", **more: Any) -> dict[str, Any]:
    return {"name": name, "ctr": 0.02, "cvr": 0.1, "order_value_minor": 5_000, "fatigue": 0.0, **more}


def ad_set(name: str = "Set", ads: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "daily_budget_minor": 10_000, "ads": ads or [ad()], **more}


def shop(*ad_sets: dict[str, Any], account: dict[str, Any] | None = None, **world: Any) -> Scenario:
    campaign = {"name": "Campaign", "ad_sets": list(ad_sets) or [ad_set()]}
    return Scenario.model_validate(
        {
            "name": "test",
            "seed": 5,
            "history_days": 0,
            "accounts": [{"name": "Shop", "timezone": "UTC", "campaigns": [campaign], **(account or {})}],
            **world,
        }
    )


def market_of(scenario: Scenario, *, start: datetime = START) -> LocalMarket:
    return LocalMarket(scenario, start=start)


def account_of(market: LocalMarket) -> Account:
    return market.account(market.accounts[0])


def report(
    market: LocalMarket,
    account: Account,
    *,
    level: str,
    periods: list[tuple[date, date]],
    breakdowns: tuple[str, ...] = (),
) -> Report:
    return build(
        account,
        level=level,
        ads=np.ones(account.market.ads, dtype=np.bool_),
        periods=[Period(first=first, last=last) for first, last in periods],
        hourly=False,
        cutoff_s=market.cutoff_s,
        end_hour=account.market.next_hour,
        cut=cut_of(account, breakdowns),
        wants=frozenset({ENGAGED}),
    )


def rows(
    market: LocalMarket,
    account: Account,
    *,
    level: str,
    periods: list[tuple[date, date]],
    breakdowns: tuple[str, ...] = (),
) -> list[dict[str, Any]]:
    table = report(market, account, level=level, periods=periods, breakdowns=breakdowns)
    return RowWriter(account, table, level=level, fields=FIELDS, hourly=False).rows(0, len(table))
