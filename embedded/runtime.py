"""runtime.json in the data folder: which processes run for it and where they answer. Pids and ports, never a secret."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from embedded.files import read_json, write_private
from embedded.process_mark import ProcessMark, is_alive

FILE_NAME = "runtime.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRecord:
    """A child as last written down. `mark` is None while it is down; `alive` was checked when the record was read."""

    name: str
    mark: ProcessMark | None
    started_at: datetime | None
    restarts: int
    ready: bool
    port: int | None
    address: str | None
    embedded: bool
    log_path: Path
    stop_signal: int
    alive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """One run of the supervisor. `external` names the servers that were given, with addresses fit to be shown."""

    run_id: str
    supervisor: ProcessMark
    started_at: datetime
    children: tuple[ChildRecord, ...]
    external: tuple[tuple[str, str], ...] = ()
    alive: bool = False

    def child(self, name: str) -> ChildRecord | None:
        """Return the record of one child."""
        return next((record for record in self.children if record.name == name), None)


def write_runtime(folder: Path, runtime: Runtime) -> None:
    """Write the run down, replacing the file in one step."""
    content = {
        "run_id": runtime.run_id,
        "supervisor": _mark_to_json(runtime.supervisor),
        "started_at": runtime.started_at.isoformat(),
        "external": dict(runtime.external),
        "children": [_child_to_json(record) for record in runtime.children],
    }
    write_private(folder / FILE_NAME, json.dumps(content, indent=1))


def read_runtime(folder: Path) -> Runtime | None:
    """Read the last run and look whether each of its processes lives; None if there was none or the file is damaged."""
    content = read_json(folder / FILE_NAME)
    try:
        supervisor = ProcessMark(**content["supervisor"])
        return Runtime(
            run_id=content["run_id"],
            supervisor=supervisor,
            started_at=datetime.fromisoformat(content["started_at"]),
            external=tuple(content["external"].items()),
            children=tuple(_children_from_json(content["children"])),
            alive=is_alive(supervisor),
        )
    except (KeyError, TypeError, ValueError):
        return None


def now_utc() -> datetime:
    """Return the machine's own time, for the instants that this file shows."""
    return datetime.now(UTC)


def _mark_to_json(mark: ProcessMark | None) -> dict[str, Any] | None:
    return {"pid": mark.pid, "born": mark.born} if mark else None


def _child_to_json(record: ChildRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "mark": _mark_to_json(record.mark),
        "started_at": record.started_at.isoformat() if record.started_at else None,
        "restarts": record.restarts,
        "ready": record.ready,
        "port": record.port,
        "address": record.address,
        "embedded": record.embedded,
        "log_path": str(record.log_path),
        "stop_signal": record.stop_signal,
    }


def _children_from_json(rows: Iterable[dict[str, Any]]) -> Iterable[ChildRecord]:
    for row in rows:
        mark = ProcessMark(**row["mark"]) if row["mark"] else None
        started_at = datetime.fromisoformat(row["started_at"]) if row["started_at"] else None
        known = {key: row[key] for key in ("name", "restarts", "ready", "port", "address", "embedded", "stop_signal")}
        yield ChildRecord(
            **known, mark=mark, started_at=started_at, log_path=Path(row["log_path"]), alive=is_alive(mark)
        )
