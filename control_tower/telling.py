"""Tells people of incidents: writes down who is to hear what, sends it, and notices a channel that is dead.

May be done by anybody at any time, also at once: the tower in its rounds, the watch when the tower is silent, whoever
orders a stop. No transaction is open while something is sent.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import Connection, Engine, text

from control_tower.noticing import is_moot, wishes
from domain.alerts import Finding, Severity
from domain.errors import NotReadyError
from domain.ports import Messenger
from domain.quiet_hours import QuietHours
from models import incidents, notices
from models.engine import db_now
from models.notices import Event, Notice

DEAD_AFTER: Final = 3  # failures in a row
_IN_ONE_GO: Final = 20  # notices of a channel, so that a flood does not hold up what is graver
_AT_ONCE: Final = 8  # channels
_LOCK: Final = 0x57A2_A1E7  # whoever writes down who is to hear what does it alone

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """How this house tells people. A guest may know fewer channels than the tower: it takes nothing from the others."""

    engine: Engine
    messenger: Messenger
    quiet: QuietHours | None = None
    is_guest: bool = False  # somebody's command, in the environment of their shell

    def tell(self) -> int:
        """Tell every channel what it should hear by now; returns how many notices arrived."""
        self.plan()
        return self.send()

    def plan(self) -> int:
        """Write down what every channel is to be told; returns how many notices that added."""
        channels = tuple(self.messenger.channels())
        with self.engine.begin() as conn:
            conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            if not self.is_guest:
                notices.withdraw_others(conn, channels)
            return self._plan(conn, channels)

    def send(self) -> int:
        """Send what is due, the channels side by side, and mark those that are dead or live again."""
        channels = tuple(self.messenger.channels())
        if not channels:
            return 0
        with ThreadPoolExecutor(max_workers=min(len(channels), _AT_ONCE), thread_name_prefix="alerts") as pool:
            arrived = sum(pool.map(self._serve, channels))
        self._mark(channels)
        return arrived

    def test(self, channels: Sequence[str], by: str) -> tuple[Notice, ...]:
        """Send a test alert to these channels now; returns what became of each."""
        with self.engine.begin() as conn:
            detail = {"by": by, "at": db_now(conn).isoformat()}
            told = f"{by} asked for it with `stakazo alerts test`."
            incident_id = incidents.note(conn, Finding(kind="test", scope="", text=told, detail=detail))
            ids = {channel: _add_test(conn, incident_id, channel, told) for channel in channels}
        for channel in channels:
            self._send(channel, ids[channel])
        self._mark(tuple(self.messenger.channels()))
        with self.engine.begin() as conn:
            return tuple(row for row in notices.of_incident(conn, incident_id) if row.id in ids.values())

    def _plan(self, conn: Connection, channels: Sequence[str]) -> int:
        now, added = db_now(conn), 0
        for incident, told in notices.current(conn):
            notices.withdraw(conn, [row.id for row in told if is_moot(incident, row)], "it was over before it was sent")
            for channel in channels:
                heard = [row for row in told if row.channel == channel]
                if any(is_moot(incident, row) for row in heard):
                    continue
                for wish in wishes(incident, heard, channel, now, self.quiet):
                    notices.add(conn, wish)
                    added += 1
        return added

    def _serve(self, channel: str) -> int:
        arrived = 0
        while arrived < _IN_ONE_GO and self._send(channel):
            arrived += 1
        return arrived

    def _send(self, channel: str, notice_id: int | None = None) -> bool:
        """Send the channel's most urgent notice, or the one of this id; say whether one was sent and arrived."""
        with self.engine.begin() as conn:
            notice = notices.take(conn, channel, notice_id)
        if notice is None:
            return False
        try:
            self.messenger.send(channel, title=notice.title, body=notice.body, severity=_shown_as(notice))
        except NotReadyError as error:
            self._not_sent(notice, str(error))
            return False
        with self.engine.begin() as conn:
            notices.sent(conn, notice.id)
        log.info("alert sent", channel=channel, incident=notice.incident_id, what=notice.event)
        return True

    def _not_sent(self, notice: Notice, why: str) -> None:
        with self.engine.begin() as conn:
            failures = notices.states(conn, [notice.channel])[notice.channel].failures + 1
            notices.failed(conn, notice, why, failures=failures)
        log.warning("alert not sent", channel=notice.channel, incident=notice.incident_id, why=why, failures=failures)

    def _mark(self, channels: Sequence[str]) -> None:
        """A dead channel is itself an incident, told on the others; it is over with the first notice that arrives."""
        with self.engine.begin() as conn:
            dead = [row for row in notices.states(conn, channels).values() if row.failures >= DEAD_AFTER]
            for row in dead:
                told = (
                    f"{row.channel} did not take the last {row.failures} notices: {row.last_error}. {row.waiting} wait."
                )
                incidents.note(
                    conn,
                    Finding(kind="channel_dead", scope=row.channel, text=told, detail={"failures": row.failures}),
                )
            if not self.is_guest:
                found = [("channel_dead", row.channel) for row in dead]
                incidents.resolve_missing(conn, ["channel_dead"], found, unseen_for=timedelta(0))


def _shown_as(notice: Notice) -> Severity:
    """That something is over is no alarm, however grave it was: channels colour and ring by this."""
    return Severity.INFO if notice.event is Event.RESOLVED else notice.severity


def _add_test(conn: Connection, incident_id: int, channel: str, told: str) -> int:
    row = incidents.get(conn, incident_id)
    return notices.add(
        conn,
        notices.Wish(
            incident_id=incident_id,
            channel=channel,
            event=Event.OPENED,
            severity=row.severity,
            title="[test] Stakazo can reach you",
            body=told,
            due_at=db_now(conn) + notices.LEASE,  # ours to send, not the tower's
        ),
    )
