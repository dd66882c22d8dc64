"""Makes the scenario of a twin: the report's objects and history as told, and a market that goes on as fitted."""

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Final

import numpy as np

from sandbox.market.response import CONCAVITY, FATIGUE_EXPONENT
from sandbox.market.rhythm import Calendar
from sandbox.report import Report
from sandbox.report_fit import AccountFit
from sandbox.report_objects import Budgets, Standing, daily_budgets, first_days, standing
from sandbox.report_spread import AdDays, WeekRhythm
from sandbox.report_tree import Level
from sandbox.scenario import AccountSpec, AdSetSpec, AdSpec, CampaignSpec, HistoryRow, Scenario

# The market's laws, undone here so that it starts at the rates that were fitted (see sandbox/market/kernel.py).
MONTHLY_FREQUENCY: Final = 4.0  # best cost per purchase at 1.8-4 exposures (facts/domain.md §2b [F4]): an assumption
SATURATION_CPMS: Final = 15  # as the market deals it to new ad sets: an assumption
_LEAST_PEOPLE: Final = 1_000
_MONTH_DAYS: Final = 30
_CTR_BOUNDS: Final = (1e-6, 0.45)
_CVR_MAX: Final = 0.85
_HISTORY_FIELDS: Final = {
    "ad", "day", "impressions", "clicks", "link_clicks", "spend_minor", "purchases", "value_minor",
}  # fmt: skip
_ACCOUNT_IDS: Final = 720_000_000_000_000
_ACCOUNT_SPAN: Final = 10_000_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """The scenario, and what had to be decided on the way to it."""

    scenario: Scenario
    standing: Standing
    budgets: Budgets
    audience_sizes: tuple[int, ...]
    saturations: tuple[int, ...]


