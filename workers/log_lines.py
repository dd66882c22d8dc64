"""The log files of one machine, read back: lines of all processes in their order, picked by what they are about.

Files that were turned over are read too. Lines that are no JSON (the servers' own) are left out.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LEVELS = ("debug", "info", "warning", "error", "critical")
_TAIL_BYTES = 8 * 1024 * 1024  # of each file: what is older is for `grep`


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One event of one process."""

    process: str
    ts: str  # ISO 8601, UTC
    level: str
    event: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to pick: any of these (key, value) pairs, no pairs = everything; from a level up; of one process."""

    about: frozenset[tuple[str, str]] = frozenset()
    level: str = "info"
    process: str | None = None

    def takes(self, line: LogLine) -> bool:
        """Whether the line is wanted."""
        if self.process is not None and line.process != self.process:
            return False
        if line.level in _LEVELS and _LEVELS.index(line.level) < _LEVELS.index(self.level):
            return False
        return not self.about or any((key, str(value)) in self.about for key, value in line.fields.items())


def read(folder: Path, wanted: Wanted) -> tuple[LogLine, ...]:
    """Read what is there, oldest first."""
    found = [line for path in _files(folder) for line in _lines(path) if wanted.takes(line)]
    return tuple(sorted(found, key=lambda line: line.ts))


def follow(folder: Path, wanted: Wanted, *, goes_on: Callable[[], bool]) -> Iterator[LogLine]:
    """Give lines as they are written from now on; `goes_on` waits a moment and says whether to look again."""
    places = {path: path.stat().st_size for path in folder.glob("*.log")}
    while goes_on():
        fresh: list[LogLine] = []
        for path in sorted(folder.glob("*.log")):
            size, place = path.stat().st_size, places.get(path, 0)
            begin = place if size >= place else 0  # it was turned over, and begins anew
            text = _text(path, begin, size)
            whole = text.rpartition(b"\n")[0]
            places[path] = begin + (len(whole) + 1 if whole else 0)
            fresh += [line for line in _parsed(path, whole) if wanted.takes(line)]
        yield from sorted(fresh, key=lambda line: line.ts)


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob("*.log.1"))
    yield from sorted(folder.glob("*.log"))


def _lines(path: Path) -> Iterator[LogLine]:
    try:
        size = path.stat().st_size
        return _parsed(path, _text(path, max(0, size - _TAIL_BYTES), size))
    except FileNotFoundError:  # turned over while we looked
        return iter(())


def _text(path: Path, begin: int, end: int) -> bytes:
    with path.open("rb") as file:
        file.seek(begin)
        return file.read(end - begin)


def _parsed(path: Path, text: bytes) -> Iterator[LogLine]:
    process = path.name.partition(".")[0]
    for raw in text.splitlines():
        if not raw.startswith(b"{"):
            continue
        try:
            fields = json.loads(raw)
        except ValueError:  # the first one may be cut
            continue
        if isinstance(fields, dict) and "ts" in fields and "event" in fields:
            ts, level, event = (str(fields.pop(name, "")) for name in ("ts", "level", "event"))
            yield LogLine(process=process, ts=ts, level=level, event=event, fields=fields)
