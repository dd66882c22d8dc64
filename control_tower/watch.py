"""Who watches the tower: called by the control worker each minute, and needs nothing that the tower does."""

from typing import Final

import structlog
from sqlalchemy import Engine

from control_tower import thresholds
from control_tower.shaping import sign_of
from control_tower.telling import Telling
from domain.alerts import about
from domain.health import ModuleStatus
from models import heartbeats, incidents
from models.heartbeats import ProcessKind

KIND: Final = "tower_dead"

log = structlog.get_logger(__name__)


def watch(engine: Engine, telling: Telling) -> bool:
    """Say whether a tower leads; if none does, note it and tell people, since nobody else will.

    One that waits for its turn does nothing: while the leader hangs with its lock, nobody sees to the house.
    """
    with engine.begin() as conn:
        age_s = sign_of(heartbeats.listing(conn), ProcessKind.TOWER).age_s
        is_alive = age_s is not None and thresholds.row("tower_silent_s").status(age_s) is ModuleStatus.ONLINE
        if is_alive:
            incidents.resolve(conn, KIND, "")
        else:
            text = "No tower leads." if age_s is None else f"No tower that leads has given a sign for {age_s:.0f} s."
            told = f"{text} Nothing reconciles, recovers or rings meanwhile."
            incidents.note(conn, about(KIND, "", told, age_s=None if age_s is None else round(age_s)))
    if not is_alive:
        log.warning("tower silent", age_s=age_s)
        telling.tell()
    return is_alive
