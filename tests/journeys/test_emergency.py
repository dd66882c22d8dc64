"""Everything is stopped and comes back, on a whole machine: the drill, a worker that hangs, a restart of all."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from models import accounts, stops
from tests.journeys.running import CYCLE, Machine, environment, machine, wait_until
from workers.bootstrap import House


@pytest.fixture(scope="module")
def up(tmp_path_factory) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("emergency") / "home") as running:
        yield running


def consumed(up: Machine) -> set[str]:
    return {row["name"] for row in up.status()["queues"] if row["workers"]}


def open_stops(up: Machine):
    with up.engine.connect() as conn:
        return [row.id for row in stops.listing(conn, only_open=True)]


def stop_of(up: Machine, stop_id: int):
    with up.engine.connect() as conn:
        return stops.get(conn, stop_id)


def test_a_drill_stops_all_and_the_same_campaigns_run_after_it(up):
    told = up.ask("drill")
    assert told["passed"]
    drilled = told["drill"]
    assert drilled["campaigns_before"] > 0
    assert (drilled["running_while_stopped"], drilled["missing_after"], drilled["unwanted_after"]) == (0, [], [])
    assert None not in (drilled["quiet_s"], drilled["fenced_s"], drilled["paused_s"])


def limit_of(up: Machine) -> int | None:
    with House.open(up.settings, name="stakazo-journey") as house:
        with house.engine.connect() as conn:
            (account, *_) = accounts.listing(conn)
        return house.client_of(account).reader.account(account.platform_account_id).spend_cap_minor


def test_a_stop_holds_accounts_at_what_they_have_spent_and_resume_gives_back_what_a_person_had_set(up):
    asked = up.ask("change", "account", "1", "--spending-limit", "900000 EUR", "--reason", "this year's")["action"]
    assert (asked["kind"], asked["state"], limit_of(up)) == ("set_spending_limit", "applied", 90_000_000)
    said = up.type("emergency-stop", "--reason", "spend looks wrong", "--spending-limit", "--no-pause-campaigns")
    assert (said.returncode, "spending limit 900,000.00 EUR → " in said.stderr) == (0, True), said.stderr
    held_at = limit_of(up)
    assert held_at is not None
    assert 0 < held_at < 90_000_000
    refused = up.type("change", "account", "1", "--no-spending-limit", "--reason", "now")
    assert (refused.returncode, limit_of(up)) == (1, held_at)
    done = up.ask("resume", "--reason", "the figures were late", "--no-health-check")
    assert {row["state"] for row in done["actions"]} == {"applied"}
    assert limit_of(up) == 90_000_000
    assert up.ask("change", "account", "1", "--no-spending-limit", "--reason", "over")["action"]["state"] == "applied"
    assert limit_of(up) is None


def test_a_caller_that_is_killed_after_its_order_is_finished_by_the_tower(up):
    """Killed while the platform holds its first pause: what it had committed says everything that is left to do."""
    with up.slow(20, method="POST") as held:
        caller = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "emergency-stop", "--reason", "drill"],
            env=environment(up.home, **up.variables), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        held()
        caller.kill()
        caller.wait()
    (stop_id,) = open_stops(up)
    up.let_pass(120, ring=False)
    wait_until(lambda: stop_of(up, stop_id).paused_at is not None, lambda: f"all is paused: {stop_of(up, stop_id)}")
    assert up.type("resume", "--reason", "over", "--no-health-check").returncode == 0


def test_a_stop_ends_a_worker_that_hangs_outlives_a_restart_of_everything_and_is_resumed(up):
    before = up.ask("drill")["drill"]["campaigns_before"]
    os.kill(up.pid("worker-cycles"), signal.SIGSTOP)
    document = up.ask("emergency-stop", "--reason", "spend looks wrong")
    (stopped,) = document["stops"]
    fates = {row["worker"].partition("@")[0]: row["fate"] for row in stopped["stop"]["halted"]}
    assert fates == {"cycles": "ended by force", "fast": "halted", "actions": "halted"}
    assert None not in [stopped["stop"][name] for name in ("quiet_at", "fenced_at", "paused_at")]
    assert len(stopped["items"]) == before

    up.interrupt()
    up.start()
    assert "no cycle runs, the fence is closed: spend looks wrong" in up.said
    assert up.status()["problems"]
    assert CYCLE not in wait_until(lambda: consumed(up), "the control lane's worker lives")
    assert up.type("cycle", "run", "--no-wait").returncode == 1

    done = up.ask("resume", "--reason", "the figures were late", "--no-health-check")
    assert len(done["actions"]) == before
    wait_until(lambda: CYCLE in consumed(up), "cycles are consumed again")
    assert up.cycle()["run"]["state"] in {"succeeded", "partial"}
