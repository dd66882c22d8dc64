"""Where a function crosses zero: scipy's Brent, loaded when first asked for."""

from collections.abc import Callable


def root(function: Callable[[float], float], low: float, high: float, *, within: float = 2e-12) -> float:
    """Return x in [low, high] with function(x) = 0, to `within`; the function must change its sign between the ends.

    Raises:
        ValueError: it does not.
    """
    # 24 MB and an eighth of a second that every process would pay, and only looks at tests need.
    from scipy.optimize import brentq

    return float(brentq(function, low, high, xtol=within))
