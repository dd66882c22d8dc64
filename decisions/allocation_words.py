"""How the optimizer says what it wants and what it leaves: proposals and findings with their evidence."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from decisions.allocation_choice import Choice
from decisions.allocation_objects import Steered
from decisions.break_even import Aim, Form
from decisions.budget_changes import change_budget, frames, kind_of
from decisions.freshness import age_s
from decisions.policy import MaturedPolicy
from decisions.wording import amounts, percent
from domain.actions import Json, JsonMap, Priority, Proposal
from domain.evidence import Finding
from domain.snapshot import Bools, Floats, Ints, Snapshot

RULE = "allocation"
_Z80 = 1.2815515655446004  # ends of the middle 80 %
_FEW = 5.0  # purchases: with fewer it is not decided rather than dropped
_LONG_DAYS = 90  # needs beyond that are no prospect


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What there is to speak of; `choice` is of `rows`, None where nothing is known."""

    snapshot: Snapshot
    aim: Aim
    policy: MaturedPolicy
    rows: Steered
    unknown: Steered
    choice: Choice | None
    marginal: Floats  # what the next unit of money brings each of `rows` at its present budget

    @property
    def price(self) -> float:
        """What a further unit of money must bring."""
        if self.aim.form is Form.FREE or self.choice is None:
            return self.aim.roas
        return float(np.exp(self.choice.log_price.max()))


def say(told: Told) -> tuple[tuple[Proposal, ...], tuple[Finding, ...]]:
    """Word every change of a budget, and say of each object what there is to say.

    It is changed, dropped, held, or not decidable yet.
    """
    if told.choice is None:
        return (), tuple(_unknown(told))
    changed = _changed(told, told.choice)
    proposals = tuple(proposal for proposal, _ in changed)
    return proposals, (*(finding for _, finding in changed), *_left(told, told.choice), *_unknown(told))


def waits_to_earn(told: Told, is_under: Bools, besides: frozenset[str]) -> Iterator[Finding]:
    """Say what would be raised, were its spend of the window earned back."""
    both = frames(told.snapshot)
    stays = np.zeros(len(told.rows), np.bool_) if told.choice is None else told.choice.target == told.rows.budget
    for n in np.flatnonzero(is_under & stays & (told.marginal > told.price)).tolist():
        frame = both[told.rows.frame.item(n)]
        object_id = str(frame.id[told.rows.row.item(n)])
        if object_id not in besides:
            words = f"hold: expected to pay, but what it spent in {told.snapshot.window_days} days has not come in yet"
            yield Finding(
                object_kind=kind_of(frame), object_id=object_id, verdict="hold", words=words,
                evidence={"blocked_by": "break_even"},
            )  # fmt: skip


def _changed(told: Told, choice: Choice) -> list[tuple[Proposal, Finding]]:
    """Of every change what is proposed and what is found, with the same reason and evidence."""
    both, write, found = frames(told.snapshot), amounts(told.snapshot.currency), []
    at = np.flatnonzero(choice.target != told.rows.budget)
    places = zip(at.tolist(), told.rows.frame[at].tolist(), told.rows.row[at].tolist(), strict=True)
    steps = np.round(choice.target[at] / told.rows.budget[at] - 1, 3).tolist()
    for (n, frame, row), step, why, evidence in zip(
        places, steps, _whys(told, choice, at), _evidence(told, choice, at), strict=True
    ):
        before, target = told.rows.budget.item(n), choice.target.item(n)
        proposal = change_budget(
            told.snapshot, both[frame], row, target, step=step, rule=RULE, priority=Priority.ROAS, why=why,
            evidence=evidence,
        )  # fmt: skip
        finding = Finding(
            object_kind=proposal.object_kind, object_id=proposal.object_id,
            verdict="raise" if target > before else "cut",
            words=f"{why}: {write(before)} → {write(target)} {told.snapshot.currency}", evidence=evidence,
        )  # fmt: skip
        found.append((proposal, finding))
    return found


def _left(told: Told, choice: Choice) -> Iterator[Finding]:
    """Those whose budgets stay though another would be better, or that could not be raised or cut."""
    rows = told.rows
    spends_little, is_young = rows.spends_little, rows.maturity < told.policy.pause_min_maturity
    is_worth_words = choice.is_noise | choice.is_costly | spends_little | is_young
    at = np.flatnonzero((choice.target == rows.budget) & is_worth_words)
    for n, evidence in zip(at.tolist(), _evidence(told, choice, at), strict=True):
        if choice.is_noise.item(n) or choice.is_costly.item(n):
            yield _dropped(told, choice, n, evidence)
        elif spends_little.item(n):
            share = rows.recent.item(n) / rows.budget.item(n)
            words = f"hold: it spends {percent(share, 0)} of its budget, so that a larger one would change nothing"
            yield _finding(told, n, "hold", words, {**evidence, "blocked_by": "delivery"})
        else:
            words = (
                f"hold: {percent(rows.maturity.item(n), 0)} of its purchases have arrived; it is not cut"
                f" before {percent(told.policy.pause_min_maturity)}"
            )
            yield _finding(told, n, "hold", words, {**evidence, "blocked_by": "maturity"})


