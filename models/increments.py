"""What reports still added to a day after it had ended, by the day of reading: the raw material of maturity.

Purchases arrive for up to four weeks and figures are restated. A day's figures as they were known at the age of n days
are those known now less all increments that were read later. Kept while days are loaded, in the same pass.
"""

from datetime import date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select, text

from domain.clock import require_aware
from domain.ids import AccountId
from models.tables import accounts

# Read by `staging.merge` beside the merge of whole days. Several readings on one day add up to one increment.
KEEP: Final = """
INSERT INTO insight_increments
    (account_id, day, ad_id, read_on, impressions, clicks, spend_minor, purchases, revenue_minor)
SELECT %(account_id)s, day, ad_id, %(read_on)s, impressions - old_impressions, clicks - old_clicks,
    spend_minor - old_spend_minor, purchases - old_purchases, revenue_minor - old_revenue_minor
FROM differing WHERE is_known AND day < %(read_on)s
ON CONFLICT (account_id, day, ad_id, read_on) DO UPDATE SET
    impressions = insight_increments.impressions + EXCLUDED.impressions,
    clicks = insight_increments.clicks + EXCLUDED.clicks,
    spend_minor = insight_increments.spend_minor + EXCLUDED.spend_minor,
    purchases = insight_increments.purchases + EXCLUDED.purchases,
    revenue_minor = insight_increments.revenue_minor + EXCLUDED.revenue_minor
"""
_ARRIVED: Final = text("""
WITH cohort AS (
    SELECT day, ad_id, spend_minor, purchases, revenue_minor FROM insights_daily
    WHERE account_id = :account AND day BETWEEN :since AND :until
        AND first_read_at < (day + 2)::timestamp AT TIME ZONE :zone
), later AS (
    SELECT i.read_on - i.day AS age_days, i.spend_minor, i.purchases, i.revenue_minor
    FROM insight_increments i JOIN cohort c USING (day, ad_id)
    WHERE i.account_id = :account AND i.day BETWEEN :since AND :until AND i.read_on - i.day > 1
)
SELECT age_days, sum(spend_minor)::bigint, sum(purchases)::bigint, sum(revenue_minor)::bigint FROM (
    SELECT * FROM later
    UNION ALL SELECT 1, spend_minor, purchases, revenue_minor FROM cohort
    UNION ALL SELECT 1, -spend_minor, -purchases, -revenue_minor FROM later
) AS told GROUP BY age_days ORDER BY age_days
""")


class Arrival(NamedTuple):
    """What was added to the days of a cohort by readings `age_days` after each of them; age 1 holds all before, too."""

    age_days: int
    spend_minor: int
    purchases: int
    revenue_minor: int


def day_of(conn: Connection, account_id: AccountId, instant: datetime) -> date:
    """Return the day of an instant in the account's own zone."""
    zone = conn.execute(select(accounts.c.zone).where(accounts.c.id == account_id)).scalar_one()
    return require_aware("instant", instant).astimezone(ZoneInfo(zone)).date()


def arrivals(conn: Connection, account_id: AccountId, since: date, until: date) -> tuple[Arrival, ...]:
    """Return by age what the days from `since` to `until` (both included, the account's zone) gained, age 1 first.

    Only ad-days that were read for the first time by the end of the next day count: of others nobody knows when their
    purchases came. The sums over all ages are the figures known now.
    """
    zone = conn.execute(select(accounts.c.zone).where(accounts.c.id == account_id)).scalar_one()
    asked = {"account": account_id, "since": since, "until": until, "zone": zone}
    return tuple(Arrival(*row) for row in conn.execute(_ARRIVED, asked))
