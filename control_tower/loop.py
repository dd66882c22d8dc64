"""The tower's loop: duties, each in its rhythm, done by the one tower that leads. No Celery here.

It needs neither beat nor workers to live, and outlives outages of Postgres and Redis: a round that fails is tried
again, and a duty that fails keeps no other from being done.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError, SQLAlchemyError

from control_tower.leadership import Leadership
from control_tower.outage import Outage
from domain.actions import Json
from models import heartbeats
from models.heartbeats import ProcessKind

REST_S = 5.0
LONGEST_PAUSE_S = 30.0  # between attempts while Postgres is away
_BREAK_S = 20.0  # beat's signs come each ten seconds; after a longer break an old one tells of the break
_OUR_FAULT = (DataError, IntegrityError, ProgrammingError)  # Postgres is there, and refuses what the duty asked of it

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What the leading tower does every so many real seconds, at the earliest; 0 = every round."""

    name: str
    every_s: float
    do: Callable[[], object]


class Tower:
    """One tower; any number may run, one leads. `rest` waits that many seconds and says whether to stop."""

    def __init__(
        self,
        *,
        engine: Engine,
        duties: Sequence[Duty],
        name: str,
        rest: Callable[[float], bool],
        now_s: Callable[[], float],
        rest_s: float = REST_S,
        outage: Outage | None = None,
    ) -> None:
        self._engine = engine
        self._duties = tuple(duties)
        self._name = name
        self._rest = rest
        self._now_s = now_s
        self._rest_s = rest_s
        self._outage = outage
        self._has_led = False
        self._rested_s = float("-inf")  # when the last round ended that was done to its end
        self._watching_since_s = 0.0
        self._leadership = Leadership(engine)
        self._next_s = {duty.name: float("-inf") for duty in duties}
        self._failing: dict[str, str] = {}  # duty → what it failed with last

    def run(self) -> None:
        """Go round until told to stop."""
        failures = 0
        stopping = False
        while not stopping:
            try:
                self._has_led = self.round()
                failures = 0
                self._tell_outage(is_away=False)
            except SQLAlchemyError as error:
                failures += 1
                log.warning("postgres away", failures=failures, cause=type(error).__name__)
                self._tell_outage(is_away=True)
            pause_s = min(self._rest_s * 2 ** min(failures, 10), LONGEST_PAUSE_S)
            stopping = self._rest(pause_s if failures else self._rest_s)
        self.resign()

    def _tell_outage(self, *, is_away: bool) -> None:
        """Without Postgres there is no incident to write: the tower that led tells people itself."""
        if self._outage is not None and is_away and self._has_led:
            self._outage.away()
        elif self._outage is not None and not is_away:
            self._outage.back()

    def resign(self) -> None:
        """Let another tower lead."""
        self._leadership.release()

    def round(self) -> bool:
        """Do every duty that is due; say whether we led.

        Raises:
            SQLAlchemyError: Postgres is away.
        """
        leads = self._leadership.is_held()
        with self._engine.begin() as conn:
            detail: dict[str, Json] = {
                "leads": leads,
                "failing": {**self._failing},
                "watching_s": round(self._watching_s(), 1),
            }
            heartbeats.beat(conn, process=self._name, kind=ProcessKind.TOWER, detail=detail)
        for duty in self._duties if leads else ():
            if self._now_s() >= self._next_s[duty.name]:
                self._next_s[duty.name] = self._now_s() + duty.every_s
                self._do(duty)
        self._rested_s = self._now_s()
        return leads

    def _watching_s(self) -> float:
        """For how long rounds have followed each other without a break: signs that came since would have been seen."""
        now_s = self._now_s()
        if now_s - self._rested_s > _BREAK_S:
            self._watching_since_s = now_s
        return now_s - self._watching_since_s

    def _do(self, duty: Duty) -> None:
        try:
            duty.do()
        except SQLAlchemyError as error:
            if isinstance(error, _OUR_FAULT):
                return self._fails(duty, error)
            self._next_s[duty.name] = float("-inf")  # not done: due again at once
            raise
        except Exception as error:  # noqa: BLE001 - a bug in one duty must not keep the others from being done
            return self._fails(duty, error)
        self._failing.pop(duty.name, None)
        return None

    def _fails(self, duty: Duty, error: Exception) -> None:
        self._failing[duty.name] = type(error).__name__
        log.error("duty failed", duty=duty.name, exc_info=error)
