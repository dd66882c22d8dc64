"""Which element of the creatives (hook, title, music, length) earns, and what to combine next. Pure.

Module 15 (creative analyzer) will run it; it has no task yet.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, stdtr

from domain.actions import Json, ObjectKind
from domain.errors import BadInputError
from domain.evidence import Finding
from domain.snapshot import Bools, Floats, Ints, Texts
from estimators.additive_prior import AdditiveFit, Prior, fit
from estimators.discovery import discoveries

_MOST_COMBINATIONS = 200_000
_UNPENALISED = Prior(effect=4.0, effect_levels=1e9)  # as good as no shrinkage: for tests, not for estimates
_LIFT_ASKED = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Creatives:
    """Figures of creatives over the same days; `features` (n, f) are codes into `level_names[f]`.

    `counts` over `exposures` is what is judged: purchases over matured spend, or clicks over impressions.

    Raises:
        BadInputError: shapes differ, a figure is negative or not finite, a code without a name.
    """

    creative_id: Texts
    features: Ints
    feature_names: tuple[str, ...]
    level_names: tuple[tuple[str, ...], ...]
    counts: Ints
    exposures: Floats
    dispersion: float = 1.0

    def __post_init__(self) -> None:
        shape = (len(self.creative_id), len(self.feature_names))
        if self.features.shape != shape or len(self.level_names) != shape[1] or not shape[1]:
            raise BadInputError(f"features have shape {self.features.shape}; they must be {shape}, with a name each")
        for name in ("counts", "exposures"):
            values = np.asarray(getattr(self, name))
            if values.shape != shape[:1] or not np.isfinite(values).all() or (values < 0).any():
                raise BadInputError(f"{name} must be {shape[0]} finite numbers from 0; read the figures anew")
        tops = np.asarray(self.levels, np.int64)
        if shape[0] and ((self.features < 0) | (self.features >= tops)).any():
            raise BadInputError("a feature's code has no name; code levels from 0 and name each")
        if not self.dispersion >= 1:
            raise BadInputError(f"dispersion is {self.dispersion!r}; it is from 1")

    @property
    def levels(self) -> tuple[int, ...]:
        """How many levels each feature has."""
        return tuple(len(names) for names in self.level_names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One level of one feature: its factor on the rate against its feature's mean, all else equal."""

    feature: str
    level: str
    creatives: int
    counts: float
    factor: float
    low: float  # 90 %
    high: float
    p_value: float
    earns: bool  # it differs, with false discoveries under control
    needs: int  # counts more until a difference of 25 % would be seen; 0 where it is decided


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """A combination that never ran, with what is expected of it."""

    levels: tuple[str, ...]
    factor: float  # on the rate of the mean creative
    low: float
    high: float
    improvement: float  # expected gain over the best one that ran, as a share of its rate: value and doubt together


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementReading:
    """What the elements do; combinations by expected rate, and by what trying them is expected to win."""

    elements: tuple[Element, ...]
    by_value: tuple[Combination, ...]
    by_information: tuple[Combination, ...]
    findings: tuple[Finding, ...]


def read(creatives: Creatives, *, fdr: float = 0.10, top: int = 10) -> ElementReading:
    """Say which elements earn and which unseen combinations to make.

    An element is told from its feature's mean by a test without shrinkage, that counts the creatives' own spread as
    noise; with no effect at all something is told in at most a share `fdr` of readings. Sizes are shrunk.
    """
    believed = fit(
        creatives.counts, creatives.exposures, creatives.features, levels=creatives.levels,
        dispersion=creatives.dispersion,
    )  # fmt: skip
    p_values = _tests(creatives)
    elements = _elements(creatives, believed, p_values, discoveries(p_values, fdr))
    by_value, by_information = _recombine(creatives, believed, top)
    return ElementReading(
        elements=elements,
        by_value=by_value,
        by_information=by_information,
        findings=_findings(creatives, elements),
    )


def _tests(creatives: Creatives) -> Floats:
    """Return the p-value of every level, feature after feature; 1 where there is too little to ask."""
    levels = creatives.levels
    found = fit(
        creatives.counts, creatives.exposures, creatives.features, levels=levels, dispersion=creatives.dispersion,
        prior=_UNPENALISED,
    )  # fmt: skip
    free = int((creatives.exposures > 0).sum()) - 1 - sum(count - 1 for count in levels)
    if free < 1 or creatives.counts.sum() < 1:
        return np.ones(sum(levels))
    effect, variance, told = _against_mean(creatives, found)
    z = np.divide(effect, np.sqrt(variance), out=np.zeros_like(effect), where=variance > 0)
    p_values: Floats = 2.0 * stdtr(free, -np.abs(z))
    return np.where(told, p_values, 1.0)


def _against_mean(creatives: Creatives, found: AdditiveFit) -> tuple[Floats, Floats, Bools]:
    """Return each level's effect against its feature's mean weighted by exposure, its variance, and whether it ran."""
    size = sum(found.levels)
    contrast, told = np.zeros((size, size)), np.zeros(size, np.bool_)
    for feature, (count, start) in enumerate(zip(found.levels, found.offsets - 1, strict=True)):
        weight = np.bincount(creatives.features[:, feature], weights=creatives.exposures, minlength=count)
        share = weight / weight.sum() if weight.sum() > 0 else np.full(count, 1.0 / count)
        here = slice(start, start + count)
        contrast[here, here] = np.eye(count) - share
        told[here] = (weight > 0) & (share < 1)
    variance = np.einsum("ij,jk,ik->i", contrast, found.covariance[1:, 1:], contrast)
    return contrast @ found.effects[1:], np.maximum(variance, 0.0), told


