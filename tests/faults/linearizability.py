"""A small checker of histories: is there an order of the operations, each between its call and its answer, that a
sequential register could have shown? After Wing and Gong (1993), with Lowe's (2017) memory of what was tried.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Generic, TypeVar

State = TypeVar("State")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call. `answered_s` inf = its caller died before an answer: it may have happened, also later, or never."""

    client: str
    name: str
    called_s: float
    answered_s: float = inf
    told: str = ""  # what the answer said

    def __str__(self) -> str:
        told = f" -> {self.told}" if self.told else ""
        return f"{self.client}: {self.name}{told} [{self.called_s:.4f}, {self.answered_s:.4f}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model(Generic[State]):
    """The sequential thing: `step` returns the state after an operation, None where it could not have answered so."""

    first: State
    step: Callable[[State, Operation], State | None]


def counterexample(history: Sequence[Operation], model: Model[State]) -> tuple[Operation, ...] | None:
    """Return the operations none of which can come next where every order got stuck; None = the history is fine."""
    ops = tuple(sorted(history, key=lambda row: row.called_s))
    must = sum(1 << place for place, row in enumerate(ops) if row.answered_s < inf)
    tried: set[tuple[int, State]] = set()
    stack: list[tuple[int, State]] = [(0, model.first)]
    furthest, stuck = -1, tuple[Operation, ...]()
    while stack:
        done, state = stack.pop()
        if done & must == must:
            return None
        if (done, state) in tried:
            continue
        tried.add((done, state))
        open_ = _candidates(ops, done)
        for place in open_:
            after = model.step(state, ops[place])
            if after is not None:
                stack.append((done | 1 << place, after))
        if done.bit_count() > furthest:
            furthest, stuck = done.bit_count(), tuple(ops[place] for place in open_)
    return stuck


def _candidates(ops: Sequence[Operation], done: int) -> list[int]:
    """Places of operations that may come next: called before any other that is left was answered."""
    first = (~done & (done + 1)).bit_length() - 1  # of those that are left, by the instant of the call
    earliest_s, found = inf, list[int]()
    for place in range(first, len(ops)):
        row = ops[place]
        if row.called_s > earliest_s:
            break
        if not done >> place & 1:
            found.append(place)
            earliest_s = min(earliest_s, row.answered_s)
    return [place for place in found if ops[place].called_s <= earliest_s]
