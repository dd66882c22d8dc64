"""Figures that a look at tests needs: hours since the last look, or the days as they are known now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection, text

from decisions.experiment_state import Metric, Plan, Strata
from domain.ids import AccountId
from domain.snapshot import Floats, Ints
from estimators.dispersion import day_noise
from models.accounts import Account
from models.columns import fetch_columns
from models.experiments import Experiment

_SINCE: Final = """
SELECT e.id AS experiment, arm.place AS arm, i.ad_id, (i.day - e.first_day)::bigint AS day, {stratum} AS stratum,
    i.impressions::bigint AS impressions, i.clicks::bigint AS clicks, i.spend_minor, i.purchases::bigint AS purchases,
    i.revenue_minor
FROM experiments e
CROSS JOIN LATERAL unnest(e.arms) WITH ORDINALITY AS arm (ad_id, place)
JOIN {table} i ON i.account_id = e.account_id AND i.ad_id = arm.ad_id
WHERE e.account_id = %(account)s AND e.state = 'running' AND e.metric = ANY (%(metrics)s)
    AND i.day BETWEEN %(since)s AND %(until)s AND i.day >= e.first_day AND {fresh}
"""
_HOURS: Final = _SINCE.format(
    table="insights_hourly",
    stratum="((i.day - e.first_day) * 24 + i.hour)::bigint",
    fresh="(i.day, i.hour) > (e.folded_day, e.folded_hour) AND (i.day, i.hour) < (%(until)s, %(hour)s)",
)
_DAYS: Final = _SINCE.format(
    table="insights_daily", stratum="(i.day - e.first_day)::bigint", fresh="i.day > e.first_day AND i.day < %(until)s"
)
_TRAFFIC: Final = text("""
SELECT coalesce(sum(clicks), 0)::bigint, coalesce(sum(purchases), 0)::bigint, count(DISTINCT day)::bigint
FROM insights_daily WHERE account_id = :account AND ad_id = ANY (:ads) AND day BETWEEN :since AND :last
""")
_PAIRS: Final = """
WITH sums AS (
    SELECT ad_set_id, ad_id, sum(clicks) AS clicks FROM insights_daily
    WHERE account_id = %(account)s AND day BETWEEN %(since)s AND %(last)s
    GROUP BY ad_set_id, ad_id HAVING sum(clicks) >= %(least)s
), ranked AS (
    SELECT ad_set_id, ad_id, row_number() OVER (PARTITION BY ad_set_id ORDER BY clicks DESC, ad_id) AS place,
        count(*) OVER (PARTITION BY ad_set_id) AS ads, dense_rank() OVER (ORDER BY ad_set_id) - 1 AS pair
    FROM sums
)
SELECT i.ad_id, r.pair::bigint AS pair, r.place::bigint AS arm, (i.day - %(since)s)::bigint AS day,
    i.clicks::bigint AS clicks, i.impressions::bigint AS impressions
