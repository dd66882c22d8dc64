"""What a report says about an object beside its figures: whether it is on, since when, and its budget."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from sandbox.fitting import Ints
from sandbox.report import Report
from sandbox.report_fit import Totals, total_by
from sandbox.report_headers import DELIVERY_WORDS, plain_words
from sandbox.report_spread import AdDays
from sandbox.report_tree import Found, Level
from sandbox.scenario import Status

_ON: Final = frozenset({
    "active", "learning", "learning limited", "in review", "in process", "pending review", "scheduled", "processing",
})  # fmt: skip
_OFF: Final = frozenset({
    "inactive", "not delivering", "off", "paused", "archived", "deleted", "completed", "rejected", "disapproved",
    "not approved", "with issues", "error", "no ads", "ads off", "ad sets off", "ad sets inactive", "ads inactive",
})  # fmt: skip
_ABOVE_OFF: Final = {
    "campaign off": Level.CAMPAIGN, "campaign inactive": Level.CAMPAIGN,
    "ad set off": Level.AD_SET, "adset off": Level.AD_SET, "ad set inactive": Level.AD_SET,
}  # fmt: skip
_RECENT_DAYS: Final = 7
_BUDGET_MARGIN: Final = 1.1  # over the mean spend of a day; an assumption, no source
_LIFETIME_DAYS: Final = 30
LEAST_BUDGET_MINOR: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Statuses by level and index, and for how many ads they had to be guessed."""

    of: dict[Level, list[Status]]
    guessed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """Daily budgets in minor units per campaign and ad set; exactly one of the two is set on every path."""

    campaign: tuple[int | None, ...]
    ad_set: tuple[int | None, ...]
    read: tuple[int, ...]
    assumed: tuple[int, ...]
    from_lifetime: int


def standing(report: Report, days: AdDays) -> Standing:
    """Tell what is on. Where no delivery is told, an ad is on that was shown in the report's last week."""
    levels = {Level.CAMPAIGN: report.campaigns, Level.AD_SET: report.ad_sets, Level.AD: report.ads}
    of: dict[Level, list[Status]] = {level: ["ACTIVE"] * len(found) for level, found in levels.items()}
    recent = set(days.ad[(days.impressions > 0) & (days.day > report.span[1] - _RECENT_DAYS)].tolist())
    guessed = 0
    for level, found in levels.items():
        for one in found:
            word = plain_words(one.delivery)
            word = DELIVERY_WORDS.get(word, word)
            if word in _OFF:
                of[level][one.index] = "PAUSED"
            elif level is Level.AD and word not in _ON and word not in _ABOVE_OFF and _is_untold(report, one):
                guessed += 1
                of[level][one.index] = "ACTIVE" if one.index in recent else "PAUSED"
            if word in _ABOVE_OFF:
                _switch_off_above(one, _ABOVE_OFF[word], report, of)
    return Standing(of=of, guessed=guessed)


def first_days(report: Report, days: AdDays) -> dict[Level, list[int]]:
    """Return the ordinal of the day since which each object exists, as far as the report tells."""
    ads = np.full(len(report.ads), report.span[0], dtype=np.int64)
    owners, firsts = np.unique(days.ad, return_index=True)
    ads[owners] = days.day[firsts]
    ad_sets = [_earliest(ads[index].tolist(), one.starts) for one, index in _children(report.ad_sets, report.ads)]
    campaigns = [min(ad_sets[n] for n in index) for _, index in _children(report.campaigns, report.ad_sets)]
    return {Level.CAMPAIGN: campaigns, Level.AD_SET: ad_sets, Level.AD: ads.tolist()}


def daily_budgets(report: Report, days: AdDays, per_ad_set: Totals) -> Budgets:
    """Return budgets as told; else 1.1 x the mean spend of the days that had any."""
    set_of_ad = np.array([ad.parent for ad in report.ads], dtype=np.int64)
    campaign_of_set = np.array([one.parent for one in report.ad_sets], dtype=np.int64)
    per_campaign = total_by(days, campaign_of_set[set_of_ad][days.ad], len(report.campaigns))
    campaigns: list[int | None] = [None] * len(report.campaigns)
    ad_sets: list[int | None] = [None] * len(report.ad_sets)
    read: list[int] = []
    assumed: list[int] = []
    lifetime = 0
    for campaign, index in _children(report.campaigns, report.ad_sets):
        sets = [report.ad_sets[n] for n in index]
        is_shared = Level.CAMPAIGN in report.present and _is_shared(campaign, sets)
        holders = [campaign] if is_shared else sets
        totals, target = (per_campaign, campaigns) if is_shared else (per_ad_set, ad_sets)
        for holder in holders:
            told = _told_budget(holder, sets)
            minor = told or round(_daily_spend(totals, holder.index) * _BUDGET_MARGIN)
            target[holder.index] = max(minor, LEAST_BUDGET_MINOR)
            (read if told else assumed).append(max(minor, LEAST_BUDGET_MINOR))
            lifetime += bool(told and holder.is_lifetime)
    return Budgets(
        campaign=tuple(campaigns),
        ad_set=tuple(ad_sets),
        read=tuple(read),
        assumed=tuple(assumed),
        from_lifetime=lifetime,
    )


def _is_untold(report: Report, ad: Found) -> bool:
    """Whether the level that the report is about says nothing of the ad's delivery."""
    if Level.AD in report.present:
        return True
    return not report.ad_sets[ad.parent].delivery


def _switch_off_above(one: Found, level: Level, report: Report, of: dict[Level, list[Status]]) -> None:
    index = one.index if one.level is Level.AD_SET and level is Level.AD_SET else one.parent
    if one.level is Level.AD and level is Level.CAMPAIGN:
        index = report.ad_sets[one.parent].parent
    of[level][index] = "PAUSED"


def _children(parents: Sequence[Found], children: Sequence[Found]) -> Iterable[tuple[Found, Ints]]:
    owner = np.array([one.parent for one in children], dtype=np.int64)
    order = np.argsort(owner, kind="stable")
    bounds = np.searchsorted(owner[order], np.arange(len(parents) + 1))
    for parent in parents:
        yield parent, order[bounds[parent.index] : bounds[parent.index + 1]]


def _earliest(ordinals: list[int], starts: date | None) -> int:
    return min(ordinals) if starts is None else min(*ordinals, starts.toordinal())


def _is_shared(campaign: Found, sets: Sequence[Found]) -> bool:
    if campaign.is_budget_elsewhere or any(one.budget_minor for one in sets):
        return False
    return campaign.budget_minor is not None or any(one.is_budget_elsewhere for one in sets)


def _told_budget(holder: Found, sets: Sequence[Found]) -> int | None:
    if holder.budget_minor is None or not holder.is_lifetime:
        return holder.budget_minor
    schedules = [one for one in ([holder] if holder.level is Level.AD_SET else sets) if one.starts and one.ends]
    lengths = [(one.ends - one.starts).days + 1 for one in schedules if one.ends and one.starts]
    return max(1, round(holder.budget_minor / max(1, max(lengths, default=_LIFETIME_DAYS))))


def _daily_spend(totals: Totals, index: int) -> float:
    return float(totals.spend[index]) / max(int(totals.active_days[index]), 1)
