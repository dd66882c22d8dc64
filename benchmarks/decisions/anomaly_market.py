"""Markets with labelled incidents, read hour by hour as an account is, and the detectors that watch them.

Figures are those known an hour after each hour's end; purchases have hardly arrived by then. Every detector opens an
alarm once per ad set, metric and day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from decisions.anomalies import HourFigures, begin, observe, share_arrived
from domain.actions import ObjectKind
from sandbox.market.kernel import Market
from sandbox.market.rhythm import HOUR_S, Calendar
from sandbox.market.truth import Change, ChangeKind, Incident, deal_appeal, deal_audience

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
SETS, ADS, DAYS, WARM_DAYS = 24, 3, 38, 14
WHOLE: Final = SETS  # the column behind the ad sets: the account
METRICS: Final = ("spend", "cpm", "ctr", "purchases")
VOLUMES: Final = (1_000, 5_000, 20_000)  # impressions a day: the classes of ad sets lie between them
KINDS: Final = {"spend x4": 0, "cpm x2": 1, "ctr x0.5": 2, "purchases gone": 3}
FDR: Final = 0.10
_START_S: Final = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())
_AGE_H: Final = 1.5  # of an hour's middle, an hour after its end
_GRACE_H, _AGAIN_H = 2, 24
_LAST_H, _USUAL_H = 3, 168


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """An incident: hours [since, until) of the arrays, the ad sets hit and the metric in which it shows."""

    kind: str
    metric: int
    since: int
    until: int
    hit: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A market as it was told: counts (hours, ad sets), the budgets on record, and what really was wrong."""

    impressions: NDArray[np.int64]
    clicks: NDArray[np.int64]
    spend: NDArray[np.int64]
    purchases: NDArray[np.int64]
    budget: NDArray[np.int64]
    hour_of_week: NDArray[np.int64]
    at: tuple[datetime, ...]
    labels: tuple[Label, ...]


def tell(seed: int, *, quiet: bool) -> Told:
    """Run a market; with `quiet` nothing happens in it."""
    rng = np.random.default_rng(seed)
    calendar = Calendar("Europe/Berlin", around_s=_START_S)
    first = calendar.hour_at(_START_S)
    market = Market(seed=seed, calendar=calendar, first_hour=first)
    budget = np.exp(rng.uniform(np.log(800), np.log(120_000), SETS)).astype(np.int64)
    _people(market, seed, budget, calendar.start_of(first))
    labels = () if quiet else _labels(rng)
    for label in labels:
        _happen(market, label, budget, calendar, first)
    hours = [_hour(market, calendar, first + n) for n in range(DAYS * 24)]
    counts = np.array([row[0] for row in hours])
    return Told(
        impressions=counts[:, 0], clicks=counts[:, 1], spend=counts[:, 2], purchases=counts[:, 3], budget=budget,
        hour_of_week=np.array([row[1] for row in hours]), labels=labels,
        at=tuple(datetime.fromtimestamp(calendar.start_of(first + n), UTC) for n in range(DAYS * 24)),
    )  # fmt: skip


def _people(market: Market, seed: int, budget: NDArray[np.int64], at_s: float) -> None:
    for n in range(SETS):
        if n % 4 == 0:
            campaign = market.caps.add()
        own = market.add_budget(int(budget[n]), object_id=1_000 + n)
        people = deal_audience(seed, 1_000 + n, cpm_minor=1_200)
        ad_set = market.add_ad_set(object_id=1_000 + n, campaign=campaign, audience=people, budget=own)
        for k in range(ADS):
            key = 5_000 + 10 * n + k
            ad = market.add_ad(object_id=key, ad_set=ad_set, appeal=deal_appeal(seed, key, order_value_minor=6_000))
            market.change(Change(at_s=at_s, kind=ChangeKind.LIVE, index=ad, value=1))


def _labels(rng: np.random.Generator) -> tuple[Label, ...]:
    """Six incidents, days apart: two of single ad sets twice over, prices and the tracking of all once each."""
    kinds = ["spend x4", "ctr x0.5", "cpm x2", "spend x4", "ctr x0.5", "purchases gone"]
    lengths = {"spend x4": 12, "ctr x0.5": 24, "cpm x2": 10, "purchases gone": 24}
    found = []
    for place, kind in enumerate(rng.permutation(kinds).tolist()):
        since = (WARM_DAYS + 1 + 4 * place) * 24 + int(rng.integers(6, 14))
        whole = kind in {"cpm x2", "purchases gone"}
        hit = range(SETS) if whole else rng.choice(SETS, 6, replace=False).tolist()
        ones = (WHOLE,) if kind == "purchases gone" else tuple(hit)  # a single ad set has too few to miss any
        found.append(Label(kind=kind, metric=KINDS[kind], since=since, until=since + lengths[kind], hit=ones))
    return tuple(found)


