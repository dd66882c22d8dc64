"""Slots that passed while no tower looked: told by the first look after it, since nobody could tell meanwhile."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from control_tower.planner import UNSERVED
from control_tower.thresholds import first_limit
from domain.alerts import Finding, about
from models import alert_reads, heartbeats
from models.heartbeats import ProcessKind

_KIND: Final = "slot_missed"
_OTHER: Final = 1  # the freshest sign of a tower that leads is that of the one that asks; the next is of who led before


def last_lead(conn: Connection) -> datetime | None:
    """Return when the tower that led before this one gave its last sign of life; None = it is not known."""
    led = [sign for sign in heartbeats.listing(conn, ProcessKind.TOWER) if sign.detail.get("leads")]
    return led[_OTHER].seen_at if len(led) > _OTHER else None


def findings(conn: Connection, since: datetime | None, now: datetime) -> tuple[Finding, ...]:
    """Find what was written down as unserved after a silence that began at `since`; nothing where there was none."""
    if since is None or (now - since).total_seconds() <= first_limit("tower_silent_s"):
        return ()
    silence = f"while no tower looked, from {since:%Y-%m-%d %H:%M:%S} to {now:%Y-%m-%d %H:%M:%S} UTC"
    return tuple(
        about(
            _KIND,
            f"{row.task} of account {row.account_id}, {since:%Y-%m-%d %H:%M}",
            f"{row.slots} slots passed unserved {silence}; the first was that of {row.first_at:%Y-%m-%d %H:%M} UTC.",
            missed=row.slots,
        )
        for row in alert_reads.skipped_since(conn, since, UNSERVED)
    )
