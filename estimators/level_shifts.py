"""When a level has moved for good: a two-sided CUSUM of clipped residuals. What it tells is learnt."""

from dataclasses import dataclass

import numpy as np

from domain.snapshot import Bools, Floats

SLACK = 1.0  # standard deviations: drift that is not counted
DECIDED = 24.0  # about 12 hours that are 3 deviations off
CLIP = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shifts:
    """How much the residuals have leaned to either side so far; any shape."""

    up: Floats
    down: Floats


def begin(shape: tuple[int, ...]) -> Shifts:
    """Return sums that have seen nothing."""
    return Shifts(up=np.zeros(shape, np.float32), down=np.zeros(shape, np.float32))


def lean(
    shifts: Shifts, z: Floats, counted: Bools, *, slack: float = SLACK, decided: float = DECIDED
) -> tuple[Shifts, Bools]:
    """Take one residual each (ignored where not `counted`); return the new sums, and which series have moved.

    The sums of those that moved begin anew.
    """
    step = np.clip(z, -CLIP, CLIP)
    up = np.where(counted, np.maximum(shifts.up + step - slack, 0), shifts.up)
    down = np.where(counted, np.maximum(shifts.down - step - slack, 0), shifts.down)
    moved = (up >= decided) | (down >= decided)
    kept = ~moved
    return Shifts(up=(up * kept).astype(np.float32), down=(down * kept).astype(np.float32)), moved
