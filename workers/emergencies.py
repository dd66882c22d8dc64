"""The emergency stop and the way back, wired to this house: Celery's remote control, this machine's processes."""

from collections.abc import Callable

import structlog

from control_tower import health
from control_tower.emergency import Stopping
from control_tower.halting import Floor
from control_tower.resuming import Resuming
from control_tower.standins import ObedientSwitchboard
from domain.broker_ports import Switchboard
from domain.errors import NotReadyError
from domain.health import SystemStatus
from domain.ports import PlatformReader
from models.accounts import Account
from workers.bootstrap import House, limits_of
from workers.health import sources_of

_REASONS = 3

log = structlog.get_logger(__name__)


def floor_of(house: House) -> Floor:
    """Build the reach to this house's workers."""
    return Floor(engine=house.engine, switchboard=_switchboard(house), processes=house.processes)


def _switchboard(house: House) -> Switchboard:
    """Celery's remote control; where there is no Redis to speak to, nobody answers."""
    try:
        return house.switchboard
    except NotReadyError as error:
        log.warning("workers cannot be reached", cause=str(error))
        return ObedientSwitchboard(is_away=True)


def stopping_of(house: House) -> Stopping:
    """Build what an emergency stop needs."""
    return Stopping(floor=floor_of(house))


def resuming_of(house: House) -> Resuming:
    """Build what resuming needs."""
    return Resuming(
        floor=floor_of(house),
        reader_of=reader_of(house),
        clock_of=house.clock_of,
        limits=limits_of(house.settings),
    )


def reader_of(house: House) -> Callable[[Account], PlatformReader]:
    """Who reads an account's platform."""
    return lambda account: house.client_of(account).reader


def why_unwell(house: House, executed_by: str) -> str | None:
    """Check every module's health, and say what is wrong if the whole is critical or stopped; None = it is not."""
    found = health.check(sources_of(house), executed_by=executed_by).system
    if found.status not in {SystemStatus.CRITICAL, SystemStatus.EMERGENCY_STOP}:
        return None
    word, why = found.status.replace("_", " "), "; ".join(found.reasons[:_REASONS])
    return f"the house is {word}: {why}; `stakazo health` says more"
