"""How many new variants may run at once, which have lost, and how the rest share their traffic. Pure.

Module 16 (creative optimizer) will run it; it has no task yet.
"""

import math
from dataclasses import dataclass

import numpy as np

from domain.actions import Json, ObjectKind
from domain.errors import BadInputError
from domain.evidence import Finding
from domain.snapshot import Bools, Floats, Ints, Texts
from estimators.additive_prior import fit
from estimators.bandits import best_probability, draw_rates, expected_loss, top_two_shares, with_floor
from estimators.heterogeneity import differ

_TO_LEARN = 50  # purchases that end the platform's learning stage
_DRAWS = 4_000
_LIFT_ASKED = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """Variants that compete for one budget: counts over exposures (matured spend, or impressions) of the same days.

    Raises:
        BadInputError: shapes differ, or a figure is negative or not finite.
    """

    ad_id: Texts
    counts: Ints
    exposures: Floats
    features: Ints | None = None  # (n, f) codes, where the variants' elements are known
    dispersion: float = 1.0

    def __post_init__(self) -> None:
        shape = (len(self.ad_id),)
        for name in ("counts", "exposures"):
            values = np.asarray(getattr(self, name))
            if values.shape != shape or not np.isfinite(values).all() or (values < 0).any():
                raise BadInputError(f"{name} must be {shape[0]} finite numbers from 0; read the figures anew")
        if self.features is not None and self.features.shape[:-1] != shape:
            raise BadInputError(f"features have shape {self.features.shape}; one row per ad is needed")
        if not self.dispersion >= 1:
            raise BadInputError(f"dispersion is {self.dispersion!r}; it is from 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantPlan:
    """What to do with the variants in flight."""

    room: int  # variants that may run at once
    start: int  # of which so many may be added now
    retire: Bools
    shares: Floats  # of the traffic, of those that stay; 0 for the retired
    best: Floats  # each one's chance of being the best
    loss: Floats  # what going on with it alone is expected to miss, as a share of the best's rate
    equal_p: float
    findings: tuple[Finding, ...]


def variants(
    arms: Arms,
    *,
    seed: int,
    budget_minor: int,
    cost_per_purchase_minor: float,
    days: int = 7,
    explore: float = 0.1,
    leader: float = 1.0,
    retire_under: float = 0.01,
    alpha: float = 0.05,
) -> VariantPlan:
    """Retire what is hardly ever the best, split traffic by Thompson sampling, and say how many new ones fit.

    `leader` is the chance that a draw's best is played rather than its challenger: 1 earns most while it learns
    (benchmarks/decisions/segments.py), 0.5 is top-two sampling, which finds the best soonest at twice the price.
    As many run at once as the budget of `days` can bring through 50 purchases each. A variant is retired where its
    chance of being best is under `retire_under` and all being equal has a p-value under `alpha`: with no difference
    at all, something is retired in at most a share `alpha` of single looks. The best always stays.

    Raises:
        BadInputError: money or a share is out of its range.
    """
    _check(budget_minor, cost_per_purchase_minor, explore)
    many = len(arms.ad_id)
    room = max(1, math.floor(budget_minor * days / (_TO_LEARN * cost_per_purchase_minor)))
    if not many:
        none = np.zeros(0)
        return VariantPlan(
            room=room, start=room, retire=none > 0, shares=none, best=none, loss=none, equal_p=1.0, findings=()
        )
    best, loss = _chances(arms, seed)
    equal_p = differ(arms.counts, arms.exposures, np.arange(many), dispersion=arms.dispersion)
    retire = (best < retire_under) & (equal_p < alpha)
    shares = np.zeros(many)
    shares[~retire] = with_floor(top_two_shares(best[~retire] / best[~retire].sum(), leader=leader), explore)
    return VariantPlan(
        room=room,
        start=max(0, room - int((~retire).sum())),
        retire=retire,
        shares=shares,
        best=best,
        loss=loss,
        equal_p=equal_p,
        findings=_findings(arms, retire, best, loss, equal_p),
    )


def _chances(arms: Arms, seed: int) -> tuple[Floats, Floats]:
    """Return the chance of being best and the relative expected loss of each, in blocks that fit in memory."""
    many = len(arms.ad_id)
    features = arms.features if arms.features is not None else np.zeros((many, 0), np.int64)
    rates = fit(arms.counts, arms.exposures, features, dispersion=arms.dispersion).posterior(
        arms.counts, arms.exposures, features
    )
    rng, turns = np.random.default_rng(seed), max(1, many * _DRAWS // 4_000_000)
    best, loss = np.zeros(many), np.zeros(many)
    for _ in range(turns):
        draws = draw_rates(rng, rates, max(1, _DRAWS // turns))
        best += best_probability(draws) / turns
        loss += expected_loss(draws) / (turns * draws.max(axis=1).mean())
    return best, loss


def _check(budget_minor: int, cost_per_purchase_minor: float, explore: float) -> None:
    if budget_minor < 0:
        raise BadInputError(f"the budget is {budget_minor!r} minor units; it must be from 0")
    if not (math.isfinite(cost_per_purchase_minor) and cost_per_purchase_minor > 0):
        raise BadInputError(f"the cost per purchase is {cost_per_purchase_minor!r}; it must be above 0")
    if not 0 <= explore <= 1:
        raise BadInputError(f"explore is {explore!r}; it is a share from 0 to 1")


def _findings(arms: Arms, retire: Bools, best: Floats, loss: Floats, equal_p: float) -> tuple[Finding, ...]:
    def evidence(row: int) -> dict[str, Json]:
        return {
            "counts": {"events": arms.counts.item(row), "exposures": float(arms.exposures[row])},
            "posterior": {"certainty": round(1 - best.item(row), 4)},
            "expected_loss": round(loss.item(row), 5),
            "equal_p": round(equal_p, 5),
        }

    told = tuple(
        Finding(
            object_kind=ObjectKind.AD,
            object_id=str(arms.ad_id[row]),
            verdict="retire",
            words=f"it is the best of {len(best)} with {best.item(row) * 100:.1f} % only",
            evidence=evidence(row),
        )
        for row in np.flatnonzero(retire).tolist()
    )
    wanted = 2.0 * (1.6449 + 0.8416) ** 2 / math.log1p(_LIFT_ASKED) ** 2 * arms.dispersion
    missing = math.ceil(float(np.maximum(wanted - arms.counts, 0.0).sum()))
    if told or len(best) <= 1 or not missing:
        return told
    leader = int(np.argmax(best))
    return (
        Finding(
            object_kind=ObjectKind.AD,
            object_id=str(arms.ad_id[leader]),
            verdict="not_decidable",
            words=f"no variant has lost yet: about {missing} more purchases",
            evidence={**evidence(leader), "needs": {"purchases": missing}},
        ),
    )
