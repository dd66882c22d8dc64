"""What survives a kill: one SQLite file with the scenario, the oracle log, the clock and the faults script.

The oracle log line *is* the effect: the world in memory is rebuilt from these lines. Nothing here knows what they mean.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS oracle (
  seq INTEGER PRIMARY KEY, platform_at_us INTEGER NOT NULL, real_at_us INTEGER NOT NULL, method TEXT NOT NULL,
  path TEXT NOT NULL, account_id TEXT NOT NULL, kind TEXT NOT NULL, object_id TEXT NOT NULL, change TEXT NOT NULL,
  op_token TEXT, outcome TEXT NOT NULL, actor TEXT NOT NULL, request_id TEXT
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One effect. `change` maps a field to [before, after]; a create has null before."""

    seq: int
    platform_at_us: int
    real_at_us: int
    method: str
    path: str
    account_id: str
    kind: str
    object_id: str
    change: dict[str, list[Any]]
    op_token: str | None
    outcome: str
    actor: str
    request_id: str | None


class Journal:
    """The sandbox's file. One process and one thread use it."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")  # survives a killed process; a power cut is not simulated
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def setting(self, name: str) -> str | None:
        """Return a stored value."""
        row = self._db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set(self, name: str, value: str) -> None:
        """Store a value, committed when this returns."""
        self._db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))

    def last_seq(self) -> int:
        """Return the number of the last line, 0 where there is none."""
        return int(self._db.execute("SELECT coalesce(max(seq), 0) FROM oracle").fetchone()[0])

    def append(self, line: LogLine) -> None:
        """Write an effect, committed when this returns.

        Raises:
            sqlite3.IntegrityError: the line's number is taken.
        """
        values = (
            line.seq, line.platform_at_us, line.real_at_us, line.method, line.path, line.account_id, line.kind,
            line.object_id, msgspec.json.encode(line.change).decode(), line.op_token, line.outcome, line.actor,
            line.request_id,
        )  # fmt: skip
        self._db.execute(f"INSERT INTO oracle VALUES ({','.join('?' * len(values))})", values)  # noqa: S608 - marks only

    def lines(self, *, after: int = 0, account_id: str | None = None, since_us: int | None = None) -> Iterator[LogLine]:
        """Yield the effects in order."""
        query, args = "SELECT * FROM oracle WHERE seq > ?", [after, account_id, since_us]
        query += " AND account_id = ?" if account_id else ""
        query += " AND platform_at_us >= ?" if since_us is not None else ""
        for row in self._db.execute(query + " ORDER BY seq", [value for value in args if value is not None]):
            yield LogLine(
                seq=row[0], platform_at_us=row[1], real_at_us=row[2], method=row[3], path=row[4], account_id=row[5],
                kind=row[6], object_id=row[7], change=msgspec.json.decode(row[8]), op_token=row[9], outcome=row[10],
                actor=row[11], request_id=row[12],
            )  # fmt: skip
