"""Pauses that cannot wait for the next half hour: what runs away, nears a hard limit, or sells nothing any more. Pure.

Only ever PAUSE, at the weight of safety. That more than a few objects or a tenth of the spend need a person's approval
is the door's rule (`actions/guardrails/mass_pause.py`), so nothing here holds back what is needed.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from domain.actions import ActionKind, Json, ObjectKind, Priority, Proposal
from domain.snapshot import Bools, Floats, Ints, Texts
from estimators.day_pace import OVERSPEND

RULES = ("protect_overspend", "protect_velocity", "protect_cap", "protect_silent")
MOST = 20  # proposals of one slot: what the door lets through of a cycle
REPORTING_SLACK = 1.02  # a day's figures are corrected by a little for hours
FLOORS = 5.0  # in minimum daily budgets: below that nothing runs away
VELOCITY = 6.0  # times the spend that an even pace of the budget has in the same time
VELOCITY_SHARE = 0.25  # of the daily budget must have gone within the time looked at
SILENT_PURCHASES = 12.0  # expected, none seen; with the scatter below that is e^-8
SILENT_SCATTER = 1.5
SILENT_HISTORY, SILENT_OTHERS = 30, 20  # purchases of its own before, and of the others today, that make it a fact
LEAD_H = 1.0  # what is decided now takes effect, and shows, about so much later
_SHORTEST_H, _LONGEST_H = 1 / 12, 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriers:
    """Active objects that carry a daily budget; n rows. Figures are of today, as arrived."""

    kind: Sequence[ObjectKind]
    object_id: Texts
    name: Texts
    budget_minor: Ints
    top_budget_minor: Ints  # the highest of today
    spent_minor: Ints
    earlier_minor: Ints  # what it had spent at `Seen.earlier_as_of`; -1 = not known
    clicks: Ints
    purchases: Ints

    def __len__(self) -> int:
        return len(self.object_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A hard limit of the account and what counts towards it; `words` name it."""

    name: str  # "day", "month", "incident"
    limit_minor: int
    spent_minor: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The account at one reading. Shares are of a usual day's spend, by `as_of` and by `earlier_as_of`."""

    now: datetime
    as_of: datetime
    elapsed: float
    earlier_as_of: datetime | None
    earlier_elapsed: float
    knows_budgets_of_day: bool  # `top_budget_minor` is known from the day's beginning on
    minimum_budget_minor: int
    rate_minor: float  # the account's spend per hour, lately
    limits: tuple[Limit, ...]
    carriers: Carriers
    account_clicks: int
    account_purchases: int
    amount: Callable[[int], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Clicks and purchases of an object, or the account, in the week before today."""

    clicks: int
    purchases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Something that a person should hear at once; `scope` is an object's id, or the limit's name."""

    scope: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """What to pause, and what to say."""

    proposals: tuple[Proposal, ...]
    warnings: tuple[Warned, ...]


def silent_suspects(seen: Seen) -> tuple[str, ...]:
    """Return ids without a purchase today though the others' rate promises many: their history is worth a look."""
    rows = seen.carriers
    expected = rows.clicks * _rate_of_others(seen)
    found = np.flatnonzero((rows.purchases <= 0) & (expected >= SILENT_PURCHASES / 4))
    return tuple(str(rows.object_id[row]) for row in found[:50])


def protect(seen: Seen, history: Mapping[str, History], account: History) -> Protection:
    """Say what cannot wait; `history` is of the suspects, `account` of all together."""
    found: dict[str, Proposal] = {}
    for proposal in (*_overspent(seen), *_fast(seen), *_silent(seen, history, account), *_near_limits(seen)):
        found.setdefault(proposal.object_id, proposal)
    kept = tuple(found.values())[:MOST]
    warnings = [Warned(scope=proposal.object_id, words=proposal.reason) for proposal in kept]
    warnings += [Warned(scope=limit.name, words=_limit_words(seen, limit)) for limit in _near(seen)]
    return Protection(proposals=kept, warnings=tuple(warnings))


def _overspent(seen: Seen) -> Iterator[Proposal]:
    """Beyond what the platform itself promises never to spend of the highest budget of the day."""
    rows, amount = seen.carriers, seen.amount
    if not seen.knows_budgets_of_day:
        return
    most = OVERSPEND * rows.top_budget_minor
    is_over = (rows.spent_minor > REPORTING_SLACK * most) & (rows.spent_minor > _floor(seen)) & (rows.budget_minor > 0)
    for row in _largest(is_over, rows.spent_minor):
        words = (
            f"{amount(int(rows.spent_minor[row]))} spent today, beyond {OVERSPEND:g} times its highest daily budget of"
            f" today, {amount(int(rows.top_budget_minor[row]))}: the platform does not keep its own bound"
        )
        yield _pause(seen, int(row), "protect_overspend", words, threshold_minor=float(most[row]))


def _fast(seen: Seen) -> Iterator[Proposal]:
    """So fast that the day's whole budget, and what may come on top, are gone within the hour."""
    rows, amount = seen.carriers, seen.amount
    hours = 0.0 if seen.earlier_as_of is None else (seen.as_of - seen.earlier_as_of).total_seconds() / 3600
    if not _SHORTEST_H <= hours <= _LONGEST_H:
        return
    usual = max(0.0, seen.elapsed - seen.earlier_elapsed)
    gone = np.where(rows.earlier_minor >= 0, rows.spent_minor - rows.earlier_minor, 0).astype(np.float64)
    budget = np.maximum(rows.top_budget_minor, 1).astype(np.float64)
    is_fast = (
        (rows.budget_minor > 0)
        & (gone > VELOCITY * usual * budget)
        & (gone > VELOCITY_SHARE * budget)
        & (gone > _floor(seen))
        & (rows.spent_minor + gone / hours * LEAD_H > OVERSPEND * budget)
    )
    for row in _largest(is_fast, gone):
        words = (
            f"{amount(int(gone[row]))} spent in {hours * 60:.0f} min, where its daily budget of"
            f" {amount(int(rows.top_budget_minor[row]))} usually spends {amount(int(usual * budget[row]))}: a runaway"
        )
        yield _pause(seen, int(row), "protect_velocity", words, threshold_minor=float(VELOCITY * usual * budget[row]))


def _silent(seen: Seen, history: Mapping[str, History], account: History) -> Iterator[Proposal]:
    """Clicks as ever and not one purchase, while the others' purchases come in: what is behind its link is broken.

    Others of the same hours are the yardstick, so that it cancels out how late purchases arrive.
    """
    rows, base = seen.carriers, account.purchases / account.clicks if account.clicks > 0 else 0.0
    if base <= 0 or seen.account_purchases < SILENT_OTHERS:
        return
    rate = _rate_of_others(seen)
    for row in np.flatnonzero(rows.purchases <= 0):
        own = history.get(str(rows.object_id[row]))
        if own is None or own.purchases < SILENT_HISTORY or own.clicks <= 0:
            continue
        expected = float(rows.clicks[row] * rate[row]) * (own.purchases / own.clicks) / base
        if expected < SILENT_PURCHASES:
            continue
        words = (
            f"{int(rows.clicks[row])} clicks today and no purchase, where {expected:.0f} were due by its own week"
            f" ({own.purchases} of {own.clicks} clicks) and by what others sell today: look at its page and its pixel"
        )
        sure = math.exp(-expected / SILENT_SCATTER)
        yield _pause(seen, int(row), "protect_silent", words, expected_purchases=round(expected, 2), by_chance=sure)


def _near_limits(seen: Seen) -> Iterator[Proposal]:
    """The fewest that let the others end the lead time within every limit of the account: fastest first."""
    rows = seen.carriers
    for limit in _near(seen):
        room = max(0.0, float(limit.limit_minor - limit.spent_minor))
        speed = np.where(rows.earlier_minor >= 0, rows.spent_minor - rows.earlier_minor, rows.spent_minor)
        speed = np.clip(speed, 0, None).astype(np.float64)
        rest, total = seen.rate_minor * LEAD_H, float(speed.sum())
        for row in np.argsort(-speed, kind="stable"):
            if rest <= room or total <= 0 or speed[row] <= 0:
                break
            rest -= seen.rate_minor * LEAD_H * float(speed[row]) / total
            yield _pause(seen, int(row), "protect_cap", _limit_words(seen, limit), limit=limit.name)


def _near(seen: Seen) -> tuple[Limit, ...]:
    """Limits that are passed by the time that a pause takes effect."""
    ahead = max(0.0, seen.rate_minor) * LEAD_H
    return tuple(limit for limit in seen.limits if limit.spent_minor + ahead > limit.limit_minor and ahead > 0)


def _limit_words(seen: Seen, limit: Limit) -> str:
    amount = seen.amount
    return (
        f"{amount(limit.spent_minor)} of {amount(limit.limit_minor)} of {limit.words} are spent, and"
        f" {amount(round(seen.rate_minor))} an hour go on"
    )


def _rate_of_others(seen: Seen) -> Floats:
    rows = seen.carriers
    clicks = np.maximum(seen.account_clicks - rows.clicks, 1)
    return np.clip(seen.account_purchases - rows.purchases, 0, None) / clicks


def _floor(seen: Seen) -> float:
    return FLOORS * max(1, seen.minimum_budget_minor)


def _largest(chosen: Bools, by: Ints | Floats) -> Ints:
    rows = np.flatnonzero(chosen)
    return rows[np.argsort(-by[rows], kind="stable")][:MOST]


def _pause(seen: Seen, row: int, rule: str, words: str, **more: Json) -> Proposal:
    rows = seen.carriers
    evidence: dict[str, Json] = {
        "counts": {"clicks": int(rows.clicks[row]), "purchases": int(rows.purchases[row])},
        "spent_minor": int(rows.spent_minor[row]),
        "daily_budget_minor": int(rows.budget_minor[row]),
        "data_age_s": int((seen.now - seen.as_of).total_seconds()),
        "elapsed": round(seen.elapsed, 4),
        **more,
    }
    return Proposal(
        kind=ActionKind.PAUSE,
        object_kind=rows.kind[row],
        object_id=str(rows.object_id[row]),
        object_name=str(rows.name[row]),
        expected_before={"status": "active"},
        target={"status": "paused"},
        rule=rule,
        priority=Priority.SAFETY,
        reason=words,
        evidence=evidence,
    )
