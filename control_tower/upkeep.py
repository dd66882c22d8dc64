"""What the tower sees to at every round: queues as desired, due rows rung, missed slots planned, what waits too long.

Level-triggered: each looks at the world as it is, and may be done at any time, any number of times.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import Connection, Engine

from control_tower.desired import changes, closed_queues
from control_tower.planner import Planner
from domain import catalogue
from domain.broker_ports import Switchboard
from domain.ids import ActionId
from domain.ports import Doorbell
from models import (
    allocations,
    anomalies,
    audit,
    audit_reads,
    call_counts,
    heartbeats,
    module_states,
    recoveries,
    run_history,
    run_rings,
)

RECONCILE_S, RING_S, KEEP_S = 5.0, 30.0, 3600.0  # real seconds between two times
RING_LIMIT = 200  # rows rung in one pass; the others keep their turn
CROWDED = 500  # waiting messages from which a queue is not rung any more: its workers are behind, not asleep
_FORGET = timedelta(days=1)
_FORGET_CALLS = timedelta(days=30)

log = structlog.get_logger(__name__)

DueActions = Callable[[Connection, int], Sequence[tuple[ActionId, str, str]]]
Tidy = Callable[[Connection], int]  # ends what waited too long; how many


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """The upkeep of one house."""

    engine: Engine
    doorbell: Doorbell
    switchboard: Switchboard
    planner: Planner
    due_actions: DueActions
    expire: Tidy

    def reconcile(self) -> bool:
        """Tell workers what differs from the desired state and look again; say whether all is as wanted."""
        stopped = self._stopped()
        wrong = changes(self.switchboard.consuming(), stopped)
        for change in wrong:
            log.info("reconcile", worker=change.worker, queue=change.queue, consume=change.on)
            self.switchboard.set_consuming(change.worker, change.queue, on=change.on)
        return not wrong or not changes(self.switchboard.consuming(), stopped)

    def ring_due(self) -> int:
        """Ring for runs and actions that nobody has taken in time; returns how many."""
        closed = closed_queues(self._stopped())
        tasks = [rhythm.name for rhythm in catalogue.RHYTHMS if rhythm.name not in closed]
        waiting = self.switchboard.queue_lengths([*tasks, *map(catalogue.actions_queue, catalogue.built_platforms())])
        crowded = {queue for queue, length in waiting.items() if length >= CROWDED}
        with self.engine.begin() as conn:
            due = run_rings.take_due(conn, [task for task in tasks if task not in crowded], RING_LIMIT)
            actions = self.due_actions(conn, RING_LIMIT)
        for run in due:
            self.doorbell.ring_run(run.task, run.id, about=run.about)
        for action_id, platform, about in actions:
            queue = catalogue.actions_queue(catalogue.platform(platform))
            if queue not in crowded:
                self.doorbell.ring_action(queue, action_id, about=about)
        if due or actions:
            log.info("rung again", runs=len(due), actions=len(actions))
        return len(due) + len(actions)

    def plan_missed(self) -> None:
        """Plan what is due, the second trigger beside beat; drop signs of processes that are long gone."""
        self.planner.plan()
        with self.engine.begin() as conn:
            heartbeats.forget_older(conn, _FORGET)

    def end_unanswered(self) -> None:
        """Cancel what nobody approved in time."""
        with self.engine.begin() as conn:
            ended = self.expire(conn)
        if ended:
            log.info("nobody approved in time", actions=ended)

    def keep_audit(self) -> None:
        """Make room for days ahead, drop rows of over 90 days, log the heads: logs outlive a rewritten chain."""
        with self.engine.begin() as conn:
            dropped = audit.keep(conn)
            heads = {head.chain: f"{head.seq}:{head.hash}" for head in audit_reads.heads(conn)}
        log.info("audit kept", dropped=dropped, heads=heads)

    def forget_old(self) -> None:
        """Drop ended runs and counted calls of over 30 days, ended recoveries of over 90; health drops its own."""
        with self.engine.begin() as conn:
            call_counts.forget_older(conn, _FORGET_CALLS)
            recoveries.forget_old(conn)
            anomalies.forget_old(conn)
            allocations.forget_old(conn)
        with self.engine.begin() as conn:
            dropped = run_history.forget_old(conn)
        if dropped:
            log.info("runs forgotten", runs=dropped)

    def _stopped(self) -> frozenset[str]:
        with self.engine.begin() as conn:
            return module_states.stopped(conn)
