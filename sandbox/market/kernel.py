"""The market of one ad account: steps a fixed hourly grid, vectorised over ads.

Carried from hour to hour: exposures per ad, what budgets have spent (`pacing.py`), learning (`learning.py`). A change
inside an hour counts by the part of the hour that it was in force. Given the same changes, the figures are the same
however the advance is cut into calls. `local.py` is the entry for use without a server.
"""

from typing import Final

import numpy as np

from sandbox.market.caps import Caps
from sandbox.market.columns import Table
from sandbox.market.dice import Floats, Ints, Keys, normals, object_key, poisson, uniforms
from sandbox.market.grid import SPEND, Grid
from sandbox.market.learning import Learning
from sandbox.market.pacing import Budgets
from sandbox.market.purchases import Purchases
from sandbox.market.response import CONCAVITY, FATIGUE_EXPONENT, MAX_DAILY_FREQUENCY
from sandbox.market.rhythm import HOUR_S, Calendar, Hour
from sandbox.market.rules import Rules
from sandbox.market.truth import Appeal, Audience, Change, ChangeKind, Incident

_EXPOSURE_DECAY: Final = 0.5 ** (1 / (45 * 24))  # half of the people have forgotten, or are new, after 45 days
_OTHER_CLICKS: Final = 0.3  # likes, expansions and profile clicks per link click
_DAY_NOISE, _HOUR_NOISE = 0.06, 0.05
_S_CPM_DAY, _S_CPM_HOUR, _S_CTR_DAY = 1, 2, 3
_S_IMPRESSIONS, _S_SPEND, _S_LINK, _S_OTHER, _S_PURCHASES = 11, 12, 13, 14, 15


