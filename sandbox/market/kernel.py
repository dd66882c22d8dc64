"""The market of one ad account: steps a fixed hourly grid, vectorised over ads.

Everything carried from hour to hour is exposures per ad and money spent today per budget. A change inside an hour
counts by the part of the hour that it was in force. Given the same changes, the figures are the same however the
advance is cut into calls.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandbox.market.dice import Floats, Ints, Keys, normals, object_key, poisson, uniforms
from sandbox.market.grid import Grid
from sandbox.market.purchases import Purchases
from sandbox.market.rhythm import HOUR_S, Calendar, Hour
from sandbox.market.truth import Appeal, Audience, Change, ChangeKind, Incident

_FATIGUE_EXPONENT: Final = 0.43
_EXPOSURE_DECAY: Final = 0.5 ** (1 / (45 * 24))  # half of the people have forgotten, or are new, after 45 days
_CONCAVITY: Final = 0.35
_MAX_DAILY_FREQUENCY: Final = 3.0
_CATCH_UP: Final = 1.5  # an hour may take at most this multiple of its share when the day has fallen behind
_OTHER_CLICKS: Final = 0.3  # likes, expansions and profile clicks per link click
_DAY_NOISE, _HOUR_NOISE = 0.06, 0.05
_S_CPM_DAY, _S_CPM_HOUR, _S_CTR_DAY = 1, 2, 3
_S_IMPRESSIONS, _S_SPEND, _S_LINK, _S_OTHER, _S_PURCHASES = 11, 12, 13, 14, 15


class Column:
    """A growing float64, int64, uint64 or bool vector."""

    def __init__(self, dtype: type[np.generic]) -> None:
        self._data: NDArray[np.generic] = np.zeros(64, dtype=dtype)
        self.size = 0

    def append(self, value: float) -> int:
        """Append and return the index."""
        if self.size == len(self._data):
            self._data = np.concatenate([self._data, np.zeros_like(self._data)])
        self._data[self.size] = value
        self.size += 1
        return self.size - 1

    @property
    def view(self) -> NDArray[np.generic]:
        """The vector, writable, without the spare room."""
        return self._data[: self.size]


class Market:
    """Ads, their audiences and budgets, and what the hours made of them. All money is integer minor units."""

    def __init__(self, *, seed: int, calendar: Calendar, first_hour: int) -> None:
        self.calendar = calendar
        self.grid = Grid(first_hour=first_hour)
        self.purchases = Purchases()
        self.next_hour = first_hour  # the first hour not computed yet
        self.incidents: list[Incident] = []
        self._seed = seed
        self._changes: list[Change] = []
        self._ad = {
            name: Column(dtype)
            for name, dtype in (
                ("key", np.uint64), ("ad_set", np.int64), ("ctr", np.float64), ("cvr", np.float64),
                ("value", np.float64), ("fatigue", np.float64), ("live", np.bool_), ("exposures", np.float64),
            )
        }  # fmt: skip
        self._ad_set = {
            name: Column(dtype)
            for name, dtype in (
                ("key", np.uint64), ("budget", np.int64), ("size", np.float64), ("cpm", np.float64),
                ("saturation", np.float64), ("ctr_factor", np.float64), ("cvr_factor", np.float64), ("even", np.bool_),
            )
        }  # fmt: skip
        self._budget = {"minor": Column(np.int64), "spent": Column(np.int64)}

    @property
    def ads(self) -> int:
        """How many ads the market knows."""
        return self._ad["key"].size

    @property
    def ad_sets(self) -> int:
        """How many ad sets the market knows."""
        return self._ad_set["key"].size

    def add_budget(self, minor: int) -> int:
        """Add a daily budget (of an ad set, or of a campaign for all its ad sets) and return its index."""
        self._budget["spent"].append(0)
        return self._budget["minor"].append(minor)

    def add_ad_set(self, *, object_id: int, audience: Audience, budget: int) -> int:
        """Add an ad set that draws on a budget and return its index."""
        columns = self._ad_set
        columns["budget"].append(budget)
        columns["size"].append(audience.size)
        columns["cpm"].append(audience.cpm_minor)
        columns["saturation"].append(audience.saturation_daily_minor)
        columns["ctr_factor"].append(audience.ctr_factor)
        columns["cvr_factor"].append(audience.cvr_factor)
        columns["even"].append(audience.even)
        return columns["key"].append(object_key(self._seed, object_id))

    def add_ad(self, *, object_id: int, ad_set: int, appeal: Appeal, exposures: float = 0.0) -> int:
        """Add an ad, not yet live, and return its index."""
        columns = self._ad
        columns["ad_set"].append(ad_set)
        columns["ctr"].append(appeal.ctr)
        columns["cvr"].append(appeal.cvr)
        columns["value"].append(appeal.order_value_minor)
        columns["fatigue"].append(appeal.fatigue)
        columns["live"].append(False)
        columns["exposures"].append(exposures)
        return columns["key"].append(object_key(self._seed, object_id))

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
        self.grid.write(hour, ads, values)
        np.add.at(self._floats("exposures"), ads, values[0].astype(np.float64))
        bought = np.nonzero(counts + order_values)[0]
        self.purchases.append(
            ads=ads[bought],
            hour=hour,
            arrives=np.full(len(bought), arrived_at_s, dtype=np.int64),
            counts=counts[bought],
            values=order_values[bought],
        )
        self.next_hour = max(self.next_hour, hour + 1)

    def arrived_since(self, since_s: Ints, *, cutoff_s: float) -> Ints:
        """Return per ad the purchases that have arrived from clicks since the ad's own instant."""
        first = self.grid.first_hour
        start = self.calendar.start_of(first)
        return self.purchases.since(since_s, hours_start_s=start, first_hour=first, cutoff_s=cutoff_s)

    def ad_sets_of_ads(self) -> Ints:
        """Return the ad set's index of every ad."""
        return self._ints("ad_set")

    def audience_sizes(self) -> Floats:
        """Return the people behind every ad set."""
        return self._set_floats("size")

    def truth(self, ad: int) -> dict[str, float]:
        """Return the hidden truth about an ad, for tests and for judging decisions."""
        ad_set = int(self._ints("ad_set")[ad])
        names = ("ctr_factor", "cvr_factor", "size", "cpm", "saturation")
        of_set = {name: float(self._set_floats(name)[ad_set]) for name in names}
        tired = float(self._tiredness()[ad])
        base = {name: float(self._floats(name)[ad]) for name in ("ctr", "cvr", "value", "fatigue", "exposures")}
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
        }

    # One hour.

    def _step(self, hour: Hour) -> None:
        if hour.is_first:
            self._budget_ints("spent")[:] = 0
        self._floats("exposures")[:] *= _EXPOSURE_DECAY
        target, allowed = self._plan(hour)
        ads = np.nonzero(target > 0)[0]
        if len(ads):
            self._deliver(hour, ads, target[ads], allowed)

    def _plan(self, hour: Hour) -> tuple[Floats, Ints]:
        """Return the money to place per ad, and the most each budget may have spent today after this hour."""
        target = np.zeros(self.ads)
        allowed = self._budget_ints("minor").copy()
        tired = self._tiredness()
        at_s, end_s = float(hour.start_s), hour.start_s + HOUR_S
        while at_s < end_s:
            self._apply_changes(upto_s=at_s)
            tired = tired if len(tired) == self.ads else self._tiredness()
            next_s = min(float(end_s), self._changes[0].at_s) if self._changes else float(end_s)
            target += self._place(hour, tired) * ((next_s - at_s) / HOUR_S)
            allowed = np.maximum(allowed, self._budget_ints("minor"))
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
                    self._ad["live"].view[change.index] = bool(change.value)
                case ChangeKind.BUDGET:
                    self._budget_ints("minor")[change.index] = change.value
                case ChangeKind.APPEAL if change.appeal is not None:
                    self._swap(change.index, change.appeal)
        del self._changes[:done]

    def _swap(self, ad: int, appeal: Appeal) -> None:
        self._floats("ctr")[ad], self._floats("cvr")[ad] = appeal.ctr, appeal.cvr
        self._floats("value")[ad], self._floats("fatigue")[ad] = appeal.order_value_minor, appeal.fatigue
        self._floats("exposures")[ad] = 0.0

    def _place(self, hour: Hour, tired: Floats) -> Floats:
        ad_set = self._ints("ad_set")
        live = self._ad["live"].view
        pull = np.where(self._ad_set["even"].view[ad_set], 1.0, self._floats("ctr") * tired)
        pull = np.where(live, pull, 0.0)
        budget_of_ad = self._set_ints("budget")[ad_set]
        total = np.bincount(budget_of_ad, weights=pull, minlength=self._budget["minor"].size)
        minor = self._budget_ints("minor").astype(np.float64)
        left = np.maximum(minor - self._budget_ints("spent"), 0.0)
        money = np.minimum(left * (hour.share / hour.rest), minor * (_CATCH_UP * hour.share))
        per_pull = np.divide(money, total, out=np.zeros_like(money), where=total > 0)
        return pull * per_pull[budget_of_ad]

    def _tiredness(self) -> Floats:
        size = self._set_floats("size")[self._ints("ad_set")]
        exponent = -_FATIGUE_EXPONENT * self._floats("fatigue")
        tired: Floats = np.exp(exponent * np.log1p(self._floats("exposures") / size))
        return tired

    def _deliver(self, hour: Hour, ads: Ints, target: Floats, allowed: Ints) -> None:
        ad_set, keys = self._ints("ad_set")[ads], self._keys()[ads]
        cpm_f, ctr_f, cvr_f = self._incident_factors(hour, ads)
        cpm = self._prices(hour, target, ad_set) * cpm_f
        impressions = poisson(
            self._within_audience(hour, target / cpm * 1_000, ad_set), keys, hour.index, _S_IMPRESSIONS
        )
        cost = impressions * cpm / 1_000 * (1 + _HOUR_NOISE * normals(keys, hour.index, _S_CPM_HOUR))
        spend = np.floor(np.maximum(cost, 0) + uniforms(keys, hour.index, _S_SPEND)).astype(np.int64)
        spend = self._within_budget(spend * (impressions > 0), self._set_ints("budget")[ad_set], allowed)
        ctr = (
            self._floats("ctr")[ads]
            * self._set_floats("ctr_factor")[ad_set]
            * self._tiredness()[ads]
            * hour.ctr
            * ctr_f
        )
        ctr = ctr * (1 + _DAY_NOISE * normals(keys, hour.day, _S_CTR_DAY))
        link = np.minimum(poisson(impressions * ctr, keys, hour.index, _S_LINK), impressions)
        clicks = np.minimum(link + poisson(link * _OTHER_CLICKS, keys, hour.index, _S_OTHER), impressions)
        self.grid.write(hour.index, ads, np.stack([impressions, clicks, link, spend]))
        self._floats("exposures")[ads] += impressions
        cvr = self._floats("cvr")[ads] * self._set_floats("cvr_factor")[ad_set] * hour.cvr * cvr_f
        bought = np.minimum(poisson(link * cvr, keys, hour.index, _S_PURCHASES), link)
        buyers = np.nonzero(bought)[0]
        self.purchases.draw(
            hour=hour.index,
            start_s=hour.start_s,
            ads=ads[buyers],
            keys=keys[buyers],
            counts=bought[buyers],
            order_values=self._floats("value")[ads[buyers]],
        )

    def _prices(self, hour: Hour, target: Floats, ad_set: Ints) -> Floats:
        """Return the price of a thousand impressions per ad: dearer with spend, by the hour, the day and chance."""
        pace = np.bincount(ad_set, weights=target, minlength=self.ad_sets) / hour.share
        pressure = np.exp(_CONCAVITY * np.log1p(pace / self._set_floats("saturation")))
        chance = 1 + _DAY_NOISE * normals(self._set_keys(), hour.day, _S_CPM_DAY)
        prices: Floats = (self._set_floats("cpm") * pressure * chance * hour.cpm)[ad_set]
        return prices

    def _within_audience(self, hour: Hour, wanted: Floats, ad_set: Ints) -> Floats:
        total = np.bincount(ad_set, weights=wanted, minlength=self.ad_sets)
        room = self._set_floats("size") * _MAX_DAILY_FREQUENCY * hour.share
        scale = np.minimum(1.0, np.divide(room, total, out=np.ones_like(total), where=total > 0))
        kept: Floats = wanted * scale[ad_set]
        return kept

    def _within_budget(self, spend: Ints, budget: Ints, allowed: Ints) -> Ints:
        """Trim the hour's spend so that no budget is passed, and book it."""
        spent = self._budget_ints("spent")
        total = np.bincount(budget, weights=spend, minlength=len(spent)).astype(np.int64)
        left = np.maximum(allowed - spent, 0)
        over = total > left
        if over.any():
            cut = spend * left[budget] // np.maximum(total[budget], 1)
            spend = np.where(over[budget], cut, spend)
            total = np.bincount(budget, weights=spend, minlength=len(spent)).astype(np.int64)
        spent += total
        return spend

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

    # Typed views of the columns.

    def _floats(self, name: str) -> Floats:
        return self._ad[name].view  # type: ignore[return-value]  # the column was made with this dtype

    def _ints(self, name: str) -> Ints:
        return self._ad[name].view  # type: ignore[return-value]  # as above

    def _keys(self) -> Keys:
        return self._ad["key"].view  # type: ignore[return-value]  # as above

    def _set_floats(self, name: str) -> Floats:
        return self._ad_set[name].view  # type: ignore[return-value]  # as above

    def _set_ints(self, name: str) -> Ints:
        return self._ad_set[name].view  # type: ignore[return-value]  # as above

    def _set_keys(self) -> Keys:
        return self._ad_set["key"].view  # type: ignore[return-value]  # as above

    def _budget_ints(self, name: str) -> Ints:
        return self._budget[name].view  # type: ignore[return-value]  # as above