class TwinBuilder:
    """Puts one account together; all inputs are set at birth."""

    def __init__(
        self, report: Report, days: AdDays, fit: AccountFit, *, calendar: Calendar, rhythm: WeekRhythm, name: str
    ) -> None:
        self._report, self._days, self._fit = report, days, fit
        self._calendar, self._rhythm, self._name = calendar, rhythm, name
        self._standing = standing(report, days)
        self._budgets = daily_budgets(report, days, fit.per_ad_set)
        self._first_days = first_days(report, days)
        self._sizes = self._audience_sizes()
        self._saturations = tuple(self._saturation(index) for index in range(len(report.ad_sets)))

    def build(self) -> Twin:
        """Return the twin. The platform's clock starts an hour after the end of the report's last day."""
        report = self._report
        below: dict[int, list[int]] = defaultdict(list)
        for one in report.ad_sets:
            below[one.parent].append(one.index)
        ads_below: dict[int, list[int]] = defaultdict(list)
        for ad in report.ads:
            ads_below[ad.parent].append(ad.index)
        name = report.account_name or self._name
        account = AccountSpec(
            name=name,
            id=report.account_id or _account_id(name, report),
            currency=report.currency,
            timezone=self._calendar.zone.key,
            campaigns=tuple(self._campaign(one.index, below[one.index], ads_below) for one in report.campaigns),
            history=self._history(),
        )
        scenario = Scenario(
            name=f"twin-{account.id}",
            title=f"Twin of {name}",
            accounts=(account,),
            history_days=0,
            start=datetime.fromtimestamp(self._midnight_s(report.span[1] + 1) + 3_600, UTC),
        )
        return Twin(
            scenario=scenario,
            standing=self._standing,
            budgets=self._budgets,
            audience_sizes=self._sizes,
            saturations=self._saturations,
        )

    def _campaign(self, index: int, ad_sets: list[int], ads_below: dict[int, list[int]]) -> CampaignSpec:
        found = self._report.campaigns[index]
        return CampaignSpec(
            id=found.id,
            name=found.name,
            status=self._standing.of[Level.CAMPAIGN][index],
            daily_budget_minor=self._budgets.campaign[index],
            created_at=self._since(Level.CAMPAIGN, index),
            ad_sets=tuple(self._ad_set(one, ads_below[one]) for one in ad_sets),
        )

    def _ad_set(self, index: int, ads: list[int]) -> AdSetSpec:
        found = self._report.ad_sets[index]
        pressure = (1 + self._daily_spend(index) / self._saturations[index]) ** CONCAVITY
        price = float(self._fit.cpm.mean[index]) / pressure / self._rhythm.mean_cpm
        return AdSetSpec(
            id=found.id,
            name=found.name,
            status=self._standing.of[Level.AD_SET][index],
            daily_budget_minor=self._budgets.ad_set[index],
            audience_size=self._sizes[index],
            cpm_minor=max(1, round(price)),
            saturation_daily_minor=self._saturations[index],
            created_at=self._since(Level.AD_SET, index),
            ads=tuple(self._ad(ad) for ad in ads),
        )

    def _ad(self, index: int) -> AdSpec:
        found, fit = self._report.ads[index], self._fit
        exposures = int(fit.per_ad.impressions[index]) / self._sizes[found.parent]
        tired = math.exp(-FATIGUE_EXPONENT * math.log1p(exposures))
        ctr = float(fit.click_rate.mean[index]) / tired / self._rhythm.mean_ctr
        return AdSpec(
            key=found.id,
            id=found.id,
            name=found.name,
            status=self._standing.of[Level.AD][index],
            ctr=min(max(ctr, _CTR_BOUNDS[0]), _CTR_BOUNDS[1]),
            cvr=min(float(fit.conversion_rate.mean[index]) / self._rhythm.mean_cvr, _CVR_MAX),
            order_value_minor=max(1, round(float(fit.order_value.mean[index]))),
            title=found.name,
            created_at=self._since(Level.AD, index),
        )

    def _history(self) -> tuple[HistoryRow, ...]:
        """Return the days unvalidated: every cell was checked, and 200,000 more checks would double time and memory."""
        days, ids = self._days, [ad.id for ad in self._report.ads]
        dates = {ordinal: date.fromordinal(ordinal) for ordinal in set(days.day.tolist())}
        columns = (
            days.ad, days.day, days.impressions, days.clicks, days.link_clicks, days.spend, days.purchases, days.value,
        )  # fmt: skip
        return tuple(
            HistoryRow.model_construct(
                _HISTORY_FIELDS,
                ad=ids[ad],
                day=dates[day],
                impressions=impressions,
                clicks=clicks,
                link_clicks=link_clicks,
                spend_minor=spend,
                purchases=purchases,
                value_minor=value,
            )
            for ad, day, impressions, clicks, link_clicks, spend, purchases, value in zip(
                *(column.tolist() for column in columns), strict=True
            )
        )

    def _audience_sizes(self) -> tuple[int, ...]:
        report = self._report
        reach = [0] * len(report.ad_sets)
        for ad, people in zip(report.rows.ad.tolist(), report.rows.reach.tolist(), strict=True):
            parent = report.ads[ad].parent
            reach[parent] = max(reach[parent], people)
        totals = self._fit.per_ad_set
        monthly = totals.impressions / np.maximum(totals.active_days, 1) * _MONTH_DAYS
        return tuple(
            max(_LEAST_PEOPLE, round(shown / MONTHLY_FREQUENCY), people)
            for shown, people in zip(monthly.tolist(), reach, strict=True)
        )

    def _saturation(self, ad_set: int) -> int:
        least = SATURATION_CPMS * float(self._fit.cpm.mean[ad_set])
        return max(1, round(max(least, self._daily_spend(ad_set))))

    def _daily_spend(self, ad_set: int) -> float:
        totals = self._fit.per_ad_set
        return float(totals.spend[ad_set]) / max(int(totals.active_days[ad_set]), 1)

    def _since(self, level: Level, index: int) -> datetime:
        return datetime.fromtimestamp(self._midnight_s(self._first_days[level][index]), UTC)

    def _midnight_s(self, day: int) -> int:
        return self._calendar.start_of(self._calendar.hours_of_day(day)[0])


def _account_id(name: str, report: Report) -> str:
    text = "\0".join((name, *sorted(one.id for one in report.campaigns)))
    digest = blake2b(text.encode("utf-8"), digest_size=8).digest()
    return str(_ACCOUNT_IDS + int.from_bytes(digest) % _ACCOUNT_SPAN)
