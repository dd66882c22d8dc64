"""Whether a process grows without end: a line through the memory it allocated, after warm-up. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

_MB = 1024 * 1024
WARM_UP = 0.4  # share of the samples left out: imports, pools, caches and the first readings of history fill up
FEWEST = 6  # samples after warm-up below which a slope says nothing
TOLERANCE_MB = 6.0  # growth over the fitted span that allocators and the page cache of a server explain
TOLERANCE_SHARE = 0.08  # or that share of what the process holds, whichever is more


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """A process's own memory over simulated days. `growth_mb` is the line's rise over the fitted span."""

    process: str
    samples: int
    first_mb: float
    last_mb: float
    peak_rss_mb: float
    mb_per_day: float | None  # None = too few samples
    growth_mb: float | None
    is_flat: bool


def slopes(samples: Sequence[Mapping[str, object]]) -> tuple[Slope, ...]:
    """Fit a line per process to notes of memory, oldest first; the samples of one uninterrupted go only."""
    own: dict[str, list[tuple[float, float]]] = {}
    rss: dict[str, float] = {}
    begin: datetime | None = None
    for sample in samples:
        at = datetime.fromisoformat(str(sample["at"]))
        begin = begin or at
        day = (at - begin) / timedelta(days=1)
        for process, size in _sizes(sample, "own"):
            own.setdefault(process, []).append((day, size))
        for process, size in _sizes(sample, "rss"):
            rss[process] = max(rss.get(process, 0.0), size)
    return tuple(_slope(process, points, rss.get(process, 0.0)) for process, points in own.items())


def _slope(process: str, points: Sequence[tuple[float, float]], peak_rss: float) -> Slope:
    kept = points[int(len(points) * WARM_UP) :]
    per_day = growth = None
    is_flat = True
    if len(kept) >= FEWEST and kept[-1][0] > kept[0][0]:
        days, sizes = np.array(kept).T
        per_day = float(np.polyfit(days, sizes, 1)[0])
        growth = per_day * float(days[-1] - days[0])
        is_flat = growth <= max(TOLERANCE_MB, TOLERANCE_SHARE * float(np.median(sizes)))
    return Slope(
        process=process,
        samples=len(points),
        first_mb=round(points[0][1], 2),
        last_mb=round(points[-1][1], 2),
        peak_rss_mb=round(peak_rss, 2),
        mb_per_day=None if per_day is None else round(per_day, 4),
        growth_mb=None if growth is None else round(growth, 3),
        is_flat=is_flat,
    )


def _sizes(sample: Mapping[str, object], name: str) -> Sequence[tuple[str, float]]:
    found = sample[name]
    return [(str(key), float(value) / _MB) for key, value in found.items()] if isinstance(found, Mapping) else []
