"""A hidden chain of decline: an ad holds its level, falls step by step, broke at once, or rises. Transitions only.

Levels are ratios to the ad's own first week, so many equal steps apart on the log scale. `decay_filter.py` runs it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# A day's chances: priors of the house in the order of facts/domain.md §2b (a median ad is at half its click rate after
# 11 days, many lose 30 % within a week), chosen on tuning seeds.
_STEPS_TO_LIMIT: Final = 3.5  # so that the limit lies between two levels
_UP, _DOWN = 3, 12
_BREAKS: Final = 0.004  # to break at once to any level
# Two ways to fall: the chance to begin, then of another step and of the fall's end. A crowd that is used up, and a
# creative that slowly wears off.
_FALLS: Final = ((0.008, 0.55, 0.08), (0.012, 0.20, 0.03))
_RISES, _RECOVERS = 0.010, 0.004
_LEVELS: Final = _UP + _DOWN + 1

# States come in ladders of levels that follow one another down to the lowest: the first level of each, and its states.
LADDERS: Final = (
    (0, slice(0, _LEVELS)),
    *((_UP + 1, slice(_LEVELS + way * _DOWN, _LEVELS + (way + 1) * _DOWN)) for way in range(len(_FALLS))),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """`move[i, j]` is the chance to be in state j tomorrow; `level[i]` points into `ratios`, of falling order."""

    limit: float
    ratios: Floats  # (l,)
    is_under: Bools  # (l,) under the limit
    level: Ints  # (s,)
    falls: Bools  # (s,)
    move: Floats  # (s, s)
    start: Floats  # (s,) all at ratio 1


def make(limit: float, pace: float = 1.0) -> Chain:
    """Build the chain of a ratio under which an ad counts as tired; `pace` multiplies the chances to begin a fall."""
    steps = np.arange(-_UP, _DOWN + 1)
    levels = len(steps)
    falling = np.arange(_UP + 1, levels)
    states = levels + len(_FALLS) * len(falling)
    move = np.zeros((states, states))
    for here in range(levels):
        move[here] = _from_level(here, levels, pace, states)
    for way, (_, falls, settles) in enumerate(_FALLS):
        first = levels + way * len(falling)
        for n, here in enumerate(falling.tolist()):
            move[first + n, here] += settles
            move[first + n, first + min(n + 1, len(falling) - 1)] += falls
            move[first + n, first + n] += 1 - move[first + n].sum()
    ratios = np.exp(np.log(limit) / _STEPS_TO_LIMIT * steps)
    return Chain(
        limit=limit, ratios=ratios, is_under=ratios < limit,
        level=np.concatenate([np.arange(levels), *[falling] * len(_FALLS)]).astype(np.int64),
        falls=np.arange(states) >= levels,
        move=move, start=(np.arange(states) == _UP).astype(np.float64),
    )  # fmt: skip


def _from_level(here: int, levels: int, pace: float, states: int) -> Floats:
    row = np.zeros(states)
    if here + 1 < levels:
        for way, (begins, _, _) in enumerate(_FALLS):  # one step lower, at least one under 1
            row[levels + way * _DOWN + max(here - _UP, 0)] += begins * pace
        below = np.arange(min(max(here, _UP) + 2, levels - 1), levels)
        row[below] += _BREAKS * pace / len(below)
    row[max(here - 1, 0)] += _RISES if here <= _UP else _RECOVERS
    row[here] += 1 - row.sum()
    return row
