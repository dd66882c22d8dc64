"""What is unusual in an hour: spend, price, click rate and purchases of many objects against what each is used to.

One account, one kind of object, one hour: figures in, a new state and what opened, closed and goes on out. Counts and
not ratios are judged; across objects the false-discovery rate holds; what stays is learnt. Whose fault it is says
`decisions/causes.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from decisions import causes
from decisions.anomaly_told import Teller, usual_of
from decisions.anomaly_values import NAMES, Metric, Told, Usual
from decisions.anomaly_watch import (
    NATURE,
    WINDOWS,
    HourFigures,
    Small,
    Spread,
    Watch,
    align,
    begin,
    check,
    follow_gone,
    follow_share,
    share_arrived,
    spread,
    week_of,
)
from domain.actions import ObjectKind
from domain.snapshot import Bools, Floats
from estimators import discovery, expectation, level_shifts, tails
from estimators.expectation import Forecast, Singles

__all__ = ["HourFigures", "Metric", "Seen", "Told", "Usual", "Watch", "begin", "observe", "share_arrived"]

# How many times the usual an anomaly is at least, up and down. 1.75: a platform may spend so much more on a day than
# its budget says (domain.md BU1), and less than that is no news.
LEAST_UP: Final = np.array([1.75, 1.5, 1.35, 1.6])
LEAST_DOWN: Final = np.array([0.5, 1 / 1.75, 1 / 1.35, 0.5])
STEADY_Z: Final = 1.28  # hours that count as going the same way
STEADY_HOURS: Final = 2  # of the last three
EXTREME_P: Final = 1e-9  # one hour is enough
CLICKS_AT_ONCE: Final = 1.4  # who clicks often clicks again: on the picture, on the profile
SUSPECT_P: Final = 1e-2  # hours as unlikely as this are learnt from slowly: what begins small is not to become usual
SUSPECT_TRUST: Final = 0.25
GONE: Final = 6.0  # e^-6: chance of such a run of missing purchases, about 1 in 400
CALM_HOURS: Final = 3  # hours back to normal that close an anomaly
CALM_Z: Final = 2.0
LEAST_EVENTS: Final = 6.0  # in the window: fewer are no rise
LEAST_EXPECTED: Final = 0.05  # events an hour: less is not tested
WARM_HOURS: Final = 48  # before that nothing is told: what is usual is not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What an hour came to: opened, still open, and closed as (object id, metric)."""

    opened: tuple[Told, ...] = ()
    open: tuple[Told, ...] = ()
    closed: tuple[tuple[str, str], ...] = ()
    shared: causes.Shared = field(default_factory=causes.Shared)
    expected: Usual = field(default_factory=Usual)


