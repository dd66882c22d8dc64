import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from embedded.child import ChildSpec
from embedded.events import Event
from embedded.supervisor import Supervisor

# A child that notes what happens to it in a shared file: `NAME up`, then `NAME SIGNAL` when told to stop.
DIARIST = """
import signal, sys, time
name, diary = sys.argv[1:3]
def note(word):
    with open(diary, "a") as stream:
        stream.write(f"{name} {word}\\n")
def leave(number, frame):
    note(signal.Signals(number).name)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
signal.signal(signal.SIGINT, leave)
note("up")
while True:
    time.sleep(0.05)
"""


class Stage:
    """A data folder with a supervisor, the events it told and a diary its children write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "data"
        self.diary = folder / "diary"
        self.events: list[Event] = []

    @property
    def lines(self) -> list[str]:
        return [event.line for event in self.events]

    @property
    def diary_lines(self) -> list[str]:
        return self.diary.read_text().splitlines() if self.diary.exists() else []

    def supervisor(self, *, on_event: Callable[[Event], None] | None = None) -> Supervisor:
        return Supervisor(folder=self.folder, on_event=on_event or self.events.append)

    def python(self, name: str, source: str, *args: str, **options: object) -> ChildSpec:
        argv = (sys.executable, "-S", "-I", "-c", source, *args)
        return ChildSpec(name=name, argv=argv, log_path=self.folder / "logs" / f"{name}.log", **options)  # type: ignore[arg-type]

    def diarist(self, name: str, **options: object) -> ChildSpec:
        def is_up(_pid: int) -> bool:
            return f"{name} up" in self.diary_lines

        return self.python(name, DIARIST, name, str(self.diary), **{"ready": is_up, **options})

    def runtime_pid(self, name: str) -> int:
        rows = json.loads((self.folder / "runtime.json").read_text())["children"]
        return next(row["mark"]["pid"] for row in rows if row["name"] == name)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)
