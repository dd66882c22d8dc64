"""From an account's daily figures to its rates, prices and order values, and how they are told."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sandbox.fit_report import AdFit, FitLine, How, Interval
from sandbox.fitting import PRIOR_SPREAD, Fit, Floats, Ints, Nesting, fit_levels, fit_rates
from sandbox.report import Report
from sandbox.report_spread import AdDays
from sandbox.report_tree import Found

# Typical values around which an account is thought to lie, +-100 % (facts/domain.md §2b, indicative sources).
TYPICAL_CTR: Final = 0.013  # link CTR, e-commerce: 1.1-1.5 % [B7]
TYPICAL_CVR: Final = 0.025  # click to purchase: 1.5 % mean, 2.8-3.5 % healthy [B7][B9]
TYPICAL_ORDER: Final = 70  # major units; no source, 35-140 $ follow from CPA x ROAS
_ORDER_VARIANCE: Final = 0.35**2  # of the log value of single orders, as in the market's kernel
_ORDER_WEIGHT: Final = 10.0  # days of evidence that this prior counts for
_DAY_VARIANCE: Final = 0.10**2  # of an ad set's log CPM from day to day where the report does not tell
_DAY_WEIGHT: Final = 10.0
_ORDER_SPREAD: Final = 0.10  # prior between-variance of log order values: ads sell different baskets, +-32 %
_METHOD: Final = "hierarchical credibility, leave-one-out (Bühlmann & Gisler 2005, ch. 4, 6; facts/decisions.md §5.1)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over the days; one value per ad or ad set."""

    impressions: Ints
    link_clicks: Ints
    spend: Ints
    purchases: Ints
    value: Ints
    active_days: Ints  # with spend


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFit:
    """What the counts tell: per ad, but the price per ad set, which is an auction's audience. Money in minor units."""

    click_rate: Fit
    conversion_rate: Fit
    order_value: Fit
    cpm: Fit
    per_ad: Totals
    per_ad_set: Totals


def fit_account(report: Report, days: AdDays, *, unit: int) -> AccountFit:
    """Fit all that can be fitted; `unit` is minor units in a major one."""
    nesting = Nesting(ad_set=_parents(report.ads), campaign=_parents(report.ad_sets))
    ads = total_by(days, days.ad, len(report.ads))
    ad_sets = total_by(days, nesting.ad_set[days.ad], len(report.ad_sets))
    return AccountFit(
        click_rate=fit_rates(ads.link_clicks, ads.impressions, nesting, typical=TYPICAL_CTR),
        conversion_rate=fit_rates(ads.purchases, ads.link_clicks, nesting, typical=TYPICAL_CVR),
        order_value=_fit_order_values(days, ads, nesting, unit=unit),
        cpm=_fit_prices(days, ad_sets, nesting),
        per_ad=ads,
        per_ad_set=ad_sets,
    )


def total_by(days: AdDays, owner: Ints, owners: int) -> Totals:
    """Sum the days by an owner per row."""

    def sums(column: Ints) -> Ints:
        total = np.zeros(owners, dtype=np.int64)
        np.add.at(total, owner, column)
        return total

    spent = np.unique(np.stack([owner, days.day])[:, days.spend > 0], axis=1)[0]
    return Totals(
        impressions=sums(days.impressions),
        link_clicks=sums(days.link_clicks),
        spend=sums(days.spend),
        purchases=sums(days.purchases),
        value=sums(days.value),
        active_days=np.bincount(spent, minlength=owners),
    )


def fit_lines(fit: AccountFit, *, currency: str, unit: int) -> tuple[FitLine, ...]:
    """Tell what was fitted and from how much."""
    ads = fit.per_ad
    clicks = f"{ads.link_clicks.sum():,} link clicks"
    bought = f"{ads.purchases.sum():,} purchases"
    money = f"{ads.spend.sum() / unit:,.2f} {currency}"
    shown = f"{ads.impressions.sum():,} impressions"
    return (
        _line("click rate", fit.click_rate, f"{clicks} in {shown} of {len(ads.spend)} ads", "link clicks/impression"),
        _line("conversion rate", fit.conversion_rate, f"{bought} after {clicks}", "purchases/link click"),
        _line("CPM", fit.cpm, f"{money} for {shown} of {len(fit.per_ad_set.spend)} ad sets", currency, unit),
        _order_line(fit, bought, currency, unit),
    )


