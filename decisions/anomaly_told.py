"""What anomalies are told as: expected, seen, since when, whose doing. Only what is open comes here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from decisions import causes
from decisions.anomaly_values import NAMES, Metric, Told, Usual
from decisions.anomaly_watch import WINDOWS, HourFigures, Spread, Watch
from domain.snapshot import Bools, Floats
from estimators import tails
from estimators.expectation import Forecast, Singles

_Z90: Final = 1.645


def usual_of(told: Forecast, spread: Spread) -> Usual:
    """Sum up over all objects what the hour should have cost."""
    mean = float(told.mean[Metric.SPEND].sum(dtype=np.float64))
    sd = float(np.sqrt(told.variance[Metric.SPEND].sum(dtype=np.float64)))
    impressions = float(told.mean[Metric.CPM].sum(dtype=np.float64))
    return Usual(
        spend_minor=mean, low_minor=max(mean - _Z90 * sd, 0.0), high_minor=mean + _Z90 * sd,
        cpm_minor=1000 * float(spread.spend.sum()) / impressions if impressions > 0 else 0.0,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Puts anomalies into words and figures that people read; only open ones come here."""

    watch: Watch
    told: Forecast
    counts: Singles
    q: Floats
    shared: causes.Shared
    changed: Mapping[str, str]
    figures: HourFigures
    sums: tails.Sums
    spread: Spread
    calm: Bools  # (4, n): the hour was as usual, or nothing was expected of it

    def tell(self, which: Bools) -> tuple[Told, ...]:
        """Tell the marked ones, ordered by metric and id."""
        return tuple(self._one(row, column) for row, column in np.argwhere(which).tolist())

    def _one(self, row: int, column: int) -> Told:
        key, is_up = str(self.watch.object_id[column]), self.watch.open[row, column] > 0
        mean, seen = float(self.told.mean[row, column]), float(self.counts[row, column])
        sd = float(np.sqrt(self.told.variance[row, column]))
        low, high = max(mean - _Z90 * sd, 0.0), mean + _Z90 * sd
        exposure = (0.0, self.spread.spend[column], self.spread.impressions[column], self.spread.clicks[column])[row]
        expected, low, high, shown = _shown(Metric(row), exposure, (mean, low, high, seen))
        own = self.changed.get(key) or self.changed.get(str(self.spread.root[column]))
        return Told(
            object_kind=self.watch.kind,
            object_id=key,
            metric=NAMES[row],
            is_up=bool(is_up),
            cause=causes.of(self.shared, row, is_up=bool(is_up), is_changed=own is not None),
            since=_instant(int(self.watch.since[row, column])),
            expected=expected, low=low, high=high, seen=shown,
            q_value=float(min(max(self.q[row, column], 0.0), 1.0)),
            is_calm=bool(self.calm[row, column]),
            counts={
                "seen_lately": round(float(self.sums.seen[1, row, column]), 2),
                "expected_lately": round(float(self.sums.mean[1, row, column]), 2),
                "hours_lately": float(WINDOWS[1, row]),
                "maturity": round(self.figures.maturity, 3),
                "changed": own,
            },
        )  # fmt: skip


def _shown(
    metric: Metric, exposure: float, figures: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    """Spend in minor units, CPM in minor units per thousand, CTR as a share, purchases as a count.

    Figures are what was expected, its low and high ends, and what was seen, as counts.
    """
    mean, low, high, seen = figures
    match metric:
        case Metric.SPEND | Metric.PURCHASES:
            return mean, low, high, seen
        case Metric.CTR:
            of = max(exposure, 1.0)
            return mean / of, low / of, min(high / of, 1.0), seen / of
        case Metric.CPM:
            thousand = 1000 * exposure
            return tuple(thousand / max(part, 0.5) for part in (mean, high, low, seen))  # type: ignore[return-value]


def _instant(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)
