"""The control tower as a new user meets it: things break one by one and `status` says so, and all comes back by itself.

A child is killed while its supervisor is held, so that there is time to look; then the supervisor goes on as ever.
"""

import json
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from models import recoveries
from models.heartbeats import ProcessKind
from models.recoveries import Recovery
from models.tables import heartbeats
from models.tables import recoveries as attempts
from tests.journeys.running import CYCLE, Machine, machine, wait_until
from tests.journeys.stop_matrix import begun_since, consumed, try_cell
from workers import sandbox_admin
from workers.overview import Judged

_BACK_S = 120.0  # a busy machine; an idle one needs a few seconds, or two of the tower's looks


@pytest.fixture(scope="module")
def up(tmp_path_factory) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("tower") / "home") as running:
        wait_until(lambda: running.look().is_well, lambda: f"it is well: {running.look()}", _BACK_S)
        yield running


@pytest.fixture
def before(up) -> Mapping[str, str]:
    """How all is before a test breaks something: the test waits until it is so again, with nobody's help."""

    def look() -> Mapping[str, str] | None:
        found = up.look()
        told = words(found.judged)
        return told if found.is_well and told["system"] == "healthy" else None

    return wait_until(look, lambda: f"it is well: {up.look()}", _BACK_S)


def words(judged: Judged | None) -> Mapping[str, str]:
    """The word for the system and for every built module; empty where nothing could be judged."""
    if judged is None:
        return {}
    modules = {row.pair.slug: row.word for row in judged.modules if row.pair.is_built}
    return {"system": str(judged.system.status), **modules}


def back(up: Machine, before: Mapping[str, str]) -> None:
    """Wait until everything lives and is as it was."""

    def look() -> bool:
        found = up.look()
        return found.is_well and words(found.judged) == before

    wait_until(look, lambda: f"all is as it was, {before}: {up.look()}", _BACK_S)


def health(up: Machine) -> Any:
    """What `stakazo health --json` says, well or not."""
    return json.loads(up.type("health", "--json").stdout)


def shown(document: Any, *, besides: set[str] = frozenset()) -> set[str]:
    """Every word that a document has for a built module, but for some."""
    return {row["word"] for row in document["modules"] if row["slug"] not in besides} - {"planned"}


