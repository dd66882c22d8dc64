"""What each object will likely spend a day if nobody changes anything: its budget where it uses it, else what it did.

A budget counts where at least half of it was spent lately: platforms spend it on average. Of a budget that lies above
(a campaign's for its ad sets, an ad set's for its ads) each active one below gets its share of the recent spend.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from decisions.roas_posterior import Sums
from domain.actions import ObjectKind
from domain.panel import Panel
from domain.snapshot import Floats, Ints, Texts
from estimators.hierarchy import summed

_RECENT_DAYS: Final = 7
_USED: Final = 0.5  # of a budget: from this share on it will be spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is switched on, with daily budgets in minor units; -1 where an object carries none of its own."""

    campaigns: Mapping[str, int]
    ad_sets: Mapping[str, int]  # those whose campaign is on, too
    ads: frozenset[str]


def expected_spend(ads: Sums, ad_sets: Panel, campaigns: Panel, standing: Standing) -> dict[ObjectKind, Floats]:
    """Return the daily spend in minor units by kind, rows as given; 0 for what is off. The account is their sum."""
    campaign_budget = _looked_up(standing.campaigns, campaigns.object_id)
    set_budget = _looked_up(standing.ad_sets, ad_sets.object_id)
    set_lately = np.where(np.isnan(set_budget), 0.0, recent_daily(ad_sets.spend_minor))
    of_sets = _or_budget(set_budget, set_lately)
    size = len(campaigns)
    sums = _summed(ad_sets.parent, of_sets, size)
    of_campaigns = np.where(np.isnan(campaign_budget), 0.0, _or_budget(campaign_budget, sums))
    of_sets = _scaled(of_sets, ad_sets.parent, of_campaigns, sums)
    is_on = np.fromiter((str(ad_id) in standing.ads for ad_id in ads.object_id), np.bool_, len(ads))
    weight = np.where(is_on, ads.spend_minor, 0.0)
    shared = _summed(ads.parent, weight, len(ad_sets))
    return {
        ObjectKind.AD: _scaled(weight, ads.parent, of_sets, shared),
        ObjectKind.AD_SET: of_sets,
        ObjectKind.CAMPAIGN: of_campaigns,
        ObjectKind.ACCOUNT: np.array([of_campaigns.sum()]) if size else np.zeros(0),
    }


def recent_daily(spend_minor: Ints) -> Floats:
    """Return the mean of the last 7 days' spend, (n, d) to (n,); of fewer, from the first of them with spend on."""
    lately = np.maximum(spend_minor[:, -_RECENT_DAYS:], 0)
    days = lately.shape[1] - np.argmax(lately > 0, axis=1) if lately.shape[1] else np.ones(len(lately))
    mean: Floats = lately.sum(axis=1) / np.maximum(days, 1)
    return mean


def _or_budget(budget: Floats, lately: Floats) -> Floats:
    """NaN (off) and -1 (none) are under every spend."""
    told: Floats = np.where((budget > 0) & (lately >= _USED * budget), budget, lately)
    return told


def _scaled(values: Floats, parent: Ints, wanted: Floats, present: Floats) -> Floats:
    """Bring what lies under each parent to the sum that is wanted of it; those without a parent stay."""
    factor = np.divide(wanted, present, out=np.zeros_like(wanted), where=present > 0)
    return np.where(parent >= 0, values * np.append(factor, 0.0)[parent], values)


def _summed(parent: Ints, values: Floats, size: int) -> Floats:
    return summed(np.where(parent < 0, size, parent), values, size + 1)[:size]


def _looked_up(budgets: Mapping[str, int], ids: Texts) -> Floats:
    return np.fromiter((budgets.get(str(item), np.nan) for item in ids), np.float64, len(ids))
