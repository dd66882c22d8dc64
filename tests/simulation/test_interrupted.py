"""A simulation that is interrupted goes on where it stopped, and leaves the operator's own machine alone."""

import json
import signal
import subprocess
import sys

import pytest

from tests.journeys.running import environment, wait_until
from workers.simulation_folder import SimulationFolder

_LIMIT_S = 300
_WORDS = ("simulate", "--scenario", "demo", "--days", "0.5", "--start", "2026-03-02T06:00:00", "--seed", "5")
_HALF_HOURS = 25  # 06:00 to 18:00, both included
_HOURS = 13
_DAILY = ("roas_engine", "optimization", "creative_intelligence", "autonomy")
_LOOKS = _HALF_HOURS  # of real time


@pytest.fixture(scope="module")
def went_on(tmp_path_factory):
    """Ctrl-C in the middle, then the same words again; returns both processes' ends and the folder."""
    home = tmp_path_factory.mktemp("home")
    folder = SimulationFolder(path=home / "simulations" / "demo-5")
    command = [sys.executable, "-m", "cli.main", *_WORDS, "--json"]
    with subprocess.Popen(command, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as first:
        wait_until(lambda: list(folder.notes("memory")) or first.poll() is not None, "the first slot", _LIMIT_S)
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=_LIMIT_S)
    second = subprocess.run(
        command, env=environment(home), capture_output=True, text=True, timeout=_LIMIT_S, check=False
    )
    assert second.returncode == 0, second.stderr[-2000:] + second.stdout[-2000:]
    return first.returncode, json.loads(second.stdout), folder


def test_ctrl_c_ends_it_in_order(went_on):
    assert went_on[0] == 130


def test_the_same_words_go_on_and_every_slot_is_served_once(went_on):
    _code, document, folder = went_on
    runs = {(run["task"], run["state"]): run["count"] for run in document["figures"]["runs"]}

    assert runs == {
        ("meta.collector", "succeeded"): _HALF_HOURS,
        ("meta.full_cycle", "succeeded"): _HALF_HOURS,
        ("meta.api_client", "succeeded"): _HOURS,
        ("meta.orphan_sweep", "succeeded"): _HOURS,
        ("meta.real_time", "succeeded"): _LOOKS,
        ("meta.ab_testing", "succeeded"): 3,
        ("meta.budget_spikes", "succeeded"): 2,
        **{(f"meta.{name}", "succeeded"): 1 for name in _DAILY},
    }
    assert {check["name"]: check["violations"] for check in document["checks"] if check["broken"]} == {}
    assert len({note["go"] for note in folder.notes("memory")}) == 2


def test_it_lives_in_a_folder_of_its_own(went_on):
    """Nothing of a machine stands in the operator's data folder but the simulations."""
    folder = went_on[2]
    assert [path.name for path in folder.path.parent.parent.iterdir()] == ["simulations"]
