"""Stand-ins for the ports: they note what they were told and answer what they were given. For tests and rehearsals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from domain.alerts import Severity
from domain.broker_ports import BrokerFacts, Halted
from domain.errors import NotReadyError
from domain.ids import ActionId, RunId
from domain.ports import ProcessState


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
    deaf: set[str] = field(default_factory=set)  # hear nothing
    silent: set[str] = field(default_factory=set)  # do not answer either
    ages: dict[str, float] = field(default_factory=dict)
    at_work: dict[str, dict[str, int]] = field(default_factory=dict)  # worker → task name → row id
    told: list[tuple[str, str]] = field(default_factory=list)
    facts: BrokerFacts | None = None
    is_away: bool = False
    _taken: dict[str, set[str]] = field(default_factory=dict)

    def consuming(self, workers: Sequence[str] | None = None) -> Mapping[str, frozenset[str]]:
        """Return what each worker consumes, or each of those asked; the silent do not answer."""
        if self.is_away:
            return {}
        asked = self.workers if workers is None else workers
        return {
            worker: frozenset(queues)
            for worker, queues in self.workers.items()
            if worker in asked and worker not in self.silent
        }

    def set_consuming(self, worker: str, queue: str, *, on: bool) -> None:
        """Change what a worker consumes."""
        if worker in self.deaf:
            return
        if on:
            self.workers[worker].add(queue)
        else:
            self.workers[worker].discard(queue)

    def queue_lengths(self, queues: Sequence[str]) -> Mapping[str, int]:
        """Return what waits; nothing is known while the broker is away."""
        return {} if self.is_away else {queue: self.lengths.get(queue, 0) for queue in queues}

    def queue_ages(self, queues: Sequence[str]) -> Mapping[str, float]:
        """Return how long the oldest messages wait."""
        return {} if self.is_away else {queue: self.ages[queue] for queue in queues if queue in self.ages}

    def purge(self, queues: Sequence[str]) -> int | None:
        """Drop what waits."""
        return None if self.is_away else sum(self.lengths.pop(queue, 0) for queue in queues)

    def halt(
        self, workers: Sequence[str], *, terminate: Sequence[str] = (), timeout_s: float = 1.0
    ) -> Mapping[str, Halted]:
        """Take every queue from them, and end what they are at."""
        del timeout_s
        return {worker: self._halt(worker, terminate) for worker in self._hearing(workers)}

    def apply_desired(self, workers: Sequence[str], *, timeout_s: float = 1.0) -> Mapping[str, frozenset[str]]:
        """Give them back what they had at first."""
        del timeout_s
        for worker in self._hearing(workers):
            self.workers[worker] |= self._taken.pop(worker, set())
        return {worker: frozenset(self.workers[worker]) for worker in self._hearing(workers)}

    def reconnect_db(self, workers: Sequence[str], *, timeout_s: float = 1.0) -> frozenset[str]:
        """Note who was asked."""
        del timeout_s
        self.told.extend(("reconnect_db", worker) for worker in self._hearing(workers))
        return frozenset(self._hearing(workers))

    def clear_cache(self, workers: Sequence[str], *, timeout_s: float = 1.0) -> frozenset[str]:
        """Note who was asked."""
        del timeout_s
        self.told.extend(("clear_cache", worker) for worker in self._hearing(workers))
        return frozenset(self._hearing(workers))

    def send_canary(self, worker: str) -> bool:
        """Note to whom."""
        self.told.append(("canary", worker))
        return not self.is_away

    def broker(self) -> BrokerFacts | None:
        """Return what was given."""
        return None if self.is_away else self.facts

    def _hearing(self, workers: Sequence[str]) -> tuple[str, ...]:
        return () if self.is_away else tuple(row for row in workers if row in self.workers and row not in self.deaf)

    def _halt(self, worker: str, terminate: Sequence[str]) -> Halted:
        at_work = self.at_work.get(worker, {})
        ended = {task: row for task, row in at_work.items() if task in terminate}
        self._taken.setdefault(worker, set()).update(self.workers[worker])
        self.workers[worker] = set()
        self.at_work[worker] = {task: row for task, row in at_work.items() if task not in ended}
        return Halted(
            worker=worker, at_work=tuple(at_work), terminated_rows=tuple(ended.values()), consuming=frozenset()
        )


@dataclass(slots=True)
class NotedMessenger:
    """Channels that only note what they were told; `broken` ones take nothing."""

    names: tuple[str, ...] = ("email", "slack")
    broken: set[str] = field(default_factory=set)
    told: list[tuple[str, str]] = field(default_factory=list)  # channel, title
    bodies: list[str] = field(default_factory=list)
    severities: list[Severity] = field(default_factory=list)

    def channels(self) -> Sequence[str]:
        """Return the names."""
        return self.names

    def send(self, channel: str, *, title: str, body: str, severity: Severity) -> None:
        """Note the title.

        Raises:
            NotReadyError: the channel is broken.
        """
        if channel in self.broken:
            raise NotReadyError(f"{channel} did not take it: it answered 500")
        self.told.append((channel, title))
        self.bodies.append(body)
        self.severities.append(severity)

    def heard(self, channel: str) -> list[str]:
        """Return the titles that a channel was told, in order."""
        return [title for name, title in self.told if name == channel]


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


@dataclass(slots=True)
class ListedProcesses:
    """A machine's processes by the supervisor's names; `strangers` are workers that run elsewhere."""

    alive: set[str] = field(default_factory=set)
    strangers: set[str] = field(default_factory=set)
    ended: list[tuple[str, bool]] = field(default_factory=list)

    def state(self, name: str) -> ProcessState:
        """Say whether it is on the list."""
        return ProcessState.ALIVE if name in self.alive else ProcessState.DEAD

    def up_s(self, name: str) -> float | None:
        """Say for how long it runs: a day."""
        return 86_400.0 if name in self.alive else None

    def name_of_worker(self, worker: str) -> str | None:
        """Name it as the supervisor does."""
        return None if worker in self.strangers else f"worker-{worker.partition('@')[0]}"

    def end(self, name: str, *, hard: bool) -> bool:
        """Note it; the supervisor has it alive again at once."""
        if name not in self.alive:
            return False
        self.ended.append((name, hard))
        return True
