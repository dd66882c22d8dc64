"""Looks over what was done, knowing only what was done: whether a limit of the house was ever passed.

It shares no code with the guardrails, so that a hole in them shows here.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

from domain.actions import ActionKind, Priority
from twin.brains import Setting
from twin.ledger import Edit

_DAY, _HALF_HOUR = timedelta(days=1), timedelta(minutes=30)
_STEP, _ACTIONS, _PAUSES = 0.20, 20, 5


def breaches(edits: Sequence[Edit], setting: Setting) -> tuple[str, ...]:
    """Name every breach: a step over 20 %, a second one within 24 h, a cap, a floor, a crowd of actions or pauses."""
    return (*_steps(edits), *_caps(edits, setting), *_crowds(edits))


def _steps(edits: Sequence[Edit]) -> Iterator[str]:
    budgets = [row for row in edits if row.kind is ActionKind.SET_DAILY_BUDGET]
    for row in budgets:
        before, after = row.before_minor or 0, row.after_minor or 0
        if abs(after - before) > before * _STEP + 1:
            yield f"{row.key[1]} moved from {before} to {after} at {row.at:%Y-%m-%d %H:%M}"
    by_object: dict[str, list[Edit]] = {}
    for row in budgets:
        by_object.setdefault(row.key[1], []).append(row)
    for rows in by_object.values():
        for one, other in pairwise(rows):
            if other.at - one.at < _DAY:
                yield f"{one.key[1]} moved twice within 24 h, at {one.at:%Y-%m-%d %H:%M} and {other.at:%H:%M}"


def _caps(edits: Sequence[Edit], setting: Setting) -> Iterator[str]:
    cap, floor = setting.caps.account_minor, setting.wishes.minimum_daily_budget_minor
    for row in edits:
        if row.is_up and cap is not None and row.running_minor > cap:
            yield f"daily budgets of {row.running_minor} stood over the cap of {cap} at {row.at:%Y-%m-%d %H:%M}"
        if row.after_minor is not None and row.after_minor < floor:
            yield f"{row.key[1]} was set to {row.after_minor}, under the floor of {floor}"


def _crowds(edits: Sequence[Edit]) -> Iterator[str]:
    for what, limit, span, rows in (
        ("actions", _ACTIONS, _HALF_HOUR, list(edits)),
        ("pauses", _PAUSES, _DAY, [row for row in edits if _is_pause(row)]),
    ):
        for first, last in zip(rows, rows[limit:], strict=False):
            if last.at - first.at < span:
                yield f"more than {limit} {what} within {span} at {last.at:%Y-%m-%d %H:%M}"


def _is_pause(row: Edit) -> bool:
    return row.kind is ActionKind.PAUSE and row.priority is not Priority.PERSON
