"""SIGKILL at the k-th executed line: counts the lines of the effect path's rooms that this thread executes."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

_ROOT = Path(__file__).parents[3]
ROOMS = ("actions", "models", "meta_client")


class LineCounter:
    """Counts lines from `begin` on; with `deadly` > 0 the process dies at the start of that line."""

    def __init__(self, deadly: int = 0) -> None:
        self.count = 0
        self._deadly = deadly
        self._folders = tuple(f"{_ROOT / room}{os.sep}" for room in ROOMS)

    def begin(self) -> None:
        sys.settrace(self._enter)

    def end(self) -> None:
        sys.settrace(None)

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG002 - settrace's
        return self._step if frame.f_code.co_filename.startswith(self._folders) else None

    def _step(self, frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG002 - settrace's
        if event == "line":
            self.count += 1
            if self.count == self._deadly:
                os.kill(os.getpid(), signal.SIGKILL)
        return self._step
