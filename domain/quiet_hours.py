"""Hours in which people sleep: what is not critical waits until they are over."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.errors import BadInputError

_PATTERN: Final = re.compile(r"(\d\d?:\d\d)\s*-\s*(\d\d?:\d\d)\s+(\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """From `begin` until `end` of every day in a zone, over midnight where `end` is the earlier."""

    begin: time
    end: time
    zone: ZoneInfo

    @classmethod
    def parse(cls, text: str) -> "QuietHours":
        """Read such as "22:00-07:00 Europe/Madrid".

        Raises:
            BadInputError: it cannot be read so.
        """
        found = _PATTERN.fullmatch(text.strip())
        if found is None:
            raise BadInputError(f'"{text}" are no quiet hours; write such as "22:00-07:00 Europe/Madrid"')
        try:
            begin, end = (datetime.strptime(part, "%H:%M").time() for part in found.groups()[:2])  # noqa: DTZ007 - a time
            zone = ZoneInfo(found[3])
        except (ValueError, ZoneInfoNotFoundError, OSError):
            raise BadInputError(f'"{text}" names no time or zone; write such as "22:00-07:00 Europe/Madrid"') from None
        if begin == end:
            raise BadInputError(f'"{text}" begins when it ends; leave quiet hours out, or let some of the day be loud')
        return cls(begin=begin, end=end, zone=zone)

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M} {self.zone.key}"

    def over_at(self, at: datetime) -> datetime:
        """When one may speak, asked at the aware instant `at`: at once, or at the end of the hours that hold it."""
        local = at.astimezone(self.zone)
        if not self._holds(local.time()):
            return at
        end = datetime.combine(local.date(), self.end, self.zone)
        if end <= local:
            end = datetime.combine(local.date() + timedelta(days=1), self.end, self.zone)
        return end.astimezone(at.tzinfo)

    def _holds(self, clock: time) -> bool:
        if self.begin < self.end:
            return self.begin <= clock < self.end
        return clock >= self.begin or clock < self.end