def _happen(market: Market, label: Label, budget: NDArray[np.int64], calendar: Calendar, first: int) -> None:
    since_s, until_s = calendar.start_of(first + label.since), calendar.start_of(first + label.until)
    if label.kind == "spend x4":
        for n in label.hit:
            market.change(Change(at_s=since_s, kind=ChangeKind.BUDGET, index=n, value=int(4 * budget[n])))
        for n in label.hit:
            market.change(Change(at_s=until_s, kind=ChangeKind.BUDGET, index=n, value=int(budget[n])))
        return
    hit = range(SETS) if WHOLE in label.hit else label.hit
    ads = frozenset(ADS * n + k for n in hit for k in range(ADS))
    factors = {"cpm x2": (2.0, 1.0, 1.0), "ctr x0.5": (1.0, 0.5, 1.0), "purchases gone": (1.0, 1.0, 0.0)}[label.kind]
    market.incidents.append(
        Incident(
            start_s=since_s, end_s=until_s, ads=ads, cpm_factor=factors[0], ctr_factor=factors[1],
            cvr_factor=factors[2],
        )
    )  # fmt: skip


def _hour(market: Market, calendar: Calendar, hour: int) -> tuple[NDArray[np.int64], int]:
    end_s = calendar.start_of(hour + 1)
    market.advance_to(end_s + 60)
    owner = market.ad_sets_of_ads()
    sums = market.grid.sums(hour, hour + 1, ads=market.ads)
    bought = market.purchases.arrived(hour, hour + 1, cutoff_s=end_s + HOUR_S, ads=market.ads)[0]
    columns = (sums[0], sums[1], sums[3], bought)
    counts = np.array([np.bincount(owner, weights=column, minlength=SETS) for column in columns]).astype(np.int64)
    counts = np.concatenate([counts, counts.sum(axis=1, keepdims=True)], axis=1)
    cell = calendar.cell(hour)
    return counts, date.fromordinal(cell.day).weekday() * 24 + cell.of_day


def ours(told: Told) -> Bools:
    """Alarms (hours, ad sets and the account, metrics) of `decisions/anomalies.py`, as it runs."""
    found = np.zeros((len(told.at), SETS + 1, len(METRICS)), np.bool_)
    ids = np.array([f"{1_000 + n}" for n in range(SETS + 1)])
    root = np.array([f"{n // 4}" for n in range(SETS + 1)])
    for kind, columns in ((ObjectKind.AD_SET, slice(0, SETS)), (ObjectKind.ACCOUNT, slice(WHOLE, None))):
        watch = begin(kind)
        budget = told.budget if kind is ObjectKind.AD_SET else np.array([-1])
        for n, at in enumerate(told.at):
            shown = told.impressions[n, columns]
            figures = HourFigures(
                kind=kind, object_id=ids[columns], root=root[columns], at=at, hour_of_week=int(told.hour_of_week[n]),
                maturity=share_arrived(_AGE_H), is_live=np.ones(len(shown), np.bool_), daily_budget_minor=budget,
                impressions=shown, clicks=np.minimum(told.clicks[n, columns], shown),
                spend_minor=told.spend[n, columns], purchases=told.purchases[n, columns],
            )  # fmt: skip
            watch, seen = observe(watch, figures, fdr=FDR / 2)
            for row in seen.opened:
                found[n, int(row.object_id) - 1_000, METRICS.index(row.metric)] = True
    return found


def ratios(told: Told) -> Floats:
    """What peers look at, (hours, ad sets, metrics): the ratios of the last three hours, on the log scale."""
    counts = (told.spend, told.impressions, told.clicks, told.purchases)
    spend, shown, clicks, bought = (_lately(column) for column in counts)
    return np.stack(
        [
            np.log(spend + 1.0),
            np.log((spend + 1.0) / (shown + 1.0)),
            np.log((clicks + 0.5) / (shown + 50.0)),
            np.log((bought + 0.5) / (clicks + 10.0)),
        ],
        axis=2,
    )


