"""What reports would say of an account in the market now: snapshot, panels, hours; purchases as far as they arrived."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import numpy as np

from domain.actions import ObjectKind
from domain.ids import AccountId
from domain.panel import Panel
from domain.snapshot import AdFrame, AdSetFrame, CampaignFrame, Floats, Ints, Snapshot
from sandbox.market.grid import IMPRESSIONS, LINK_CLICKS, SPEND
from sandbox.market.local import LocalMarket
from sandbox.nodes import Node
from twin.tree import AB_TEST, Tree, hold_of, hold_of_campaign, plant, switches, texts

_USUAL_DAYS: Final = 7
_LONGEST_AGE: Final = 28
_COUNT, _VALUE = 0, 1
_FIGURES: Final = (SPEND, LINK_CLICKS, IMPRESSIONS)
_TWIN: Final = AccountId(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hourly:
    """Complete clock hours of ad sets, shape (n, h), oldest first, as they are known now."""

    first_hour: int
    impressions: Ints
    clicks: Ints
    spend_minor: Ints
    purchases: Ints
    revenue_minor: Ints


class Readings:
    """An account's figures; sums of closed hours and days are kept, since they never change."""

    def __init__(self, market: LocalMarket, account_id: str) -> None:
        self.market = market
        self.account = market.account(account_id)
        self.tree: Tree = plant(self.account)
        self.fatigued: set[str] = set()
        self._ads = self.account.market.ads
        self._days: dict[int, Ints] = {}  # (3, ads) by local day, closed days only
        self._cells: dict[tuple[int, int], int] = {}  # purchases by click day and age, once that age is past
        self._before: tuple[int, Ints] = (0, np.zeros((3, self._ads), np.int64))  # all figures before a day
        self._kept_hours: tuple[tuple[int, int, int], tuple[Ints, Ints]] | None = None

    @property
    def now(self) -> datetime:
        """The platform's present."""
        return self.market.now

    @property
    def today(self) -> int:
        """The ordinal of the account's local date."""
        return self.account.calendar.day_at(self.now.timestamp())

    @property
    def day_share(self) -> float:
        """How much of the local day has passed."""
        calendar = self.account.calendar
        first, end = (calendar.start_of(hour) for hour in calendar.hours_of_day(self.today))
        return (self.now.timestamp() - first) / (end - first)

    @property
    def zone(self) -> str:
        """The account's zone."""
        return self.account.spec.timezone

    # Figures per ad, in the market's own order; shape (3, ads) is spend, link clicks, impressions.

    def figures(self, day: int) -> Ints:
        """What a local day counted so far."""
        held = self._days.get(day)
        if held is not None:
            return held
        first, end = self.account.calendar.hours_of_day(day)
        found = self._hours(first, end)
        if self.account.market.next_hour >= end:
            self._days[day] = found
        return found

    def bought(self, first_day: int, days: int) -> Ints:
        """Count and value, (2, ads), of purchases after clicks on some days, as arrived."""
        calendar = self.account.calendar
        first, end = calendar.hours_of_day(first_day)[0], calendar.hours_of_day(first_day + days - 1)[1]
        return self._bought(first, end)

    def truth(self, first_hour: int, end_hour: int) -> tuple[int, int, int]:
        """Spend, purchases and value of some hours when all will have arrived: nobody but a judge may ask this."""
        bought = self.account.market.purchases.arrived(first_hour, end_hour, cutoff_s=np.inf, ads=self._ads)
        return int(self._hours(first_hour, end_hour)[0].sum()), int(bought[_COUNT].sum()), int(bought[_VALUE].sum())

    def snapshot(self, *, window_days: int, spike_hours: int) -> Snapshot:
        """Build what a cycle sees now."""
        tree, today = self.tree, self.today
        window = sum((self.figures(today - back) for back in range(1, window_days + 1)), self.figures(today))
        bought = self.bought(today - window_days, window_days + 1)
        sums: dict[str, Any] = self._of_sets(window, bought) | self._recent(spike_hours)
        sums["spend_today"] = self.by_set(self.figures(today)[0])
        ad_sets = self._ad_set_frame(sums)
        return Snapshot(
            account_id=_TWIN, currency=self.account.spec.currency, zone=self.zone, now=self.now,
            window_days=window_days, spike_hours=spike_hours, tree_read_at=self.now, insights_read_at=self.now,
            campaigns_active=int(switches(tree.campaigns).sum()),
            campaigns=self._campaign_frame(ad_sets), ad_sets=ad_sets, ads=self._ad_frame(window, bought),
        )  # fmt: skip

    def panel(self, kind: ObjectKind, days: int) -> Panel:
        """Return the last complete days of ads, ad sets or campaigns, purchases as arrived."""
        tree, last = self.tree, self.today - 1
        first = last - days + 1
        counts = np.stack([self.figures(day) for day in range(first, last + 1)], axis=-1)
        bought = np.stack([self.bought(day, 1) for day in range(first, last + 1)], axis=-1)
        columns = np.concatenate([counts, bought])[:, tree.market_ads]
        parent = tree.set_of_ad
        if kind is not ObjectKind.AD:
            columns, parent = _gathered(columns, tree.set_of_ad, len(tree.ad_sets)), tree.campaign_of_set
        if kind is ObjectKind.CAMPAIGN:
            columns = _gathered(columns, tree.campaign_of_set, len(tree.campaigns))
            parent = np.zeros(len(tree.campaigns), np.int64)
        spend, clicks, impressions, purchases, revenue = columns
        return Panel(
            kind=kind, currency=self.account.spec.currency, first_day=date.fromordinal(first),
            object_id=tree.ids[kind], parent=parent, age_days=np.arange(days, 0, -1, dtype=np.int64),
            day_share=self.day_share,
            impressions=impressions, clicks=clicks, spend_minor=spend, purchases=purchases, revenue_minor=revenue,
        )  # fmt: skip

    def arrivals(self, days: int) -> Ints:
        """Purchases of the account by click day and age in days at which they arrived: (days, 29), oldest day first.

        Ages that are not past yet are 0, as a collector that reads once a day has them.
        """
        found = np.zeros((days, _LONGEST_AGE + 1), np.int64)
        today = self.today
        for row, day in enumerate(range(today - days, today)):
            known = [self._arrived_by(day, age) for age in range(min(_LONGEST_AGE, today - day - 1) + 1)]
            found[row, : len(known)] = np.diff(known, prepend=0)
        return found

    def hourly(self, first_hour: int, end_hour: int) -> Hourly:
        """Return hours of the market's grid, by ad set."""
        grid, size = self.account.market.grid, len(self.tree.ad_sets)
        hours = range(first_hour, end_hour)
        counts = np.stack([grid.sums(hour, hour + 1, ads=self._ads) for hour in hours], axis=-1)
        bought = np.stack([self._bought(hour, hour + 1) for hour in hours], axis=-1)
        columns = np.concatenate([counts, bought])[:, self.tree.market_ads]
        found = _gathered(columns, self.tree.set_of_ad, size)
        return Hourly(
            first_hour=first_hour, impressions=found[IMPRESSIONS], clicks=found[LINK_CLICKS], spend_minor=found[SPEND],
            purchases=found[-2], revenue_minor=found[-1],
        )  # fmt: skip

    def ad_hours(self, first_hour: int, end_hour: int, rows: list[int]) -> tuple[Floats, Floats, Floats, Floats]:
        """Spend, link clicks, impressions and purchases of some ads (rows of the tree), each (k, hours)."""
        ads = self.tree.market_ads[rows]
        hours = range(first_hour, end_hour)
        counts = np.stack([self._hours(hour, hour + 1)[:, ads] for hour in hours], axis=-1).astype(np.float64)
        bought = np.stack([self._bought(hour, hour + 1)[_COUNT][ads] for hour in hours], axis=-1)
        return counts[0], counts[1], counts[2], bought.astype(np.float64)

    def by_set(self, per_ad: Ints) -> Ints:
        """Sum a column of the market's ads into the rows of ad sets."""
        weights = per_ad[self.tree.market_ads]
        return np.bincount(self.tree.set_of_ad, weights=weights, minlength=len(self.tree.ad_sets)).astype(np.int64)

    # Parts of a snapshot.

    def _of_sets(self, window: Ints, bought: Ints) -> dict[str, Ints]:
        return {
            "spend_window": self.by_set(window[0]), "clicks_window": self.by_set(window[1]),
            "impressions_window": self.by_set(window[2]), "purchases_window": self.by_set(bought[_COUNT]),
            "revenue_window": self.by_set(bought[_VALUE]),
        }  # fmt: skip

    def _recent(self, hours: int) -> dict[str, Any]:
        """The last complete hours, and the mean of the same hours of the 7 days before; counts change hourly only."""
        market, now_hour = self.account.market, self.account.calendar.hour_at(self.now.timestamp())
        key = (now_hour, market.next_hour, hours)
        if self._kept_hours is None or self._kept_hours[0] != key:
            recent = self._hours(now_hour - hours, now_hour)
            spans = [(now_hour - hours - 24 * back, now_hour - 24 * back) for back in range(1, _USUAL_DAYS + 1)]
            usual = sum((self._hours(*span) for span in spans), np.zeros_like(recent))
            earned = sum((self._bought(*span)[_VALUE] for span in spans), np.zeros(self._ads, np.int64))
            self._kept_hours = key, (recent, np.concatenate([usual, earned[None]]))
        recent, usual = self._kept_hours[1]
        revenue = self._bought(now_hour - hours, now_hour)[_VALUE]
        known = np.maximum(self._known_days(now_hour - hours), 1)
        return {
            "recent_spend": self.by_set(recent[0]), "recent_clicks": self.by_set(recent[1]),
            "recent_revenue": self.by_set(revenue), "usual_spend": self.by_set(usual[0]) / known,
            "usual_clicks": self.by_set(usual[1]) / known, "usual_revenue": self.by_set(usual[3]) / known,
        }  # fmt: skip

    def _known_days(self, hour: int) -> Ints:
        at_s = self.account.calendar.start_of(hour)
        born = np.fromiter((node.created_s for node in self.tree.ad_sets), np.float64, len(self.tree.ad_sets))
        return np.clip((at_s - born) // 86_400, 0, _USUAL_DAYS).astype(np.int64)

    def _ad_set_frame(self, sums: dict[str, Any]) -> AdSetFrame:
        tree, nodes = self.tree, self.tree.ad_sets
        on = switches(nodes) & np.append(switches(tree.campaigns), values=False)[tree.campaign_of_set]
        carries = np.fromiter((node.daily_budget is not None for node in tree.campaigns), np.bool_, len(tree.campaigns))
        place = np.where(carries, np.cumsum(carries) - 1, -1)
        return AdSetFrame(
            id=tree.ids[ObjectKind.AD_SET], name=tree.names[ObjectKind.AD_SET],
            campaign_id=texts([node.parent.id if node.parent else "" for node in nodes]),
            campaign_index=np.append(place, -1)[tree.campaign_of_set], is_active=on,
            hold=np.array([hold_of(node) for node in nodes], np.int64).reshape(len(nodes)),
            is_learning=np.array([not tree.is_learned(node) for node in nodes], np.bool_).reshape(len(nodes)),
            is_ab_test=np.array([AB_TEST in node.labels for node in nodes], np.bool_).reshape(len(nodes)),
            daily_budget_minor=_budgets(nodes), **sums,
        )  # fmt: skip

    def _campaign_frame(self, sets: AdSetFrame) -> CampaignFrame:
        nodes = tuple(node for node in self.tree.campaigns if node.daily_budget is not None)
        inside = sets.campaign_index >= 0
        rows = sets.campaign_index[inside]
        names = (
            "spend_window", "revenue_window", "purchases_window", "impressions_window", "clicks_window",
            "recent_spend", "recent_clicks", "recent_revenue", "usual_spend", "usual_clicks", "usual_revenue",
        )  # fmt: skip
        sums = {}
        for name in names:
            column = getattr(sets, name)
            sums[name] = np.bincount(rows, weights=column[inside], minlength=len(nodes)).astype(column.dtype)
        learns = np.bincount(rows, weights=(sets.is_active & sets.is_learning)[inside], minlength=len(nodes)) > 0
        return CampaignFrame(
            id=texts([node.id for node in nodes]), name=texts([node.name for node in nodes]),
            hold=np.array([hold_of_campaign(node) for node in nodes], np.int64).reshape(len(nodes)),
            is_active=switches(nodes), is_learning=learns, daily_budget_minor=_budgets(nodes), **sums,
        )  # fmt: skip

    def _ad_frame(self, window: Ints, bought: Ints) -> AdFrame:
        tree, today, here = self.tree, self.today, self.tree.market_ads
        total = self._all_before(today) + self.figures(today)
        last = self.figures(today - 1)
        week = sum((self.figures(today - back) for back in range(2, 9)), np.zeros_like(last))
        now_s = self.now.timestamp()
        return AdFrame(
            id=tree.ids[ObjectKind.AD], name=tree.names[ObjectKind.AD],
            ad_set_id=texts([node.parent.id if node.parent else "" for node in tree.ads]),
            ad_set_index=tree.set_of_ad,
            creative_id=texts([node.creative.id if node.creative else "" for node in tree.ads]),
            is_active=switches(tree.ads),
            is_marked_fatigued=np.array([node.id in self.fatigued for node in tree.ads], np.bool_).reshape(len(here)),
            age_hours=np.array([(now_s - node.created_s) / 3_600 for node in tree.ads]).reshape(len(here)),
            impressions_total=total[2][here], clicks_total=total[1][here], impressions_last=last[2][here],
            clicks_last=last[1][here], impressions_week=week[2][here], clicks_week=week[1][here],
            spend_window=window[0][here], revenue_window=bought[_VALUE][here],
        )  # fmt: skip

    # Sums of the market.

    def _hours(self, first: int, end: int) -> Ints:
        return self.account.market.grid.sums(first, end, ads=self._ads)[list(_FIGURES)]

    def _bought(self, first: int, end: int) -> Ints:
        return self.account.market.purchases.arrived(first, end, cutoff_s=self.market.cutoff_s, ads=self._ads)

    def _all_before(self, day: int) -> Ints:
        known, total = self._before
        start = known or self.account.calendar.day_at(
            self.account.calendar.start_of(self.account.market.grid.first_hour)
        )
        for each in range(start, day):
            total = total + self.figures(each)
        self._before = day, total
        return total

    def _arrived_by(self, day: int, age: int) -> int:
        """Purchases of a day that had arrived by the end of the day so much later."""
        held = self._cells.get((day, age))
        if held is None:
            first, end = self.account.calendar.hours_of_day(day)
            cutoff_s = self.account.calendar.start_of(self.account.calendar.hours_of_day(day + age)[1])
            found = self.account.market.purchases.arrived(first, end, cutoff_s=cutoff_s, ads=self._ads)
            held = self._cells[day, age] = int(found[_COUNT].sum())
        return held


def _budgets(nodes: tuple[Node, ...]) -> Ints:
    found = (-1 if node.daily_budget is None else node.daily_budget for node in nodes)
    return np.fromiter(found, np.int64, len(nodes))


def _gathered(columns: Ints, rows: Ints, size: int) -> Ints:
    """Sum (k, n, d) into (k, size, d)."""
    found = np.zeros((columns.shape[0], size, columns.shape[2]), np.int64)
    inside = rows >= 0
    for plane, column in zip(found, columns, strict=True):
        np.add.at(plane, rows[inside], column[inside])
    return found
