"""Busy senders as processes of their own: forked executors over the file platform, ended by SIGKILL."""

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from actions.executor import Executor
from actions.timing import Timing
from domain.actions import TERMINAL
from domain.ids import ActionId
from models.engine import make_engine
from tests.actions.fake_platform import FakeClock
from tests.faults.nemesis.file_platform import FilePlatform

_PATIENCE_S = 20.0


@dataclass
class Senders:
    """Processes that each carry out their own actions over and over, until all are terminal or they are killed."""

    database: str
    timing: Timing
    log: Path
    latency_s: float
    prepare: Callable[[], None] = lambda: None  # in the child, before it begins
    pids: list[int] = field(default_factory=list)

    def start(self, actions: Sequence[Sequence[ActionId]]) -> None:
        for number, own in enumerate(actions):
            pid = os.fork()
            if pid == 0:
                self._send(number, own)
            self.pids.append(pid)

    def kill(self, count: int | None = None) -> None:
        """SIGKILL some of them, or all."""
        doomed = self.pids[: len(self.pids) if count is None else count]
        for pid in doomed:
            os.kill(pid, signal.SIGKILL)
        for pid in doomed:
            os.waitpid(pid, 0)
        self.pids = self.pids[len(doomed) :]

    def _send(self, number: int, own: Sequence[ActionId]) -> None:
        try:
            self.prepare()
            engine = make_engine(self.database, pool_size=2, application_name=f"sender-{number}")
            platform = FilePlatform(self.log, latency_s=self.latency_s)
            executor = Executor(
                engine, lambda _: platform.client, lambda _: FakeClock(), f"sender-{number}", self.timing,
                most_at_once=1,
            )  # fmt: skip
            left, until = list(own), time.monotonic() + _PATIENCE_S
            while left and time.monotonic() < until:
                left = [action for action in left if executor.execute(action) not in TERMINAL]
        except BaseException as error:  # noqa: BLE001 - a forked child must not run its parent's code
            sys.stderr.write(f"sender {number}: {type(error).__name__}: {error}\n")
            os._exit(2)
        os._exit(0)
