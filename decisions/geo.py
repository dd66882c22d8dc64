"""Where budget earns most, and what advertising in some regions really added. Pure.

Module 12 (targeting) will run it; it has no task yet.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from decisions.cell_shifts import SegmentPlan, ShiftRules, plan
from decisions.cells import Cells, score
from domain.errors import BadInputError
from domain.snapshot import Bools, Floats, Ints

__all__ = ["LiftReading", "allocate", "lift"]

_LEAST_DAYS, _LEAST_CONTROLS = 7, 4


def allocate(cells: Cells, *, rules: ShiftRules, break_even: float) -> SegmentPlan:
    """Shift the fixed total between regions (features: such as country and region) that surely differ.

    Raises:
        BadInputError: the break-even is not above 0.
    """
    return plan(cells, score(cells, break_even=break_even), rules, break_even=break_even, noun="region")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftReading:
    """What the treated regions sold against what the others said they would; shares of the expected sales."""

    verdict: str  # "lift", "loss", "not_decidable"
    lift: float
    low: float
    high: float
    p_value: float  # share of sets of regions drawn by lot that moved at least as much by chance
    incremental_minor: float  # sold beyond the expected, and its interval
    incremental_low_minor: float
    incremental_high_minor: float
    incremental_roas: float | None  # per money spent on it, where that is told
    least_lift: float  # that would have been told with 80 %: how much more it takes
    placebos: int
    words: str


def lift(
    sales_minor: Ints,
    treated: Bools,
    start: int,
    *,
    seed: int,
    placebos: int = 400,
    level: float = 0.9,
    extra_spend_minor: int | None = None,
) -> LiftReading:
    """Compare treated regions' sales (regions, days) from day `start` on with what matched regions predict.

    The prediction is a blend of the other regions whose own days before `start` run like the treated ones': ridge
    regression, pulled towards all of them by their size (plain difference in differences). Its noise is measured, not
    assumed: the same is done to sets of untreated regions of like number, whose "lifts" make the interval. The p-value
    takes the sets from all regions, the treated among them: exact where the treated were chosen by lot.

    Raises:
        BadInputError: too few days or untreated regions, or a figure that is negative or not finite.
    """
    sales = _checked(sales_minor, treated, start)
    chosen = np.flatnonzero(treated)
    others = np.flatnonzero(~treated)
    found, expected = _log_ratio(sales, chosen, others, start)
    rng = np.random.default_rng(seed)
    size = min(len(chosen), len(others) // 2)
    noise = _placebos(sales, others, size, start, many=placebos, rng=rng) * np.sqrt(
        size / len(chosen)
    )  # more are quieter
    half = float(np.quantile(np.abs(noise), level, method="higher")) * _few(len(others), level)
    mixed = _placebos(sales, np.arange(len(sales)), len(chosen), start, many=placebos, rng=rng)
    p_value = float((1 + (np.abs(mixed) >= abs(found)).sum()) / (placebos + 1))
    low, high = np.expm1(found - half).item(), np.expm1(found + half).item()
    added = [expected * share for share in (np.expm1(found).item(), low, high)]
    told = p_value <= 1 - level and abs(found) > half
    verdict = ("lift" if found > 0 else "loss") if told else "not_decidable"
    return LiftReading(
        verdict=verdict,
        lift=np.expm1(found).item(),
        low=low,
        high=high,
        p_value=p_value,
        incremental_minor=added[0],
        incremental_low_minor=added[1],
        incremental_high_minor=added[2],
        incremental_roas=added[0] / extra_spend_minor if extra_spend_minor else None,
        least_lift=np.expm1(half + 0.84 * float(noise.std())).item(),
        placebos=placebos,
        words=_words(verdict, np.expm1(found).item(), low, high),
    )


def _placebos(sales: Floats, pool: Ints, size: int, start: int, *, many: int, rng: np.random.Generator) -> Floats:
    """Return the log ratios of sets of `size` regions out of a pool, drawn by lot, against the rest of it."""
    found = np.empty(many)
    for turn in range(many):
        mixed = rng.permutation(pool)
        found[turn] = _log_ratio(sales, mixed[:size], mixed[size:], start)[0]
    return found


def _few(regions: int, level: float) -> float:
    """Return how much wider an interval must be because its spread was learnt from so few regions."""
    free = regions - 2
    tail = (1 + level) / 2
    return float(stdtrit(free, tail) / ndtri(tail) * np.sqrt(regions / free))


def _log_ratio(sales: Floats, chosen: Ints, others: Ints, start: int) -> tuple[float, float]:
    """Return the log of sold over expected after `start` of the chosen regions, and the expected."""
    before, after = sales[:, :start], sales[:, start:]
    usual = before.mean(axis=1) + 1.0
    own, base = before[chosen].sum(axis=0), usual[chosen].sum()
    # Each region's day relative to its own usual day; centred, so that the blend is of movements, not of sizes.
    movements = before[others] / usual[others, None] - 1.0
    target = own / base - 1.0
    fair = usual[others] / usual[others].sum()
    spread = float((movements**2).sum(axis=1).mean())
    gram = movements @ movements.T + spread * np.diag(1.0 / np.maximum(fair * len(fair), 1e-3))
    weights = fair + np.linalg.solve(gram, movements @ (target - fair @ movements))
    weights = np.maximum(weights, 0.0)
    weights /= weights.sum()
    expected = float(base * (weights @ (after[others] / usual[others, None])).sum())
    sold = float(after[chosen].sum())
    return float(np.log((sold + 1.0) / (expected + 1.0))), expected


def _checked(sales_minor: Ints, treated: Bools, start: int) -> Floats:
    sales = np.asarray(sales_minor, np.float64)
    if treated.ndim != 1 or treated.shape != sales.shape[:-1] or not np.isfinite(sales).all() or (sales < 0).any():
        raise BadInputError("sales are (regions, days), finite and from 0, with one flag per region")
    if not _LEAST_DAYS <= start < sales.shape[1]:
        raise BadInputError(f"day {start} starts the treatment; it needs {_LEAST_DAYS} days before it and one after")
    if not treated.any() or int((~treated).sum()) < _LEAST_CONTROLS:
        raise BadInputError(f"a lift needs a treated region and at least {_LEAST_CONTROLS} untreated ones")
    return sales


def _words(verdict: str, share: float, low: float, high: float) -> str:
    between = f"between {low * 100:+.1f} % and {high * 100:+.1f} %"
    if verdict == "not_decidable":
        return f"no lift is told from chance: {between}"
    return f"sales moved by {share * 100:+.1f} %, {between}"