def observe(
    watch: Watch, figures: HourFigures, *, fdr: float, changed: Mapping[str, str] | None = None,
    held: frozenset[Metric] = frozenset(), beneath: causes.Shared | None = None, is_lasting: bool = False,
) -> tuple[Watch, Seen]:  # fmt: skip
    """Judge an hour and learn from it. `changed` says by object id what was changed there of late, in words.

    `beneath` is what the parts of these objects went through together: a sum alone cannot tell.
    Of the metrics `held` nothing is learnt: an incident is no news of what is usual. Where `is_lasting`, purchases have
    been missing for so long that their level is learnt anew: what stays away is no outage any more.

    Raises:
        BadInputError: counts are negative, there are more clicks than impressions, or hours go back.
    """
    check(watch, figures)
    watch = align(watch, figures.object_id)
    week, elapsed = week_of(watch, figures.hour_of_week)
    hour = _judge(watch, figures, spread(figures, watch, week, elapsed), fdr=fdr)
    shared = _shared(watch, hour) if beneath is None else causes.with_parts(_shared(watch, hour), beneath)
    is_calm = hour.used & (np.abs(hour.surprise.z) < CALM_Z) & (hour.fresh == 0)
    is_calm[Metric.PURCHASES] &= hour.gone < GONE / 3
    state, opened, closed = _turn(watch, hour.fresh, hour.used, is_calm, int(figures.at.timestamp()) // 60)
    # A sum learns unless an outage was told; of its parts, each too sparse to tell of one, nothing is learnt on a fear.
    is_told = watch.kind is not ObjectKind.ACCOUNT or (state.open[Metric.PURCHASES] < 0).any()
    if shared.is_tracking and not is_lasting and is_told:
        held |= {Metric.PURCHASES}
    new, closed = _learn(state, closed, hour, figures, held=held, is_lasting=is_lasting)
    new = replace(
        new,
        budget=np.where(hour.spread.budget > 0, hour.spread.budget, watch.budget),
        week_spent=week + hour.spread.spend,
        idle=np.where(hour.spread.here, 0, watch.idle + 1),
        hours=watch.hours + 1,
        at=figures.at,
    )
    teller = Teller(watch=new, told=hour.told, counts=hour.counts, q=hour.q, shared=shared, changed=changed or {},
                     figures=figures, sums=hour.sums, spread=hour.spread, calm=is_calm | ~hour.used)  # fmt: skip
    return new, Seen(
        opened=teller.tell(opened & (new.open != 0)),
        open=teller.tell((new.open != 0) & ~opened),
        closed=tuple(
            (str(new.object_id[column]), NAMES[row]) for row, column in np.argwhere(closed & (state.open != 0)).tolist()
        ),
        shared=shared,
        expected=usual_of(hour.told, hour.spread),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hour:
    """An hour beside what was expected of it: arrays by metric and object, but for `gone`, which is of purchases."""

    spread: Spread
    told: Forecast
    counts: Singles
    used: Bools  # something was expected
    tested: Bools
    sums: tails.Sums
    surprise: tails.Surprise
    gone: Floats
    recent: Singles  # (3, metrics, objects) of the last hours, newest first
    q: Floats
    fresh: Small  # 1 where it is unusual by more, -1 by less, 0 not
    log_share: float
    is_alike: bool  # purchases arrive as late as they used to


def _judge(watch: Watch, figures: HourFigures, figured: Spread, *, fdr: float) -> _Hour:
    told, counts = _forecast(watch, figured, figures)
    used = told.mean > 0
    sums = tails.add(watch.sums, told, counts, used)
    events = told.mean / told.grain
    tested = used & watch.expectation.known & (events >= LEAST_EXPECTED) & (watch.hours >= WARM_HOURS)
    log_share, is_alike = follow_share(watch.log_share, figures.maturity)
    tested[Metric.PURCHASES] &= is_alike
    gone = follow_gone(watch.gone, np.where(tested, told.mean, 0)[Metric.PURCHASES], counts[Metric.PURCHASES])
    surprise = _with_gone(tails.surprise(sums, told, tested), gone, tested)
    recent = np.concatenate([np.where(used, surprise.z, 0)[None], watch.recent[:2]]).astype(np.float32)
    q, fresh = _alarms(surprise, recent, tested, figured, told, fdr=fdr)
    return _Hour(
        spread=figured, told=told, counts=counts, used=used, tested=tested, sums=sums, surprise=surprise, gone=gone,
        recent=recent, q=q, fresh=fresh, log_share=log_share, is_alike=is_alike,
    )  # fmt: skip


def _shared(watch: Watch, hour: _Hour) -> causes.Shared:
    """What many objects went through together."""
    sums, figured = hour.sums, hour.spread
    return causes.shared(
        figured.root, figured.live, weight=figured.spend + hour.told.mean[Metric.SPEND], p=hour.surprise.p,
        ratio=_ratios(hour.surprise),
        seen=sums.seen[1], mean=sums.mean[1],
        is_gone=watch.kind is ObjectKind.ACCOUNT and bool((hour.gone >= GONE).any()),
        longest=(sums.seen[2], sums.mean[2]),
    )  # fmt: skip


def _learn(
    state: Watch, closed: Bools, hour: _Hour, figures: HourFigures, *, held: frozenset[Metric], is_lasting: bool
) -> tuple[Watch, Bools]:
    """Learn what is usual from the hour, close what stays as it is now, and forget the sums of both."""
    shifts, moved = level_shifts.lean(state.shifts, hour.surprise.z, hour.used & state.expectation.known)
    learns = hour.used.copy()
    learns[sorted(held)] = False
    moved &= learns
    closed |= moved & (state.open != 0)
    unsure = moved.copy()
    unsure[Metric.PURCHASES] |= not hour.is_alike or is_lasting
    trust = np.where(hour.tested & (hour.surprise.p < SUSPECT_P), SUSPECT_TRUST, 1.0)
    learnt = expectation.learn(
        state.expectation, NATURE, hour.told, hour.counts, figures.hour_of_week, learns=learns, trust=trust
    )
    return replace(
        state,
        expectation=expectation.loosen(learnt, unsure),
        sums=tails.forget(hour.sums, unsure | closed),
        shifts=shifts,
        recent=np.where(moved[None], 0, hour.recent).astype(np.float32),
        open=np.where(closed, 0, state.open).astype(np.int8),
        gone=np.where((unsure | closed)[Metric.PURCHASES], 0.0, hour.gone),
        log_share=hour.log_share,
    ), closed


def _forecast(watch: Watch, spread: Spread, figures: HourFigures) -> tuple[Forecast, Singles]:
    """What the hour should have brought, and what it did, in the order of `Metric`."""
    budget = np.where(spread.budget > 0, spread.budget, np.where(watch.budget > 0, watch.budget, 1.0))
    exposure = np.stack(
        [np.where(spread.live, budget, 0), spread.spend, spread.impressions, spread.clicks * figures.maturity]
    )
    plain = expectation.forecast(watch.expectation, exposure, figures.hour_of_week)
    price = plain.mean[Metric.CPM] / np.maximum(spread.spend, 1e-9)  # impressions per minor unit
    cost = np.where((spread.spend > 0) & watch.expectation.known[Metric.CPM], 1 / np.maximum(price, 1e-9), 1.0)
    known_price = np.exp(-np.clip(watch.expectation.level[Metric.CPM], -20, 20))
    cost = np.where(spread.spend > 0, cost, np.where(watch.expectation.known[Metric.CPM], known_price, 1.0))
    grain = np.ones_like(plain.mean)
    grain[Metric.CTR] = CLICKS_AT_ONCE
    grain[Metric.SPEND] = np.clip(cost, 1e-6, 1e9)
    counts = np.stack([spread.spend, spread.impressions, spread.clicks, spread.purchases]).astype(np.float32)
    return replace(plain, grain=grain), counts


def _with_gone(surprise: tails.Surprise, gone: Floats, tested: Bools) -> tails.Surprise:
    """Let purchases that vanish be told by their whole run: windows of a few hours have too few of them."""
    row = Metric.PURCHASES
    wins = tested[row] & (np.exp(-gone) < surprise.p[row])
    p, window, ratio = surprise.p.copy(), surprise.window.copy(), surprise.ratio.copy()
    p[row] = np.where(wins, np.exp(-gone), p[row])
    window[row] = np.where(wins, len(WINDOWS) - 1, window[row])
    ratio[row] = np.where(wins & (gone > 1), np.minimum(ratio[row], LEAST_DOWN[row]), ratio[row])
    return replace(surprise, p=p, window=window, ratio=ratio)


def _ratios(surprise: tails.Surprise) -> Singles:
    """How many times the usual, upwards for dearer."""
    found = surprise.ratio.copy()
    found[Metric.CPM] = 1 / np.maximum(found[Metric.CPM], 1e-6)
    return found


def _signs(surprise: tails.Surprise) -> Small:
    """1 where there is more than usual, upwards for dearer."""
    found = np.where(surprise.ratio >= 1, 1, -1).astype(np.int8)
    found[Metric.CPM] *= -1
    return found


def _alarms(
    surprise: tails.Surprise, recent: Singles, tested: Bools, spread: Spread, told: Forecast, *, fdr: float
) -> tuple[Floats, Small]:
    """Which series are unusual beyond chance, size and a passing hour: 1 up, -1 down, 0 not."""
    q = np.ones(surprise.p.shape)
    q[tested] = discovery.q_values(surprise.p[tested])
    sign, ratio = _signs(surprise), _ratios(surprise)
    enough = (sign < 0) | (surprise.seen >= LEAST_EVENTS * told.grain)
    sized = enough & np.where(sign > 0, ratio >= LEAST_UP[:, None], ratio <= LEAST_DOWN[:, None])
    sized[Metric.SPEND] &= np.where(sign[Metric.SPEND] > 0, spread.is_over, ~spread.is_paid_back)
    leaning = np.where(surprise.ratio >= 1, 1, -1) * recent
    steady = (leaning > STEADY_Z).sum(axis=0) >= STEADY_HOURS
    slow = (surprise.window == len(WINDOWS) - 1) & ((leaning > 0).sum(axis=0) >= STEADY_HOURS)
    extreme = surprise.p < EXTREME_P
    found = tested & (q <= discovery.rate_of_a_look(fdr)) & sized & (steady | slow | extreme)
    return q, np.where(found, sign, 0).astype(np.int8)


def _turn(watch: Watch, fresh: Small, used: Bools, is_calm: Bools, minute: int) -> tuple[Watch, Bools, Bools]:
    """Open what is unusual, count calm hours of what is open, and close it after enough of them."""
    opens = (fresh != 0) & (watch.open == 0)
    was = watch.open != 0
    calm = np.where(was, np.where(is_calm, watch.calm + 1, np.where(used, 0, watch.calm)), 0)
    closed = was & (calm >= CALM_HOURS)
    new = replace(
        watch,
        open=np.where(opens, fresh, watch.open).astype(np.int8),
        calm=np.where(closed, 0, calm).astype(np.int8),
        since=np.where(opens, minute, watch.since),
    )
    return new, opens, closed
