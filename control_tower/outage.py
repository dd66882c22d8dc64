"""Tells people that Postgres is away: the one alert that cannot be a row first. Kept in memory by the tower."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from domain.alerts import Severity, kind
from domain.errors import NotReadyError
from domain.ports import Messenger

TELL_AFTER_S: Final = 60.0
REMIND_EVERY_S: Final = 4 * 3600.0
_KIND: Final = kind("database_unhealthy")

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Outage:
    """One tower's knowledge of an outage; `now_s` is a monotonic clock."""

    messenger: Messenger
    now_s: Callable[[], float]
    _since_s: float | None = None
    _told_s: float | None = None

    def away(self) -> None:
        """Postgres did not answer this round."""
        now_s = self.now_s()
        if self._since_s is None:
            self._since_s = now_s
        for_s = now_s - self._since_s
        is_due = self._told_s is None or now_s - self._told_s >= REMIND_EVERY_S
        if for_s >= TELL_AFTER_S and is_due:
            self._told_s = now_s
            body = (
                f"The tower cannot reach Postgres for {for_s / 60:.0f} min: no run begins, nothing is sent to a "
                f"platform, stops cannot be ordered.\nWhat to do: {_KIND.advice}"
            )
            self._tell(f"[{Severity.CRITICAL.word}] {_KIND.title}", body)

    def back(self) -> None:
        """Postgres answered."""
        if self._told_s is not None and self._since_s is not None:
            minutes = (self.now_s() - self._since_s) / 60
            self._tell(f"[resolved] {_KIND.title}", f"Postgres answers again, after {minutes:.0f} min.")
        self._since_s = self._told_s = None

    def _tell(self, title: str, body: str) -> None:
        for channel in self.messenger.channels():
            try:
                self.messenger.send(channel, title=title, body=body, severity=Severity.CRITICAL)
            except NotReadyError as error:
                log.warning("alert not sent", channel=channel, why=str(error))
