"""The filter's sums done plainly: ad by ad, in double precision, with the whole matrix. For comparison only."""

import numpy as np

from estimators.decay_outlook import HORIZON_DAYS

ODD_DAY = 9.0


def day_after(state, ad, seen, shown):
    """Return the belief (paces, nodes, states) of one ad after a day, and the log-likelihoods of its paces."""
    chain, k = state.chains[0], 1 / state.day_noise[state.group[ad]]
    mean = state.base[:, ad, None] * shown * chain.ratios[chain.level]
    log = -(seen + k) * np.log1p(k / mean) - k * np.log(mean)
    likely = np.exp(np.maximum(log - log.max(), -ODD_DAY))
    prior = np.stack([state.belief[p, :, :, ad].astype(np.float64) @ each.move for p, each in enumerate(state.chains)])
    total = (prior * likely).sum((1, 2))
    return prior * likely / total[:, None, None], np.log(total)


def of_states(state, ad):
    """Return P of each state of one ad by pace, weighed."""
    return state.belief[..., ad].astype(np.float64).sum(1) * state.paces[state.group[ad]][:, None]


def under(state, ad):
    chain = state.chains[0]
    return of_states(state, ad)[:, chain.is_under[chain.level]].sum()


def days_left(state, ad, share):
    """Return the first day on which P(under the limit) reaches a share, -1 = none; and that chance, by day."""
    now, chances = of_states(state, ad), []
    for _ in range(HORIZON_DAYS + 1):
        chances.append(sum(one[state.chains[0].is_under[state.chains[0].level]].sum() for one in now))
        now = [one @ chain.move for one, chain in zip(now, state.chains, strict=True)]
    return next((day for day, chance in enumerate(chances) if chance >= share), -1), np.array(chances)


def interval(state, ad, share):
    """Return the ratio under which a share of the belief lies, each level spread evenly over its step."""
    chain = state.chains[0]
    mass = np.bincount(chain.level, of_states(state, ad).sum(0), len(chain.ratios))[::-1]
    step, logs, below = np.log(chain.ratios[0] / chain.ratios[1]), np.log(chain.ratios[::-1]), 0.0
    for level, here in enumerate(mass):
        if below + here >= share or level == len(mass) - 1:
            return np.exp(logs[level] + step * (np.clip((share - below) / max(here, 1e-12), 0, 1) - 0.5))
        below += here
    return None
