"""Beat as Celery has it, that also says that it lives: a row each ten seconds, as workers write theirs.

A sign says that its loop turns and its last knock left. A thread writes it, so that no knock waits for Postgres.
"""

import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from celery.beat import Scheduler
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from domain.actions import JsonMap
from domain.errors import StakazoError
from models import heartbeats
from models.engine import make_engine
from models.heartbeats import ProcessKind
from workers import addresses
from workers.settings import read_settings

NAME: Final = "beat"
EVERY_S: Final = 10.0
_AGAIN_S: Final = 2.0  # after a sign that could not be written
_STALLED_S: Final = 20.0  # its loop turns each 5 s (beat_max_loop_interval), unless a knock hangs
_SHORT: Final = {"statement_timeout": "3s", "lock_timeout": "2s"}

log = structlog.get_logger(__name__)


class Knocking(Scheduler):  # type: ignore[misc]  # celery ships no types
    """Celery's scheduler; beat makes others of it too, only to look at: signs begin with the first turn of the loop."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._signs = Signs(_open)
        self._is_closed = False
        super().__init__(*args, **kwargs)

    def close(self) -> None:
        """Remember that beat is to end: its handler of signals closes, then raises."""
        self._is_closed = True
        super().close()

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Turn the loop once; end it where a finalizer of another library swallowed what the handler had raised."""
        if self._is_closed:
            raise SystemExit
        self._signs.turned()
        return float(super().tick(*args, **kwargs))

    def apply_async(self, *args: Any, **kwargs: Any) -> Any:
        """Knock, and remember whether it left."""
        try:
            found = super().apply_async(*args, **kwargs)
        except Exception:  # whatever kept the knock from leaving; raised again
            self._signs.knocked(is_sent=False)
            raise
        self._signs.knocked(is_sent=True)
        return found


class Signs:
    """The thread that writes them, and what the loop told it."""

    def __init__(self, open_engine: Callable[[], Engine], *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._open_engine = open_engine
        self._now_s = now_s
        self._turned_s: float | None = None
        self._is_sent = True
        self._thread = threading.Thread(target=self._run, name="sign of life", daemon=True)

    def turned(self) -> None:
        """Note that the loop turns; the first time begins the signs."""
        is_first, self._turned_s = self._turned_s is None, self._now_s()
        if is_first:
            self._thread.start()

    def knocked(self, *, is_sent: bool) -> None:
        """Note whether the last knock left."""
        if is_sent is not self._is_sent:
            log.warning("knocks leave again" if is_sent else "no knock leaves")
        self._is_sent = is_sent

    @property
    def is_well(self) -> bool:
        """Whether there is a sign to give."""
        return self._is_sent and self._turned_s is not None and self._now_s() - self._turned_s <= _STALLED_S

    def _run(self) -> None:
        engine, was_given = None, True
        while True:
            is_given = False
            if self.is_well:
                try:
                    engine = engine or self._open_engine()
                    give(engine)
                    is_given = True
                except (SQLAlchemyError, StakazoError, OSError) as error:
                    if was_given:
                        log.warning("no sign of life given", cause=type(error).__name__)
            was_given = is_given
            time.sleep(EVERY_S if is_given else _AGAIN_S)


def give(engine: Engine) -> None:
    """Write one sign."""
    with engine.begin() as conn:
        detail: JsonMap = {"pid": os.getpid(), "host": socket.gethostname()}
        heartbeats.beat(conn, process=NAME, kind=ProcessKind.BEAT, detail=detail)


def _open() -> Engine:
    url = addresses.database_url(read_settings())
    return make_engine(url, pool_size=1, application_name="stakazo-beat-sign", session=_SHORT)
