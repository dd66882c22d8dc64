"""How much of a day's purchases has arrived by its age: learnt from cohorts, held to a prior where there are few.

Knows counts by cohort and age; where they come from is `models/maturity_curves.py`.
"""

from typing import Final

import numpy as np

from domain.errors import BadInputError
from domain.panel import MaturityCurve
from domain.snapshot import Floats, Ints

LAST_AGE: Final = 28  # days; figures are frozen after that (facts/domain.md §2a)
PRIOR_STRENGTH: Final = 200.0  # purchases that the prior is worth, at every age
_LEAST_RATIO: Final = 0.05  # from one age to the next no curve falls to less: it would be a broken report
# Share arrived so many hours after the click: facts/domain.md §2b, an assumption, linear in between.
_HOURS: Final = (0.0, 1.0, 24.0, 72.0, 168.0, 672.0)
_ARRIVED: Final = (0.0, 0.15, 0.55, 0.75, 0.95, 1.0)
_FIRST_HOUR: Final = 5  # people click from then to midnight, evenly: good enough, as the mean hour is what counts
_DAY_HOURS: Final = 24


def learn(
    arrived: Ints, reached: Ints, *, prior: MaturityCurve | None = None, strength: float = PRIOR_STRENGTH
) -> MaturityCurve:
    """Learn the curve from cohorts, each as far as it has been seen.

    `arrived` (cohorts, ages + 1) is what readings of each age added to a cohort; column 1 holds all before it, too, and
    column 0 is not looked at. `reached` (cohorts,) is the last age of which a cohort is wholly known. The share at an
    age over that at the next is the ratio of two sums over the cohorts that have seen both (as Kaplan and Meier do),
    with the prior's ratio worth `strength` purchases. Purchases taken back count as they are; a ratio stays in 0.05..1.

    Raises:
        BadInputError: the shapes do not fit one another.
    """
    prior = PRIOR if prior is None else prior
    if arrived.ndim != 2 or reached.shape != arrived.shape[:1]:  # noqa: PLR2004 - cohorts and ages
        raise BadInputError(f"arrivals of shape {arrived.shape} do not fit {reached.shape} cohorts")
    ages = len(prior.share)
    known = np.zeros((len(reached), ages))
    width = min(ages, arrived.shape[1])
    known[:, 1:width] = np.cumsum(arrived[:, 1:width], axis=1)
    known[:, width:] = known[:, [width - 1]]
    known = np.maximum(known, 0.0)
    has_seen = np.arange(ages)[None, :] <= reached[:, None]
    before = np.sum(known[:, :-1] * has_seen[:, 1:], axis=0)  # by the age before, of cohorts that saw the age
    after = np.sum(known[:, 1:] * has_seen[:, 1:], axis=0)
    expected = prior.share[:-1] / prior.share[1:]
    before[0] = after[0] = 0.0  # how much came on the day itself is not kept: the prior's word
    ratio = np.clip((before + strength * expected) / (after + strength), _LEAST_RATIO, 1.0)
    share = np.append(np.cumprod(ratio[::-1])[::-1], 1.0)
    return MaturityCurve(share=share, cohorts=float(after[1]) if ages > 2 else 0.0)  # noqa: PLR2004 - age 2 exists


def shares(curve: MaturityCurve, age_days: Ints, day_share: float) -> Floats:
    """Return the share arrived of days of these ages, read when `day_share` of the day of the reading had passed.

    Yesterday lies between what the curve says of the day itself and of its next day; older days were read once.
    """
    part = float(np.clip(day_share, 0.0, 1.0)) if np.isfinite(day_share) else 1.0
    found = curve.at(age_days)
    yesterday = curve.share[0] + part * (curve.at(np.ones(1, np.int64))[0] - curve.share[0])
    told: Floats = np.where(age_days == 1, yesterday, found)
    return told


def _assumed() -> MaturityCurve:
    """The share by the end of each age: days after yesterday are read as they begin, so age 2 adds little to age 1."""
    clicked = np.arange(_FIRST_HOUR, _DAY_HOURS) + 0.5
    ends = np.array([1, 2, *range(2, LAST_AGE + 1)], dtype=np.float64) * _DAY_HOURS
    share = np.interp(ends[:, None] - clicked[None, :], _HOURS, _ARRIVED).mean(axis=1)
    return MaturityCurve(share=share / share[-1], cohorts=0.0)


PRIOR: Final = _assumed()
