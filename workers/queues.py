"""Queues as kombu objects, derived from the catalogue: one per pair's cycle and one per platform's executor."""

from kombu.entity import Exchange, Queue

from domain import catalogue


def all_queues() -> tuple[Queue, ...]:
    """Every queue that any worker consumes."""
    return tuple(queue(name) for lane in catalogue.lanes() for name in catalogue.queues(lane))


def queue(name: str) -> Queue:
    """One queue, direct: a broker that forgets its bindings still delivers to it."""
    exchange = Exchange(name, type="direct")  # type: ignore[no-untyped-call]  # kombu is half typed
    return Queue(name, exchange, routing_key=name)  # type: ignore[no-untyped-call]  # as above