def ad_fits(report: Report, fit: AccountFit) -> tuple[AdFit, ...]:
    """Return every ad's fitted values with their intervals."""
    rates, conversions, values = (_intervals(part) for part in (fit.click_rate, fit.conversion_rate, fit.order_value))
    return tuple(
        AdFit(ad_id=ad.id, name=ad.name, click_rate=rate, conversion_rate=conversion, order_value_minor=value)
        for ad, rate, conversion, value in zip(report.ads, rates, conversions, values, strict=True)
    )


def _fit_order_values(days: AdDays, ads: Totals, nesting: Nesting, *, unit: int) -> Fit:
    sold = (ads.purchases > 0) & (ads.value > 0)
    mean = np.divide(ads.value, ads.purchases, out=np.ones(len(sold)), where=sold)
    told = sold[days.ad] & (days.purchases > 0)
    owner, count = days.ad[told], days.purchases[told].astype(np.float64)
    off = days.value[told] / count / mean[owner] - 1
    freedom = max(len(owner) - len(np.unique(owner)), 0)
    found = float((count * off**2).sum())
    single = (found + _ORDER_WEIGHT * _ORDER_VARIANCE) / (freedom + _ORDER_WEIGHT)
    variances = np.divide(single, ads.purchases, out=np.full(len(sold), np.inf), where=sold)
    typical = ads.value.sum() / ads.purchases[sold].sum() if sold.any() else float(TYPICAL_ORDER * unit)
    return fit_levels(np.log(mean), variances, nesting, typical=float(typical), spread=_ORDER_SPREAD)


def _fit_prices(days: AdDays, ad_sets: Totals, nesting: Nesting) -> Fit:
    told = (ad_sets.spend > 0) & (ad_sets.impressions > 0)
    mean = np.divide(ad_sets.spend * 1_000.0, ad_sets.impressions, out=np.ones(len(told)), where=told)
    within = _day_variance(days, nesting.ad_set[days.ad], mean)
    variances = np.divide(within, ad_sets.active_days, out=np.full(len(told), np.inf), where=told)
    above = Nesting(ad_set=nesting.campaign, campaign=np.zeros(int(nesting.campaign.max()) + 1, dtype=np.int64))
    typical = ad_sets.spend.sum() * 1_000.0 / max(int(ad_sets.impressions.sum()), 1)
    return fit_levels(np.log(mean), variances, above, typical=float(max(typical, 1.0)), spread=PRIOR_SPREAD)


def _day_variance(days: AdDays, owner: Ints, mean: Floats) -> float:
    """How much the log CPM of an ad set goes up and down between days, pooled and smoothed."""
    told = (days.spend > 0) & (days.impressions > 0)
    span = int(days.day.max()) + 1
    cell, index = np.unique(owner[told] * span + days.day[told], return_inverse=True)
    spend = np.bincount(index, weights=days.spend[told])
    price = spend * 1_000 / np.bincount(index, weights=days.impressions[told])
    found = float((np.log(price / mean[cell // span]) ** 2).sum())
    freedom = max(len(cell) - len(np.unique(cell // span)), 0)
    return (found + _DAY_WEIGHT * _DAY_VARIANCE) / (freedom + _DAY_WEIGHT)


def _order_line(fit: AccountFit, bought: str, currency: str, unit: int) -> FitLine:
    if int(fit.per_ad.value.sum()):
        return _line("order value", fit.order_value, f"{bought} with their value", currency, unit)
    return FitLine(
        name="order value",
        how=How.ASSUMED,
        based_on="no purchase in the report has a value",
        low=float(TYPICAL_ORDER),
        high=float(TYPICAL_ORDER),
        unit=currency,
        source="no source found; 35-140 USD follow from cost per purchase x ROAS (facts/domain.md §2b)",
    )


def _line(name: str, fit: Fit, based_on: str, unit: str, divisor: int = 1) -> FitLine:
    return FitLine(
        name=name,
        how=How.FITTED,
        based_on=based_on,
        low=float(fit.mean.min()) / divisor,
        high=float(fit.mean.max()) / divisor,
        unit=unit,
        source=_METHOD,
    )


def _intervals(fit: Fit) -> list[Interval]:
    columns = (fit.mean.tolist(), fit.low.tolist(), fit.high.tolist())
    return [Interval(mean=mean, low=low, high=high) for mean, low, high in zip(*columns, strict=True)]


def _parents(found: tuple[Found, ...]) -> Ints:
    return np.array([one.parent for one in found], dtype=np.int64)
