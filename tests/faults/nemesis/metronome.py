"""Whether the machine kept time: a thread that sleeps a moment over and over, and notes how much later it woke."""

import threading
import time
from typing import Self

_BEAT_S = 0.005


class Metronome:
    """Beats while its context lasts; ask it afterwards."""

    def __init__(self) -> None:
        self._beats: list[tuple[float, float]] = []  # when it woke, by the monotonic clock; how much too late, seconds
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def worst_s(self, begun_s: float, ended_s: float) -> float:
        """How much it overslept at worst, in seconds, between two instants of the monotonic clock."""
        return max(
            (late_s for woke_s, late_s in self._beats if begun_s <= woke_s and woke_s - late_s <= ended_s), default=0.0
        )

    def _beat(self) -> None:
        while not self._is_over.is_set():
            due_s = time.monotonic() + _BEAT_S
            time.sleep(_BEAT_S)
            woke_s = time.monotonic()
            self._beats.append((woke_s, woke_s - due_s))
