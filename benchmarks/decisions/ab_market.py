"""Traffic for A/B tests: two arms, 14 days by the hour, diurnal traffic and rates. No rules here."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from estimators.dispersion import day_noise

Floats = NDArray[np.float64]

DAYS: Final = 14
HOURS: Final = 24 * DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What is simulated: exposures a day and arm, events per exposure, the second arm's lift."""

    name: str
    per_day: float
    rate: float
    lift: float = 0.0
    day_noise: float = 0.0  # sd of every ad-day's own log rate
    is_uneven: bool = False  # delivery drifts between 70 : 30 and 30 : 70 over the day
    is_classic: bool = True  # one of the cells of the house's measured table


CELLS: Final = (
    Cell(name="A/A, CTR 1 %, 1k/day", per_day=1_000, rate=0.01),
    Cell(name="A/A, CTR 1 %, 10k/day", per_day=10_000, rate=0.01),
    Cell(name="A/A, CTR 1 %, 50k/day", per_day=50_000, rate=0.01),
    Cell(name="A/A, CVR 3 %, 1k clicks/day", per_day=1_000, rate=0.03),
    Cell(name="A/A, 10k/day, delivery 70:30 and back", per_day=10_000, rate=0.01, is_uneven=True, is_classic=False),
    Cell(name="A/A, 10k/day, ad-days differ by 10 %", per_day=10_000, rate=0.01, day_noise=0.1, is_classic=False),
    Cell(name="CTR 1 %, 10k/day, +10 %", per_day=10_000, rate=0.01, lift=0.10),
    Cell(name="CTR 1 %, 10k/day, +20 %", per_day=10_000, rate=0.01, lift=0.20),
    Cell(name="CTR 1 %, 1k/day, +20 %", per_day=1_000, rate=0.01, lift=0.20),
    Cell(name="CVR 3 %, 1k clicks/day, +20 %", per_day=1_000, rate=0.03, lift=0.20),
    Cell(name="10k/day, +10 %, ad-days differ by 10 %", per_day=10_000, rate=0.01, lift=0.10, day_noise=0.1,
         is_classic=False),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Of n tests: events and exposures (n, 2, hours)."""

    events: Floats
    exposures: Floats
    noise: tuple[float, float] = (0.0, 20.0)  # of ad-days, as the account's other ads tell it


def account_noise(cell: Cell, rng: np.random.Generator, pairs: int = 60) -> tuple[float, float]:
    """Return what the account's other ads of three weeks tell of ad-days, as the module learns it before it looks."""
    mean = cell.per_day * cell.rate
    noise = rng.normal(0, cell.day_noise, (pairs, 2, 21))
    clicks = rng.poisson(mean * np.exp(noise)).astype(np.float64)
    return day_noise(clicks, np.full(clicks.shape, cell.per_day))


def simulate(cell: Cell, tests: int, rng: np.random.Generator) -> Traffic:
    """Draw n tests: Poisson exposures around a daily rhythm, binomial events on them."""
    hour = np.arange(HOURS) % 24
    traffic = 1 + 0.6 * np.sin((hour - 9) / 24 * 2 * np.pi)
    rhythm = 1 + 0.15 * np.sin((hour - 15) / 24 * 2 * np.pi)
    share = 0.5 + 0.2 * np.sin((hour - 4) / 24 * 2 * np.pi) if cell.is_uneven else np.full(HOURS, 0.5)
    mean = cell.per_day / 24 * traffic * 2 * np.stack([share, 1 - share])
    exposures = rng.poisson(np.broadcast_to(mean, (tests, 2, HOURS)))
    rates: Any = cell.rate * rhythm * np.array([[1.0], [1.0 + cell.lift]])
    if cell.day_noise:
        noise = rng.normal(0, cell.day_noise, (tests, 2, DAYS))
        rates = rates * np.repeat(np.exp(noise), 24, axis=2)
    events = rng.binomial(exposures, np.clip(np.broadcast_to(rates, exposures.shape), 0, 1))
    return Traffic(
        events=events.astype(np.float64), exposures=exposures.astype(np.float64), noise=account_noise(cell, rng)
    )
