"""Where spend begins to saturate, learnt from the objects' own changes of spend: kappa of each, one bend for all.

Clicks per money fall as (1 + s / kappa) ** -bend: many clicks tell it soon. log kappa ~ N(m, tau^2) within an account;
m, and the bend, are averaged over what the account's days support. Purchases then tell, for the account, whether they
fall off faster than clicks do. A day's common effect (weekday, season, auction) is taken out where there are mates.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from domain.snapshot import Floats

Singles = NDArray[np.float32]
_T = TypeVar("_T", np.float32, np.float64)

_STEPS: Final = np.arange(-3.0, 6.5, 0.75)  # of log2(kappa / typical spend)
_BENDS: Final = np.array([0.25, 0.5, 0.75, 1.0])
_BEND_PRIOR: Final = np.array([0.3, 0.3, 0.2, 0.2])
_MEAN_SD, _TAU = 1.0, 0.5  # natural logarithms; of m about the typical spend, and of the objects about m
_SHIFT_SD: Final = 0.05  # by how much the bend of purchases may differ from that of clicks
_DAY_NOISE: Final = 0.10  # of an object's clicks per money from day to day, beyond counting noise
_MATES: Final = 5  # with fewer objects a day's common effect is not told from their own
_SWEEPS: Final = 2
_LEAST_BEND, _MOST_BEND = 0.1, 1.0
_BLOCK: Final = 1024  # objects at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation:
    """Posterior by object; `elasticity_sd` is of log(dR/ds * s / R) at the usual spend."""

    kappa: Floats
    bend: float
    elasticity_sd: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """What days of objects are worth, and their sum by object; `sweep` makes of days' sums what days have in common."""

    weight: Singles  # (days, n)
    by_object: Singles
    sweep: Floats  # (days, days)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fits:
    """Log-likelihood of log(clicks / spend) = own level + day - bend * log(1 + s / kappa), as sums by object."""

    fy: Floats  # (kappas, n) of products of log(clicks / spend) with f = log(1 + s / kappa)
    ff: Floats  # (kappas, n) of the squares of f
    noise: float  # the variance left by the one that `weight` assumed, at least 1

    def scaled(self, rows: slice) -> Floats:
        """Return the likelihoods (bends, kappas, some of n) by the highest of each object."""
        bend = _BENDS[:, None, None]
        found = bend * self.ff[:, rows]
        found += 2 * self.fy[:, rows]
        found *= bend * (-0.5 / self.noise)
        found -= found.max(axis=0).max(axis=0)
        scaled: Floats = np.exp(found, out=found)
        return scaled


def learn(spend: Floats, clicks: Floats, purchases: Floats, *, weight: Floats, arrived: Floats) -> Saturation:
    """Learn from figures (n, d); `weight` and `arrived` (d,) are what a day counts and its purchases' maturity."""
    if not spend.size or not (spend > 0).any():
        return Saturation(
            kappa=np.ones(len(spend)), bend=float(_BENDS @ _BEND_PRIOR), elasticity_sd=np.ones(len(spend))
        )
    typical = float(np.exp(np.log(spend[spend > 0]).mean()))
    kappas = typical * np.exp2(_STEPS)
    kappa_share, bend_share = _posterior(_fits(spend, clicks, weight, kappas))
    kappa = np.exp(np.log(kappas) @ kappa_share)
    bend = float(_BENDS @ bend_share)
    shift = _shift(spend, purchases, kappa, weight=weight, arrived=arrived, bend=bend)
    ratio = _usual(spend, weight, typical) / kappas[:, None]
    elasticity = (1 + (1 - bend) * ratio) / (1 + ratio)
    mean = (kappa_share * elasticity).sum(axis=0)
    variance = (kappa_share * (elasticity - mean) ** 2).sum(axis=0)
    return Saturation(
        kappa=kappa, bend=float(np.clip(bend + shift, _LEAST_BEND, _MOST_BEND)),
        elasticity_sd=np.sqrt(np.maximum(variance, 0)) / mean,
    )  # fmt: skip


def blocks(many: int) -> Iterator[slice]:
    """Yield rows, some at a time, so that what is worked out of a day's figures stays in the processor's cache."""
    return (slice(at, at + _BLOCK) for at in range(0, many, _BLOCK))


def _fits(spend: Floats, clicks: Floats, weight: Floats, kappas: Floats) -> _Fits:
    spent, worth, counted = _by_day(spend, clicks, weight)
    frame = _frame(worth)
    room = np.maximum(spent, 1.0)
    y = np.log(counted, out=counted)
    y -= np.log(room, out=room)
    weighed = worth * _within(y, frame)
    fy, ff = np.empty((len(kappas), len(spend))), np.empty((len(kappas), len(spend)))
    for place, kappa in enumerate(kappas.tolist()):
        f = np.multiply(spent, np.float32(1 / kappa), out=room)
        f = _within(np.log1p(f, out=f), frame)
        fy[place] = np.einsum("ij,ij->j", weighed, f)
        ff[place] = np.einsum("ij,ij,ij->j", worth, f, f)
    yy = float(np.einsum("ij,ij->j", weighed, y).sum(dtype=np.float64))
    left = yy + 2 * np.outer(_BENDS, fy.sum(axis=1)) + np.outer(_BENDS**2, ff.sum(axis=1))
    free = float(np.count_nonzero(worth, axis=1) @ weight) * (1 - 2 / max(len(weight), 3))
    return _Fits(fy=fy, ff=ff, noise=max(1.0, float(left.min()) / free) if free > 0 else 1.0)


