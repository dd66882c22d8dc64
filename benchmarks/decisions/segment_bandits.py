"""Clicks lost while finding the best of eight creatives: top-two and Thompson beside equal split and a bandit library.

Click rates are dealt by the market (`deal_appeal`); every day's impressions are handed out by shares, all of them are
counted on the next morning. Regret is the share of the clicks that the best creative alone would have brought.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.decisions.peers import peer
from estimators.additive_prior import fit
from estimators.bandits import best_probability, draw_rates, top_two_shares, with_floor
from sandbox.market.truth import deal_appeal

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Splitter = Callable[[np.random.Generator, Ints, Ints], Floats]

_OURS = "Thompson with a floor (ours)"  # what `decisions/exploration.py` does; top-two finds out, but pays for it
ARMS, DAYS = 8, 28
_DRAWS, _LIBRARY_PLAYS = 500, 100
_FLOOR = 0.05
_UCB_ALPHA = 0.05  # the best of 0.02, 0.05, 0.1, 1 on tuning seeds


def table(*, tests: int, seed: int) -> list[dict[str, Any]]:
    """Return regret by policy and volume, paired with the equal split and with ours."""
    rows: list[dict[str, Any]] = []
    policies = splitters()
    for a_day in (2_000, 10_000):
        lost = {name: np.zeros(tests) for name in policies}
        wrong = {name: np.zeros(tests) for name in policies}
        for test in range(tests):
            rates = np.array([deal_appeal(seed + test, arm, order_value_minor=1).ctr for arm in range(ARMS)])
            for name, begin in policies.items():
                rng = np.random.default_rng([seed, test, a_day])  # the same luck for all, as far as they do the same
                lost[name][test], wrong[name][test] = _play(rng, rates, a_day, begin())
        ours = lost[_OURS]
        for name, values in lost.items():
            rows.append(
                {
                    "impressions a day": a_day,
                    "policy": name,
                    "regret": values.mean(),
                    "minus ours": (values - ours).mean(),
                    "se": float((values - ours).std(ddof=1) / np.sqrt(tests)),
                    "picks lose": wrong[name].mean(),
                }
            )
    return rows


def splitters() -> dict[str, Callable[[], Splitter]]:
    """Return what begins each policy anew; the library only where it is installed."""
    found: dict[str, Callable[[], Splitter]] = {
        "equal split": lambda: _equal,
        _OURS: lambda: _thompson,
        "top-two, leader half (ours)": lambda: _top_two,
    }
    if peer("mabwiser.mab") is None:
        return found
    return {**found, "mabwiser Thompson": _library("ts"), "mabwiser UCB1": _library("ucb")}


def _play(rng: np.random.Generator, rates: Floats, a_day: int, split: Splitter) -> tuple[float, float]:
    """Return the share of clicks lost over all days, and by the pick of the best observed at the end."""
    shown, clicked = np.zeros(ARMS, np.int64), np.zeros(ARMS, np.int64)
    for _ in range(DAYS):
        shares = split(rng, clicked, shown)
        today = rng.multinomial(a_day, shares / shares.sum())
        shown += today
        clicked += rng.binomial(today, rates)
    kept = float((shown * rates).sum() / (shown.sum() * rates.max()))
    none = np.zeros((ARMS, 0), np.int64)
    pick = int(np.argmax(fit(clicked, shown, none).posterior(clicked, shown, none).mean))
    return 1 - kept, 1 - float(rates[pick] / rates.max())


def _equal(rng: np.random.Generator, clicked: Ints, shown: Ints) -> Floats:
    del rng, shown
    return np.full(len(clicked), 1 / len(clicked))


def _chances(rng: np.random.Generator, clicked: Ints, shown: Ints) -> Floats:
    none = np.zeros((len(clicked), 0), np.int64)
    rates = fit(clicked, shown, none).posterior(clicked, shown, none)
    return best_probability(draw_rates(rng, rates, _DRAWS))


def _thompson(rng: np.random.Generator, clicked: Ints, shown: Ints) -> Floats:
    return with_floor(_chances(rng, clicked, shown), _FLOOR)


def _top_two(rng: np.random.Generator, clicked: Ints, shown: Ints) -> Floats:
    return with_floor(top_two_shares(_chances(rng, clicked, shown)), _FLOOR)


def _library(kind: str) -> Callable[[], Splitter]:
    """Let mabwiser learn every impression as a row of its own; it plays a hundred times a day for the shares."""
    library: Any = peer("mabwiser.mab")

    def begin() -> Splitter:
        policy = (
            library.LearningPolicy.ThompsonSampling() if kind == "ts" else library.LearningPolicy.UCB1(alpha=_UCB_ALPHA)
        )
        bandit: Any = library.MAB(list(range(ARMS)), policy, seed=1)
        before = [np.zeros(ARMS, np.int64), np.zeros(ARMS, np.int64)]

        def split(rng: np.random.Generator, clicked: Ints, shown: Ints) -> Floats:
            del rng
            if not shown.sum():
                return np.full(ARMS, 1 / ARMS)
            came, won, is_first = shown - before[0], clicked - before[1], not before[0].any()
            before[:] = shown.copy(), clicked.copy()
            plays = np.repeat(np.arange(ARMS), came)
            wins = np.concatenate([np.arange(n) < w for n, w in zip(came, won, strict=True)]).astype(np.int64)
            (bandit.fit if is_first else bandit.partial_fit)(plays, wins)
            asked = _LIBRARY_PLAYS if kind == "ts" else 1
            return np.bincount([bandit.predict() for _ in range(asked)], minlength=ARMS) / asked

        return split

    return begin
