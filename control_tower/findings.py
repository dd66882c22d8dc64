"""Findings of health: one figure against its limits, or a source that is unknown, in words. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from control_tower import thresholds
from domain.health import ModuleStatus

_RANK: Final[Mapping[ModuleStatus, int]] = {
    ModuleStatus.ONLINE: 0,
    ModuleStatus.DEGRADED: 1,
    ModuleStatus.UNKNOWN: 2,
    ModuleStatus.OFFLINE: 3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One finding on a pair or the house: which row of the table (or which source), how bad, in words."""

    name: str  # of the threshold or the source: "success_age", "consumers", ...
    status: ModuleStatus
    text: str
    value: float | None = None


def measured(name: str, value: float, text: str) -> Reason:
    """Hold a figure against its row of the table."""
    return Reason(name=name, status=thresholds.row(name).status(value), text=text, value=value)


def unknown(source: str, why: str) -> Reason:
    """Say that a source is unknown."""
    return Reason(name=source, status=ModuleStatus.UNKNOWN, text=f"{source} unknown: {why}")


def offline(name: str, text: str) -> Reason:
    """Say what keeps it from working at all."""
    return Reason(name=name, status=ModuleStatus.OFFLINE, text=text)


def degraded(name: str, text: str) -> Reason:
    """Say what is not as it should be."""
    return Reason(name=name, status=ModuleStatus.DEGRADED, text=text)


def worst(reasons: Iterable[Reason]) -> ModuleStatus:
    """The status that these findings make together; none makes ONLINE."""
    return max((row.status for row in reasons), key=_RANK.__getitem__, default=ModuleStatus.ONLINE)


def condensed(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Keep what is not ONLINE, the worst of each name with how many more there are; the worst first."""
    found: dict[str, list[Reason]] = {}
    for row in reasons:
        if row.status is not ModuleStatus.ONLINE:
            found.setdefault(row.name, []).append(row)
    kept = []
    for rows in found.values():
        first = max(rows, key=lambda row: (_RANK[row.status], row.value or 0.0))
        more = len({row.text for row in rows}) - 1
        kept.append(replace(first, text=f"{first.text} (and {more} more)") if more else first)
    return tuple(sorted(kept, key=lambda row: -_RANK[row.status]))


def span(seconds: float) -> str:
    """A length of time in words."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