FROM ranked r JOIN insights_daily i ON i.ad_id = r.ad_id AND i.account_id = %(account)s
WHERE i.day BETWEEN %(since)s AND %(last)s AND r.place <= 2 AND r.ads >= 2 AND r.pair < %(most)s
"""
_PAIR_DAYS: Final = 21
_MOST_PAIRS: Final = 500
_LEAST_CLICKS: Final = 50  # of an ad in those days: less tells nothing of a day
_TRAFFIC_DAYS: Final = 7
_FIGURES: Final = ("impressions", "clicks", "spend_minor", "purchases", "revenue_minor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """What is new of each test, by number, and the hour up to which (not with it) hours are complete."""

    strata: Mapping[int, Strata]
    until: tuple[date, int]

    @property
    def folded(self) -> tuple[date, int]:
        """The last hour that is in, -1 of a day standing for the end of the one before."""
        return self.until[0], self.until[1] - 1


def is_cumulative(metric: Metric) -> bool:
    """Whether hours, once over, stay as they are; purchases arrive late, and are read anew with their days."""
    return metric is Metric.CLICKS


def fresh(conn: Connection, account: Account, tests: Sequence[Experiment], *, read_at: datetime) -> Fresh:
    """Return what every running test learns by the reading at `read_at`: two statements, however many tests."""
    local = read_at.astimezone(ZoneInfo(account.zone))
    found: dict[int, Strata] = {}
    since = min((test.first_day for test in tests), default=local.date())
    for query, metrics in ((_HOURS, [Metric.CLICKS.value]), (_DAYS, [Metric.CONVERSIONS.value, Metric.ROAS.value])):
        chosen = {test.id: test.plan for test in tests if test.plan.metric.value in metrics}
        if not chosen:
            continue
        values = {"account": account.id, "metrics": metrics, "since": since, "until": local.date(), "hour": local.hour}
        columns = fetch_columns(
            conn, query, values, texts=("ad_id",), numbers=("experiment", "arm", "day", "stratum", *_FIGURES)
        )
        found |= _by_test(columns, chosen)
    return Fresh(strata=found, until=(local.date(), local.hour))


def events_per_day(conn: Connection, account_id: AccountId, ads: Sequence[str], metric: Metric, today: date) -> float:
    """Return what these ads brought a day in the last 7 complete ones, of those they have figures for."""
    asked = {"account": account_id, "ads": list(ads), "since": today - timedelta(days=_TRAFFIC_DAYS),
             "last": today - timedelta(days=1)}  # fmt: skip
    clicks, purchases, days = conn.execute(_TRAFFIC, asked).one()
    brought = float(clicks if metric is Metric.CLICKS else purchases)
    return brought / max(float(days), 1.0)


def account_noise(conn: Connection, account_id: AccountId, today: date) -> tuple[float, float]:
    """Return how much ad-days differ by themselves, by the two most clicked ads of each ad set over three weeks.

    The variance of the log rate, and the comparisons of days it rests on (0 = nothing is known).
    """
    since = today - timedelta(days=_PAIR_DAYS)
    asked = {"account": account_id, "since": since, "last": today - timedelta(days=1), "least": _LEAST_CLICKS,
             "most": _MOST_PAIRS}  # fmt: skip
    rows = fetch_columns(conn, _PAIRS, asked, texts=("ad_id",), numbers=("pair", "arm", "day", "clicks", "impressions"))
    if not len(rows["pair"]):
        return 0.0, 0.0
    pairs = np.unique(rows["pair"], return_inverse=True)[1]
    clicks, shown = (np.zeros((int(pairs.max()) + 1, 2, _PAIR_DAYS)) for _ in range(2))
    place = (pairs, rows["arm"] - 1, rows["day"])
    clicks[place], shown[place] = rows["clicks"], rows["impressions"]
    return day_noise(clicks, shown)


def _by_test(columns: Mapping[str, Any], plans: Mapping[int, Plan]) -> dict[int, Strata]:
    if not len(columns["experiment"]):  # no test has anything new
        return {}
    order = np.argsort(columns["experiment"], kind="stable")
    ids, starts = np.unique(columns["experiment"][order], return_index=True)
    pieces = np.split(order, starts[1:])
    return {
        number: _strata(plans[number], {name: columns[name][rows] for name in columns if name != "ad_id"})
        for number, rows in zip(ids.tolist(), pieces, strict=True)
    }


def _strata(plan: Plan, figures: Mapping[str, Ints]) -> Strata:
    labels, place = np.unique(figures["stratum"], return_inverse=True)
    day = np.zeros(len(labels), np.int64)
    day[place] = figures["day"]

    def spread(name: str) -> Floats:
        out = np.zeros((len(plan.arms), len(labels)))
        np.add.at(out, (figures["arm"] - 1, place), figures[name])
        return out

    events = {Metric.CLICKS: "clicks", Metric.CONVERSIONS: "purchases", Metric.ROAS: "revenue_minor"}[plan.metric]
    exposures = "impressions" if plan.metric is Metric.CLICKS else "spend_minor"
    return Strata(
        day=day, events=spread(events), exposures=spread(exposures), spend_minor=spread("spend_minor"),
        purchases=spread("purchases"), are_counts=plan.metric is Metric.CLICKS,
    )  # fmt: skip
