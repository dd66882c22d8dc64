"""Draws a simulation's figures as PNG files, without a screen. Every picture has a title, units and a legend."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")  # before pyplot: no screen is asked for

from matplotlib import dates
from matplotlib import pyplot as plt

from domain.money import exponent
from workers.simulation_figures import BudgetLine, Figures, MoneyDay

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 110
_WIDTH = 11.0
_MOST_LINES = 9
_OURS, _LATER, _IDLE = "#1f5fa8", "#2a9d5c", "#8a8a8a"
_STATES = {
    "applied": "#2a9d5c", "approved": "#9ccfae", "observed": "#4f9bd9", "awaiting_approval": "#e6c229",
    "blocked": "#d98c3f", "conflict": "#b05fb0", "cancelled": "#8a8a8a", "not_applied": "#6b6b9b",
    "refused": "#c0392b", "unknown": "#7a1f1f", "sent": "#c9a0a0", "dead": "#000000",
}  # fmt: skip
_RUN_STATES = {
    "succeeded": "#2a9d5c", "skipped": "#e6c229", "partial": "#d98c3f", "failed": "#c0392b", "stopped": "#8a8a8a",
}  # fmt: skip


def draw_all(figures: Figures, folder: Path) -> tuple[Path, ...]:
    """Draw every picture that there are figures for; return their files in the order of the report."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn: list[Path] = []

    def keep(name: str, draw: Callable[[], "Figure"]) -> None:
        file = folder / f"{name}.png"
        picture = draw()
        picture.savefig(file, dpi=_DPI)
        plt.close(picture)
        drawn.append(file)

    for currency in sorted({row.currency for row in figures.money}):
        rows = [row for row in figures.money if row.currency == currency]
        keep(f"money-{currency}", lambda rows=rows, currency=currency: _money(rows, currency))  # type: ignore[misc]
    for currency in sorted({line.currency for line in figures.budgets}):
        lines = [line for line in figures.budgets if line.currency == currency]
        keep(f"budgets-{currency}", lambda lines=lines, currency=currency: _budgets(lines, currency))  # type: ignore[misc]
    keep("actions", lambda: _actions(figures))
    keep("slots", lambda: _slots(figures))
    if figures.memory:
        keep("memory", lambda: _memory(figures))
    return tuple(drawn)


def _money(rows: Sequence[MoneyDay], currency: str) -> "Figure":
    picture, (spend, revenue, roas) = plt.subplots(3, 1, figsize=(_WIDTH, 10), sharex=True, layout="constrained")
    days = [row.day for row in rows]

    def line(axes: "Axes", values: Iterable[float], label: str, colour: str, style: str) -> None:
        axes.plot(
            np.array(days, dtype="datetime64[D]"),
            list(values),
            style,
            color=colour,
            label=label,
            linewidth=1.8,
            markersize=4,
        )

    scale = 10 ** exponent(currency)
    line(spend, (row.spend_minor / scale for row in rows), "with the system", _OURS, "o-")
    line(spend, (row.untouched_spend_minor / scale for row in rows), "had nobody touched anything", _IDLE, "s--")
    _finish(spend, f"Spend per day ({currency})", currency)
    spend.set_ylim(bottom=0)
    line(revenue, (row.revenue_known_minor / scale for row in rows), "as known when the day ended", "#7fb2e5", "v:")
    line(revenue, (row.revenue_matured_minor / scale for row in rows), "matured: late purchases in", _OURS, "o-")
    untouched = "had nobody touched anything, matured"
    line(revenue, (row.untouched_revenue_minor / scale for row in rows), untouched, _IDLE, "s--")
    _finish(revenue, f"Revenue per day ({currency})", currency)
    revenue.set_ylim(bottom=0)
    matured = (_ratio(row.revenue_matured_minor, row.spend_minor) for row in rows)
    idle = (_ratio(row.untouched_revenue_minor, row.untouched_spend_minor) for row in rows)
    line(roas, matured, "with the system, matured", _OURS, "o-")
    line(roas, idle, "had nobody touched anything, matured", _IDLE, "s--")
    _finish(roas, "Return on spend per day (revenue / spend, 7-day click and 1-day view)", "ratio")
    _as_days(roas)
    return picture


def _budgets(lines: Sequence[BudgetLine], currency: str) -> "Figure":
    picture, axes = plt.subplots(figsize=(_WIDTH, 6.5), layout="constrained")
    scale = 10 ** exponent(currency)
    ranked = sorted(lines, key=_moved, reverse=True)
    shown = [line for line in ranked if _moved(line) > 0][:_MOST_LINES]
    others = 0
    for line in ranked:
        times, values = zip(*((at, minor / scale) for at, minor in line.points), strict=True)
        if line in shown:
            axes.step(times, values, where="post", linewidth=2, label=_short(line.name))
        else:
            others += 1
            label = "the others" if others == 1 else None
            axes.step(times, values, where="post", linewidth=0.8, color="#bbbbbb", zorder=0, label=label)
    title = f"Daily budgets ({currency}); coloured: the {len(shown)} that moved most of {len(lines)}"
    _finish(axes, title, f"{currency} a day", outside=True)
    _as_days(axes)
    return picture


