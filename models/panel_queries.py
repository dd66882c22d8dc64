"""The queries under panels and weighted sums. Columns are text or bigint, as `models/columns.py` fetches them."""

from types import MappingProxyType
from typing import Final

from domain.actions import ObjectKind

# By kind: its id in insights_daily, and its parent's; '' where it has none there.
_COLUMNS: Final = MappingProxyType(
    {
        ObjectKind.AD: ("ad_id", "ad_set_id"),
        ObjectKind.AD_SET: ("ad_set_id", "campaign_id"),
        ObjectKind.CAMPAIGN: ("campaign_id", "''::text"),
    }
)
KINDS: Final = tuple(_COLUMNS)
FIGURES: Final = ("impressions", "clicks", "spend_minor", "purchases", "revenue_minor")
MONEY_SCALE: Final = 1_000  # of weighted money in bigint
COUNT_SCALE: Final = 1_000_000


def days_of(kind: ObjectKind, figures: tuple[str, ...]) -> str:
    """One row per object and day with figures: its cell in an array of (objects, days), ids with the first of each."""
    own, parent = _COLUMNS[kind]
    sums = ", ".join(f"sum({name})::bigint AS {name}" for name in figures)
    return f"""
SELECT ((dense_rank() OVER (ORDER BY id COLLATE "C") - 1) * %(days)s + (day - %(first)s))::bigint AS cell,
    CASE WHEN is_first THEN id ELSE '' END AS id, CASE WHEN is_first THEN parent_id ELSE '' END AS parent_id,
    {", ".join(figures)}
FROM (
    SELECT {own} AS id, day, min({parent}) AS parent_id, {sums},
        row_number() OVER (PARTITION BY {own} ORDER BY day) = 1 AS is_first
    FROM insights_daily WHERE account_id = %(account)s AND day BETWEEN %(first)s AND %(last)s GROUP BY {own}, day
) AS f
"""  # noqa: S608 - our own names


def sums_of(kind: ObjectKind) -> str:
    """One row per object: its days summed with the weights of their ages."""
    own, parent = _COLUMNS[kind]
    plain = (("spend_minor", "spend_minor", MONEY_SCALE), ("purchases", "purchases", COUNT_SCALE))
    weighed = ", ".join(
        f"round(sum(greatest({of}, 0) * w.{by}) * {scale})::bigint AS {name}"
        for name, of, by, scale in (
            *((name, of, "count", scale) for name, of, scale in plain),
            ("revenue_minor", "revenue_minor", "count", MONEY_SCALE),
            ("matured_minor", "spend_minor", "matured", MONEY_SCALE),
            ("exposure", "spend_minor", "exposure", MONEY_SCALE),
            ("squared", "spend_minor", "squared", MONEY_SCALE),
        )
    )
    return f"""
SELECT {own} AS id, min({parent}) AS parent_id, {weighed}
FROM insights_daily AS i
JOIN unnest(%(day)s::date[], %(count)s::float8[], %(matured)s::float8[], %(exposure)s::float8[], %(squared)s::float8[])
    AS w (day, count, matured, exposure, squared) ON w.day = i.day
WHERE i.account_id = %(account)s AND i.day BETWEEN %(first)s AND %(last)s GROUP BY {own}
"""  # noqa: S608 - our own names


# What readings of each age added to each day, as `models/increments.py` tells it for all days together.
COHORTS: Final = """
WITH cohort AS (
    SELECT day, ad_id, purchases FROM insights_daily
    WHERE account_id = :account AND day BETWEEN :first AND :last
        AND first_read_at < (day + 2)::timestamp AT TIME ZONE :zone
), later AS (
    SELECT i.day, i.read_on - i.day AS age_days, i.purchases
    FROM insight_increments AS i JOIN cohort USING (day, ad_id)
    WHERE i.account_id = :account AND i.day BETWEEN :first AND :last AND i.read_on - i.day > 1
)
SELECT (day - :first)::int AS cohort, age_days::int, sum(purchases)::bigint FROM (
    SELECT * FROM later
    UNION ALL SELECT day, 1, purchases FROM cohort
    UNION ALL SELECT day, 1, -purchases FROM later
) AS told GROUP BY day, age_days ORDER BY day, age_days
"""
