"""Who consumes which queues, as workers answer it; who is silent though alive is named, never taken for obedient."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from control_tower.desired import changes, lane_of
from domain import catalogue
from domain.broker_ports import Switchboard
from models import heartbeats
from models.heartbeats import ProcessKind

FRESH_S = 35.0  # three signs of life and a little: a worker that was seen since then lives


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What one look found."""

    consuming: Mapping[str, frozenset[str]]  # workers that answered
    silent: frozenset[str]  # gave a sign of life, and no answer

    def confirm(self, queue: str, *, on: bool) -> str | None:
        """Say what is still missing until every worker of the queue's lane does as wanted; None = nothing."""
        lane = catalogue.rhythm(queue).cycle.lane
        silent = sorted(worker for worker in self.silent if lane_of(worker) is lane)
        if silent:
            return f"{', '.join(silent)} gave no answer"
        mine = {worker: queues for worker, queues in self.consuming.items() if lane_of(worker) is lane}
        wrong = sorted(worker for worker, queues in mine.items() if (queue in queues) is not on)
        if wrong:
            return f"{', '.join(wrong)} {'does not consume' if on else 'still consumes'} {queue}"
        if on and not mine:
            return f"no worker of the lane {lane} answers; start one with `stakazo up`"
        return None


def alive(conn: Connection) -> frozenset[str]:
    """Return workers that gave a sign of life lately."""
    signs = heartbeats.listing(conn, ProcessKind.WORKER)
    return frozenset(sign.process for sign in signs if sign.age_s <= FRESH_S and lane_of(sign.process) is not None)


def look(switchboard: Switchboard, living: Collection[str], *, at_everybody: bool = True) -> Looked:
    """Ask who consumes what: whoever hears it, or, sooner, those alone that gave a sign of life."""
    consuming = switchboard.consuming(None if at_everybody or not living else sorted(living))
    return Looked(consuming=consuming, silent=frozenset(living) - frozenset(consuming))


def tell(switchboard: Switchboard, seen: Looked, stopped_pairs: Collection[str], queues: Iterable[str]) -> list[str]:
    """Tell workers what differs for these queues; say what was told."""
    wanted = frozenset(queues)
    told = []
    for change in changes(seen.consuming, stopped_pairs):
        if change.queue in wanted:
            switchboard.set_consuming(change.worker, change.queue, on=change.on)
            told.append(f"{change.worker}: {'consume' if change.on else 'do not consume'} {change.queue}")
    return told