def _elements(creatives: Creatives, believed: AdditiveFit, p_values: Floats, earns: Bools) -> tuple[Element, ...]:
    effect, variance, _ = _against_mean(creatives, believed)
    half = 1.6449 * np.sqrt(variance)
    wanted = 2.0 * (1.6449 + 0.8416) ** 2 / math.log1p(_LIFT_ASKED) ** 2 * creatives.dispersion
    found, row = [], 0
    for feature, names in enumerate(creatives.level_names):
        column = creatives.features[:, feature]
        counts = np.bincount(column, weights=creatives.counts, minlength=len(names))
        many = np.bincount(column, minlength=len(names))
        for level, name in enumerate(names):
            found.append(
                Element(
                    feature=creatives.feature_names[feature],
                    level=name,
                    creatives=many.item(level),
                    counts=counts.item(level),
                    factor=math.exp(effect.item(row)),
                    low=math.exp(effect.item(row) - half.item(row)),
                    high=math.exp(effect.item(row) + half.item(row)),
                    p_value=p_values.item(row),
                    earns=earns.item(row),
                    needs=0 if earns[row] else max(0, math.ceil(wanted - counts.item(level))),
                )
            )
            row += 1
    return tuple(found)


def _recombine(
    creatives: Creatives, believed: AdditiveFit, top: int
) -> tuple[tuple[Combination, ...], tuple[Combination, ...]]:
    every = _combinations(believed)
    ran = _number(creatives.features, believed.levels)
    unseen = every[~np.isin(_number(every, believed.levels), ran)]
    if not len(unseen) or not len(ran):
        return (), ()
    seen = believed.posterior(creatives.counts, creatives.exposures, creatives.features)
    best = float(seen.mean.max())
    rates = believed.predict(unseen)
    log_sd = np.sqrt(np.log1p(rates.cv2))
    log_median = np.log(rates.mean) - log_sd**2 / 2
    # Expected improvement over the best that ran, of a log-normal belief (as an option's price).
    d = (log_median - math.log(best)) / log_sd
    improvement = rates.mean * ndtr(d + log_sd) / best - ndtr(d)
    usual = math.exp(believed.effects.item(0))

    def named(row: int) -> Combination:
        codes = unseen[row].tolist()
        median, sd = log_median.item(row), log_sd.item(row)
        return Combination(
            levels=tuple(names[code] for names, code in zip(creatives.level_names, codes, strict=True)),
            factor=rates.mean.item(row) / usual,
            low=math.exp(median - 1.6449 * sd) / usual,
            high=math.exp(median + 1.6449 * sd) / usual,
            improvement=max(0.0, improvement.item(row)),
        )

    by_value = np.argsort(-rates.mean, kind="stable")[:top].tolist()
    by_information = np.argsort(-improvement, kind="stable")[:top].tolist()
    return tuple(named(row) for row in by_value), tuple(named(row) for row in by_information)


def _combinations(believed: AdditiveFit) -> Ints:
    """Return every combination; where they are too many, those of each feature's best levels."""
    best = [np.argsort(-_bold(believed, feature), kind="stable") for feature in range(len(believed.levels))]
    while math.prod(len(levels) for levels in best) > _MOST_COMBINATIONS:
        longest = max(range(len(best)), key=lambda feature: len(best[feature]))
        best[longest] = best[longest][: len(best[longest]) - 1]
    grids = np.meshgrid(*best, indexing="ij")
    return np.stack([grid.ravel() for grid in grids], axis=1).astype(np.int64)


def _bold(believed: AdditiveFit, feature: int) -> Floats:
    """Return effects with one standard deviation on top, so that a doubtful level is not cut off."""
    here = slice(believed.offsets[feature], believed.offsets[feature] + believed.levels[feature])
    bold: Floats = believed.effects[here] + np.sqrt(np.diag(believed.covariance)[here])
    return bold


def _number(features: Ints, levels: tuple[int, ...]) -> Ints:
    base = np.cumprod((1, *levels[:-1]), dtype=np.int64)
    numbers: Ints = features @ base
    return numbers


def _findings(creatives: Creatives, elements: tuple[Element, ...]) -> tuple[Finding, ...]:
    def finding(element: Element) -> Finding:
        side = "more" if element.factor > 1 else "less"
        evidence: dict[str, Json] = {
            "counts": {"events": element.counts, "creatives": element.creatives},
            "posterior": {"mean": element.factor, "low": element.low, "high": element.high},
            "p_value": element.p_value,
        }
        share = abs(element.factor - 1) * 100
        return Finding(
            object_kind=ObjectKind.ACCOUNT,
            object_id="",
            verdict="earns" if element.factor > 1 else "costs",
            words=f"{element.feature} {element.level} brings {share:.0f} % {side} than the mean, all else equal",
            evidence=evidence,
        )

    told = tuple(finding(element) for element in elements if element.earns)
    if told or not len(creatives.creative_id):
        return told
    missing = sum(element.needs for element in elements)
    words = f"no element is told from the others yet: about {missing} more counts"
    if not missing:
        words = "no element is far enough from the others to matter"
    return (
        Finding(
            object_kind=ObjectKind.ACCOUNT,
            object_id="",
            verdict="not_decidable" if missing else "hold",
            words=words,
            evidence={"needs": {"purchases": missing}},
        ),
    )
