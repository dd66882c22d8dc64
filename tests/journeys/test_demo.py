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


def cycle_of(demo, task: str) -> dict:
    (found,) = (cycle for cycle in demo["cycles"] if cycle["run"]["task"] == task)
    return found


def applied(cycle, kind: str) -> list[dict]:
    return [row for row in cycle["actions"] if (row["state"], row["kind"]) == ("applied", kind)]


def test_the_optimizer_and_the_full_cycle_run_all_their_steps(demo):
    steps = {
        cycle["run"]["task"]: [step["step"] for step in cycle["run"]["steps_executed"]] for cycle in demo["cycles"]
    }
    assert steps == {
        "meta.optimization": ["step_1_optimization"],
        "meta.full_cycle": ["step_1_collection", "step_2_decisions", "step_3_api_actions", "step_4_finalize"],
    }
    assert {cycle["run"]["state"] for cycle in demo["cycles"]} == {"succeeded"}
    assert demo["cycles"][-1]["run"]["task"] == "meta.full_cycle"


def test_the_optimizer_moves_budgets_from_what_the_roas_engine_learnt_and_says_why(demo):
    moved = applied(cycle_of(demo, "meta.optimization"), "set_daily_budget")
    assert moved
    assert {row["rule"] for row in moved} == {"allocation"}
    assert all(row["evidence"]["posterior"] for row in moved)
    assert all(row["reason"] for cycle in demo["cycles"] for row in cycle["actions"])


def test_no_budget_moves_by_more_than_a_fifth(demo):
    steps = [
        row["target"]["daily_budget_minor"] / row["expected_before"]["daily_budget_minor"]
        for cycle in demo["cycles"]
        for row in applied(cycle, "set_daily_budget")
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
