"""Two and five beats, whose clocks are up to ten minutes wrong, knock at once: every slot is run, and none twice."""

# ruff: noqa: PLR0917 - a test names every fixture that it needs

import json
import os
import subprocess
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from domain.health import RunState
from models import run_history
from workers.commands import beat_line

_SPEED = 1800.0  # a half-hourly slot each second, and so a tick each second
_BEGIN = datetime(2026, 3, 28, 23, 7, tzinfo=UTC)  # the clocks of Madrid go forward that night
_FORWARD_S, _BACK_S = 600.0, -600.0


class _Clock(BaseHTTPRequestHandler):
    """The sandbox's admin address, as far as a clock."""

    began_s = 0.0

    def do_GET(self):
        platform_at = _BEGIN + timedelta(seconds=(time.monotonic() - self.began_s) * _SPEED)
        body = json.dumps({"platform_at": platform_at.isoformat(), "speed": _SPEED}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def clock_url():
    handler = type("Clock", (_Clock,), {"began_s": time.monotonic()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def start_beat(database_url, tmp_path):
    started = []

    def start(broker_url, skew_s):
        line = beat_line(_SPEED)
        argv = tuple("skewed_app" if part == "workers.celery_app" else part for part in line.argv)
        env = {
            "DATABASE_URL": database_url, "REDIS_URL": broker_url, "STAKAZO_HOME": str(tmp_path),
            "PYTHONPATH": str(Path(__file__).parent), "SKEW_S": f"{skew_s:g}",
        }  # fmt: skip
        with (tmp_path / "beat.log").open("ab") as log:
            process = subprocess.Popen(
                argv, env={**os.environ, **line.env, **env}, stdout=log, stderr=log, cwd=tmp_path
            )
        started.append(process)
        return process

    def stop():
        for process in started:
            process.terminate()
        for process in started:
            process.wait(20)

    start.stop = stop
    yield start
    stop()


@pytest.mark.parametrize("skews_s", [(0.0, _FORWARD_S), (_BACK_S, -120.0, 0.0, 120.0, _FORWARD_S)])
def test_every_slot_is_run_and_none_twice(
    skews_s, engine, account, own_redis, start_worker, start_beat, clock_url, until
):
    worker = start_worker(own_redis.url, SANDBOX_ADMIN_URL=clock_url, SLOW_APP_SECONDS="0.05")
    beats = [start_beat(own_redis.url, skew_s) for skew_s in skews_s]

    def found():
        with engine.begin() as conn:
            return run_history.history(conn, limit=1000)

    def ended(task):
        return [run for run in found() if run.task == task and run.state is RunState.SUCCEEDED]

    until(lambda: len(ended("meta.full_cycle")) >= 3, "three slots were run", worker.log)
    assert all(beat.poll() is None for beat in beats)
    start_beat.stop()
    until(lambda: all(run.finished_at is not None for run in found()), "nothing is open", worker.log)

    with engine.begin() as conn:
        traces = [sum(log.action == "did it" for log in run_history.logs(conn, run.id)) for run in found()
                  if run.state is RunState.SUCCEEDED]  # fmt: skip
    assert set(Counter((run.task, run.slot_at) for run in found()).values()) == {1}
    assert set(traces) == {1}


def test_a_beat_whose_clock_is_behind_is_not_heard_and_does_no_harm(
    engine, account, own_redis, start_worker, start_beat, clock_url, until
):
    """Its knocks have expired as they arrive; the tower plans what it leaves out, as for a beat that is gone."""
    worker = start_worker(own_redis.url, SANDBOX_ADMIN_URL=clock_url, SLOW_APP_SECONDS="0.05")
    start_beat(own_redis.url, _BACK_S)

    until(lambda: worker.log().count("Discarding revoked task: meta.full_cycle.tick") >= 2, "two knocks", worker.log)
    with engine.begin() as conn:
        assert run_history.history(conn) == ()
