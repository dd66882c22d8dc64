"""Beliefs about where each ad stands on the chain of `decay.py`: arrays with the ads last, so that sums run along them.

What a belief is weighed by is `decay_filter.py`'s; here are the products over states, some ads at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from estimators import decay
from estimators.decay import Chain, Floats, Ints

Singles = NDArray[np.float32]
Rows = slice | Ints

_BLOCK: Final = 512  # ads at a time: their beliefs (480 kB) and the moved ones stay in the processor's cache
_ODD_DAY: Final = 9.0  # log-likelihood that one day can speak against a level at the most
_LEAST: Final = np.float32(1e-30)  # of a belief: processors are slow with numbers under 1e-38


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What m ads were shown to bring on a day, gamma-Poisson: clicks, and their means were the ratio 1."""

    seen: Floats  # (m,)
    means: Floats  # (nodes, m) > 0
    firm: Floats  # (m,) 1 / squared relative noise


def move(belief: Singles, rows: Ints, chains: Sequence[Chain], days: int) -> None:
    """Let days go by unseen; in place."""
    ahead = _moves(chains, days)
    for _, part in blocks(rows):
        belief[..., part] = np.matmul(ahead, belief[..., part])


def weigh(belief: Singles, rows: Ints, chains: Sequence[Chain], day: Day) -> Floats:
    """Move on by a day, in place, and weigh all by how well it foretold the day; return log-likelihoods, (paces, m).

    They lack what all states of an ad have in common.
    """
    ahead, total = _moves(chains, 1), np.empty((len(chains), len(rows)), np.float32)
    room = np.empty((*belief.shape[:-1], _BLOCK), np.float32)
    for at, part in blocks(rows):
        likely = _likely(day, at, chains[0].ratios)
        told = np.matmul(ahead, belief[..., part], out=room[..., : likely.shape[-1]])
        for first, states in decay.LADDERS:  # states of a ladder are levels in a row
            told[:, :, states] *= likely[:, first:]
        np.maximum(told, _LEAST, out=told)
        here = told.sum((1, 2), out=total[:, at])
        scale = (1 / here)[:, None, None]
        if isinstance(part, slice):
            np.multiply(told, scale, out=belief[..., part])
        else:
            belief[..., part] = np.multiply(told, scale, out=told)
    return np.log(total.astype(np.float64))


def blocks(rows: Ints) -> Iterator[tuple[slice, Rows]]:
    """Yield places in `rows` and the rows there, as a slice where they follow one another: then nothing is copied."""
    for start in range(0, len(rows), _BLOCK):
        part = rows[start : start + _BLOCK]
        at, first, last = slice(start, start + len(part)), part.item(0), part.item(-1)
        yield at, slice(first, last + 1) if last - first + 1 == len(part) else part


def _moves(chains: Sequence[Chain], days: int) -> Singles:
    powers = [np.linalg.matrix_power(chain.move, days).T for chain in chains]
    return np.ascontiguousarray(np.stack(powers)[:, None], dtype=np.float32)


def _likely(day: Day, at: slice, ratios: Floats) -> Singles:
    """How likely the day was by node, level and ad, against the likeliest. No temporary is larger than the answer."""
    means, firm = np.ascontiguousarray(day.means[:, at]), day.firm[at]  # else ads would lie apart in all that follows
    log_ratios, inverse = (column.astype(np.float32)[:, None] for column in (np.log(ratios), 1 / ratios))
    k, seen = firm.astype(np.float32), day.seen[at].astype(np.float32)
    found: Singles = (firm / means).astype(np.float32)[:, None] * inverse  # odds of k to the mean
    np.log1p(found, out=found)
    found *= -(seen + k)
    found -= k * log_ratios
    found -= (k * np.log(means / means[len(means) // 2]).astype(np.float32))[:, None]  # of large means little is left
    found -= found.max((0, 1))
    np.maximum(found, -np.float32(_ODD_DAY), out=found)
    return np.exp(found, out=found)
