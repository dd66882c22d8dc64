"""The report's pictures, as SVG to stand inside the page: status over time, calls, alerts and runs by day."""

import io
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib import dates

from control_tower.report import Report
from models.report_reads import RunCount

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH: Final = 10.0
STATUS_COLOURS: Final[Mapping[str, str]] = {
    "healthy": "#2e9e5b",
    "degraded": "#e6b422",
    "critical": "#d0342c",
    "emergency_stop": "#6a1b9a",
}
_STATE_COLOURS: Final[Mapping[str, str]] = {
    "succeeded": "#2e9e5b",
    "partial": "#9acd8f",
    "failed": "#d0342c",
    "stopped": "#6a1b9a",
    "skipped": "#9e9e9e",
}
_NOBODY: Final = "#e3e3e3"


def draw(report: Report) -> Mapping[str, str]:
    """Draw what there is something to show of: name of the picture → SVG."""
    pictures: dict[str, Callable[[Report], Figure | None]] = {
        "status": _status,
        "calls": _calls,
        "runs": _runs,
    }
    drawn = ((name, make(report)) for name, make in pictures.items())
    return {name: _svg(picture) for name, picture in drawn if picture is not None}


def _status(report: Report) -> "Figure | None":
    """A bar of the period in the colours of the status; grey where nobody looked."""
    if not report.spans:
        return None
    picture, axes = plt.subplots(figsize=(_WIDTH, 1.6), layout="constrained")
    _bar(axes, report.since, report.until, _NOBODY, "nobody looked")
    for span in report.spans:
        begin = max(span.since, report.since)
        _bar(axes, begin, max(span.seen_until, begin), STATUS_COLOURS[span.status], span.status.replace("_", " "))
    axes.set_yticks([])
    axes.set_xlim(_day(report.since), _day(report.until))
    _as_time(axes, report)
    _legend(axes, "Status of the system")
    return picture


def _bar(axes: "Axes", begin: datetime, end: datetime, colour: str, label: str) -> None:
    shown = {text.get_label() for text in axes.patches}
    width = _day(end) - _day(begin)
    axes.axvspan(_day(begin), _day(begin) + width, color=colour, label=label if label not in shown else f"_{label}")


def _calls(report: Report) -> "Figure | None":
    if not report.calls:
        return None
    picture, axes = plt.subplots(figsize=(_WIDTH, 2.6), layout="constrained")
    at = [_day(row.hour_at) for row in report.calls]
    width = 1 / 24
    fine = [row.calls - row.errors for row in report.calls]
    axes.bar(at, fine, width=width, align="edge", color="#3572b0", label="answered")
    errors = [row.errors for row in report.calls]
    axes.bar(at, errors, width=width, align="edge", bottom=fine, color=_STATE_COLOURS["failed"], label="errors")
    axes.set_xlim(_day(report.since), _day(report.until))
    _as_time(axes, report)
    _legend(axes, "Calls to the platforms, an hour")
    return picture


def _runs(report: Report) -> "Figure | None":
    if not report.runs:
        return None
    picture, axes = plt.subplots(figsize=(_WIDTH, 2.6), layout="constrained")
    days = sorted({row.day_at for row in report.runs})
    bottom = dict.fromkeys(days, 0)
    for state, colour in _STATE_COLOURS.items():
        heights = {day: _of(report.runs, state, day) for day in days}
        if any(heights.values()):
            at = [_day(day) + 0.5 for day in days]
            below = [bottom[day] for day in days]
            axes.bar(at, list(heights.values()), width=0.8, bottom=below, color=colour, label=state)
            bottom = {day: bottom[day] + heights[day] for day in days}
    axes.set_xlim(_day(report.since), _day(report.until + timedelta(hours=1)))
    _as_time(axes, report)
    _legend(axes, "Runs that ended, a day (UTC)")
    return picture


def _of(rows: tuple[RunCount, ...], state: str, day: datetime) -> int:
    return sum(row.count for row in rows if row.state == state and row.day_at == day)


def _day(at: datetime) -> float:
    return float(dates.date2num(at.astimezone(UTC)))  # type: ignore[no-untyped-call]  # matplotlib is half typed


def _as_time(axes: "Axes", report: Report) -> None:
    del report
    locator = dates.AutoDateLocator(minticks=4, maxticks=10)  # type: ignore[no-untyped-call]  # as above
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]  # as above


def _legend(axes: "Axes", title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _svg(picture: "Figure") -> str:
    held = io.StringIO()
    picture.savefig(held, format="svg", metadata={"Date": None})
    plt.close(picture)
    text = held.getvalue()
    return text[text.index("<svg") :]