def _actions(figures: Figures) -> "Figure":
    picture, (kinds, states, stops) = plt.subplots(3, 1, figsize=(_WIDTH, 11), layout="constrained")
    days = sorted({row.day for row in figures.actions})
    applied = [(row.kind, row.day, row.count) for row in figures.actions if row.state == "applied"]
    _stack(kinds, days, applied, {})
    _finish(kinds, "Applied actions per day, by kind", "actions", outside=True)
    _as_days(kinds)
    _stack(states, days, [(row.state, row.day, row.count) for row in figures.actions], _STATES)
    _finish(states, "All proposals per day, by what became of them", "proposals", outside=True)
    _as_days(states)
    names: list[str] = list(figures.blocked)[::-1]
    stops.barh(names, [figures.blocked[name] for name in names], color=_STATES["blocked"], label="proposals stopped")
    _finish(stops, "Stopped by our own guardrails, by the first that said no", "", outside=True)
    stops.set_xlabel("proposals")
    return picture


def _slots(figures: Figures) -> "Figure":
    picture, (slots, pace) = plt.subplots(2, 1, figsize=(_WIDTH, 8), layout="constrained")
    tasks = sorted({row.task for row in figures.runs})
    left = Counter[str]()
    for state in sorted({row.state for row in figures.runs}):
        counts = {row.task: row.count for row in figures.runs if row.state == state}
        widths = [counts.get(task, 0) for task in tasks]
        slots.barh(tasks, widths, left=[left[task] for task in tasks], color=_RUN_STATES.get(state), label=state)
        left.update(counts)
    _finish(slots, "Slots by cycle: run, or recorded as skipped", "", outside=True)
    slots.set_xlabel("slots")
    bottom = [0.0] * len(figures.pace)
    for part in dict.fromkeys(name for day in figures.pace for name in day.seconds):
        values = [day.seconds.get(part, 0.0) for day in figures.pace]
        pace.bar([day.day for day in figures.pace], values, bottom=bottom, label=part)
        bottom = [below + value for below, value in zip(bottom, values, strict=True)]
    _finish(pace, "Real seconds per simulated day, and what went into them", "seconds", outside=True)
    pace.set_xlabel("simulated day")
    return picture


def _memory(figures: Figures) -> "Figure":
    picture, axes = plt.subplots(figsize=(_WIDTH, 6.5), layout="constrained")
    colours = plt.get_cmap("tab20").colors  # type: ignore[attr-defined]  # of a listed map
    for number, process in enumerate(dict.fromkeys(name for sample in figures.memory for name in sample.rss_mb)):
        points = [(sample.at, sample.rss_mb[process]) for sample in figures.memory if process in sample.rss_mb]
        times, sizes = zip(*points, strict=True)
        axes.plot(times, sizes, label=process, linewidth=1.6, color=colours[number % len(colours)])
    _finish(axes, "Resident memory of each process (shared pages counted in each)", "MB", outside=True)
    axes.set_ylim(bottom=0)
    _as_days(axes)
    return picture


def _stack(axes: "Axes", days: Sequence[date], rows: Iterable[tuple[str, date, int]], colours: dict[str, str]) -> None:
    sums: dict[str, Counter[date]] = {}
    for name, day, count in rows:
        sums.setdefault(name, Counter())[day] += count
    bottom = [0] * len(days)
    for name in sorted(sums, key=lambda each: -sums[each].total()):
        values = [sums[name][day] for day in days]
        places = np.array(days, dtype="datetime64[D]")
        axes.bar(places, values, bottom=bottom, label=f"{name} ({sum(values)})", color=colours.get(name))
        bottom = [below + value for below, value in zip(bottom, values, strict=True)]


def _finish(axes: "Axes", title: str, unit: str, *, outside: bool = False) -> None:
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
    axes.set_ylabel(unit)
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    handles, _ = axes.get_legend_handles_labels()
    if not handles:
        axes.text(0.5, 0.5, "nothing to show", transform=axes.transAxes, ha="center", color=_IDLE)
        return
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0)} if outside else {"loc": "best"}
    axes.legend(fontsize=8, framealpha=0.9, **place)


def _as_days(axes: "Axes") -> None:
    locator = dates.AutoDateLocator(minticks=3, maxticks=10)  # type: ignore[no-untyped-call]  # matplotlib is half typed
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]  # as above


def _moved(line: BudgetLine) -> int:
    minors = [minor for _, minor in line.points]
    return max(minors) - min(minors)


def _short(name: str) -> str:
    clean = "".join(char if char.isprintable() else " " for char in name).replace("$", r"\$")
    return clean if len(clean) <= 34 else f"{clean[:33]}…"  # noqa: PLR2004 - fits beside the picture


def _ratio(revenue: int, spend: int) -> float:
    return revenue / spend if spend else float("nan")
