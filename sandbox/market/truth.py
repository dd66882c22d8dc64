"""How people respond, which the platform never tells: plain records that scenarios state and new objects are dealt."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sandbox.market.dice import object_key

_TYPICAL_CTR: Final = 0.012
_TYPICAL_CVR: Final = 0.025


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """An ad set's people and their price."""

    size: int
    cpm_minor: float
    saturation_daily_minor: float
    ctr_factor: float = 1.0
    cvr_factor: float = 1.0
    even: bool = False  # ads share the budget evenly instead of by appeal
    name: str | None = None  # ad sets whose audience has the same name compete for the same people


@dataclass(frozen=True, slots=True, kw_only=True)
class Appeal:
    """A creative's pull on an average audience."""

    ctr: float
    cvr: float
    order_value_minor: int
    fatigue: float = 1.0


class ChangeKind(StrEnum):
    """What can change about delivery at an instant."""

    LIVE = "live"  # index: an ad; value: 0 or 1
    BUDGET = "budget"  # index: a budget; value: minor units a day
    EDIT = "edit"  # index: an ad set; a significant edit restarts its learning
    APPEAL = "appeal"  # index: an ad; its creative was swapped, exposures start anew
    LIMIT = "limit"  # index: a campaign or the account; value: what it may have spent in all; 0 = there is no limit
    FUND = "fund"  # index: an ad set; value: the budget that it draws on from now on


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of delivery, effective from an instant."""

    at_s: float
    kind: ChangeKind
    index: int
    value: int = 0
    appeal: Appeal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Hours in which the market was unusual; `ads` is empty where all are hit."""

    start_s: float
    end_s: float
    ads: frozenset[int]
    cpm_factor: float
    ctr_factor: float
    cvr_factor: float


def typical_appeal(*, order_value_minor: int) -> Appeal:
    """Return the middle of what new creatives are dealt."""
    return Appeal(ctr=_TYPICAL_CTR, cvr=_TYPICAL_CVR, order_value_minor=order_value_minor)


def deal_appeal(seed: int, creative_id: int, *, order_value_minor: int) -> Appeal:
    """Deal a new creative its truth, stable for (seed, creative)."""
    ctr = _TYPICAL_CTR * math.exp(0.35 * _bell(seed, creative_id, 1))
    cvr = _TYPICAL_CVR * math.exp(0.35 * _bell(seed, creative_id, 2))
    fatigue = 1.0 + 0.3 * _bell(seed, creative_id, 3)
    return Appeal(ctr=ctr, cvr=cvr, order_value_minor=order_value_minor, fatigue=max(0.2, fatigue))


def deal_audience(seed: int, ad_set_id: int, *, cpm_minor: float) -> Audience:
    """Deal a new ad set its audience, stable for (seed, ad set)."""
    return Audience(
        size=int(300_000 * math.exp(0.6 * _bell(seed, ad_set_id, 4))),
        cpm_minor=cpm_minor * math.exp(0.15 * _bell(seed, ad_set_id, 5)),
        saturation_daily_minor=cpm_minor * 15 * math.exp(0.4 * _bell(seed, ad_set_id, 6)),
        ctr_factor=math.exp(0.12 * _bell(seed, ad_set_id, 7)),
        cvr_factor=math.exp(0.15 * _bell(seed, ad_set_id, 8)),
    )


def _bell(seed: int, object_id: int, stream: int) -> float:
    word, total = object_key(seed, object_id, stream), 0
    for shift in (0, 16, 32, 48):
        total += (word >> shift) & 0xFFFF
    return (total - 2 * 65_535) / 65_536 * math.sqrt(3)
