"""How often past forecasts of ROAS held: their interval against what their days have brought since.

A forecast is settled 14 days after its last day, when all but a few purchases have arrived.
"""

from datetime import date, timedelta
from typing import Final, NamedTuple

from sqlalchemy import Connection, text

from domain.actions import ObjectKind
from domain.ids import AccountId

SETTLED_DAYS: Final = 14
_HELD: Final = text("""
WITH settled AS (
    SELECT * FROM roas_forecasts WHERE account_id = :account AND first_day + days - 1 + :settled <= :until
), brought AS (
    SELECT week.first_day, i.ad_set_id, i.campaign_id, sum(i.spend_minor)::float8 AS spend,
        sum(i.revenue_minor)::float8 AS revenue
    FROM (SELECT DISTINCT first_day, days FROM settled) AS week
    JOIN insights_daily AS i ON i.account_id = :account
        AND i.day BETWEEN week.first_day AND week.first_day + week.days - 1
    GROUP BY GROUPING SETS ((week.first_day, i.ad_set_id), (week.first_day, i.campaign_id), (week.first_day))
), named AS (
    SELECT first_day, spend, revenue, coalesce(ad_set_id, campaign_id) AS id,
        CASE WHEN ad_set_id IS NOT NULL THEN 'ad_set' WHEN campaign_id IS NOT NULL THEN 'campaign' ELSE 'account' END
            AS kind
    FROM brought WHERE spend > 0
)
SELECT f.object_kind, count(*), count(*) FILTER (WHERE revenue BETWEEN roas_low * spend AND roas_high * spend),
    count(*) FILTER (WHERE revenue < roas_low * spend), count(*) FILTER (WHERE revenue > roas_high * spend),
    sum(revenue) / nullif(sum(roas * spend), 0)
FROM settled AS f JOIN named AS n
    ON n.first_day = f.first_day AND n.kind = f.object_kind AND coalesce(n.id, f.object_id) = f.object_id
GROUP BY f.object_kind
""")
_OLDEST: Final = text("SELECT min(first_day + days - 1 + :settled) FROM roas_forecasts WHERE account_id = :account")


class Held(NamedTuple):
    """Of forecasts of one kind: how many are settled, held, ended under and over; revenue brought by revenue told."""

    object_kind: ObjectKind
    forecasts: int
    held: int
    under: int
    over: int
    brought_by_told: float | None


def calibration(conn: Connection, account_id: AccountId, until: date) -> tuple[Held, ...]:
    """Return by kind how forecasts held that were settled by the last complete day; no kind without any."""
    asked = {"account": account_id, "settled": SETTLED_DAYS, "until": until}
    order = list(ObjectKind)
    found = (Held(ObjectKind(kind), *rest) for kind, *rest in conn.execute(_HELD, asked))
    return tuple(sorted(found, key=lambda row: order.index(row.object_kind)))


def first_settled_on(conn: Connection, account_id: AccountId) -> date | None:
    """Return the first day on which a forecast is, or was, settled; None where there is no forecast."""
    asked = {"account": account_id, "settled": SETTLED_DAYS}
    found: date | None = conn.execute(_OLDEST, asked).scalar_one()
    return None if found is None else found + timedelta(days=1)
