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
    """What days of objects are worth, (days, n), and its sums."""

    weight: Singles
    by_object: Singles
    by_day: Singles


def learn(spend: Floats, clicks: Floats, purchases: Floats, *, weight: Floats, arrived: Floats) -> Saturation:
    """Learn from figures (n, d); `weight` and `arrived` (d,) are what a day counts and its purchases' maturity."""
    if not spend.size or not (spend > 0).any():
        return Saturation(
            kappa=np.ones(len(spend)), bend=float(_BENDS @ _BEND_PRIOR), elasticity_sd=np.ones(len(spend))
        )
    typical = float(np.exp(np.log(spend[spend > 0]).mean()))
    kappas = typical * np.exp2(_STEPS)
    kappa_share, bend_share = _posterior(_fits(spend, clicks, weight, kappas))
    kappa = np.exp(kappa_share @ np.log(kappas))
    bend = float(_BENDS @ bend_share)
    shift = _shift(spend, purchases, kappa, weight=weight, arrived=arrived, bend=bend)
    ratio = _usual(spend, weight, typical)[:, None] / kappas[None, :]
    elasticity = (1 + (1 - bend) * ratio) / (1 + ratio)
    mean = (kappa_share * elasticity).sum(axis=1)
    variance = (kappa_share * (elasticity - mean[:, None]) ** 2).sum(axis=1)
    return Saturation(
        kappa=kappa, bend=float(np.clip(bend + shift, _LEAST_BEND, _MOST_BEND)),
        elasticity_sd=np.sqrt(np.maximum(variance, 0)) / mean,
    )  # fmt: skip


def blocks(many: int) -> Iterator[slice]:
    """Yield rows, some at a time, so that what is worked out of a day's figures stays in the processor's cache."""
    return (slice(at, at + _BLOCK) for at in range(0, many, _BLOCK))


def _fits(spend: Floats, clicks: Floats, weight: Floats, kappas: Floats) -> Floats:
    """Log-likelihood (bends, n, kappas) of log(clicks / spend) = own level + day - bend * log(1 + s / kappa)."""
    spent, worth, counted = _by_day(spend, clicks, weight)
    frame = _Frame(weight=worth, by_object=worth.sum(axis=0), by_day=worth.sum(axis=1))
    room = np.maximum(spent, 1.0)
    y = np.log(counted, out=counted)
    y -= np.log(room, out=room)
    y = _within(y, frame)
    weighed = worth * y
    yy = np.einsum("ij,ij->j", weighed, y)
    fy, ff = np.zeros((len(yy), len(kappas))), np.zeros((len(yy), len(kappas)))
    for place, kappa in enumerate(kappas.tolist()):
        f = np.multiply(spent, np.float32(1 / kappa), out=room)
        f = _within(np.log1p(f, out=f), frame)
        fy[:, place] = np.einsum("ij,ij->j", weighed, f)
        ff[:, place] = np.einsum("ij,ij,ij->j", worth, f, f)
    left = np.empty((len(_BENDS), *fy.shape))
    for place, bend in enumerate(_BENDS.tolist()):
        np.multiply(fy, 2 * bend, out=left[place])
        left[place] += yy[:, None]
        left[place] += bend**2 * ff
    free = float(np.count_nonzero(worth, axis=1) @ weight) * (1 - 2 / max(len(weight), 3))
    noise = max(1.0, float(left.sum(axis=1).min()) / free) if free > 0 else 1.0
    left *= -0.5 / noise
    return left


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


def _posterior(log_likelihood: Floats) -> tuple[Floats, Floats]:
    """Average over m and bend: shares of each object's kappas (n, kappas), and of the account's bends (bends,).

    The likelihood's own memory is worked in: it is lost.
    """
    logs = _STEPS * np.log(2)
    prior_m = -0.5 * (logs / _MEAN_SD) ** 2
    spread = np.exp(-0.5 * ((logs[:, None] - logs[None, :]) / _TAU) ** 2)
    spread /= spread.sum(axis=0, keepdims=True)  # (kappas, m)
    scaled = log_likelihood
    scaled -= scaled.max(axis=0).max(axis=1)[:, None]
    np.exp(scaled, out=scaled)
    account, room = np.zeros((len(logs), len(_BENDS))), np.empty(scaled.shape[1:])
    for bend, of_bend in enumerate(scaled):
        likely = np.matmul(of_bend, spread, out=room)
        account[:, bend] = np.log(np.maximum(likely, 1e-300, out=room), out=room).sum(axis=0)
    account += prior_m[:, None] + np.log(_BEND_PRIOR)[None, :]
    share = np.exp(account - account.max())
    share /= share.sum()
    own = np.zeros(scaled.shape[1:])
    for bend in range(len(_BENDS)):
        part = np.multiply(scaled[bend], spread @ share[:, bend], out=room)
        part *= (share[:, bend].sum() / np.maximum(part @ np.ones(len(logs)), 1e-300))[:, None]
        own += part
    own /= own.sum(axis=1, keepdims=True)
    return own, share.sum(axis=0)


def _within(values: Singles, frame: _Frame) -> Singles:
    """Take out each object's own mean and, with enough objects, what a day has in common; changes `values` itself."""
    weight = frame.weight
    values -= _ratio(np.einsum("ij,ij->j", weight, values), frame.by_object)
    for _ in range(_SWEEPS if len(frame.by_object) >= _MATES else 0):
        values -= _ratio(np.einsum("ij,ij->i", weight, values), frame.by_day)[:, None]
        values -= _ratio(np.einsum("ij,ij->j", weight, values), frame.by_object)
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
