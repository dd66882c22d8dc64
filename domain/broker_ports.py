"""What the tower needs of the broker and of the workers behind it; `workers/switchboard.py` has it from Celery."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Halted:
    """What a worker answered to a halt: the tasks that it was at, and which of them it has ended by force.

    `rows` are the row ids of the runs or actions that those tasks carried.
    """

    worker: str
    at_work: tuple[str, ...]  # task names
    terminated_rows: tuple[int, ...]
    consuming: frozenset[str]  # of cycles' and executors' queues, what it still consumes: nothing, unless it failed


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFacts:
    """How Redis says it is."""

    round_trip_ms: float
    used_memory_bytes: int
    max_memory_bytes: int  # 0 = no limit set
    policy: str  # "noeviction", or what it throws away
    aof_on: bool
    last_write_ok: bool  # of the append-only file
    evicted_keys: int
    clients: int
    unacked: int  # messages taken and not acknowledged


class Switchboard(Protocol):
    """Celery's remote control, as far as the tower needs it; silence is never taken for success.

    Calls that ask workers return one entry for each that answered: who is missing did not. Nothing here raises.
    """

    def consuming(self, workers: Sequence[str] | None = None) -> Mapping[str, frozenset[str]]:
        """Worker name → queues that it consumes now; workers that do not answer are missing.

        With `workers` the answer comes as soon as all of them have answered; without, after a second of listening.
        """
        ...

    def set_consuming(self, worker: str, queue: str, *, on: bool) -> None:
        """Tell a worker to consume the queue, or not to; whether it does is seen by asking."""
        ...

    def queue_lengths(self, queues: Sequence[str]) -> Mapping[str, int]:
        """How many messages wait; nothing at all if the broker is away."""
        ...

    def queue_ages(self, queues: Sequence[str]) -> Mapping[str, float]:
        """Seconds that the oldest message waits; queues that are empty, or whose message tells no time, are missing."""
        ...

    def purge(self, queues: Sequence[str]) -> int | None:
        """Drop what waits, all at once; how many messages, None if the broker is away."""
        ...

    def halt(
        self, workers: Sequence[str], *, terminate: Sequence[str] = (), timeout_s: float = 1.0
    ) -> Mapping[str, Halted]:
        """Make these workers consume nothing of the catalogue any more, and end tasks of these names by force."""
        ...

    def apply_desired(self, workers: Sequence[str], *, timeout_s: float = 1.0) -> Mapping[str, frozenset[str]]:
        """Make these workers read the desired state and consume accordingly; worker → what it consumes now."""
        ...

    def reconnect_db(self, workers: Sequence[str], *, timeout_s: float = 1.0) -> frozenset[str]:
        """Make every process of these workers open its connections to Postgres anew; who answered."""
        ...

    def clear_cache(self, workers: Sequence[str], *, timeout_s: float = 1.0) -> frozenset[str]:
        """Make every process of these workers forget what it derived and kept; who answered."""
        ...

    def send_canary(self, worker: str) -> bool:
        """Put the canary into the worker's own queue; False if the broker is away."""
        ...

    def broker(self) -> BrokerFacts | None:
        """How the broker is, None if it does not answer."""
        ...
