"""`stakazo up --speed 3600`: an hour a second is more than a machine keeps up with; what it leaves out can be seen."""

import json
import signal
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from tests.journeys.running import RUNNING, environment, stakazo, wait_until

_LIMIT_S = 120
_TASKS = ("meta.collector", "meta.full_cycle")
_LATE = 6  # slots that were left out, before the machine is looked at


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A machine at that speed, looked at once it has left out a few slots, and stopped after the tests."""
    home = tmp_path_factory.mktemp("home")
    terminal = home.with_name(f"{home.name}.terminal")
    with terminal.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "up", "--speed", "3600"],
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: RUNNING in terminal.read_text() or process.poll() is not None, terminal.read_text, _LIMIT_S)
        assert process.poll() is None, terminal.read_text()
        wait_until(lambda: _states(home)["skipped"] >= _LATE, "slots are left out", _LIMIT_S)
        yield home
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(_LIMIT_S)


def _history(home, *words):
    done = stakazo(home, "cycle", "history", "--limit", "500", *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["runs"]


def _states(home):
    return Counter(run["state"] for run in _history(home))


def test_what_cannot_be_kept_up_with_is_recorded_with_its_reason(home):
    skipped = [run for run in _history(home) if run["state"] == "skipped"]

    assert len(skipped) >= _LATE
    assert all(run["reason"] for run in skipped)
    assert _states(home)["succeeded"] > 0  # and what can be kept up with is done


def test_every_slot_since_the_start_has_its_row(home):
    runs = [run for run in _history(home) if run["triggered_by"] == "schedule"]
    for task in _TASKS:
        slots = sorted(datetime.fromisoformat(run["slot_at"]) for run in runs if run["task"] == task)
        assert {after - before for before, after in pairwise(slots)} == {timedelta(minutes=30)}


def test_what_is_left_out_does_not_pile_up(home):
    """At any moment a cycle has one run at work and one that waits, however far the clock has run ahead."""
    for _look in range(5):
        waiting = Counter((run["task"], run["state"]) for run in _history(home))
        for task in _TASKS:
            assert waiting[task, "planned"] <= 1
            assert waiting[task, "running"] <= 1
