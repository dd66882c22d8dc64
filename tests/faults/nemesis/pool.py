"""A real worker process of the cycles' lane with another app in the place of the house's, for experiments."""

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from workers.commands import worker_lines

_READY_S = 60.0
_LANE = "worker-cycles"


class Pool:
    """The command line of the house but for the app (a module of this folder) and how many processes it has."""

    def __init__(self, app: str, folder: Path, env: Mapping[str, str], *, processes: int) -> None:
        (line,) = [row for row in worker_lines(f"-c{processes}") if row.name == _LANE]
        argv = tuple(f"tests.faults.nemesis.{app}" if part == "workers.celery_app" else part for part in line.argv)
        self._log = folder / f"{app}.log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                argv, env={**os.environ, **line.env, **env}, cwd=Path(__file__).parents[3], stdout=log, stderr=log
            )

    def until_ready(self) -> None:
        """Wait until it consumes.

        Raises:
            RuntimeError: it does not begin; the message ends with its log.
        """
        until_s = time.monotonic() + _READY_S
        while " ready." not in self.log():
            if self._process.poll() is not None or time.monotonic() > until_s:
                raise RuntimeError(f"the worker does not begin: {self.log()[-2000:]}")
            time.sleep(0.1)

    def is_alive(self) -> bool:
        """Whether the main process still runs."""
        return self._process.poll() is None

    def log(self) -> str:
        """What it has told."""
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        """End it and its pool, by force: what it is at is of no interest any more."""
        if self._process.poll() is not None:
            return
        family = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill()
        for child in family:
            try:
                child.kill()
            except psutil.NoSuchProcess:
                continue
        self._process.wait()
