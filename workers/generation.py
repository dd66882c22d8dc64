"""Numbers that a worker's main process and the processes of its pool share: "begin anew" reaches children this way.

A child compares them with what it saw last, before each task. Made at import, so before any fork.
"""

import mmap
import struct
import time
from typing import Final

_LONG: Final = struct.Struct("@Q")


class Generation:
    """A counter in memory that survives a fork; one writer (the main process), any number of readers."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _LONG.size)
        self.since_s = time.monotonic()  # the writer's own: when it last counted up, or was born

    def value(self) -> int:
        """Return the number."""
        number: int = _LONG.unpack(self._memory[: _LONG.size])[0]
        return number

    def advance(self) -> int:
        """Count one up."""
        number = self.value() + 1
        self._memory[: _LONG.size] = _LONG.pack(number)
        self.since_s = time.monotonic()
        return number


CONNECTIONS: Final = Generation()  # of Postgres: open them anew
DERIVED: Final = Generation()  # what was derived and kept: forget it
