"""What recovery does: tells workers, ends processes so that their supervisor starts them anew, rings for what waits.

Every effect goes through a port, says in words what it did and who did not answer, and may be repeated. Nothing here
writes to a platform: what is rung for again passes the planner, the claim and the door like everything else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from control_tower.symptoms import BEAT, Scene
from domain import catalogue
from domain.actions import Json, JsonMap
from domain.broker_ports import Switchboard
from domain.ports import Processes, ProcessState
from domain.recovery import RecoveryAction
from models import module_resets

Steps = list[JsonMap]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedies:
    """The effects of one house. `reconnect` opens the caller's own connections to Postgres anew."""

    engine: Engine
    switchboard: Switchboard
    processes: Processes
    ring_due: Callable[[], int]
    reconnect: Callable[[], None]

    def carry_out(
        self, action: RecoveryAction, target: str, scene: Scene, *, by: str, is_repeated: bool = False
    ) -> tuple[JsonMap, ...]:
        """Do it, and return what was done. `is_repeated` = it did not help before: processes are ended by force."""
        match action:
            case RecoveryAction.RESTART_SCHEDULER if target == BEAT:
                steps = [self._end(BEAT, hard=is_repeated)]
            case RecoveryAction.RESTART_SCHEDULER if "@" in target:
                steps = self._restart_worker(target, scene, hard=is_repeated)
            case RecoveryAction.RESTART_SCHEDULER:
                steps = self._restart_pair(target, scene, hard=is_repeated)
            case RecoveryAction.RECONNECT_DB:
                steps = self._reconnect(scene)
            case RecoveryAction.CLEAR_CACHE:
                steps = self._clear(target, scene)
            case RecoveryAction.RESET_MODULE:
                steps = [self._reset(target, by), *self._restart_pair(target, scene, hard=is_repeated)]
            case RecoveryAction.ALERT_ADMIN:
                steps = []
        return tuple(steps)

    def end_by_force(self, target: str) -> JsonMap:
        """End a process that was asked to and did not."""
        return self._end(self._process(target), hard=True, worker=target)

    def _restart_worker(self, worker: str, scene: Scene, *, hard: bool) -> Steps:
        """End it: one that answers remote control may be as stuck as one that does not (facts/reliability.md F1)."""
        ended = self._end(self._process(worker), hard=hard, worker=worker)
        others = [name for name in scene.workers_of(None) if name != worker]
        return [ended, *self._apply(others), self._ring()]

    def _restart_pair(self, slug: str, scene: Scene, *, hard: bool) -> Steps:
        rows = [row for row in catalogue.RHYTHMS if row.pair.slug == slug]
        lanes = {row.cycle.lane for row in rows}
        workers = sorted({name for lane in lanes for name in scene.workers_of(lane)})
        steps = self._apply(workers)
        silent = [name for step in steps for name in _texts(step.get("silent"))]
        steps += [self._end(self._process(name), hard=hard, worker=name) for name in silent]
        if not workers:
            steps.append(
                {"did": "nobody to tell", "why": f"no worker of {', '.join(sorted(lanes))} gives signs of life"}
            )
        queues = [row.name for row in rows]
        dropped = self.switchboard.purge(queues)
        steps.append({"did": "purged", "queues": [*queues], "messages": dropped})
        with self.engine.begin() as conn:
            woken = module_resets.make_due(conn, queues)
        return [*steps, {"did": "made due", "runs": woken}, self._ring()]

    def _apply(self, workers: Sequence[str]) -> Steps:
        if not workers:
            return []
        answered = self.switchboard.apply_desired(workers)
        silent: list[Json] = [name for name in workers if name not in answered]
        consuming: dict[str, Json] = {name: [*sorted(queues)] for name, queues in answered.items()}
        return [{"did": "told to consume as desired", "consuming": consuming, "silent": silent}]

    def _reconnect(self, scene: Scene) -> Steps:
        self.reconnect()
        workers = scene.workers_of(None)
        answered = self.switchboard.reconnect_db(workers)
        silent: list[Json] = [name for name in workers if name not in answered]
        return [
            {"did": "opened the tower's connections anew"},
            {"did": "told to open connections anew", "workers": [*sorted(answered)], "silent": silent},
        ]

    def _clear(self, target: str, scene: Scene) -> Steps:
        workers = (target,) if "@" in target else scene.workers_of(None)
        answered = self.switchboard.clear_cache(workers)
        silent: list[Json] = [name for name in workers if name not in answered]
        return [{"did": "told to forget what they derived", "workers": [*sorted(answered)], "silent": silent}]

    def _reset(self, slug: str, by: str) -> JsonMap:
        tasks = [row.name for row in catalogue.RHYTHMS if row.pair.slug == slug]
        with self.engine.begin() as conn:
            count = module_resets.reset(conn, slug, tasks, by=by, reason="its state was reset by recovery")
        return {"did": "reset: its open runs begin anew, with all their attempts", "runs": count}

    def _ring(self) -> JsonMap:
        return {"did": "rang for what is due", "rows": self.ring_due()}

    def _process(self, worker: str) -> str | None:
        return worker if "@" not in worker else self.processes.name_of_worker(worker)

    def _end(self, name: str | None, *, hard: bool, worker: str | None = None) -> JsonMap:
        about: dict[str, Json] = {"worker": worker} if worker else {}
        state = ProcessState.ELSEWHERE if name is None else self.processes.state(name)
        if name is None or state is ProcessState.ELSEWHERE:
            why = "no supervisor of this machine has it: restart it where it runs"
            return {**about, "did": "nothing", "process": name, "why": why}
        if state is ProcessState.DEAD or not self.processes.end(name, hard=hard):
            return {**about, "did": "nothing", "process": name, "why": "it is down already; its supervisor starts it"}
        return {**about, "did": "ended by force" if hard else "asked to end", "process": name}


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()
