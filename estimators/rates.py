"""Rates from counts. No priors here yet: the policy `classic` compares raw ratios, as its table is written."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64] | NDArray[np.float64]


def rate(counts: Numbers, exposures: Numbers) -> Floats:
    """Divide element by element; NaN where there was no exposure, so that no comparison with it is ever true."""
    out = np.full(np.shape(counts), np.nan, dtype=np.float64)
    np.divide(counts, exposures, out=out, where=np.asarray(exposures) > 0)
    return out
