"""Splits figures into the parts of a breakdown by fixed shares; they sum to their row exactly. Arrays only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

AGES: Final = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")
GENDERS: Final = ("female", "male", "unknown")
# Shares of impressions: assumptions, no source. What is bought goes by what is clicked, the value by what is bought.
_AGE_SHARES: Final = (0.14, 0.27, 0.23, 0.17, 0.12, 0.07)
_GENDER_SHARES: Final = (0.57, 0.41, 0.02)
AGE_GENDER: Final = tuple((age, gender) for age in AGES for gender in GENDERS)
SHARES: Final = tuple(of_age * of_gender for of_age in _AGE_SHARES for of_gender in _GENDER_SHARES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Figures of shape (rows, parts), by name."""

    figures: Mapping[str, Ints]


def split(figures: Mapping[str, Ints]) -> Parts:
    """Split figures of shape (rows,) over AGE_GENDER; no part has more clicks than impressions where its row has not.

    Reach is split as well: nobody is in two of these parts.
    """
    shares = np.broadcast_to(np.array(SHARES), (len(figures["impressions"]), len(SHARES)))
    shown = apportion_rows(figures["impressions"], shares)
    clicks = _within(figures["clicks"], shares, shown)
    link_clicks = _within(figures["link_clicks"], shares, clicks)
    bought = _within(figures["purchases"], link_clicks.astype(np.float64), link_clicks)
    return Parts(
        figures={
            "impressions": shown,
            "clicks": clicks,
            "link_clicks": link_clicks,
            "spend": apportion_rows(figures["spend"], shown.astype(np.float64)),
            "purchases": bought,
            "value": apportion_rows(figures["value"], bought.astype(np.float64)),
            "reach": _within(figures["reach"], shares, shown),
        }
    )


def apportion_rows(totals: Ints, weights: Floats) -> Ints:
    """Split each total by its row of weights (rows, parts) with the largest remainders; no weight at all: the first.

    A part without weight gets nothing, so that what was never shown costs nothing.
    """
    weights = np.array(weights, dtype=np.float64)
    weights[~weights.any(axis=1), 0] = 1.0
    exact = weights / weights.sum(axis=1, keepdims=True) * totals[:, None]
    parts: Ints = np.floor(exact).astype(np.int64)
    missing = totals - parts.sum(axis=1)
    remainder = np.where(weights > 0, exact - parts, -1.0)
    rank = np.argsort(np.argsort(-remainder, axis=1, kind="stable"), axis=1, kind="stable")
    parts += rank < missing[:, None]
    return parts


def _within(totals: Ints, weights: Floats, room: Ints) -> Ints:
    """Split as above with no part above its room, where the room holds the total; else as above."""
    parts = apportion_rows(totals, weights)
    fits = totals <= room.sum(axis=1)
    over = np.where(fits[:, None], np.maximum(parts - room, 0), 0)
    parts -= over
    spare, pending = np.maximum(room - parts, 0), over.sum(axis=1)
    before = np.cumsum(spare, axis=1) - spare
    parts += np.clip(pending[:, None] - before, 0, spare)
    return parts
