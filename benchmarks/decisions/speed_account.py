"""One account of any size for timing: four ads an ad set, five ad sets a campaign, 28 days, all made by one seed."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from decisions.allocation_solver import Curves, fill_price
from decisions.anomaly_watch import HourFigures
from decisions.experiments import Metric, Plan, State, Strata
from decisions.roas_posterior import roll_up
from domain.actions import ObjectKind
from domain.ids import AccountId
from domain.panel import Panel
from domain.snapshot import AdFrame, AdSetFrame, CampaignFrame, Hold, Snapshot
from estimators.response import Response

Ints = NDArray[np.int64]
DAYS: Final = 28
NOW: Final = datetime(2026, 3, 30, 4, tzinfo=UTC)
_FIRST: Final = date(2026, 3, 2)
_ADS_OF_SET, _SETS_OF_CAMPAIGN = 4, 5
_ORDER_VALUE_MINOR: Final = 10_000
_MUST_BRING: Final = 2.0  # at a margin of a half


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Panels, snapshot, hours and tests of one account."""

    ads: Panel
    ad_sets: Panel
    campaigns: Panel
    snapshot: Snapshot

    @property
    def size(self) -> int:
        """How many ads."""
        return len(self.ads)


def made(ads: int, seed: int) -> Account:
    """Make an account of so many ads: rates differ by ad set and ad, a tenth of the ads tires."""
    rng = np.random.default_rng([seed, ads])
    sets, campaigns = max(1, ads // _ADS_OF_SET), max(1, ads // _ADS_OF_SET // _SETS_OF_CAMPAIGN)
    in_set = np.minimum(np.arange(ads) // _ADS_OF_SET, sets - 1)
    in_campaign = np.minimum(np.arange(sets) // _SETS_OF_CAMPAIGN, campaigns - 1)
    quality = np.exp(0.3 * rng.standard_normal(sets))[in_set] * np.exp(0.2 * rng.standard_normal(ads))
    impressions = rng.poisson(np.exp(rng.normal(6.5, 0.7, (ads, 1))) * np.exp(0.2 * rng.standard_normal((ads, DAYS))))
    decay = np.where(rng.random((ads, 1)) < 0.1, 0.5 ** (np.arange(DAYS) / 14), 1.0)
    clicks = np.minimum(rng.poisson(impressions * 0.012 * decay), impressions)
    purchases = rng.poisson(clicks * 0.025 * quality[:, None])
    panel = Panel(
        kind=ObjectKind.AD, currency="USD", first_day=_FIRST, object_id=_ids("a", ads), parent=in_set,
        age_days=np.arange(DAYS, 0, -1), impressions=impressions, clicks=clicks,
        spend_minor=impressions, purchases=purchases, revenue_minor=purchases * _ORDER_VALUE_MINOR,
    )  # fmt: skip
    above = roll_up(panel, _ids("s", sets), ObjectKind.AD_SET)
    above = _with_parent(above, in_campaign)
    top = roll_up(above, _ids("c", campaigns), ObjectKind.CAMPAIGN)
    return Account(ads=panel, ad_sets=above, campaigns=top, snapshot=_snapshot(panel, above, in_campaign))


def rows_of(ads: Panel, rows: slice) -> Panel:
    """Return some of the ads."""
    names = ("object_id", "parent", "impressions", "clicks", "spend_minor", "purchases", "revenue_minor")
    return replace(ads, **{name: getattr(ads, name)[rows] for name in names})


def but_last(ads: Panel) -> Panel:
    """Return all days but the last."""
    names = ("impressions", "clicks", "spend_minor", "purchases", "revenue_minor")
    days = {name: getattr(ads, name)[:, :-1] for name in names}
    return replace(ads, age_days=ads.age_days[:-1], **days)


def settled(snapshot: Snapshot, response: Response) -> tuple[Snapshot, Response]:
    """Return an account whose budgets stand, and are spent, where its curves put them; one in fifty does not yet."""
    curves = Curves(top=np.maximum(response.top, 1e-9), kappa=response.kappa_minor, bend=response.bend)
    low, high = np.full(len(response), 500.0), np.full(len(response), 1e7)
    best = fill_price(curves, low, high, float(np.log(_MUST_BRING))).spend.astype(np.int64)
    before = snapshot.ad_sets.daily_budget_minor
    budget = np.where(np.arange(len(best)) % 50 == 0, before, best)
    return (
        replace(snapshot, ad_sets=replace(snapshot.ad_sets, daily_budget_minor=budget)),
        replace(response, recent_minor=budget.astype(np.float64)),
    )


def with_marks(snapshot: Snapshot, ad_ids: set[str]) -> Snapshot:
    """Return the snapshot with these ads marked as fatigued already."""
    marked = np.fromiter((ad_id in ad_ids for ad_id in snapshot.ads.id), np.bool_, len(snapshot.ads))
    return replace(snapshot, ads=replace(snapshot.ads, is_marked_fatigued=marked))


def hour(account: Account, number: int) -> HourFigures:
    """Return an hour of the ad sets."""
    rng = np.random.default_rng([number, len(account.ad_sets)])
    share, last = 1 / 24, account.ad_sets
    impressions = rng.poisson(last.impressions[:, -1] * share)
    clicks = np.minimum(rng.poisson(impressions * 0.012), impressions)
    return HourFigures(
        kind=ObjectKind.AD_SET,
        object_id=last.object_id,
        root=account.campaigns.object_id[last.parent],
        at=NOW + timedelta(hours=number),
        hour_of_week=(4 + number) % 168,
        maturity=0.5,
        is_live=np.ones(len(last), np.bool_),
        daily_budget_minor=account.snapshot.ad_sets.daily_budget_minor,
        impressions=impressions,
        clicks=clicks,
        spend_minor=impressions,
        purchases=np.minimum(rng.poisson(clicks * 0.025), clicks),
    )


def tests(account: Account) -> list[tuple[Plan, State, Strata]]:
    """Return running tests: one ad set in a thousand has one, of its four ads."""
    found = []
    for row in range(0, len(account.ad_sets), 1_000):
        arms = slice(_ADS_OF_SET * row, _ADS_OF_SET * (row + 1))
        ads = account.ads
        plan = Plan(
            experiment_id=row, ad_set_id=str(account.ad_sets.object_id[row]),
            arms=tuple(str(one) for one in ads.object_id[arms]), metric=Metric.CLICKS,
        )  # fmt: skip
        if len(plan.arms) < _ADS_OF_SET:
            continue
        strata = Strata(
            day=np.arange(DAYS), events=ads.clicks[arms].astype(np.float64),
            exposures=ads.impressions[arms].astype(np.float64), spend_minor=ads.spend_minor[arms].astype(np.float64),
            purchases=ads.purchases[arms].astype(np.float64),
        )  # fmt: skip
        found.append((plan, State.empty(_ADS_OF_SET), strata))
    return found


def _ids(letter: str, many: int) -> NDArray[np.object_]:
    return np.array([f"{letter}{row:08d}" for row in range(many)], dtype=np.object_)


def _with_parent(panel: Panel, parent: Ints) -> Panel:
    return Panel(
        kind=panel.kind, currency=panel.currency, first_day=panel.first_day, object_id=panel.object_id, parent=parent,
        age_days=panel.age_days, impressions=panel.impressions, clicks=panel.clicks, spend_minor=panel.spend_minor,
        purchases=panel.purchases, revenue_minor=panel.revenue_minor,
    )  # fmt: skip


def _snapshot(ads: Panel, sets: Panel, in_campaign: Ints) -> Snapshot:
    many, week = len(sets), slice(-7, None)
    spend = sets.spend_minor[:, week].sum(axis=1)
    none, zero = np.zeros(many, np.int64), np.zeros(many)
    campaign = _ids("c", int(in_campaign.max(initial=0)) + 1)
    frame = AdSetFrame(
        id=sets.object_id, name=sets.object_id, campaign_id=campaign[in_campaign],
        campaign_index=np.full(many, -1, np.int64), hold=np.full(many, int(Hold.FREE), np.int64),
        is_active=np.ones(many, np.bool_), is_learning=np.zeros(many, np.bool_), is_ab_test=np.zeros(many, np.bool_),
        daily_budget_minor=np.maximum(spend // 7, 500), spend_window=spend,
        revenue_window=sets.revenue_minor[:, week].sum(axis=1), purchases_window=sets.purchases[:, week].sum(axis=1),
        impressions_window=sets.impressions[:, week].sum(axis=1), clicks_window=sets.clicks[:, week].sum(axis=1),
        spend_today=none, recent_spend=none, recent_clicks=none, recent_revenue=none,
        usual_spend=zero, usual_clicks=zero, usual_revenue=zero,
    )  # fmt: skip
    return Snapshot(
        account_id=AccountId(1), currency="USD", zone="UTC", now=NOW, window_days=7, spike_hours=3,
        tree_read_at=NOW, insights_read_at=NOW, campaigns_active=len(campaign), campaigns=_no_campaigns(),
        ad_sets=frame, ads=_ad_frame(ads, sets),
    )  # fmt: skip


def _ad_frame(ads: Panel, sets: Panel) -> AdFrame:
    many, week = len(ads), slice(-8, -1)
    return AdFrame(
        id=ads.object_id, name=ads.object_id, ad_set_id=sets.object_id[ads.parent], ad_set_index=ads.parent,
        creative_id=ads.object_id, is_active=np.ones(many, np.bool_), is_marked_fatigued=np.zeros(many, np.bool_),
        age_hours=np.full(many, 24.0 * DAYS), impressions_total=ads.impressions.sum(axis=1),
        clicks_total=ads.clicks.sum(axis=1), impressions_last=ads.impressions[:, -1], clicks_last=ads.clicks[:, -1],
        impressions_week=ads.impressions[:, week].sum(axis=1), clicks_week=ads.clicks[:, week].sum(axis=1),
        spend_window=ads.spend_minor[:, -7:].sum(axis=1), revenue_window=ads.revenue_minor[:, -7:].sum(axis=1),
    )  # fmt: skip


def _no_campaigns() -> CampaignFrame:
    texts = np.zeros(0, np.object_)
    ints, reals, flags = np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.bool_)
    return CampaignFrame(
        id=texts, name=texts, hold=ints, is_active=flags, is_learning=flags, daily_budget_minor=ints,
        spend_window=ints, revenue_window=ints, purchases_window=ints, impressions_window=ints, clicks_window=ints,
        recent_spend=ints, recent_clicks=ints, recent_revenue=ints, usual_spend=reals, usual_clicks=reals,
        usual_revenue=reals,
    )  # fmt: skip
