"""The state of `decisions/anomalies.py` and the figures that it takes: one kind of object of one account.

What is watched, what each object is used to, what is open. Nothing is judged here.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from decisions.anomaly_values import NAMES, Metric
from domain.actions import ObjectKind
from domain.errors import BadInputError
from domain.snapshot import Bools, Floats, Ints, Texts
from estimators import expectation, level_shifts, tails
from estimators.expectation import Expectation, Nature, Singles

Small = NDArray[np.int8]


NATURE: Final = Nature(
    drift=np.array([0.03, 0.012, 0.006, 0.006]),
    turn=np.array([0.20, 0.08, 0.04, 0.0]),
    day_sd=np.array([0.8, 0.25, 0.2, 0.3]),
    week_sd=np.array([0.12, 0.05, 0.05, 0.08]),
    dispersion=np.array([0.02, 0.01, 0.01, 0.02]),
    common=np.array([0.15, 0.06, 0.06, 0.15]),
)
# About so many hours count in a window. Purchases are few: theirs are longer.
WINDOWS: Final = np.array([[1.0, 1.0, 1.0, 1.0], [3.0, 3.0, 3.0, 6.0], [12.0, 12.0, 18.0, 36.0]])
# How many times the usual an anomaly is at least, up and down. 1.75: a platform may spend so much more on a day than
# its budget says (domain.md BU1), and less than that is no news.
OVERSPEND: Final = 1.75 * 1.25  # of an hour's share of the budget: what a day fell behind is caught up in its hours
PAID_BACK: Final = 0.75  # of the budget is left for a day, at most: 7 budgets a week, from Sunday to Saturday (BU1)
IDLE_HOURS: Final = 14 * 24  # without figures: forgotten
_AGES_H: Final = (0.0, 1.0, 24.0, 72.0, 168.0, 672.0)
_LIKE: Final = float(np.log(1.6))  # of two shares that are alike
_LEFT: Final = 0.2  # of the purchases, where the tracking is out
_SHARE_HOURS: Final = 12
_ARRIVED: Final = (0.02, 0.15, 0.55, 0.75, 0.95, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class HourFigures:
    """One hour of n objects of a kind, ordered by id, each once. `is_live`: it could have spent in this hour.

    `daily_budget_minor` is -1 where none is known; `root` groups related objects: an ad set's campaign.
    `maturity` is the share of the hour's purchases expected to have arrived at its reading.
    """

    kind: ObjectKind
    object_id: Texts
    root: Texts
    at: datetime
    hour_of_week: int  # of the account's zone, Monday 0:00 = 0
    maturity: float
    is_live: Bools
    daily_budget_minor: Ints
    impressions: Ints
    clicks: Ints
    spend_minor: Ints
    purchases: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """The state of one kind of object of one account; (4, n) unless said."""

    kind: ObjectKind
    object_id: Texts  # (n,)
    expectation: Expectation
    sums: tails.Sums
    shifts: level_shifts.Shifts
    recent: Singles  # (3, 4, n) z of the last hours, newest first
    open: Small  # 1 = up, -1 = down
    calm: Small  # hours back to normal while open
    since: Ints  # minutes since 1970 at which it opened
    gone: Floats  # (n,) evidence that purchases have vanished, as the logarithm of a likelihood ratio
    budget: Floats  # (n,) as it was last
    week_spent: Floats  # (n,) since Sunday 0:00
    idle: Ints  # (n,) hours without figures
    hours: int = 0  # seen in all
    at: datetime | None = None  # start of the last hour seen
    log_share: float | None = None  # of late, the logarithm of how mature purchases were as they were seen


def begin(kind: ObjectKind) -> Watch:
    """Return a state that has seen nothing."""
    kinds, none = len(NAMES), (len(NAMES), 0)
    return Watch(
        kind=kind,
        object_id=np.zeros(0, dtype=str),
        expectation=expectation.begin(NATURE, 0),
        sums=tails.begin(WINDOWS, 0),
        shifts=level_shifts.begin(none),
        recent=np.zeros((3, kinds, 0), np.float32),
        open=np.zeros(none, np.int8),
        calm=np.zeros(none, np.int8),
        since=np.zeros(none, np.int64),
        gone=np.zeros(0),
        budget=np.zeros(0),
        week_spent=np.zeros(0),
        idle=np.zeros(0, np.int64),
    )


def follow_gone(gone: Floats, expected: Floats, seen: Floats) -> Floats:
    """Add an hour to the evidence that a fifth or less of the purchases is left (Page's CUSUM for Poisson counts).

    The expectation is taken a quarter lower: it is itself an estimate.
    """
    found: Floats = np.maximum(gone + 0.75 * expected * (1 - _LEFT) + seen * np.log(_LEFT), 0.0)
    return found


def follow_share(log_share: float | None, maturity: float) -> tuple[float, bool]:
    """Follow how mature purchases are as they are seen; say whether this hour is as mature as those before it.

    The curve of arrivals is an assumption. Hours read at like ages share its error, which their level takes up; where
    the age jumps, as after catching up with days at once, purchases are not judged until the level is learnt again.
    """
    now = float(np.log(max(maturity, _ARRIVED[0])))
    if log_share is None:
        return now, False
    return log_share + (now - log_share) / _SHARE_HOURS, abs(now - log_share) < _LIKE


def plain(texts: Texts) -> NDArray[np.str_]:
    """Return texts of whichever kind as an array of one width, which compares and is written down quickly."""
    return texts if texts.dtype.kind == "U" else np.array(texts.tolist(), dtype=str)


def share_arrived(age_h: float) -> float:
    """The share of an hour's purchases that is told so many hours after its middle (domain.md §2b: an assumption).

    Only how it grows matters: what an account's purchases differ from it is learnt as part of their level.
    """
    return float(np.interp(age_h, _AGES_H, _ARRIVED))


def check(watch: Watch, figures: HourFigures) -> None:
    """Refuse figures that cannot be.

    Raises:
        BadInputError: names what is wrong.
    """
    columns = (figures.impressions, figures.clicks, figures.spend_minor, figures.purchases)
    if any((column < 0).any() for column in columns):
        raise BadInputError(f"figures of {figures.at:%Y-%m-%d %H:%M} UTC have negative counts; read that hour again")
    if (figures.clicks > figures.impressions).any():
        raise BadInputError(f"figures of {figures.at:%Y-%m-%d %H:%M} UTC have more clicks than impressions")
    if not 0 <= figures.maturity <= 1:
        raise BadInputError(f"maturity is {figures.maturity}; it must be from 0 to 1")
    if watch.at is not None and figures.at <= watch.at:
        raise BadInputError(f"the hour {figures.at:%Y-%m-%d %H:%M} UTC was seen before; hours only go on")


def align(watch: Watch, ids: Texts) -> Watch:
    """Make room for objects that are new, and forget those without figures for two weeks."""
    old, new = watch.object_id, plain(ids)
    if np.array_equal(old, new):
        return watch
    wanted = np.union1d(old[watch.idle < IDLE_HOURS], new)
    if np.array_equal(old, wanted):
        return watch
    at = np.searchsorted(old, wanted) if len(old) else np.zeros(len(wanted), np.int64)
    at = np.minimum(at, max(len(old) - 1, 0))
    rows = np.where(old[at] == wanted, at, -1) if len(old) else np.full(len(wanted), -1)
    return replace(
        watch,
        object_id=wanted,
        expectation=expectation.take(watch.expectation, rows),
        sums=tails.Sums(
            hours=watch.sums.hours, seen=_take(watch.sums.seen, rows), mean=_take(watch.sums.mean, rows),
            own=_take(watch.sums.own, rows),
        ),
        shifts=level_shifts.Shifts(up=_take(watch.shifts.up, rows), down=_take(watch.shifts.down, rows)),
        recent=_take(watch.recent, rows), open=_take(watch.open, rows), calm=_take(watch.calm, rows),
        since=_take(watch.since, rows), gone=_take(watch.gone, rows),
        budget=_take(watch.budget, rows), week_spent=_take(watch.week_spent, rows),
        idle=_take(watch.idle, rows),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The figures in the order of the state's objects, 0 where there are none."""

    here: Bools
    live: Bools
    root: Texts
    budget: Floats  # -1 where not known
    impressions: Floats
    clicks: Floats
    spend: Floats
    purchases: Floats
    is_over: Bools  # spends more in this hour than the most of a day would pace into it, or no budget is known
    is_paid_back: Bools  # the platform spends less since the week had more than its share


def week_of(watch: Watch, hour_of_week: int) -> tuple[Floats, float]:
    """What was spent since Sunday 0:00, and how much of that week is over; the platform evens budgets out in it."""
    elapsed = ((hour_of_week + 24) % expectation.HOURS_OF_WEEK) / expectation.HOURS_OF_WEEK
    return (np.zeros_like(watch.week_spent) if elapsed == 0 else watch.week_spent), elapsed


def spread(figures: HourFigures, watch: Watch, week: Floats, elapsed: float) -> Spread:
    """Put an hour's figures into the order of the state, with what its budgets and its week allow."""
    ids = watch.object_id
    n = len(ids)
    shown = plain(figures.object_id)
    at = np.arange(n) if np.array_equal(ids, shown) else np.searchsorted(ids, shown)

    def put(values: NDArray[Any], empty: float, kind: type) -> NDArray[Any]:
        found: NDArray[Any] = np.full(n, empty, dtype=kind)
        found[at] = values
        return found

    counts = {name: put(getattr(figures, name), 0, float) for name in ("impressions", "clicks", "purchases")}
    budget, spend = put(figures.daily_budget_minor, -1.0, float), put(figures.spend_minor, 0, float)
    paces = np.exp(watch.expectation.day[Metric.SPEND])
    pace = budget * paces[figures.hour_of_week % 24] / paces.sum()
    left = (7 * budget - week) / max(7 * (1 - elapsed), 1 / 24)  # a day of what the week has left
    roots = plain(figures.root)
    root = np.full(n, "", dtype=roots.dtype)
    root[at] = roots
    return Spread(
        here=put(np.ones(len(at), np.bool_), 0, bool),
        live=put(figures.is_live | (figures.spend_minor > 0), 0, bool),
        root=root,
        budget=budget,
        spend=spend,
        is_over=(budget <= 0) | (spend >= OVERSPEND * pace),
        is_paid_back=(budget > 0) & (left < PAID_BACK * budget),
        **counts,
    )


def _take(values: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    """Columns of the last axis by row number; -1 = zeros."""
    if not values.shape[-1]:
        return np.zeros((*values.shape[:-1], len(rows)), values.dtype)
    found: NDArray[Any] = values[..., np.maximum(rows, 0)].copy()
    found[..., rows < 0] = 0
    return found