@contextmanager
def held(up: Machine) -> Iterator[None]:
    """The supervisor stands: what dies stays dead."""
    os.kill(up.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(up.process.pid, signal.SIGCONT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """What must be told while a child is dead."""

    status: str
    word: str  # of every module
    reason: str
    unknown: frozenset[str] = field(default_factory=frozenset)  # sources


_BROKEN: Mapping[str, Broken] = {
    "redis": Broken(
        status="degraded", word="unknown", reason="broker unknown: Redis does not answer",
        unknown=frozenset({"broker", "queues", "consumers"}),
    ),
    "worker-cycles": Broken(status="critical", word="offline", reason="the process worker-cycles is dead"),
    "worker-actions": Broken(status="degraded", word="online", reason="the process worker-actions is dead"),
    "beat": Broken(status="degraded", word="online", reason="the process beat is dead; the tower plans meanwhile"),
    "tower": Broken(status="degraded", word="online", reason="the process tower is dead; start `stakazo tower`"),
}  # fmt: skip


@pytest.mark.parametrize("child", _BROKEN)
def test_what_dies_is_told_at_the_next_look_and_all_is_well_again_by_itself(up, before, child):
    told = _BROKEN[child]
    with held(up):
        os.kill(up.pid(child), signal.SIGKILL)
        seen = health(up)
    assert seen["system"]["status"] == told.status, seen["system"]
    apart = {"meta.real_time"} if child == "worker-cycles" else set()  # a worker of its own serves it
    assert shown(seen, besides=apart) == {told.word}, seen["modules"]
    assert told.reason in seen["system"]["reasons"]
    assert set(seen["unknown_sources"]) == told.unknown
    back(up, before)


def test_without_postgres_nothing_is_known_and_nothing_is_called_well(up, before):
    with held(up):
        os.kill(up.pid("postgres"), signal.SIGQUIT)
        wait_until(lambda: up.look().judged is None, "Postgres is gone")
        seen, status = health(up), up.status()
    assert shown(seen) == {"unknown"}
    assert {"database", "runs", "slots", "workers", "tower", "beat", "stops"} <= set(seen["unknown_sources"])
    assert not any(row["is_db_healthy"] or row["success_rate"] is not None for row in seen["modules"])
    assert (status["ok"], status["system"]) == (False, None)
    assert any(text.startswith("Postgres cannot be used") for text in status["problems"])
    back(up, before)


def test_a_token_that_has_expired_takes_its_modules_down_until_it_is_taken_again(up, before):
    sandbox_admin.set_faults(up.admin_url, [{"do": "expired_token", "times": None}])
    assert up.type("schedules", "run", "meta.api_client").returncode == 1
    seen = health(up)
    sandbox_admin.set_faults(up.admin_url, [])
    assert seen["system"]["status"] == "critical"
    assert [row["slug"] for row in seen["modules"] if row["is_api_healthy"] is False] == [*before][1:]
    assert any("says that our token is not valid" in text for text in seen["system"]["reasons"])
    up.advance(hours=1)  # the next slot of the API client is due, and nobody asks for it
    up.plan()

    def is_taken() -> bool:
        judged = up.look().judged
        is_healthy = judged is not None and judged.system.status == before["system"]
        return is_healthy and all(row.is_api_healthy for row in judged.modules if row.pair.slug in before)

    wait_until(is_taken, lambda: f"the token is taken: {up.look().judged}", _BACK_S)


def test_a_worker_that_hangs_is_restarted_and_recovery_says_that_it_helped(up, before):
    pid, earlier = up.pid("worker-actions"), _recovery(up, "actions@")
    os.kill(pid, signal.SIGSTOP)
    _let_silence_grow(up, "actions@", seconds=70)
    seen = health(up)
    assert seen["system"]["status"] == "degraded"
    assert any(text.startswith("actions@") and "is silent for" in text for text in seen["system"]["reasons"])
    wait_until(lambda: _recovery(up, "actions@") != earlier, "recovery has begun", _BACK_S)
    _let_recovery_age(up, seconds=25)  # it was asked to end, and does not

    wait_until(lambda: up.pid("worker-actions") != pid, "its supervisor has started another", _BACK_S)
    wait_until(lambda: _recovery(up, "actions@").ended_at, lambda: f"it ends: {_recovery(up, 'actions@')}", _BACK_S)
    row = _recoveries(up, "actions@")[0]
    assert (row["trigger"], row["action"], row["state"]) == ("scheduler_not_running", "restart_scheduler", "cured")
    done = [step["did"] for step in row["steps"]]
    assert (done[0], "ended by force" in done) == ("asked to end", True)
    back(up, before)


def test_modules_are_stopped_restarted_and_started_by_commands_and_status_follows(up, before):
    done = up.ask("command", "stop_all", "--reason", "maintenance")["command"]
    assert done["state"] == "done", done
    assert not consumed(up) & {*_cycles(done)}
    assert shown(health(up)) == {"stopped"}
    assert up.type("command", "restart_module", "--module", "full_cycle", "--reason", "no use").returncode != 0
    assert up.ask("command", "start_all", "--reason", "over")["command"]["state"] == "done"
    assert CYCLE in consumed(up)

    done = up.ask("command", "restart_module", "--module", "full_cycle", "--reason", "it is stuck")["command"]
    assert (done["state"], [*done["results"]["targets"]]) == ("done", [CYCLE])
    assert CYCLE in consumed(up)
    back(up, before)


@pytest.mark.parametrize("down", [("redis", "beat", "flower", "workers"), ("redis",)], ids="+".join)
def test_a_stop_holds_whatever_is_dead_when_it_is_ordered_and_once_that_lives_again(up, down):
    """Two cells of the matrix that `make stop-matrix` runs in full."""
    stood = try_cell(up, down)
    assert stood.violations == ()
    assert None not in (stood.quiet_s, stood.fenced_s, stood.paused_s)


def test_a_stop_outlives_every_process_and_only_the_right_campaigns_run_after_it(up):
    by_hand, touched, *others = sorted(up.running_campaigns())
    assert others
    up.edit(by_hand, status="PAUSED")
    stopped = up.ask("emergency-stop", "--reason", "spend looks wrong")["stops"][0]["stop"]
    assert up.running_campaigns() == frozenset()
    up.edit(touched, status="ACTIVE")
    up.edit(touched, status="PAUSED")
    quiet_since = len(up.effects())
    up.advance(hours=1)  # slots of everything are due

    up.interrupt()
    up.start()
    seen = up.status()
    assert seen["system"]["status"] == "emergency_stop"
    assert [row["id"] for row in seen["stops"]] == [stopped["id"]]
    assert shown(health(up)) == {"stopped"}
    assert begun_since(up, stopped) == 0
    assert len(up.effects()) == quiet_since

    done = up.ask("resume", "--reason", "the figures were late", "--no-health-check")
    assert len(done["actions"]) == len(others)
    assert up.running_campaigns() == frozenset(others)
    wait_until(lambda: CYCLE in consumed(up), lambda: f"cycles are consumed again: {up.look().queues}", _BACK_S)
    assert up.status()["system"]["status"] != "emergency_stop"


def _cycles(command: Any) -> Sequence[str]:
    return [*command["results"]["targets"]]


def _recoveries(up: Machine, target: str) -> list[Any]:
    return [row for row in up.ask("recovery", "list")["recoveries"] if row["target"].startswith(target)]


def _recovery(up: Machine, target: str) -> Recovery | None:
    """The same, read without a command."""
    with up.engine.connect() as conn:
        return next((row for row in recoveries.listing(conn) if row.target.startswith(target)), None)


def _let_silence_grow(up: Machine, process: str, *, seconds: float) -> None:
    """Move the last sign of a process that stands still into the past, instead of waiting."""
    mine = (heartbeats.c.kind == ProcessKind.WORKER, heartbeats.c.process.startswith(process))
    older = heartbeats.c.seen_at - timedelta(seconds=seconds)
    with up.engine.begin() as conn:
        assert conn.execute(update(heartbeats).where(*mine).values(seen_at=older)).rowcount == 1


def _let_recovery_age(up: Machine, *, seconds: float) -> None:
    older = attempts.c.begun_at - timedelta(seconds=seconds)
    with up.engine.begin() as conn:
        conn.execute(update(attempts).where(attempts.c.ended_at.is_(None)).values(begun_at=older))
