"""The four queries under a snapshot. Text columns and bigint columns only, as `models/columns.py` fetches them."""

from typing import Final

# `hold` is domain.snapshot.Hold.
AD_SETS: Final = """
SELECT s.id, s.name, s.campaign_id,
    (CASE WHEN coalesce(s.lifetime_budget_minor, c.lifetime_budget_minor) IS NOT NULL THEN 1
        WHEN s.bidding <> 'automatic' OR c.bidding <> 'automatic' THEN 2
        WHEN c.spend_cap_minor IS NOT NULL THEN 3
        WHEN c.daily_budget_minor IS NOT NULL THEN 4
        ELSE 0 END)::bigint AS hold,
    (s.status = 'active' AND coalesce(c.status = 'active', false))::int::bigint AS is_active,
    (s.learning <> 'done')::int::bigint AS is_learning,
    ('ab_test' = ANY (s.labels))::int::bigint AS is_ab_test,
    coalesce(s.daily_budget_minor, -1) AS daily_budget_minor,
    floor(extract(epoch FROM s.created_at AT TIME ZONE %(zone)s))::bigint AS created_local_s
FROM ad_sets AS s
LEFT JOIN campaigns AS c ON c.account_id = s.account_id AND c.id = s.campaign_id
WHERE s.account_id = %(account)s AND s.status NOT IN ('deleted', 'archived')
"""

CAMPAIGNS: Final = """
SELECT id, name, daily_budget_minor, (status = 'active')::int::bigint AS is_active,
    (CASE WHEN bidding <> 'automatic' THEN 2 WHEN spend_cap_minor IS NOT NULL THEN 3 ELSE 0 END)::bigint AS hold
FROM campaigns
WHERE account_id = %(account)s AND status NOT IN ('deleted', 'archived') AND daily_budget_minor IS NOT NULL
"""

# Ads that are gone keep their figures, which belong to their ad set's sums: hence the full join.
ADS: Final = """
SELECT coalesce(a.id, f.ad_id) AS id, coalesce(a.name, '') AS name,
    coalesce(a.ad_set_id, f.ad_set_id) AS ad_set_id, coalesce(a.creative_id, '') AS creative_id,
    (a.id IS NOT NULL)::int::bigint AS is_there,
    coalesce(a.status = 'active', false)::int::bigint AS is_active,
    (a.fatigued_at IS NOT NULL)::int::bigint AS is_marked_fatigued,
    (extract(epoch FROM coalesce(a.created_at, 'epoch')) * 1000000)::bigint AS created_us,
    coalesce(f.impressions_total, 0) AS impressions_total, coalesce(f.clicks_total, 0) AS clicks_total,
    coalesce(f.impressions_last, 0) AS impressions_last, coalesce(f.clicks_last, 0) AS clicks_last,
    coalesce(f.impressions_week, 0) AS impressions_week, coalesce(f.clicks_week, 0) AS clicks_week,
    coalesce(f.impressions_window, 0) AS impressions_window, coalesce(f.clicks_window, 0) AS clicks_window,
    coalesce(f.spend_window, 0) AS spend_window, coalesce(f.revenue_window, 0) AS revenue_window,
    coalesce(f.purchases_window, 0) AS purchases_window, coalesce(f.spend_today, 0) AS spend_today
FROM (
    SELECT ad_id, min(ad_set_id) AS ad_set_id,
        sum(impressions) AS impressions_total, sum(clicks) AS clicks_total,
        sum(impressions) FILTER (WHERE day = %(last)s) AS impressions_last,
        sum(clicks) FILTER (WHERE day = %(last)s) AS clicks_last,
        sum(impressions) FILTER (WHERE day >= %(week_since)s AND day < %(last)s) AS impressions_week,
        sum(clicks) FILTER (WHERE day >= %(week_since)s AND day < %(last)s) AS clicks_week,
        sum(impressions) FILTER (WHERE day >= %(since)s) AS impressions_window,
        sum(clicks) FILTER (WHERE day >= %(since)s) AS clicks_window,
        (sum(spend_minor) FILTER (WHERE day >= %(since)s))::bigint AS spend_window,
        (sum(revenue_minor) FILTER (WHERE day >= %(since)s))::bigint AS revenue_window,
        sum(purchases) FILTER (WHERE day >= %(since)s) AS purchases_window,
        (sum(spend_minor) FILTER (WHERE day = %(today)s))::bigint AS spend_today
    FROM insights_daily WHERE account_id = %(account)s AND day <= %(today)s GROUP BY ad_id
) AS f
FULL JOIN (
    SELECT * FROM ads WHERE account_id = %(account)s AND status NOT IN ('deleted', 'archived')
) AS a ON a.id = f.ad_id
"""

HOURS: Final = """
SELECT i.ad_set_id,
    coalesce(sum(spend_minor) FILTER (WHERE is_recent), 0)::bigint AS recent_spend,
    coalesce(sum(clicks) FILTER (WHERE is_recent), 0)::bigint AS recent_clicks,
    coalesce(sum(revenue_minor) FILTER (WHERE is_recent), 0)::bigint AS recent_revenue,
    coalesce(sum(spend_minor) FILTER (WHERE NOT is_recent), 0)::bigint AS usual_spend,
    coalesce(sum(clicks) FILTER (WHERE NOT is_recent), 0)::bigint AS usual_clicks,
    coalesce(sum(revenue_minor) FILTER (WHERE NOT is_recent), 0)::bigint AS usual_revenue
FROM unnest(%(days)s::date[], %(hours)s::smallint[], %(recent)s::boolean[]) AS label (day, hour, is_recent)
JOIN insights_hourly AS i ON i.account_id = %(account)s AND i.day = label.day AND i.hour = label.hour
WHERE i.day BETWEEN %(first)s AND %(today)s
GROUP BY i.ad_set_id
"""
