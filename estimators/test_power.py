"""How likely a test finds a given effect by its horizon, and how many events that takes. Normal approximations."""

import math

from scipy.special import ndtr, ndtri

from domain.errors import BadInputError
from estimators.roots import root

_MAIN_SHARE = 0.7  # of the bet that stands on the effect the horizon can show (estimators/evalues.py)


def continuous_power(log_ratio: float, information: float, alpha: float) -> float:
    """Return the chance that evidence tuned to `information` reaches 1 / alpha by then; alpha of one direction.

    A score with drift crosses the line ln(1/a)/theta + theta v/2 somewhere in 0..V (Bachelier and Levy's formula).
    """
    effect = _checked(log_ratio, information, alpha)
    if effect == 0:
        return 0.0
    height = math.sqrt(math.log(1 / (alpha * _MAIN_SHARE)) / 2)  # of the line at 0 and its slope, where sqrt(V) is 1
    drift = effect - height
    late = math.exp(min(2 * height * drift, 700.0)) * ndtr(-height - drift)
    return min(1.0, float(ndtr(drift - height) + late))


def daily_power(log_ratio: float, information: float, alpha: float) -> float:
    """Return the chance of a group-sequential test with O'Brien-Fleming's spending: a fixed one's, less a point."""
    effect = _checked(log_ratio, information, alpha)
    return float(ndtr(effect + ndtri(alpha) * 1.02)) if effect else 0.0  # 1.02: what daily looks cost the last bound


def information_needed(log_ratio: float, alpha: float, *, power: float, is_daily: bool) -> float:
    """Return the information with which the test finds the effect with that chance; infinite for no effect."""
    if log_ratio == 0:
        return math.inf
    chance = daily_power if is_daily else continuous_power

    def short(log_information: float) -> float:
        return chance(log_ratio, math.exp(log_information), alpha) - power

    centre = math.log((3.0 / abs(log_ratio)) ** 2)
    return math.exp(root(short, centre - 8, centre + 8, within=1e-4))


def _checked(log_ratio: float, information: float, alpha: float) -> float:
    if not (math.isfinite(log_ratio) and math.isfinite(information) and information >= 0 and 0 < alpha < 1):
        raise BadInputError(f"no power of effect {log_ratio!r} with information {information!r} at level {alpha!r}")
    return abs(log_ratio) * math.sqrt(information)
