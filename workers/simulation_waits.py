"""What a stepped simulation does while rows wait: it rings for them, and lets time pass for them and for the platform.

The tower rings as well, and ends what nobody answered, at a pace for real days; here a week passes in minutes.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from actions import approvals
from control_tower.upkeep import RING_LIMIT
from domain import catalogue
from domain.errors import BadInputError
from domain.ports import Doorbell
from models import approvals as requests
from models import ledger_reads, run_rings, stepping
from workers.bootstrap import House
from workers.simulation_folder import QUARANTINE_S

ROUND_S: Final = 0.25
_DRAGGING_S: Final = 0.5
_HOP: Final = timedelta(seconds=30)
_LATEST_S: Final = QUARANTINE_S / 2  # of an effect that comes late: our own way to the quarantine takes its time too


def require_timely(script: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a faults script whose late effects would come after we have looked for them.

    Raises:
        BadInputError: a line of the script is too late.
    """
    for line in script:
        if line["do"] == "late_commit" and float(line.get("seconds", 0)) > _LATEST_S:
            raise BadInputError(
                f"a simulation looks for an unknown outcome after {QUARANTINE_S:g} s, so a late_commit may be"
                f" {_LATEST_S:g} s late at most, not {line['seconds']:g} s: change it in the scenario's [[faults]]"
            )


def end_unanswered(house: House, conn: Connection, now: datetime) -> int:
    """Cancel what nobody approved within a day of the platform's clock; return how many."""
    if not requests.waiting(conn):
        return 0
    with house.engine.begin() as own:
        return approvals.expire_stepped(own, now)


@dataclass(slots=True, kw_only=True)
class Patience:
    """One waiting at `now`. Once all that is open waits for a time, both clocks move on by hops: the platform's, and
    the one of the waits. Standing, neither would come to the end of a limit that passes with the platform's time.
    """  # noqa: D205 - the sentence needs the room

    doorbell: Doorbell
    conn: Connection  # AUTOCOMMIT
    advance: Callable[[datetime], datetime]  # moves the platform's clock
    until: datetime  # the next slot: the platform's clock stays before it
    now: datetime
    monotonic_s: Callable[[], float] = time.monotonic
    _begun_s: float = field(init=False)
    _told_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._begun_s = self._told_s = self.monotonic_s()

    def pass_by(self) -> None:
        """Do a round if it is time for one."""
        now_s = self.monotonic_s()
        if now_s - self._told_s < ROUND_S:
            return
        self._told_s = now_s
        if now_s - self._begun_s > _DRAGGING_S and not stepping.is_anything_at_work(self.conn):
            self._hop()
        self._ring()

    def _hop(self) -> None:
        following = self.now + _HOP
        if following < self.until:
            self.now = self.advance(following)
            stepping.let_pass(self.conn, _HOP)

    def _ring(self) -> None:
        bell = self.doorbell
        for run in run_rings.take_due(self.conn, [rhythm.name for rhythm in catalogue.RHYTHMS], RING_LIMIT):
            bell.ring_run(run.task, run.id, about=run.about)
        for due in ledger_reads.due(self.conn, RING_LIMIT):
            bell.ring_action(catalogue.actions_queue(catalogue.platform(due.platform)), due.action.id, about="due")
