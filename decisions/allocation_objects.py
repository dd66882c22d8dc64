"""What the optimizer may steer of an account, as arrays: what has a daily budget of its own and is free to move.

Campaigns that carry the budget of their ad sets come first, then ad sets with their own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decisions.allocation_choice import Task
from decisions.allocation_room import Room
from decisions.break_even import Aim, Form
from decisions.budget_changes import Frame, frames, kind_of
from decisions.learning_price import LearningPrice
from decisions.policy import AccountLimits, MaturedPolicy
from decisions.steps import lowered, raised
from domain.actions import ObjectKind
from domain.snapshot import Bools, Floats, Hold, Ints, Snapshot
from estimators.response import Response, find

_SPENDS_LITTLE = 0.6  # of its budget: more of it would not be spent either


@dataclass(frozen=True, slots=True, kw_only=True)
class Steered:
    """n objects; `frame` and `row` say where each stands in the snapshot. Curves of what is not known are of no use."""

    frame: Ints  # place in `budget_changes.frames`
    row: Ints
    budget: Ints
    is_learning: Bools
    is_known: Bools
    top: Floats
    kappa: Floats
    bend: Floats
    log_median: Floats
    log_sd: Floats
    relative_sd: Floats
    recent: Floats
    purchases: Floats
    purchases_per_day: Floats
    maturity: Floats

    def __len__(self) -> int:
        return len(self.row)

    @property
    def spends_little(self) -> Bools:
        """Which spend so much less than their budgets that more would change nothing."""
        return self.recent < _SPENDS_LITTLE * self.budget

    def at(self, rows: Bools | Ints) -> "Steered":
        """Return some of the rows."""
        return Steered(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def revenue(self, spend: Floats) -> Floats:
        """Return the daily revenue expected at these spends."""
        found: Floats = self.top * spend * (1 + spend / self.kappa) ** -self.bend
        return found

    def marginal(self, spend: Floats) -> Floats:
        """Return what the next unit of money would bring."""
        ratio = spend / self.kappa
        found: Floats = self.top * (1 + ratio) ** (-self.bend - 1) * (1 + (1 - self.bend) * ratio)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Which of n rows may not be cut, and which may not be raised."""

    no_cut: Bools
    no_raise: Bools


def steered(snapshot: Snapshot, responses: Mapping[ObjectKind, Response]) -> Steered:
    """Return what may be steered of a snapshot, with what is known of each."""
    parts = [_of_frame(place, frame, responses.get(kind_of(frame))) for place, frame in enumerate(frames(snapshot))]
    return Steered(**{
        field.name: np.concatenate([part[field.name] for part in parts]) for field in fields(Steered)
    })  # fmt: skip


def task_of(  # noqa: PLR0917 - a decision's usual arguments, and what they were made into
    rows: Steered,
    snapshot: Snapshot,
    policy: MaturedPolicy,
    limits: AccountLimits,
    aim: Aim,
    room: Room,
    bounds: Bounds | None = None,
) -> Task:
    """Return what is to be chosen: bounds by step, floor, maturity and delivery; total, caps and price by the aim."""
    low = lowered(rows.budget, policy.step, limits.floor_minor)
    low = np.where(rows.maturity < policy.pause_min_maturity, rows.budget, low)
    high = np.where(rows.spends_little, rows.budget, raised(rows.budget, policy.step))
    if limits.margin is not None:
        high = np.where(under_break_even(rows, snapshot, limits.margin), rows.budget, high)
    low = np.minimum(low, high)
    if bounds is not None:
        low, high = np.where(bounds.no_cut, rows.budget, low), np.where(bounds.no_raise, rows.budget, high)
    is_free = aim.form is Form.FREE
    place, cap = _campaign_caps(rows, snapshot, room)
    account = room.account_daily_minor
    return Task(
        top=rows.top, kappa=rows.kappa, bend=rows.bend, relative_sd=rows.relative_sd, budget=rows.budget, low=low,
        high=high, is_learning=rows.is_learning, group=np.zeros(len(rows), np.int64),
        total=None if is_free else np.array([float(rows.budget.sum())]), worth=1 / aim.roas if is_free else 1.0,
        min_change=policy.min_change, noise_factor=policy.min_gain_noise, price=LearningPrice(), campaign=place,
        campaign_cap=cap, account_cap=None if account is None else float(max(0, account - _others(rows, snapshot))),
    )  # fmt: skip


def _of_frame(place: int, frame: Frame, response: Response | None) -> dict[str, NDArray[Any]]:
    row = np.flatnonzero(frame.is_active & (frame.hold == Hold.FREE) & (frame.daily_budget_minor > 0))
    found: dict[str, NDArray[Any]] = {
        "frame": np.full(len(row), place, np.int64), "row": row.astype(np.int64),
        "budget": frame.daily_budget_minor[row], "is_learning": frame.is_learning[row],
    }  # fmt: skip
    at, is_there = (
        (np.zeros(len(row), np.int64), np.zeros(len(row), np.bool_))
        if response is None
        else find(frame.id[row], response.object_id)
    )
    for name, values in _columns(response):
        taken = values[at] if len(values) else np.zeros(len(row), values.dtype)
        found[name] = np.where(is_there, taken, np.ones(1, values.dtype) if name in {"kappa", "bend"} else 0)
    found["is_known"] = found["is_known"].astype(np.bool_)
    return found


def _columns(response: Response | None) -> Iterator[tuple[str, NDArray[Any]]]:
    names = {"kappa": "kappa_minor", "recent": "recent_minor"}
    own = {"frame", "row", "budget", "is_learning"}
    for field in fields(Steered):
        if field.name not in own:
            empty: NDArray[Any] = np.zeros(0, np.bool_ if field.name == "is_known" else np.float64)
            yield field.name, empty if response is None else getattr(response, names.get(field.name, field.name))


def _campaign_caps(rows: Steered, snapshot: Snapshot, room: Room) -> tuple[Ints | None, Floats | None]:
    if not room.campaign_daily_minor:
        return None, None
    places: dict[str, int] = {}
    found = np.zeros(len(rows), np.int64)
    names = (snapshot.campaigns.id, snapshot.ad_sets.campaign_id)
    for index, (frame, row) in enumerate(zip(rows.frame.tolist(), rows.row.tolist(), strict=True)):
        found[index] = places.setdefault(str(names[frame][row]), len(places))
    cap = np.array([float(room.campaign_daily_minor.get(name, np.inf)) for name in places])
    return found, cap


def under_break_even(rows: Steered, snapshot: Snapshot, margin: float) -> Bools:
    """Which rows have not earned their spend back in the window, as it arrived: no guardrail lets them be raised."""
    found = np.zeros(len(rows), np.bool_)
    for place, frame in enumerate(frames(snapshot)):
        at = np.flatnonzero(rows.frame == place)
        row = rows.row[at]
        found[at] = frame.revenue_window[row] * margin < frame.spend_window[row]
    return found


def _others(rows: Steered, snapshot: Snapshot) -> int:
    """Daily budgets of what runs and is not steered here."""
    everything = sum(
        int(frame.daily_budget_minor[frame.is_active & (frame.daily_budget_minor > 0)].sum())
        for frame in frames(snapshot)
    )
    return everything - int(rows.budget.sum())
