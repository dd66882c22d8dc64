"""Stand-ins for the ports: they note what they were told and answer what they were given. For tests and rehearsals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from domain.errors import NotReadyError
from domain.ids import ActionId, RunId


@dataclass(slots=True)
class NotedDoorbell:
    """A bell that only notes who was rung for."""

    runs: list[tuple[str, RunId]] = field(default_factory=list)
    actions: list[tuple[str, ActionId]] = field(default_factory=list)

    def ring_run(self, task: str, run_id: RunId, *, about: str) -> bool:  # noqa: ARG002 - the port's signature
        """Note the run."""
        self.runs.append((task, run_id))
        return True

    def ring_action(self, queue: str, action_id: ActionId, *, about: str) -> bool:  # noqa: ARG002 - the port's signature
        """Note the action."""
        self.actions.append((queue, action_id))
        return True


@dataclass(slots=True)
class ObedientSwitchboard:
    """Workers that do at once what they are told; `deaf` ones hear nothing."""

    workers: dict[str, set[str]] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    deaf: set[str] = field(default_factory=set)

    def consuming(self) -> Mapping[str, frozenset[str]]:
        """Return what each worker consumes."""
        return {worker: frozenset(queues) for worker, queues in self.workers.items()}

    def set_consuming(self, worker: str, queue: str, *, on: bool) -> None:
        """Change what a worker consumes."""
        if worker in self.deaf:
            return
        if on:
            self.workers[worker].add(queue)
        else:
            self.workers[worker].discard(queue)

    def queue_lengths(self, queues: Sequence[str]) -> Mapping[str, int]:
        """Return what waits."""
        return {queue: self.lengths.get(queue, 0) for queue in queues}


@dataclass(slots=True)
class SetClock:
    """A platform's clock that stands where it was set; None = it cannot be read."""

    at: datetime | None
    pace: float = 0.0

    def now(self) -> datetime:
        """Return the instant that was set.

        Raises:
            NotReadyError: none was.
        """
        if self.at is None:
            raise NotReadyError("the platform does not tell the time")
        return self.at

    def speed(self) -> float:
        """Return the pace that was set."""
        return self.pace
