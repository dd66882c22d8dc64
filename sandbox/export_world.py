"""Rebuilds the world of a data folder for reading only, beside a sandbox that runs on it or without one."""

from datetime import datetime
from pathlib import Path

from sandbox.clock import PlatformClock, to_us
from sandbox.founding import holds_world
from sandbox.journal import Journal
from sandbox.scenario import Scenario
from sandbox.world import World


def read_world(data_dir: Path, *, now: datetime | None = None) -> tuple[World, float]:
    """Return the folder's world, computed up to now, and the seconds of that instant; nothing is written.

    The world is a function of the scenario and the log, so that a second process gets the very figures that a running
    sandbox serves. `now` is the running one's present; without it, the clock stands where it was left.

    Raises:
        FileNotFoundError: the folder holds no world.
    """
    if not holds_world(data_dir):
        message = f"{data_dir} holds no ad platform"
        raise FileNotFoundError(message)
    journal = Journal(data_dir / "sandbox.sqlite3")
    try:
        scenario = Scenario.model_validate_json(journal.setting("scenario") or "")
        now_us = PlatformClock(journal, real=lambda: 0.0).now_us() if now is None else to_us(now)
        world = World(scenario, start_us=int(journal.setting("start_us") or 0))
        for line in journal.lines():
            if line.platform_at_us <= now_us:
                world.replay(line)
    finally:
        journal.close()
    world.catch_up(now_us / 1_000_000)
    return world, now_us / 1_000_000
