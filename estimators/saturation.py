"""Where spend begins to saturate, learnt from the objects' own changes of spend: kappa of each, one bend for all.

Clicks per money fall as (1 + s / kappa) ** -bend: many clicks tell it soon. log kappa ~ N(m, tau^2) within an account;
m, and the bend, are averaged over what the account's days support. Purchases then tell, for the account, whether they
fall off faster than clicks do. A day's common effect (weekday, season, auction) is taken out where there are mates.
"""

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
    certain = np.where((spend > 0) & (clicks > 0), weight[None, :] / (_DAY_NOISE**2 + 1 / (clicks + 1)), 0.0)
    log_likelihood = _fits(spend, clicks, certain, weight, kappas)
    kappa_share, bend_share = _posterior(log_likelihood)
    log_kappa = kappa_share @ np.log(kappas)
    kappa = np.exp(log_kappa)
    bend = float(_BENDS @ bend_share)
    shift = _shift(spend, purchases, weight, arrived, np.log1p(spend / kappa[:, None]), bend)
    ratio = _usual(spend, weight, typical)[:, None] / kappas[None, :]
    elasticity = (1 + (1 - bend) * ratio) / (1 + ratio)
    mean = (kappa_share * elasticity).sum(axis=1)
    variance = (kappa_share * (elasticity - mean[:, None]) ** 2).sum(axis=1)
    return Saturation(
        kappa=kappa, bend=float(np.clip(bend + shift, _LEAST_BEND, _MOST_BEND)),
        elasticity_sd=np.sqrt(np.maximum(variance, 0)) / mean,
    )  # fmt: skip


def _fits(spend: Floats, clicks: Floats, certain: Floats, weight: Floats, kappas: Floats) -> Floats:
    """Log-likelihood (n, kappas, bends) of log(clicks / spend) = own level + day - bend * log(1 + s / kappa)."""
    # Objects last, so that sums run along them, and in single precision: half the memory to pass through.
    spent, worth, counted = (
        np.ascontiguousarray(figures.T, dtype=np.float32) for figures in (spend, certain, clicks + 0.5)
    )
    frame = _Frame(weight=worth, by_object=worth.sum(axis=0), by_day=worth.sum(axis=1))
    y = _within(np.log(counted) - np.log(np.maximum(spent, 1.0)), frame)
    weighed = worth * y
    yy, room = np.einsum("ij,ij->j", weighed, y), np.empty_like(y)
    fy, ff = np.zeros((len(yy), len(kappas))), np.zeros((len(yy), len(kappas)))
    for place, kappa in enumerate(kappas.tolist()):
        f = np.multiply(spent, np.float32(1 / kappa), out=room)
        f = _within(np.log1p(f, out=f), frame)
        fy[:, place] = np.einsum("ij,ij->j", weighed, f)
        ff[:, place] = np.einsum("ij,ij,ij->j", worth, f, f)
    left: Floats = yy[:, None, None] + 2 * _BENDS * fy[:, :, None] + _BENDS**2 * ff[:, :, None]
    free = float(((worth > 0) * weight[:, None]).sum()) * (1 - 2 / max(len(weight), 3))
    noise = max(1.0, float(left.sum(axis=0).min()) / free) if free > 0 else 1.0
    left *= -0.5 / noise
    return left


def _posterior(log_likelihood: Floats) -> tuple[Floats, Floats]:
    """Average over m and bend: shares of each object's kappas (n, kappas), and of the account's bends (bends,)."""
    logs = _STEPS * np.log(2)
    prior_m = -0.5 * (logs / _MEAN_SD) ** 2
    spread = np.exp(-0.5 * ((logs[:, None] - logs[None, :]) / _TAU) ** 2)
    spread /= spread.sum(axis=0, keepdims=True)  # (kappas, m)
    peak = log_likelihood.max(axis=(1, 2), keepdims=True)
    scaled = np.exp(log_likelihood - peak)
    account = np.zeros((len(logs), len(_BENDS)))
    for bend in range(len(_BENDS)):
        account[:, bend] = np.log(np.maximum(scaled[:, :, bend] @ spread, 1e-300)).sum(axis=0)
    account += prior_m[:, None] + np.log(_BEND_PRIOR)[None, :]
    share = np.exp(account - account.max())
    share /= share.sum()
    own = np.zeros(log_likelihood.shape[:2])
    for bend in range(len(_BENDS)):
        part = scaled[:, :, bend] * (spread @ share[:, bend])[None, :]
        own += part / np.maximum(part.sum(axis=1, keepdims=True), 1e-300) * share[:, bend].sum()
    return own / own.sum(axis=1, keepdims=True), share.sum(axis=0)


def _within(values: Singles, frame: _Frame) -> Singles:
    """Take out each object's own mean and, with enough objects, what a day has in common; changes `values` itself."""
    weight = frame.weight
    values -= _ratio(np.einsum("ij,ij->j", weight, values), frame.by_object)
    for _ in range(_SWEEPS if len(frame.by_object) >= _MATES else 0):
        values -= _ratio(np.einsum("ij,ij->i", weight, values), frame.by_day)[:, None]
        values -= _ratio(np.einsum("ij,ij->j", weight, values), frame.by_object)
    return values


def _shift(  # noqa: PLR0917 - the day's figures, and the curve's
    spend: Floats, bought: Floats, weight: Floats, arrived: Floats, f: Floats, bend: float
) -> float:
    """One Poisson scoring step for the account: do purchases fall off faster with spend than clicks do?"""
    shape = spend * np.exp(-bend * f) * arrived[None, :]
    rate = _ratio((weight * bought).sum(axis=1, keepdims=True), (weight * shape).sum(axis=1, keepdims=True))
    expected = weight * rate * shape
    centred = f - _ratio((expected * f).sum(axis=1, keepdims=True), expected.sum(axis=1, keepdims=True))
    score = float((centred * (expected - weight * bought * (spend > 0))).sum())
    return score / (float((expected * centred**2).sum()) + 1 / _SHIFT_SD**2)


def _usual(spend: Floats, weight: Floats, typical: float) -> Floats:
    days = weight[None, :] * (spend > 0)
    total = days.sum(axis=1)
    found: Floats = np.divide((days * spend).sum(axis=1), total, out=np.full(len(spend), typical), where=total > 0)
    return found


def _ratio(top: NDArray[_T], bottom: NDArray[_T]) -> NDArray[_T]:
    found: NDArray[_T] = np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
    return found
