"""A fixed total shifted between cells that surely differ, with what it is expected to gain, or what is missing for it.

Shared by `segments.py` and `geo.py`; what a cell is, and the words for it, are theirs.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from decisions.cells import Cells, CellScores
from decisions.wording import percent
from domain.actions import Json
from domain.errors import BadInputError
from domain.evidence import Finding
from domain.snapshot import Floats, Ints

_LIFT_ASKED = 0.25  # "not decidable" counts the purchases that a difference so large would need
_NORMAL_95 = 1.6449
_AS_GOOD_AS_SURE = 0.99
_SIDES = ("below", "above")
_MOST_ELASTIC = 10.0
_SURE_AND_SEEN = (1.6449 + 0.8416) ** 2  # normal quantiles: 5 % one-sided, power 80 %


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftRules:
    """Thresholds of a shift of budget between cells."""

    certainty: float = 0.8  # P(a cell is above, or below, the others' mean) from which its budget moves
    alpha: float = 0.05  # chance of moving anything where all cells are equal, at one look
    step: float = 0.20  # the largest change of a budget in one edit
    min_change: float = 0.03  # a smaller one is not worth an edit
    explore: float = 0.05  # share of the total that no shift takes away from anyone
    elasticity: float = 2.0  # of a cell's best budget to its ROAS, from concave prices

    def __post_init__(self) -> None:
        for name in ("certainty", "alpha", "step", "min_change", "explore"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInputError(f"{name} is {getattr(self, name)!r}; it is a share from 0 to 1")
        if not 1 < self.elasticity <= _MOST_ELASTIC:
            raise BadInputError(f"elasticity is {self.elasticity!r}; it is above 1 and at most {_MOST_ELASTIC:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentPlan:
    """Daily budgets (n,) of the same total as before, what is believed of the cells, and what there is to say."""

    verdict: str  # "shift", "hold", or "not_decidable"
    target_minor: Ints
    scores: CellScores
    gain_minor: float  # a day, expected; 0 where nothing moves
    gain_sd_minor: float
    needs: tuple[int, float] | None  # purchases and days, where it is not decidable
    findings: tuple[Finding, ...]


def plan(cells: Cells, scores: CellScores, rules: ShiftRules, *, break_even: float, noun: str) -> SegmentPlan:
    """Shift the total, or say why not; `noun` is what a cell is called in the words."""
    target = _shift(cells, scores, rules)
    change = (target - cells.budget_minor).astype(np.float64)
    marginal = scores.mean * (1.0 - 1.0 / rules.elasticity) / break_even
    gain, noise = float((change * marginal).sum()), float(np.sqrt(((change * marginal * scores.log_sd) ** 2).sum()))
    needs = None
    verdict = "shift" if change.any() else "hold"
    if verdict == "hold" and scores.equal_p >= rules.alpha:
        missing = _needed(cells)
        verdict, needs = ("not_decidable", missing) if missing[0] else ("hold", None)
    found = SegmentPlan(
        verdict=verdict,
        target_minor=target,
        scores=scores,
        gain_minor=gain,
        gain_sd_minor=noise,
        needs=needs,
        findings=_findings(cells, scores, target, break_even, change * marginal),
    )
    return found if found.findings or not len(cells) else _with_reason(found, cells, rules, noun)


def _shift(cells: Cells, scores: CellScores, rules: ShiftRules) -> Ints:
    """Return daily budgets: more for cells that are surely above the mean, less for those surely below.

    Nothing moves unless the cells differ at `alpha`. A budget never moves by more than `step`, and never falls under
    its part of the exploration floor.
    """
    before = np.asarray(cells.budget_minor, np.float64)
    total = float(before.sum())
    if scores.equal_p >= rules.alpha or total <= 0:
        return cells.budget_minor.copy()
    centre = float(np.average(scores.log_median, weights=before))
    wish = np.exp(np.clip(rules.elasticity * (scores.log_median - centre), -3.0, 3.0)) - 1.0
    floor = np.minimum(before, rules.explore * total / len(before))
    more = np.where(scores.above_mean >= rules.certainty, before * np.clip(wish, 0.0, rules.step), 0.0)
    less = np.where(scores.above_mean <= 1 - rules.certainty, before * np.clip(-wish, 0.0, rules.step), 0.0)
    less = np.minimum(less, before - floor)
    for least in (0.0, rules.min_change):  # first balanced, then without what is too small, balanced again
        more, less = np.where(more >= least * before, more, 0.0), np.where(less >= least * before, less, 0.0)
        moved = min(more.sum(), less.sum())
        if moved <= 0:
            return cells.budget_minor.copy()
        more, less = more * (moved / more.sum()), less * (moved / less.sum())
    return cells.budget_minor + _whole(more - less)


def _whole(change: Floats) -> Ints:
    """Round towards 0 in whole minor units; the largest change gives up what the others lost by it."""
    whole = np.trunc(change).astype(np.int64)
    surplus = int(whole.sum())
    if surplus:
        row = int(np.argmax(whole * np.sign(surplus)))
        whole[row] -= surplus
        if whole[row] * np.sign(surplus) < 0:
            return np.zeros_like(whole)
    return whole


def _needed(cells: Cells) -> tuple[int, float]:
    """Return how many purchases more, and about how many days, until a difference of 25 % would be seen."""
    if not len(cells):
        return 0, 0.0
    wanted = 2.0 * _SURE_AND_SEEN / math.log1p(_LIFT_ASKED) ** 2 * cells.dispersion
    missing = float(np.maximum(wanted - cells.purchases, 0.0).sum())
    a_day = max(float(cells.purchases.sum()), 0.5) / cells.days
    return math.ceil(missing), round(missing / a_day, 1)


def _findings(
    cells: Cells, scores: CellScores, target: Ints, break_even: float, gain_minor: Floats
) -> tuple[Finding, ...]:
    """Say of every cell that moves why it does; columns are turned into lists at once, for there may be 10^5."""
    rows = np.flatnonzero(target != cells.budget_minor)
    is_raise = (target > cells.budget_minor)[rows]
    chance = np.where(is_raise, scores.above_mean[rows], 1 - scores.above_mean[rows])
    half = _NORMAL_95 * scores.log_sd[rows]
    median = scores.log_median[rows]
    chances = chance.round(4).tolist()
    told = {one: _sure(one) for one in set(chances)}
    words = [
        f"{name}: ROAS {roas:.2f} is {_SIDES[up]} the others' with {told[sure]}"
        for name, roas, up, sure in zip(
            _names(cells, rows), np.exp(median).tolist(), is_raise.tolist(), chances, strict=True
        )
    ]  # fmt: skip
    columns: tuple[list[Any], ...] = (
        cells.object_id[rows].tolist(), words, is_raise.tolist(), chances,
        scores.mean[rows].round(4).tolist(), np.exp(median - half).round(4).tolist(),
        np.exp(median + half).round(4).tolist(), gain_minor[rows].round().tolist(),
        scores.profit_minor[rows].round().tolist(), scores.above_break_even[rows].round(4).tolist(),
        cells.purchases[rows].tolist(), cells.spend_minor[rows].tolist(), cells.maturity[rows].round(4).tolist(),
        cells.budget_minor[rows].tolist(), target[rows].tolist(),
    )  # fmt: skip
    equal_p = round(scores.equal_p, 5)
    return tuple(
        Finding(
            object_kind=cells.object_kind,
            object_id=str(one),
            verdict="raise" if up else "cut",
            words=said,
            evidence={
                "counts": {"purchases": purchases, "spend_minor": spend},
                "posterior": {"mean": mean, "low": low, "high": high, "certainty": sure},
                "threshold": {"break_even": break_even, "above_break_even": above},
                "expected_gain_minor": gain,
                "profit_minor": profit,
                "maturity": mature,
                "equal_p": equal_p,
                "before_minor": before,
                "target_minor": after,
            },
        )
        for one, said, up, sure, mean, low, high, gain, profit, above, purchases, spend, mature, before, after in zip(
            *columns, strict=True
        )
    )


def _names(cells: Cells, rows: Ints) -> list[str]:
    """Name cells by their levels; a level, of which there are far fewer than cells, is written once."""
    levels = [
        [f"{name} {level}" for level in names]
        for name, names in zip(cells.feature_names, cells.level_names, strict=True)
    ]  # fmt: skip
    told = (map(of.__getitem__, codes) for of, codes in zip(levels, cells.features[rows].T.tolist(), strict=True))
    return [", ".join(parts) for parts in zip(*told, strict=True)] if levels else [""] * len(rows)


def _sure(chance: float) -> str:
    return percent(chance, 0) if chance < _AS_GOOD_AS_SURE else "more than 99 %"


def _with_reason(found: SegmentPlan, cells: Cells, rules: ShiftRules, noun: str) -> SegmentPlan:
    """Say of the largest cell why nothing moves: one sentence for all, not one per cell."""
    row = int(np.argmax(cells.spend_minor))
    evidence: dict[str, Json] = {"equal_p": round(found.scores.equal_p, 5), "threshold": rules.alpha}
    if found.needs:
        purchases, days = found.needs
        evidence["needs"] = {"purchases": purchases, "days": days}
        words = f"no {noun} is told from the others yet: about {purchases} more purchases or {days:g} days"
    else:
        words = f"no {noun} is far enough from the others to move budget"
    reason = Finding(
        object_kind=cells.object_kind,
        object_id=str(cells.object_id[row]),
        verdict=found.verdict,
        words=words,
        evidence=evidence,
    )
    return SegmentPlan(
        verdict=found.verdict, target_minor=found.target_minor, scores=found.scores, gain_minor=0.0,
        gain_sd_minor=0.0, needs=found.needs, findings=(reason,),
    )  # fmt: skip
