"""A container's health check believes the signs of its own process, fresh ones only."""

import socket
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from models import heartbeats
from models.heartbeats import Heartbeat, ProcessKind
from workers.probe import judge


def _sign(process, kind, age_s):
    return Heartbeat(process=process, kind=kind, seen_at=datetime(2026, 1, 1, tzinfo=UTC), age_s=age_s, detail={})


@pytest.mark.parametrize(
    ("kind", "process", "name", "longest_s"),
    [
        (ProcessKind.WORKER, "cycles@here", "cycles@here", 60),
        (ProcessKind.TOWER, "tower@here:17", "tower@here:", 90),
        (ProcessKind.BEAT, "beat", "beat", 60),
    ],
)
def test_a_sign_counts_until_it_is_too_old(kind, process, name, longest_s):
    assert judge([_sign(process, kind, longest_s)], kind, name) == ""
    assert "last sign of life" in judge([_sign(process, kind, longest_s + 1)], kind, name)
    assert judge([_sign(process, kind, 9_999), _sign(process, kind, 1)], kind, name) == ""


def test_a_neighbour_proves_nothing():
    others = [
        _sign("cycles@here2", ProcessKind.WORKER, 1),
        _sign("actions@here", ProcessKind.WORKER, 1),
        _sign("cycles@here", ProcessKind.TOWER, 1),
    ]
    assert judge(others, ProcessKind.WORKER, "cycles@here") == "cycles@here has given no sign of life yet"


def _probe(*words, **env):
    return subprocess.run(
        [sys.executable, "-m", "workers.probe", *words],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_process_says_what_is_wrong_and_never_an_address(engine, database_url, tmp_path):
    env = {"DATABASE_URL": database_url, "STAKAZO_HOME": str(tmp_path)}
    silent = _probe("worker", "cycles", **env)
    with engine.begin() as conn:
        process = f"cycles@{socket.gethostname()}"
        heartbeats.beat(conn, process=process, kind=ProcessKind.WORKER, detail={})
    alive = _probe("worker", "cycles", **env)
    away = _probe("tower", **{**env, "DATABASE_URL": "postgresql://ana:hidden-word@127.0.0.1:1/none"})
    unknown = _probe("coffee", **env)

    assert (silent.returncode, alive.returncode, away.returncode, unknown.returncode) == (1, 0, 1, 2)
    assert "no sign of life" in silent.stderr
    assert "hidden-word" not in away.stderr
