"""Scenarios of any size for benchmarks, from a seed: `generated:ADS[:SEED]`."""

import math
from typing import Final

from sandbox.market.dice import object_key
from sandbox.scenario import AccountSpec, AdSetSpec, AdSpec, CampaignSpec, Scenario

_ADS_PER_SET: Final = 5
_SETS_PER_CAMPAIGN: Final = 4
_LONG_HISTORY_ADS: Final = 5_000  # above it a long history would take gigabytes
_SHORT_DAYS: Final = 8


def generate(*, ads: int, seed: int = 1, history_days: int | None = None) -> Scenario:
    """Return a scenario of one account with so many ads: five to an ad set, four ad sets to a campaign.

    History is 60 days up to 5,000 ads and 8 days beyond.
    """
    if ads < 1:
        message = f"a generated scenario needs at least one ad, not {ads}"
        raise ValueError(message)
    days = history_days if history_days is not None else (60 if ads <= _LONG_HISTORY_ADS else _SHORT_DAYS)
    sets = -(-ads // _ADS_PER_SET)
    campaigns = -(-sets // _SETS_PER_CAMPAIGN)
    account = AccountSpec(
        name=f"Generated shop of {ads} ads",
        currency="USD",
        timezone="America/New_York",
        countries=("US",),
        campaigns=tuple(_campaign(seed, n, ads) for n in range(campaigns)),
    )
    return Scenario(
        name=f"generated-{ads}-{seed}", title=f"{ads} generated ads", seed=seed, history_days=days, accounts=(account,)
    )


def _campaign(seed: int, number: int, ads: int) -> CampaignSpec:
    first = number * _SETS_PER_CAMPAIGN
    sets = range(first, min(first + _SETS_PER_CAMPAIGN, -(-ads // _ADS_PER_SET)))
    return CampaignSpec(name=f"Campaign {number + 1:05d}", ad_sets=tuple(_ad_set(seed, n, ads) for n in sets))


def _ad_set(seed: int, number: int, ads: int) -> AdSetSpec:
    first = number * _ADS_PER_SET
    return AdSetSpec(
        name=f"Ad set {number + 1:06d}",
        daily_budget_minor=2_000 + object_key(seed, number, 1) % 80 * 100,
        audience_size=50_000 + object_key(seed, number, 2) % 900_000,
        cpm_minor=800 + object_key(seed, number, 3) % 1_200,
        ads=tuple(_ad(seed, n) for n in range(first, min(first + _ADS_PER_SET, ads))),
    )


def _ad(seed: int, number: int) -> AdSpec:
    return AdSpec(
        name=f"Ad {number + 1:07d}",
        ctr=round(0.012 * math.exp(0.35 * _spread(seed, number, 4)), 6),
        cvr=round(0.028 * math.exp(0.4 * _spread(seed, number, 5)), 6),
        order_value_minor=3_000 + object_key(seed, number, 6) % 6_000,
        fatigue=round(1.0 + 0.3 * _spread(seed, number, 7), 3),
    )


def _spread(seed: int, number: int, stream: int) -> float:
    """Return a number in [-1.7, 1.7], spread evenly."""
    return (object_key(seed, number, stream) % 10_000 / 5_000 - 1) * 1.7
