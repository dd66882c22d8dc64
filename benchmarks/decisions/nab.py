"""The ad-exchange series of the Numenta Anomaly Benchmark, its published scoring, and thresholds from other files.

The data stay where they are: STAKAZO_SHARED_DATA, else ../shared/data beside the checkout.
"""

import csv
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TP, FP, FN = 1.0, 0.11, 1.0  # NAB's profile "standard"
PROBATION, LONGEST = 0.15, 5000  # of the rows, the first are for learning; longer files are cut to that for it
_SLOPE: Final = 5.0
_SHARED: Final = Path(__file__).parents[3] / "shared" / "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One file: hours, values, and windows as row numbers, both ends included."""

    name: str
    at: tuple[datetime, ...]
    value: Floats
    windows: tuple[tuple[int, int], ...]

    @property
    def probation(self) -> int:
        """Rows that are not scored."""
        return int(PROBATION * min(len(self.value), LONGEST))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Raw points, windows hit, and rows outside windows that were called anomalies."""

    points: float
    hit: int
    windows: int
    false: int


def load() -> tuple[Series, ...]:
    """Read the files.

    Raises:
        FileNotFoundError: they are not where the docstring says.
    """
    folder = Path(os.environ.get("STAKAZO_SHARED_DATA", _SHARED)) / "nab_ad_exchange"
    windows = json.loads((folder / "windows.json").read_text(encoding="utf-8"))
    return tuple(_series(folder / name, spans) for name, spans in sorted(windows.items()))


def _series(path: Path, spans: Sequence[Sequence[str]]) -> Series:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    at = tuple(datetime.fromisoformat(row["timestamp"]) for row in rows)
    bounds = [[datetime.fromisoformat(end) for end in span] for span in spans]
    found = tuple((_row(at, since), _row(at, until)) for since, until in bounds)
    return Series(name=path.stem, at=at, value=np.array([float(row["value"]) for row in rows]), windows=found)


def _row(at: Sequence[datetime], instant: datetime) -> int:
    return min(range(len(at)), key=lambda n: abs(at[n] - instant))


def score(series: Series, called: NDArray[np.bool_]) -> Scored:
    """Score the rows called anomalies as NAB does: early in a window is worth most, far behind one costs most."""
    rows = np.flatnonzero(called & (np.arange(len(called)) >= series.probation))
    points, hit, inside = 0.0, 0, np.zeros(len(called), np.bool_)
    for left, right in series.windows:
        inside[left : right + 1] = True
        of = rows[(rows >= left) & (rows <= right)]
        if not of.size:
            points -= FN
            continue
        hit += 1
        points += TP * _sigmoid(-(right - int(of.min()) + 1) / (right - left + 1)) / _sigmoid(-1.0)
    false = [int(row) for row in rows if not inside[row]]
    points += sum(FP * _behind(series, row) for row in false)
    return Scored(points=points, hit=hit, windows=len(series.windows), false=len(false))


def _behind(series: Series, row: int) -> float:
    before = [(left, right) for left, right in series.windows if right < row]
    if not before:
        return -1.0
    left, right = before[-1]
    return _sigmoid((row - right) / max(right - left, 1))


def _sigmoid(position: float) -> float:
    return -1.0 if position > 3 else 2 / (1 + float(np.exp(_SLOPE * position))) - 1


def normalized(scored: Sequence[Scored]) -> float:
    """NAB's score: 0 = calls nothing, 100 = calls each window at its first row and nothing else."""
    windows = sum(row.windows for row in scored)
    return 100 * (sum(row.points for row in scored) + FN * windows) / ((TP + FN) * windows)


def best_threshold(series: Sequence[Series], scores: Sequence[Floats]) -> float:
    """The threshold with the highest score on these files; in the middle of the range that has it."""
    tried = np.unique(np.concatenate([row[one.probation :] for one, row in zip(series, scores, strict=True)]))
    tried = tried[tried > 0] if (tried > 0).any() else np.array([1.0])
    tried = tried[np.linspace(0, len(tried) - 1, min(len(tried), 400)).astype(int)]
    worth = np.array([
        normalized([score(one, row >= limit) for one, row in zip(series, scores, strict=True)]) for limit in tried
    ])  # fmt: skip
    best = np.flatnonzero(worth >= worth.max() - 1e-9)
    run = best[: int(np.argmax(np.append(np.diff(best) > 1, True))) + 1]
    return float((tried[run[0]] + tried[run[-1]]) / 2)


def leave_one_out(series: Sequence[Series], detector: Callable[[Series], Floats]) -> dict[str, Any]:
    """Score each file with the threshold of the others."""
    scores = [detector(one) for one in series]
    found = []
    for n, one in enumerate(series):
        others = [k for k in range(len(series)) if k != n]
        limit = best_threshold([series[k] for k in others], [scores[k] for k in others])
        found.append(score(one, scores[n] >= limit))
    own = best_threshold(series, scores)
    chosen = [score(one, row >= own) for one, row in zip(series, scores, strict=True)]
    return {
        "score": round(normalized(found), 1),
        "windows_hit": sum(row.hit for row in found),
        "windows": sum(row.windows for row in found),
        "false_points": sum(row.false for row in found),
        "score_own_threshold": round(normalized(chosen), 1),
        "false_points_own": sum(row.false for row in chosen),
        "hit_own": sum(row.hit for row in chosen),
    }
