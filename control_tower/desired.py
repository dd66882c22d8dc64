"""From desired state to queues: which worker ought to consume what. Pure; the tower and the workers' start both ask."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from domain import catalogue
from domain.modules import Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a worker must be told."""

    worker: str
    queue: str
    on: bool


def closed_queues(stopped_pairs: Collection[str]) -> frozenset[str]:
    """Return queues that nobody may consume; executors' queues are never among them, the fence rules those."""
    return frozenset(rhythm.name for rhythm in catalogue.RHYTHMS if rhythm.pair.slug in stopped_pairs)


def lane_of(worker: str) -> Lane | None:
    """Return the lane that a worker's name tells ("cycles@host", "cycles-2@host"), None for a stranger."""
    word = worker.partition("@")[0].partition("-")[0]
    return Lane(word) if word in set(Lane) else None


def changes(consuming: Mapping[str, frozenset[str]], stopped_pairs: Collection[str]) -> tuple[Change, ...]:
    """Compare what workers consume with what they should; strangers' queues and names are left alone."""
    closed = closed_queues(stopped_pairs)
    found: list[Change] = []
    for worker, queues in sorted(consuming.items()):
        lane = lane_of(worker)
        if lane is None:
            continue
        for queue in catalogue.queues(lane):
            wanted = queue not in closed
            if wanted is not (queue in queues):
                found.append(Change(worker=worker, queue=queue, on=wanted))
    return tuple(found)
