"""The whole path as a newcomer types it: real servers, real workers, real HTTP, one command."""

import json
from pathlib import Path

import pytest

from tests.journeys.running import stakazo


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def demo(home) -> dict:
    done = stakazo(home, "demo", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_cycle_runs_all_its_steps(demo):
    (cycle,) = demo["cycles"]
    assert cycle["run"]["state"] == "succeeded"
    steps = [step["step"] for step in cycle["run"]["steps_executed"]]
    assert steps == ["step_1_collection", "step_2_decisions", "step_3_api_actions", "step_4_finalize"]


def test_it_changes_the_account_and_says_why(demo):
    (cycle,) = demo["cycles"]
    applied = [row for row in cycle["actions"] if row["state"] == "applied"]
    assert {"set_daily_budget"} <= {row["kind"] for row in applied}
    assert all(row["reason"] for row in cycle["actions"])


def test_no_budget_moves_by_more_than_a_fifth(demo):
    (cycle,) = demo["cycles"]
    steps = [
        row["target"]["daily_budget_minor"] / row["expected_before"]["daily_budget_minor"]
        for row in cycle["actions"]
        if row["kind"] == "set_daily_budget" and row["state"] == "applied"
    ]
    assert steps
    assert all(0.8 <= step <= 1.2 for step in steps)


def test_the_ledger_equals_the_sandbox_own_log(demo):
    assert demo["ledger_equals_oracle"]
    assert demo["comparison"]["applied"] == demo["comparison"]["effects"] > 0
    assert demo["comparison"]["undecided"] == 0


def test_nothing_is_left_running(demo, home):
    done = stakazo(home, "status", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 1
    assert not any(process["alive"] for process in document["processes"])
