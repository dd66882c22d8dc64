"""Who watches the tower: called by the control worker each minute, and needs nothing that the tower does."""

from dataclasses import replace
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


def watch(engine: Engine, telling: Telling, *, awaited_s: float | None = None) -> bool:
    """Say whether a tower leads, or may in a moment; if none does, note it and tell people, since nobody else will.

    One that waits for its turn does nothing: while the leader hangs with its lock, nobody sees to the house.
    `awaited_s` = for how long whoever watches is there: what was silent before that is not held against the tower.
    """
    with engine.begin() as conn:
        sign = replace(sign_of(heartbeats.listing(conn), ProcessKind.TOWER), awaited_s=awaited_s)
        is_dead = _is_past(sign.silent_s)
        if is_dead:
            text = "No tower leads."
            if sign.age_s is not None:
                text = f"No tower that leads has given a sign for {sign.age_s:.0f} s."
            told = f"{text} Nothing reconciles, recovers or rings meanwhile."
            incidents.note(conn, about(KIND, "", told, age_s=None if sign.age_s is None else round(sign.age_s)))
        elif not _is_past(sign.age_s):  # by a sign, not by being so young that it owes none
            incidents.resolve(conn, KIND, "")
    if is_dead:
        log.warning("tower silent", age_s=sign.age_s)
        telling.tell()
    return not is_dead


def _is_past(silent_s: float | None) -> bool:
    return silent_s is None or thresholds.row("tower_silent_s").status(silent_s) is not ModuleStatus.ONLINE
