"""Level observe on a whole machine: everything is written down and nothing reaches the platform."""

from dataclasses import dataclass
from typing import Any

import pytest

from domain.actions import RECORDED_ONLY


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A cycle at observe between two looks at the sandbox's own log."""

    cycle: Any
    before: list
    after: list


@pytest.fixture(scope="module")
def watched(shared) -> Watched:
    shared.ask("policy", "set", "classic")  # which wants something of many objects at any time
    shared.ask("account", "set", "1", "--level", "observe")
    shared.advance(days=4)  # cooldowns are over: at auto it would act
    before = shared.effects()
    cycle = shared.cycle()
    return Watched(cycle=cycle, before=before, after=shared.effects())


def test_a_cycle_at_observe_decides_and_records_as_ever(watched):
    assert watched.cycle["status"] == "succeeded"
    assert watched.cycle["run"]["level"] == "observe"
    observed = [row for row in watched.cycle["actions"] if row["state"] == "observed"]
    assert {"set_daily_budget"} <= {row["kind"] for row in observed}
    assert all(row["reason"] and row["target"] for row in observed)


def test_it_sends_nothing(watched):
    sendable = [row for row in watched.cycle["actions"] if row["kind"] not in RECORDED_ONLY]
    assert {row["state"] for row in sendable} <= {"observed", "blocked"}
    assert all(row["attempts"] == 0 and row["sent_at"] is None for row in watched.cycle["actions"])
    assert watched.after == watched.before


def test_what_was_observed_stays_so_when_the_account_acts_again(watched, shared):
    shared.ask("account", "set", "1", "--level", "auto")
    shared.let_pass(3600)
    _, open_actions = shared.open_rows()
    assert open_actions == []
    assert shared.effects() == watched.after

    shared.advance(hours=1)
    cycle = shared.cycle()
    assert cycle["status"] == "succeeded"
    assert "applied" in {row["state"] for row in cycle["actions"] if row["kind"] not in RECORDED_ONLY}
    states = {row["id"]: row["state"] for row in shared.ask("actions", "list", "--limit", "500")["actions"]}
    assert all(states[row["id"]] == row["state"] for row in watched.cycle["actions"])
    assert shared.comparison().agrees
    assert len(shared.effects()) > len(watched.after)
