"""Queues as kombu objects, derived from the catalogue: one per pair's cycle and one per platform's executor."""

from collections.abc import Mapping

from kombu.entity import Exchange, Queue

from domain import catalogue
from domain.modules import Lane


def all_queues() -> tuple[Queue, ...]:
    """Every queue that any worker consumes."""
    return tuple(queue(name) for lane in catalogue.lanes() for name in catalogue.queues(lane))


def queue(name: str) -> Queue:
    """One queue, direct: a broker that forgets its bindings still delivers to it."""
    exchange = Exchange(name, type="direct")  # type: ignore[no-untyped-call]  # kombu is half typed
    return Queue(name, exchange, routing_key=name)  # type: ignore[no-untyped-call]  # as above


def pair_of_queue() -> Mapping[str, str]:
    """Queue name → slug of the pair whose desired state rules it; executors' queues have none, the fence rules them."""
    return {rhythm.name: rhythm.pair.slug for rhythm in catalogue.RHYTHMS}


def lane_of_worker(worker: str) -> Lane | None:
    """Return the lane that a worker's name tells ("cycles@host", "cycles-2@host"), None for a stranger."""
    word = worker.partition("@")[0].partition("-")[0]
    return Lane(word) if word in set(Lane) else None