class Market:
    """Ads, their audiences and budgets, and what the hours made of them. All money is integer minor units."""

    def __init__(self, *, seed: int, calendar: Calendar, first_hour: int, rules: Rules | None = None) -> None:
        self.calendar = calendar
        self.rules = rules or Rules()
        self.grid = Grid(first_hour=first_hour)
        self.purchases = Purchases(order_spread=self.rules.order_spread)
        self.learning = Learning(self.rules)
        self.budgets = Budgets(self.rules)
        self.next_hour = first_hour  # the first hour not computed yet
        self.caps = Caps()
        self.incidents: list[Incident] = []
        self._seed = seed
        self._changes: list[Change] = []
        self._audiences: dict[str, int] = {}
        real = np.float64
        self._ad = Table(
            key=np.uint64, ad_set=np.int64, ctr=real, cvr=real, value=real, fatigue=real, live=np.bool_, exposures=real
        )
        self._ad_set = Table(
            key=np.uint64, campaign=np.int64, budget=np.int64, people=np.int64, size=real, cpm=real, saturation=real,
            ctr_factor=real, cvr_factor=real, even=np.bool_,
        )  # fmt: skip

    @property
    def ads(self) -> int:
        """How many ads the market knows."""
        return len(self._ad)

    @property
    def ad_sets(self) -> int:
        """How many ad sets the market knows."""
        return len(self._ad_set)

    @property
    def spent_minor(self) -> int:
        """What all ads have spent in every hour so far."""
        return self.caps.spent_minor

    def add_budget(self, minor: int, *, object_id: int) -> int:
        """Add a daily budget (of an ad set, or of a campaign for all its ad sets) and return its index."""
        return self.budgets.add(minor, key=object_key(self._seed, object_id))

    def add_ad_set(
        self, *, object_id: int, campaign: int, audience: Audience, budget: int, since_s: float = 0.0,
        like: int | None = None,
    ) -> int:  # fmt: skip
        """Add an ad set that draws on a budget and learns from an instant on; return its index.

        `campaign` is its campaign's index in `caps`. With `like` it bids for the very people of that ad set.
        """
        index = self.learning.add(since_s)
        people = index if audience.name is None else self._audiences.setdefault(audience.name, index)
        people = people if like is None else int(self._ad_set.ints("people")[like])
        return self._ad_set.append(
            key=object_key(self._seed, object_id), campaign=campaign, budget=budget, people=people, size=audience.size,
            cpm=audience.cpm_minor, saturation=audience.saturation_daily_minor, ctr_factor=audience.ctr_factor,
            cvr_factor=audience.cvr_factor, even=audience.even,
        )  # fmt: skip

    def add_ad(self, *, object_id: int, ad_set: int, appeal: Appeal, exposures: float = 0.0) -> int:
        """Add an ad, not yet live, and return its index."""
        return self._ad.append(
            key=object_key(self._seed, object_id), ad_set=ad_set, ctr=appeal.ctr, cvr=appeal.cvr,
            value=appeal.order_value_minor, fatigue=appeal.fatigue, live=False, exposures=exposures,
        )  # fmt: skip

    def change(self, change: Change) -> None:
        """Note a change; instants must not go back, nor before an hour already computed."""
        self._changes.append(change)

    def advance_to(self, cutoff_s: float) -> None:
        """Compute every hour that is complete at the cutoff."""
        last = self.calendar.hour_at(cutoff_s)
        while self.next_hour < last:
            self._step(self.calendar.cell(self.next_hour))
            self.next_hour += 1

    def fill(self, *, hour: int, ads: Ints, values: Ints, counts: Ints, order_values: Ints, arrived_at_s: int) -> None:
        """Write a past hour as it was reported instead of computing it; hours must not go back."""
        self._apply_changes(upto_s=self.calendar.start_of(hour))
        self.grid.write(hour, ads, values)
        self.caps.book(values[SPEND], self._campaigns()[ads])
        np.add.at(self._ad.floats("exposures"), ads, values[0].astype(np.float64))
        self.learning.recall(self.calendar.start_of(hour), self._ad.ints("ad_set")[ads], counts)
        bought = np.nonzero(counts + order_values)[0]
        self.purchases.append(
            ads=ads[bought],
            hour=hour,
            arrives=np.full(len(bought), arrived_at_s, dtype=np.int64),
            counts=counts[bought],
            values=order_values[bought],
        )
        self.next_hour = max(self.next_hour, hour + 1)

    def keys_of_ads(self) -> Keys:
        """Return the random key of every ad."""
        return self._ad.keys()

    def ad_sets_of_ads(self) -> Ints:
        """Return the ad set's index of every ad."""
        return self._ad.ints("ad_set")

    def audience_sizes(self) -> Floats:
        """Return the people behind every ad set."""
        return self._ad_set.floats("size")

    def audience(self, ad_set: int) -> Audience:
        """Return the people behind an ad set and their price."""
        real = {name: float(self._ad_set.floats(name)[ad_set]) for name in ("cpm", "saturation", "size")}
        return Audience(
            size=int(real["size"]), cpm_minor=real["cpm"], saturation_daily_minor=real["saturation"],
            ctr_factor=float(self._ad_set.floats("ctr_factor")[ad_set]),
            cvr_factor=float(self._ad_set.floats("cvr_factor")[ad_set]), even=bool(self._ad_set.flags("even")[ad_set]),
        )  # fmt: skip

    def truth(self, ad: int) -> dict[str, float]:
        """Return the hidden truth about an ad, for tests and for judging decisions."""
        ad_set = int(self._ad.ints("ad_set")[ad])
        names = ("ctr_factor", "cvr_factor", "size", "cpm", "saturation")
        of_set = {name: float(self._ad_set.floats(name)[ad_set]) for name in names}
        tired = float(self._tiredness()[ad])
        base = {name: float(self._ad.floats(name)[ad]) for name in ("ctr", "cvr", "value", "fatigue", "exposures")}
        return {
            "ctr": base["ctr"] * of_set["ctr_factor"],
            "ctr_now": base["ctr"] * of_set["ctr_factor"] * tired,
            "cvr": base["cvr"] * of_set["cvr_factor"],
            "order_value_minor": base["value"],
            "fatigue": base["fatigue"],
            "exposures_per_person": base["exposures"] / of_set["size"],
            "audience_size": of_set["size"],
            "cpm_minor": of_set["cpm"],
            "saturation_daily_minor": of_set["saturation"],
            "learning_efficiency": float(self.learning.efficiency()[ad_set]),
        }

    # One hour.

    def _step(self, hour: Hour) -> None:
        if hour.is_first:
            self.budgets.begin_day(hour.day)
        self.learning.begin_hour(hour)
        self._ad.floats("exposures")[:] *= _EXPOSURE_DECAY
        target, allowed = self._plan(hour)
        ads = np.nonzero(target > 0)[0]
        if len(ads):
            self._deliver(hour, ads, target[ads], allowed)

    def _plan(self, hour: Hour) -> tuple[Floats, Ints]:
        """Return the money to place per ad, and the most each budget may have spent today after this hour."""
        target = np.zeros(self.ads)
        allowed = self.budgets.ceiling(hour)
        tired = self._tiredness()
        at_s, end_s = float(hour.start_s), hour.start_s + HOUR_S
        while at_s < end_s:
            self._apply_changes(upto_s=at_s)
            tired = tired if len(tired) == self.ads else self._tiredness()
            next_s = min(float(end_s), self._changes[0].at_s) if self._changes else float(end_s)
            target += self._place(hour, tired) * ((next_s - at_s) / HOUR_S)
            allowed = np.maximum(allowed, self.budgets.ceiling(hour))
            at_s = next_s
        return target, allowed

    def _apply_changes(self, *, upto_s: float) -> None:
        done = 0
        for change in self._changes:
            if change.at_s > upto_s:
                break
            done += 1
            match change.kind:
                case ChangeKind.LIVE:
                    self._ad.flags("live")[change.index] = bool(change.value)
                case ChangeKind.BUDGET:
                    self.budgets.set(change.index, change.value)
                case ChangeKind.EDIT:
                    self.learning.restart(change.index, change.at_s)
                case ChangeKind.APPEAL if change.appeal is not None:
                    self._swap(change.index, change.appeal)
                case ChangeKind.LIMIT:
                    self.caps.set(change.index, change.value, at_s=change.at_s)
                case ChangeKind.FUND:
                    self._ad_set.ints("budget")[change.index] = change.value
        del self._changes[:done]

    def _swap(self, ad: int, appeal: Appeal) -> None:
        self._ad.floats("ctr")[ad], self._ad.floats("cvr")[ad] = appeal.ctr, appeal.cvr
        self._ad.floats("value")[ad], self._ad.floats("fatigue")[ad] = appeal.order_value_minor, appeal.fatigue
        self._ad.floats("exposures")[ad] = 0.0

    def _place(self, hour: Hour, tired: Floats) -> Floats:
        ad_set = self._ad.ints("ad_set")
        live = self._ad.flags("live") & self.caps.may_spend(self._campaigns())
        pull = np.where(self._ad_set.flags("even")[ad_set], 1.0, self._ad.floats("ctr") * tired)
        pull = np.where(live, pull, 0.0)
        budget_of_ad = self._ad_set.ints("budget")[ad_set]
        total = np.bincount(budget_of_ad, weights=pull, minlength=len(self.budgets))
        money = self.budgets.money(hour)
        per_pull = np.divide(money, total, out=np.zeros_like(money), where=total > 0)
        return pull * per_pull[budget_of_ad]

    def _tiredness(self) -> Floats:
        size = self._ad_set.floats("size")[self._ad.ints("ad_set")]
        exponent = -FATIGUE_EXPONENT * self._ad.floats("fatigue")
        tired: Floats = np.exp(exponent * np.log1p(self._ad.floats("exposures") / size))
        return tired

    def _deliver(self, hour: Hour, ads: Ints, target: Floats, allowed: Ints) -> None:
        ad_set, keys = self._ad.ints("ad_set")[ads], self._ad.keys()[ads]
        cpm_f, ctr_f, cvr_f = self._incident_factors(hour, ads)
        cpm = self._prices(hour, target, ad_set) * cpm_f
        impressions = poisson(
            self._within_audience(hour, target / cpm * 1_000, ad_set), keys, hour.index, _S_IMPRESSIONS
        )
        cost = impressions * cpm / 1_000 * (1 + _HOUR_NOISE * normals(keys, hour.index, _S_CPM_HOUR))
        spend = np.floor(np.maximum(cost, 0) + uniforms(keys, hour.index, _S_SPEND)).astype(np.int64)
        campaign = self._campaigns()[ads]
        spend = self.caps.within(spend * (impressions > 0), campaign, start_s=hour.start_s)
        spend = self.budgets.book(spend, self._ad_set.ints("budget")[ad_set], allowed)
        self.caps.book(spend, campaign)
        ctr = (
            self._ad.floats("ctr")[ads]
            * self._ad_set.floats("ctr_factor")[ad_set]
            * self._tiredness()[ads]
            * hour.ctr
            * ctr_f
        )
        ctr = ctr * (1 + _DAY_NOISE * normals(keys, hour.day, _S_CTR_DAY))
        link = np.minimum(poisson(impressions * ctr, keys, hour.index, _S_LINK), impressions)
        clicks = np.minimum(link + poisson(link * _OTHER_CLICKS, keys, hour.index, _S_OTHER), impressions)
        self.grid.write(hour.index, ads, np.stack([impressions, clicks, link, spend]))
        self._ad.floats("exposures")[ads] += impressions
        skill = self._ad_set.floats("cvr_factor") * self.learning.efficiency()
        cvr = self._ad.floats("cvr")[ads] * skill[ad_set] * hour.cvr * cvr_f
        bought = np.minimum(poisson(link * cvr, keys, hour.index, _S_PURCHASES), link)
        buyers = np.nonzero(bought)[0]
        clicked_s, arrives_s = self.purchases.draw(
            hour=hour.index,
            start_s=hour.start_s,
            ads=ads[buyers],
            keys=keys[buyers],
            counts=bought[buyers],
            order_values=self._ad.floats("value")[ads[buyers]],
        )
        sets = np.repeat(ad_set[buyers], bought[buyers])
        self.learning.expect(hour, sets, clicked_s=clicked_s, arrives_s=arrives_s)

    def _prices(self, hour: Hour, target: Floats, ad_set: Ints) -> Floats:
        """Return the price of a thousand impressions per ad: dearer with spend, by the hour, the day and chance.

        Ad sets that share an audience bid for the same people: each pays for the pace of all of them.
        """
        people = self._ad_set.ints("people")
        pace = np.bincount(people[ad_set], weights=target, minlength=self.ad_sets)[people] / hour.share
        pressure = np.exp(CONCAVITY * np.log1p(pace / self._ad_set.floats("saturation")))
        chance = 1 + _DAY_NOISE * normals(self._ad_set.keys(), hour.day, _S_CPM_DAY)
        prices: Floats = (self._ad_set.floats("cpm") * pressure * chance * hour.cpm)[ad_set]
        return prices

    def _within_audience(self, hour: Hour, wanted: Floats, ad_set: Ints) -> Floats:
        total = np.bincount(ad_set, weights=wanted, minlength=self.ad_sets)
        room = self._ad_set.floats("size") * MAX_DAILY_FREQUENCY * hour.share
        scale = np.minimum(1.0, np.divide(room, total, out=np.ones_like(total), where=total > 0))
        kept: Floats = wanted * scale[ad_set]
        return kept

    def _campaigns(self) -> Ints:
        """Return the campaign's index of every ad."""
        return self._ad_set.ints("campaign")[self._ad.ints("ad_set")]

    def _incident_factors(self, hour: Hour, ads: Ints) -> tuple[Floats, Floats, Floats]:
        factors = np.ones((3, len(ads)))
        for incident in self.incidents:
            if not (incident.start_s < hour.start_s + HOUR_S and hour.start_s < incident.end_s):
                continue
            hit = np.isin(ads, list(incident.ads)) if incident.ads else np.ones(len(ads), dtype=np.bool_)
            values = (incident.cpm_factor, incident.ctr_factor, incident.cvr_factor)
            for row, value in zip(factors, values, strict=True):
                row[hit] *= value
        return factors[0], factors[1], factors[2]