def _dropped(told: Told, choice: Choice, n: int, evidence: dict[str, Json]) -> Finding:
    rows, write = told.rows, amounts(told.snapshot.currency)
    gain, noise, cost = (column.item(n) for column in (choice.gain, choice.noise, choice.cost))
    if not choice.is_noise.item(n):
        words = (
            f"dropped: gain {write(round(gain))} a day would not repay the {write(round(cost))}"
            f" {told.snapshot.currency} that learning anew costs"
        )
        return _finding(told, n, "dropped", words, {**evidence, "blocked_by": "learning_price"})
    factor = told.policy.min_gain_noise
    needs = _needs(gain, factor * noise, rows.purchases.item(n), rows.purchases_per_day.item(n))
    words = f"gain {write(round(gain))} {told.snapshot.currency} a day under its noise {write(round(noise))}"
    if needs is not None:
        purchases, days = needs
        evidence["needs"] = {"purchases": purchases, "days": days}
        tail = f"about {purchases} more purchases or {days} days"
        if rows.purchases.item(n) < _FEW:
            return _finding(told, n, "not_decidable", f"not decidable yet: {tail} ({words})", evidence)
        words = f"{words}; {tail} would tell"
    return _finding(told, n, "dropped", f"dropped: {words}", {**evidence, "blocked_by": "noise"})


def _unknown(told: Told) -> Iterator[Finding]:
    both = frames(told.snapshot)
    for frame, row in zip(told.unknown.frame.tolist(), told.unknown.row.tolist(), strict=True):
        yield Finding(
            object_kind=kind_of(both[frame]), object_id=str(both[frame].id[row]), verdict="not_decidable",
            words=f"not decidable yet: no spend of it in {told.policy.history_days} days is known; it keeps its budget",
            evidence={"needs": {"purchases": 1, "days": 1}, "blocked_by": "no_history"},
        )  # fmt: skip


def _finding(told: Told, n: int, verdict: str, words: str, evidence: JsonMap) -> Finding:
    frame = frames(told.snapshot)[told.rows.frame.item(n)]
    return Finding(
        object_kind=kind_of(frame), object_id=str(frame.id[told.rows.row.item(n)]), verdict=verdict, words=words,
        evidence=evidence,
    )  # fmt: skip


def _whys(told: Told, choice: Choice, at: Ints) -> Iterator[str]:
    what = "that must be reached" if told.aim.form is Form.FREE else "at which all are equal"
    price, write, currency, aim = told.price, amounts(told.snapshot.currency), told.snapshot.currency, told.aim.words
    for margin, gain in zip(told.marginal[at].tolist(), choice.gain[at].tolist(), strict=True):
        yield (
            f"a further unit of money brings {margin:.2f}, against {price:.2f} {what}"
            f" (gain {write(round(gain))} {currency} a day, {aim})"
        )


def _evidence(told: Told, choice: Choice, at: Ints) -> Iterator[dict[str, Json]]:
    rows, margin, wanted = told.rows.at(at), told.marginal[at], choice.wanted[at]
    sure = ndtr(np.log(np.maximum(margin, 1e-9) / told.price) / np.maximum(rows.relative_sd, 1e-9))
    columns: dict[str, list[Any]] = {
        "mean": np.exp(rows.log_median + rows.log_sd**2 / 2).round(4).tolist(),
        "low": np.exp(rows.log_median - _Z80 * rows.log_sd).round(4).tolist(),
        "high": np.exp(rows.log_median + _Z80 * rows.log_sd).round(4).tolist(),
        "certainty": np.where(wanted >= rows.budget, sure, 1 - sure).round(4).tolist(),
        "purchases": rows.purchases.round(1).tolist(),
        "margin": margin.round(4).tolist(),
        "gain": choice.gain[at].round(2).tolist(),
        "noise": choice.noise[at].round(2).tolist(),
        "cost": choice.cost[at].round(2).tolist(),
        "wanted": wanted.tolist(),
        "maturity": rows.maturity.round(4).tolist(),
        "is_learning": rows.is_learning.tolist(),
    }
    shared: dict[str, Json] = {
        "threshold": round(told.price, 4), "form": told.aim.form.value,
        "data_age_s": age_s(told.snapshot.insights_read_at, told.snapshot.now),
    }  # fmt: skip
    for mean, low, high, certainty, purchases, brings, gain, noise, cost, best, maturity, is_learning in zip(
        *columns.values(), strict=True
    ):
        yield {
            "counts": {"purchases": purchases},
            "posterior": {"mean": mean, "low": low, "high": high, "certainty": certainty},
            "marginal_return": brings, "expected_gain_minor": gain, "noise_minor": noise, "learning_cost_minor": cost,
            "wanted_minor": best, "maturity": maturity, "is_learning": is_learning, **shared,
        }  # fmt: skip


def _needs(gain: float, wanted: float, purchases: float, per_day: float) -> tuple[int, int] | None:
    """How many more purchases, and days, bring the noise down to the gain: it falls with the root of the purchases."""
    if gain <= 0 or per_day <= 0:
        return None
    more = max(purchases, 1.0) * ((wanted / gain) ** 2 - 1)
    days = more / per_day
    return (math.ceil(more), math.ceil(days)) if 0 < days <= _LONG_DAYS else None