def _by_day(spend: Floats, clicks: Floats, weight: Floats) -> tuple[Singles, Singles, Singles]:
    """Return spend, what a day tells of an object, and clicks and a half, with the objects last.

    So that sums run along objects, and in single precision: half the memory to pass through.
    """
    shape = spend.shape[::-1]
    spent, worth, counted = np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, np.float32)
    for rows in blocks(len(spend)):
        paid, clicked = spend[rows], clicks[rows]
        told = weight / (_DAY_NOISE**2 + 1 / (clicked + 1))
        spent[:, rows], counted[:, rows] = paid.T, (clicked + 0.5).T
        worth[:, rows] = np.where((paid > 0) & (clicked > 0), told, 0.0).T
    return spent, worth, counted


def _posterior(fits: _Fits) -> tuple[Floats, Floats]:
    """Average over m and bend: shares of each object's kappas (kappas, n), and of the account's bends (bends,)."""
    logs, many = _STEPS * np.log(2), fits.fy.shape[1]
    prior_m = -0.5 * (logs / _MEAN_SD) ** 2
    spread = np.exp(-0.5 * ((logs[:, None] - logs[None, :]) / _TAU) ** 2)
    spread /= spread.sum(axis=0, keepdims=True)  # (kappas, m)
    account = np.log(_BEND_PRIOR)[:, None] + prior_m
    for rows in blocks(many):
        likely = np.matmul(spread.T, fits.scaled(rows))
        account += np.log(np.maximum(likely, 1e-300, out=likely), out=likely).sum(axis=2)
    share = np.exp(account - account.max())
    share /= share.sum()
    own, bends = np.empty((len(logs), many)), share.sum(axis=1)
    for rows in blocks(many):
        parts = fits.scaled(rows)
        parts *= (share @ spread.T)[:, :, None]
        parts *= (bends[:, None] / np.maximum(parts.sum(axis=1), 1e-300))[:, None]
        own[:, rows] = parts.sum(axis=0)
    own /= own.sum(axis=0)
    return own, bends


def _frame(weight: Singles) -> _Frame:
    """Work out once what sweeps over days and objects, in turn, come to: sums of powers of one matrix of the days."""
    by_object, by_day = weight.sum(axis=0), weight.sum(axis=1).astype(np.float64)
    share = np.divide(weight, by_object, out=np.zeros_like(weight), where=by_object > 0)
    common = np.diag(by_day) - weight @ share.T  # a day's sums once a day was taken out, and the objects' means
    each = np.diag(_ratio(np.ones(len(by_day)), by_day))
    sweep = np.zeros_like(each)
    for _ in range(_SWEEPS if len(by_object) >= _MATES else 0):
        sweep += each @ (np.eye(len(by_day)) - common @ sweep)
    return _Frame(weight=weight, by_object=by_object, sweep=sweep)


def _within(values: Singles, frame: _Frame) -> Singles:
    """Take out each object's own mean and, with enough objects, what a day has in common; changes `values` itself."""
    weight = frame.weight
    values -= _ratio(np.einsum("ij,ij->j", weight, values), frame.by_object)
    common = (frame.sweep @ np.einsum("ij,ij->i", weight, values)).astype(np.float32)
    values -= common[:, None]
    values += _ratio(common @ weight, frame.by_object)
    return values


def _shift(spend: Floats, purchases: Floats, kappa: Floats, *, weight: Floats, arrived: Floats, bend: float) -> float:
    """One Poisson scoring step for the account: do purchases fall off faster with spend than clicks do?"""
    score = information = 0.0
    for rows in blocks(len(spend)):
        paid, bought = spend[rows], weight * purchases[rows]
        f = np.log1p(paid / kappa[rows, None])
        expected = weight * (paid * np.exp(-bend * f) * arrived)
        expected *= _ratio(bought.sum(axis=1, keepdims=True), expected.sum(axis=1, keepdims=True))
        leaning = expected * f
        f -= _ratio(leaning.sum(axis=1, keepdims=True), expected.sum(axis=1, keepdims=True))
        information += float((expected * f**2).sum())
        score += float((f * (expected - bought * (paid > 0))).sum())
    return score / (information + 1 / _SHIFT_SD**2)


def _usual(spend: Floats, weight: Floats, typical: float) -> Floats:
    total = np.empty(len(spend))
    for rows in blocks(len(spend)):
        total[rows] = (spend[rows] > 0) @ weight
    found: Floats = np.divide(spend @ weight, total, out=np.full(len(spend), typical), where=total > 0)
    return found


def _ratio(top: NDArray[_T], bottom: NDArray[_T]) -> NDArray[_T]:
    found: NDArray[_T] = np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
    return found
