"""What a decision sees: arrays of one account, frozen, with the age of every figure. Built by `models/snapshots.py`.

All arrays of a frame have the same length; row i of each describes the same object. Rows are ordered by id so that
equal data gives equal snapshots. Money is int64 minor units of `currency`; days and hours are the account's own.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.ids import AccountId

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Texts = NDArray[Any]  # each item is a `str`: numpy's own strings, or objects where many are one and the same


class Hold(IntEnum):
    """Why rules do not move an object's own budget; a number, since frames carry 10^5 of them."""

    FREE = 0
    LIFETIME_BUDGET = 1  # its own or its campaign's: left alone
    BID_LIMIT = 2  # people bound what the platform may pay: left alone
    SPEND_CAP = 3  # its campaign may spend no more than so much in its life: left alone
    CAMPAIGN_BUDGET = 4  # an ad set's: rules act on the campaign's daily budget, and may still pause the ad set


@dataclass(frozen=True, slots=True, kw_only=True)
class AdSetFrame:
    """Ad sets that are not deleted or archived; n rows.

    `*_window` sum the last `window_days` complete days plus today; `recent_*` the last `spike_hours` complete hours,
    `usual_*` the mean of the same clock hours over the 7 days before (0 where nothing is known).
    `daily_budget_minor` is -1 where the ad set carries none (campaign or lifetime budget); `hold` are values of `Hold`.
    `campaign_index` points into the CampaignFrame, -1 where its campaign carries no daily budget.
    """

    id: Texts
    name: Texts
    campaign_id: Texts
    campaign_index: Ints
    hold: Ints
    is_active: Bools  # its own switch and its campaign's are on
    is_learning: Bools  # anything but a finished learning stage
    is_ab_test: Bools  # labelled "ab_test" on the platform
    daily_budget_minor: Ints
    spend_window: Ints
    revenue_window: Ints
    purchases_window: Ints
    impressions_window: Ints
    clicks_window: Ints
    spend_today: Ints
    recent_spend: Ints
    recent_clicks: Ints
    recent_revenue: Ints
    usual_spend: Floats
    usual_clicks: Floats
    usual_revenue: Floats

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignFrame:
    """Campaigns that carry a daily budget (CBO) and are not deleted or archived; c rows.

    Figures are the sums of the ad sets that the AdSetFrame holds: what was spent on removed ones tells nothing of what
    the budget will be spent on. A campaign learns while one of its active ad sets does.
    """

    id: Texts
    name: Texts
    hold: Ints
    is_active: Bools
    is_learning: Bools
    daily_budget_minor: Ints
    spend_window: Ints
    revenue_window: Ints
    purchases_window: Ints
    impressions_window: Ints
    clicks_window: Ints
    recent_spend: Ints
    recent_clicks: Ints
    recent_revenue: Ints
    usual_spend: Floats
    usual_clicks: Floats
    usual_revenue: Floats

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdFrame:
    """Ads that are not deleted or archived; m rows. `ad_set_index` points into the AdSetFrame, -1 if not there.

    `is_active` is the ad's own switch, not its ad set's; `creative_id` is "" where none is known.
    `*_total` sum since the ad was created (as far as history goes); `*_last` the last complete day;
    `*_week` the 7 complete days before that day. `age_hours` counts from creation to the snapshot's `now`.
    """

    id: Texts
    name: Texts
    ad_set_id: Texts
    ad_set_index: Ints
    creative_id: Texts
    is_active: Bools
    is_marked_fatigued: Bools
    age_hours: Floats
    impressions_total: Ints
    clicks_total: Ints
    impressions_last: Ints
    clicks_last: Ints
    impressions_week: Ints
    clicks_week: Ints
    spend_window: Ints
    revenue_window: Ints

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One account at one instant of the platform's clock, with the instants at which its parts were read."""

    account_id: AccountId
    currency: str
    zone: str
    now: datetime
    window_days: int
    spike_hours: int
    tree_read_at: datetime | None  # None = never read; then nothing may be decided
    insights_read_at: datetime | None
    campaigns_active: int
    campaigns: CampaignFrame
    ad_sets: AdSetFrame
    ads: AdFrame
