"""The tower's loop: reconcile desired state, ring due rows, plan what beat missed, give signs of life. No Celery here.

It needs neither beat nor workers to live, and outlives outages of Postgres and Redis: a pass that fails is tried again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from control_tower.desired import changes, closed_queues
from control_tower.leadership import Leadership
from control_tower.planner import Planner
from domain import catalogue
from domain.ids import ActionId
from domain.ports import Doorbell, Switchboard
from models import audit, audit_reads, heartbeats, module_states, run_rings
from models.heartbeats import ProcessKind

RING_LIMIT = 200  # rows rung in one pass; the others keep their turn
CROWDED = 500  # waiting messages from which a queue is not rung any more: its workers are behind, not asleep
BEAT_SILENT_S = 180.0
KEEP_S = 3600.0  # between rounds that drop what is over its time
_FORGET = timedelta(days=1)

log = structlog.get_logger(__name__)

DueActions = Callable[[Connection, int], Sequence[tuple[ActionId, str, str]]]
Tidy = Callable[[Connection], int]  # ends what waited too long; how many


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythms:
    """Real seconds between the tower's rounds."""

    reconcile_s: float = 5.0
    ring_s: float = 30.0
    longest_pause_s: float = 30.0  # between attempts while Postgres is away


class Tower:
    """One tower; any number may run, one leads. `rest` waits that many seconds and says whether to stop."""

    def __init__(
        self,
        *,
        engine: Engine,
        doorbell: Doorbell,
        switchboard: Switchboard,
        planner: Planner,
        due_actions: DueActions,
        expire: Tidy,
        finish_stops: Callable[[], int] = lambda: 0,
        name: str,
        rest: Callable[[float], bool],
        now_s: Callable[[], float],
        rhythms: Rhythms | None = None,
    ) -> None:
        self._engine = engine
        self._doorbell = doorbell
        self._switchboard = switchboard
        self._planner = planner
        self._due_actions = due_actions
        self._expire = expire
        self._finish_stops = finish_stops
        self._name = name
        self._rest = rest
        self._now_s = now_s
        self._rhythms = rhythms or Rhythms()
        self._leadership = Leadership(engine)
        self._next_ring_s = float("-inf")
        self._next_keep_s = float("-inf")

    def run(self) -> None:
        """Go round until told to stop."""
        failures = 0
        stopping = False
        while not stopping:
            try:
                self.round()
                failures = 0
            except SQLAlchemyError as error:
                failures += 1
                log.warning("postgres away", failures=failures, cause=type(error).__name__)
            pause_s = min(self._rhythms.reconcile_s * 2 ** min(failures, 10), self._rhythms.longest_pause_s)
            stopping = self._rest(pause_s if failures else self._rhythms.reconcile_s)
        self.resign()

    def resign(self) -> None:
        """Let another tower lead."""
        self._leadership.release()

    def round(self) -> bool:
        """Do one round; say whether we led it.

        Raises:
            SQLAlchemyError: Postgres is away.
        """
        leads = self._leadership.is_held()
        with self._engine.begin() as conn:
            heartbeats.beat(conn, process=self._name, kind=ProcessKind.TOWER, detail={"leads": leads})
            stopped = module_states.stopped(conn)
        if not leads:
            return False
        self._finish_stops()  # first of all: who ordered a stop may have died
        if self._now_s() >= self._next_ring_s:
            self._next_ring_s = self._now_s() + self._rhythms.ring_s
            self.plan_missed()
            self.end_unanswered()
            self.ring_due(stopped)
        self.reconcile(stopped)
        if self._now_s() >= self._next_keep_s:
            self.keep_audit()
            self._next_keep_s = self._now_s() + KEEP_S
        return True

    def reconcile(self, stopped: frozenset[str]) -> bool:
        """Tell workers what differs and look again; say whether all is as wanted."""
        wrong = changes(self._switchboard.consuming(), stopped)
        for change in wrong:
            log.info("reconcile", worker=change.worker, queue=change.queue, consume=change.on)
            self._switchboard.set_consuming(change.worker, change.queue, on=change.on)
        return not wrong or not changes(self._switchboard.consuming(), stopped)

    def ring_due(self, stopped: frozenset[str]) -> int:
        """Ring for runs and actions that nobody has taken in time; returns how many."""
        closed = closed_queues(stopped)
        tasks = [rhythm.name for rhythm in catalogue.RHYTHMS if rhythm.name not in closed]
        waiting = self._switchboard.queue_lengths([*tasks, *map(catalogue.actions_queue, catalogue.built_platforms())])
        crowded = {queue for queue, length in waiting.items() if length >= CROWDED}
        with self._engine.begin() as conn:
            due = run_rings.take_due(conn, [task for task in tasks if task not in crowded], RING_LIMIT)
            actions = self._due_actions(conn, RING_LIMIT)
        for run in due:
            self._doorbell.ring_run(run.task, run.id, about=run.about)
        for action_id, platform, about in actions:
            queue = catalogue.actions_queue(catalogue.platform(platform))
            if queue not in crowded:
                self._doorbell.ring_action(queue, action_id, about=about)
        if due or actions:
            log.info("rung again", runs=len(due), actions=len(actions))
        return len(due) + len(actions)

    def keep_audit(self) -> None:
        """Make room for days ahead, drop rows of over 90 days, log the heads: logs outlive a rewritten chain."""
        with self._engine.begin() as conn:
            dropped = audit.keep(conn)
            heads = {head.chain: f"{head.seq}:{head.hash}" for head in audit_reads.heads(conn)}
        log.info("audit kept", dropped=dropped, heads=heads)

    def end_unanswered(self) -> None:
        """Cancel what nobody approved in time."""
        with self._engine.begin() as conn:
            ended = self._expire(conn)
        if ended:
            log.info("nobody approved in time", actions=ended)

    def plan_missed(self) -> None:
        """Plan what is due: the second trigger beside beat, which it reports when it has fallen silent."""
        planned = self._planner.plan()
        with self._engine.begin() as conn:
            signs = heartbeats.listing(conn, ProcessKind.BEAT)
            heartbeats.forget_older(conn, _FORGET)
        if signs and signs[0].age_s > BEAT_SILENT_S:
            log.warning("beat is silent", age_s=round(signs[0].age_s), planned_here=len(planned.runs))
