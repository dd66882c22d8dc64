"""Beat ticks, the planner plans, the worker runs: the whole way of a slot through real processes."""

# ruff: noqa: PLR0917 - a test names every fixture that it needs

import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from domain.health import RunState
from models import heartbeats, run_history
from models.heartbeats import ProcessKind
from workers.commands import beat_line


class _Clock(BaseHTTPRequestHandler):
    """The sandbox's admin address, as far as a clock that stands."""

    def do_GET(self):
        body = json.dumps({"platform_at": "2026-03-01T10:07:00+00:00", "speed": 0.0}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def clock_url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Clock)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def start_beat(database_url, tmp_path):
    started = []

    def start(broker_url):
        line = beat_line(1800.0)  # half-hourly slots, so a tick a second
        env = {"DATABASE_URL": database_url, "REDIS_URL": broker_url, "STAKAZO_HOME": str(tmp_path)}
        with (tmp_path / "beat.log").open("ab") as log:
            started.append(
                subprocess.Popen(line.argv, env={**os.environ, **line.env, **env}, stdout=log, stderr=log, cwd=tmp_path)
            )
        return started[-1]

    yield start
    for process in started:
        process.terminate()
        process.wait(20)


def test_beat_says_that_it_lives_though_nobody_hears_its_knocks(engine, own_redis, start_beat, until):
    """A house is not taken for ill because its first tick has to travel first."""
    beat = start_beat(own_redis.url)

    def signs():
        with engine.begin() as conn:
            return heartbeats.listing(conn, ProcessKind.BEAT)

    until(signs, "beat has given a sign")
    assert [(sign.process, sign.detail["pid"]) for sign in signs()] == [("beat", beat.pid)]


def _of_this_rhythm(conn):
    """The half-hourly cycles; the hourly ones have slots of their own."""
    return [run for run in run_history.history(conn) if run.task in {"meta.collector", "meta.full_cycle"}]


def test_a_slot_runs_its_collector_and_then_its_cycle_however_often_beat_ticks(
    engine, account, own_redis, start_worker, start_beat, clock_url, until
):
    worker = start_worker(own_redis.url, SANDBOX_ADMIN_URL=clock_url)
    start_beat(own_redis.url)
    start_beat(own_redis.url)  # a second beat: everything is sent twice

    def ended():
        with engine.begin() as conn:
            return {run.task: run for run in _of_this_rhythm(conn) if run.state is RunState.SUCCEEDED}

    until(lambda: len(ended()) == 2, "the collector and the cycle have run", worker.log)
    with engine.begin() as conn:
        all_runs = _of_this_rhythm(conn)
        signs = heartbeats.listing(conn, ProcessKind.BEAT)
    runs = ended()
    assert len(all_runs) == 2
    assert runs["meta.collector"].finished_at <= runs["meta.full_cycle"].started_at
    assert [run.attempts for run in all_runs] == [1, 1]
    assert signs
