"""Objects drawn from a seed: the campaigns of an account's `generate` block."""

import math
from collections.abc import Iterator
from typing import Final

from sandbox.market.dice import object_key
from sandbox.scenario_market import GenerateSpec, Range
from sandbox.scenario_objects import AdSetSpec, AdSpec, CampaignSpec

_BUDGET_STEP: Final = 100
_CTR_SPREAD, _CVR_SPREAD, _FATIGUE_SPREAD = 0.35, 0.4, 0.3


def generated_campaigns(spec: GenerateSpec, *, seed: int) -> Iterator[CampaignSpec]:
    """Yield the campaigns one by one, so that 200,000 ads need not be held twice; stable for (block, seed)."""
    sets = -(-spec.ads // spec.ads_per_ad_set)
    for number in range(-(-sets // spec.ad_sets_per_campaign)):
        first = number * spec.ad_sets_per_campaign
        of_campaign = range(first, min(first + spec.ad_sets_per_campaign, sets))
        ad_sets = tuple(_ad_set(spec, seed, n) for n in of_campaign)
        yield CampaignSpec(name=f"Campaign {number + 1:05d}", ad_sets=ad_sets)


def _ad_set(spec: GenerateSpec, seed: int, number: int) -> AdSetSpec:
    first = number * spec.ads_per_ad_set
    low, high = spec.daily_budget_minor
    step = object_key(seed, number, 1) % max(1, (high - low) // _BUDGET_STEP)
    return AdSetSpec(
        name=f"Ad set {number + 1:06d}",
        daily_budget_minor=_priced(spec, low + step * _BUDGET_STEP),
        audience_size=_between(spec.audience_size, object_key(seed, number, 2)),
        cpm_minor=_priced(spec, _between(spec.cpm_minor, object_key(seed, number, 3))),
        saturation_daily_minor=_priced(spec, 20_000),
        ads=tuple(_ad(spec, seed, n) for n in range(first, min(first + spec.ads_per_ad_set, spec.ads))),
    )


def _ad(spec: GenerateSpec, seed: int, number: int) -> AdSpec:
    return AdSpec(
        name=f"Ad {number + 1:07d}",
        ctr=round(spec.ctr * math.exp(_CTR_SPREAD * _spread(seed, number, 4)), 6),
        cvr=round(spec.cvr * math.exp(_CVR_SPREAD * _spread(seed, number, 5)), 6),
        order_value_minor=_priced(spec, _between(spec.order_value_minor, object_key(seed, number, 6))),
        fatigue=round(1.0 + _FATIGUE_SPREAD * _spread(seed, number, 7), 3),
    )


def _between(bounds: Range, word: int) -> int:
    return bounds[0] + word % (bounds[1] - bounds[0])


def _priced(spec: GenerateSpec, cents: int) -> int:
    return max(1, round(cents * spec.price_factor))


def _spread(seed: int, number: int, stream: int) -> float:
    """Return a number in [-1.7, 1.7], spread evenly."""
    return (object_key(seed, number, stream) % 10_000 / 5_000 - 1) * 1.7
