"""Ads whose click rate comes down, with the truth beside them: drawn by formula, and out of the market's own kernel.

Drawn: 40 days, half of the ads tire between day 8 and 34 (70 % slowly, half-life 3 to 8 days to 35-60 % of their rate,
30 % at once), day effects shared in an account, 10 % noise of an ad's day (facts/decisions.md §3b).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from domain.snapshot import Bools, Floats, Ints
from sandbox.market.kernel import Market
from sandbox.market.rhythm import Calendar
from sandbox.market.truth import Appeal, Audience, Change, ChangeKind

DAYS: Final = 40
LIMIT: Final = 0.7
EARLY_DAYS, LATE_DAYS = 3, 7  # an alarm so long before or after the truth passed the limit counts as in time
_MONTH: Final = 30
_WEEK: Final = 7
_RATE: Final = 0.012
_SHARE_SLOW: Final = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """n ads of some accounts over d days."""

    clicks: Ints
    impressions: Ints
    account: Ints  # (n,)
    truth: Floats  # (n, d) true click rate by that of the own first week


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How alarms met the truth; `strict_f1` allows none before the truth passed the limit."""

    precision: float
    recall: float
    f1: float
    false_alarms: float  # per ad and month after its first week
    strict_f1: float


def drawn(
    seed: int, volume: int, *, ads: int = 1200, per_account: int = 30, share: float = 0.5, day_sd: float = 0.10,
    noise: float = 0.10,
) -> Case:  # fmt: skip
    """Draw ads of one volume (impressions a day); `share` of them tire, 0 = an A/A."""
    rng = np.random.default_rng([seed, volume])
    account = np.arange(ads) // per_account
    rate = _RATE * np.exp(0.35 * rng.normal(size=ads))
    day = np.exp(day_sd * rng.normal(size=(int(account.max()) + 1, DAYS)))[account]
    tires, slow = rng.random(ads) < share, rng.random(ads) < _SHARE_SLOW
    since = np.arange(DAYS)[None, :] - rng.integers(8, DAYS - 5, size=ads)[:, None]
    half_life, floor = rng.uniform(3, 8, ads)[:, None], rng.uniform(0.35, 0.6, ads)[:, None]
    left = np.where(slow[:, None], floor + (1 - floor) * 0.5 ** (np.maximum(since, 0) / half_life), floor)
    truth = np.where(tires[:, None] & (since >= 0), left, 1.0)
    impressions = rng.poisson(volume * np.exp(0.2 * rng.normal(size=(ads, DAYS)) - 0.02))
    chance = np.exp(noise * rng.normal(size=(ads, DAYS)) - noise**2 / 2)
    clicks = np.minimum(rng.poisson(impressions * rate[:, None] * truth * day * chance), impressions)
    return Case(clicks=clicks, impressions=impressions, account=account, truth=truth)


def of_the_market(seed: int, volume: int, *, ads: int = 120) -> Case:
    """Let the kernel deliver ads of about one volume, half to audiences that are soon used up."""
    rng = np.random.default_rng([seed, volume, 1])
    start_s = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
    calendar = Calendar("UTC", around_s=int(start_s))
    first = calendar.hour_at(start_s)
    market = Market(seed=seed, calendar=calendar, first_hour=first)
    campaign, budget_minor, cpm = market.caps.add(), volume * 2, 2_000.0
    tires = np.arange(ads) % 2 == 0
    people = np.where(tires, volume * rng.uniform(4, 10, ads), volume * 400).astype(np.int64)
    for n in range(ads):
        audience = Audience(size=int(people[n]), cpm_minor=cpm, saturation_daily_minor=budget_minor * 100.0)
        budget = market.add_budget(budget_minor, object_id=10_000 + n)
        ad_set = market.add_ad_set(object_id=10_000 + n, campaign=campaign, audience=audience, budget=budget)
        appeal = Appeal(ctr=_RATE / 1.3 * float(np.exp(0.35 * rng.normal())), cvr=0.02, order_value_minor=5_000)
        ad = market.add_ad(object_id=50_000 + n, ad_set=ad_set, appeal=appeal)
        market.change(Change(at_s=start_s, kind=ChangeKind.LIVE, index=ad, value=1))
    clicks, shown, level = (np.zeros((ads, DAYS)) for _ in range(3))
    for day in range(DAYS):
        hours = first + 24 * day, first + 24 * (day + 1)
        market.advance_to(float(calendar.start_of(hours[0] + 12)))
        level[:, day] = [(now := market.truth(ad))["ctr_now"] / now["ctr"] for ad in range(ads)]
        market.advance_to(float(calendar.start_of(hours[1])))
        sums = market.grid.sums(*hours, ads=ads)
        shown[:, day], clicks[:, day] = sums[0], sums[1]
    truth = level / level[:, :_WEEK].mean(1, keepdims=True)
    return Case(
        clicks=clicks.astype(np.int64), impressions=shown.astype(np.int64), account=np.zeros(ads, np.int64), truth=truth
    )


def score(alarm_on: Ints, truth: Floats) -> Score:
    """Judge the first alarms of ads, (n,), -1 = none.

    An alarm is right from `EARLY_DAYS` before the truth passes the limit on; it counts for recall until `LATE_DAYS`
    after it.
    """
    ads, days = truth.shape
    tired = truth < LIMIT
    passed = np.where(tired.any(1), tired.argmax(1), 10**6)
    alarmed = alarm_on >= 0
    right, strict = alarmed & (alarm_on >= passed - EARLY_DAYS), alarmed & (alarm_on >= passed)
    in_time = alarm_on <= passed + LATE_DAYS
    events = int(tired.any(1).sum())
    months = ads * (days - _WEEK) / _MONTH
    return Score(
        precision=_share(right, int(alarmed.sum())), recall=_share(right & in_time, events),
        f1=_f1(right, in_time, alarmed, events),
        false_alarms=float((alarmed & ~right).sum() / months), strict_f1=_f1(strict, in_time, alarmed, events),
    )  # fmt: skip


def _f1(right: Bools, in_time: Bools, alarmed: Bools, events: int) -> float:
    precision, recall = _share(right, int(alarmed.sum())), _share(right & in_time, events)
    return 2 * precision * recall / max(precision + recall, 1e-9)


def _share(hits: Bools, of: int) -> float:
    return float(hits.sum() / max(1, of))
