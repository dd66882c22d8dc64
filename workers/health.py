"""Health of a house: the sources that a check asks, and one look that all of the tower's duties share."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from control_tower import health
from control_tower.health import Checked, Sources
from control_tower.standins import ObedientSwitchboard
from domain.broker_ports import Switchboard
from domain.errors import NotReadyError
from workers.bootstrap import House
from workers.schedule import wanted_rhythms


def sources_of(house: House) -> Sources:
    """Put together what a check of this house asks."""
    return Sources(
        engine=house.engine,
        switchboard=_switchboard(house),
        processes=house.processes,
        clock_of=house.clock_of,
        rhythms=wanted_rhythms(house.settings),
    )


def _switchboard(house: House) -> Switchboard:
    """Return Celery's, or one that nobody answers on where there is no broker to speak to."""
    try:
        return house.switchboard
    except NotReadyError:
        return ObedientSwitchboard(is_away=True)


@dataclass(slots=True)
class SharedLook:
    """One look at health for everybody who needs one in the same round of the tower."""

    sources: Sources
    now_s: Callable[[], float] = time.monotonic
    _last: tuple[float, Checked] | None = field(default=None, init=False)

    def look(self) -> Checked:
        """Look now, note it in the spans, and keep it for the others.

        Raises:
            SQLAlchemyError: Postgres is away.
        """
        checked = health.look(self.sources)
        self._last = (self.now_s(), checked)
        return checked

    def latest(self) -> Checked:
        """Return the last look, or take one if it is older than their rhythm; raises as `look`."""
        if self._last is None or self.now_s() - self._last[0] >= health.LOOK_S:
            return self.look()
        return self._last[1]
