"""A day at level observe, told afterwards: what would have been done, what people did instead, what came of it.

Pure: rows in, lines out. It claims no effect: what came of an object is told beside the day before, not because of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from domain.actions import RECORDED_ONLY, Action, ObjectKind
from models.digests import DayFigures

_Object = tuple[ObjectKind, str]


class Instead(StrEnum):
    """What people did with an object since, as the mirror shows it."""

    NOTHING = "left it as it was"
    SAME = "did the same"
    OTHERWISE = "changed it otherwise"
    GONE = "removed it"
    UNKNOWN = "not seen since"
    OURS = "none, we changed it since"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Figures of an object over some days, summed. `roas` is None where nothing was spent."""

    days: int
    spend_minor: int
    revenue_minor: int
    purchases: int

    @property
    def roas(self) -> float | None:
        """Revenue as arrived per unit spent."""
        return self.revenue_minor / self.spend_minor if self.spend_minor else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One wish of the day and what followed."""

    action: Action
    instead: Instead
    now: Mapping[str, object]  # the values that the wish was about, as they stand
    day_before: Span
    since: Span  # from the day on, today's part included


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A day's lines, and how young the youngest figures under `since` are."""

    day: date
    last_day: date
    restatement_days: int  # how long the platform may still change a day's figures
    lines: tuple[Line, ...]

    @property
    def caution(self) -> str:
        """How far the figures can be trusted, in one sentence."""
        days = (self.last_day - self.day).days + 1
        return (
            f"Figures since {self.day} cover {days} day{'s' if days > 1 else ''} and still rise: a purchase is credited"
            f" to the day of its click or view, and a day is restated for up to {self.restatement_days} days, so that"
            " the youngest days look worse than they are. They stand beside the day before for orientation; they do"
            " not prove what a change did, or would have done."
        )


def tell(
    day: date,
    last_day: date,
    wishes: Iterable[Action],
    standing: Mapping[_Object, Mapping[str, object]],
    figures: Mapping[_Object, Sequence[DayFigures]],
    *,
    ours: frozenset[_Object] = frozenset(),
    restatement_days: int,
) -> Digest:
    """Join the day's wishes with what followed; what is only recorded anyway is left out."""
    lines = tuple(
        _line(action, day, standing.get(key), figures.get(key, ()), is_ours=key in ours)
        for action in wishes
        if action.kind not in RECORDED_ONLY and (key := (action.object_kind, action.object_id))
    )
    return Digest(day=day, last_day=last_day, restatement_days=restatement_days, lines=lines)


def _line(
    action: Action, day: date, now: Mapping[str, object] | None, days: Sequence[DayFigures], *, is_ours: bool
) -> Line:
    return Line(
        action=action,
        instead=Instead.OURS if is_ours else _instead(action, now),
        now={name: (now or {}).get(name) for name in action.target},
        day_before=_sum(row for row in days if row.day < day),
        since=_sum(row for row in days if row.day >= day),
    )


def _instead(action: Action, now: Mapping[str, object] | None) -> Instead:
    if now is None:
        return Instead.UNKNOWN
    if now.get("status") in {"deleted", "archived"}:
        return Instead.GONE
    if all(now.get(name) == value for name, value in action.target.items()):
        return Instead.SAME
    if all(now.get(name) == value for name, value in action.expected_before.items()):
        return Instead.NOTHING
    return Instead.OTHERWISE


def _sum(days: Iterable[DayFigures]) -> Span:
    rows = list(days)
    return Span(
        days=len(rows),
        spend_minor=sum(row.spend_minor for row in rows),
        revenue_minor=sum(row.revenue_minor for row in rows),
        purchases=sum(row.purchases for row in rows),
    )