def _lately(column: NDArray[np.int64]) -> Floats:
    sums = np.cumsum(column, axis=0).astype(np.float64)
    sums[_LAST_H:] -= sums[:-_LAST_H].copy()
    return sums


def windowed_gaussian(values: Floats) -> Floats:
    """How many standard deviations each hour is from the week before it."""
    return _against(values, np.mean, np.std)


def median_mad(values: Floats) -> Floats:
    """The same with medians."""
    return _against(values, np.median, _mad)


def _mad(part: Floats, axis: int) -> Floats:
    found: Floats = 1.4826 * np.median(np.abs(part - np.median(part, axis=axis, keepdims=True)), axis=axis)
    return found


def same_hour(values: Floats) -> Floats:
    """Against the same clock hours of the week before: what knows of the hour of the day."""
    found = np.zeros_like(values)
    for n in range(_USUAL_H, len(values)):
        past = values[n - _USUAL_H : n : 24]
        found[n] = np.abs(values[n] - past.mean(axis=0)) / np.maximum(past.std(axis=0), 0.05)
    return found


def _against(values: Floats, middle: Any, spread: Any) -> Floats:
    found = np.zeros_like(values)
    for n in range(_USUAL_H, len(values)):
        past = values[n - _USUAL_H : n]
        found[n] = np.abs(values[n] - middle(past, axis=0)) / np.maximum(spread(past, axis=0), 0.05)
    return found


def open_alarms(scores: Floats, limit: Floats) -> Bools:
    """Alarms of a peer: its score passes its metric's limit in two hours of three; once a day for each of them."""
    over = scores >= limit
    lasting = over.copy()
    lasting[2:] &= over[1:-1] | over[:-2]
    lasting[: WARM_DAYS * 24] = False
    return once(lasting)


def once(alarms: Bools) -> Bools:
    """Keep the first alarm of each ad set and metric within a day."""
    found = np.zeros_like(alarms)
    free = np.zeros(alarms.shape[1:], np.int64)
    for n in np.flatnonzero(alarms.any(axis=(1, 2))).tolist():
        first = alarms[n] & (free <= n)
        found[n] = first
        free[first] = n + _AGAIN_H
    return found


def quiet_days(alarms: Bools) -> Bools:
    """Days after the first two weeks with any alarm."""
    by_day = alarms[WARM_DAYS * 24 :].reshape(DAYS - WARM_DAYS, -1)
    return np.asarray(by_day.any(axis=1))


def tally(told: Told, alarms: Bools) -> dict[str, Any]:
    """Count hits by kind and volume, true and false alarms, and hours to the first alarm of each incident."""
    alarms = alarms.copy()
    alarms[: WARM_DAYS * 24] = False
    per_day = told.impressions[: WARM_DAYS * 24].sum(axis=0) / WARM_DAYS
    volume = np.digitize(per_day, VOLUMES)
    explained = np.zeros(alarms.shape[:2], np.bool_)
    hits: dict[tuple[str, int], list[bool]] = {}
    delays: dict[str, list[float]] = {}
    for label in told.labels:
        end = min(label.until + _GRACE_H, len(alarms))
        for n in label.hit:
            seen = np.flatnonzero(alarms[label.since : end, n, label.metric])
            hits.setdefault((label.kind, int(volume[n])), []).append(bool(seen.size))
            if seen.size:
                delays.setdefault(label.kind, []).append(float(seen[0]) + 1)
            explained[label.since : end + _AGAIN_H, n] = True  # what it does to other metrics, and its end, is no error
        explained[label.since : end + _AGAIN_H, WHOLE] = True
        if WHOLE in label.hit:
            explained[label.since : end + _AGAIN_H] = True
    true = int((alarms.any(axis=2) & explained).sum())
    return {"hits": hits, "delays": delays, "true": true, "false": int((alarms.any(axis=2) & ~explained).sum())}


def merged(tallies: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Put the tallies of several markets together."""
    hits: dict[tuple[str, int], list[bool]] = {}
    delays: dict[str, list[float]] = {}
    for one in tallies:
        for key, found in one["hits"].items():
            hits.setdefault(key, []).extend(found)
        for kind, found in one["delays"].items():
            delays.setdefault(kind, []).extend(found)
    return {
        "hits": hits, "delays": delays, "true": sum(one["true"] for one in tallies),
        "false": sum(one["false"] for one in tallies),
    }  # fmt: skip
