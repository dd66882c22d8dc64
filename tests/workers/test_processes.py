"""A machine's processes: ended by name, with all that they started, and never a stranger with the same pid."""

import os
import socket
import sys
import time
from contextlib import suppress
from dataclasses import replace

import psutil
import pytest

from domain.ports import ProcessState
from embedded.child import ChildSpec
from embedded.process_mark import own_mark
from embedded.runtime import Runtime, read_runtime, write_runtime
from embedded.supervisor import Supervisor
from workers.processes import MachineProcesses, child_name

# A worker that does not listen to SIGTERM, with a process of its pool in a session of its own.
DEAF = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""
POLITE = "import time; time.sleep(600)"


@pytest.fixture
def home(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def processes(home):
    return MachineProcesses(home)


def _spec(home, name, source):
    return ChildSpec(name=name, argv=(sys.executable, "-c", source), log_path=home / "logs" / f"{name}.log")


def _pid(home, name):
    return read_runtime(home).child(name).mark.pid


def _lives(pid):
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def test_a_process_that_hangs_is_killed_with_its_pool_and_started_again(home, processes, until):
    with Supervisor(folder=home) as supervisor:
        supervisor.start(_spec(home, "worker-cycles", DEAF))
        log = home / "logs" / "worker-cycles.log"
        until(lambda: supervisor.wait(lambda: log.exists() and log.read_text().strip(), timeout_s=1), "its pool is up")
        first, pool = _pid(home, "worker-cycles"), int(log.read_text().split()[-1])
        assert child_name(home, first) == "worker-cycles"
        assert processes.state("worker-cycles") is ProcessState.ALIVE

        assert processes.end("worker-cycles", hard=True)
        until(lambda: not _lives(first) and not _lives(pool), "it and its pool are gone")
        assert processes.state("worker-cycles") is ProcessState.DEAD
        assert not processes.end("worker-cycles", hard=True), "it is not there to be ended"
        is_back = supervisor.wait(lambda: processes.state("worker-cycles") is ProcessState.ALIVE, timeout_s=30)
        assert is_back
        assert _pid(home, "worker-cycles") != first
        processes.end("worker-cycles", hard=True)  # it would not listen to the supervisor either
        left = int(log.read_text().split()[-1])
        with suppress(psutil.NoSuchProcess):
            psutil.Process(left).kill()


def test_a_process_is_asked_as_its_supervisor_would(home, processes, until):
    begun_s = time.monotonic()
    with Supervisor(folder=home) as supervisor:
        supervisor.start(_spec(home, "beat", POLITE))
        pid = _pid(home, "beat")
        assert 0.0 <= processes.up_s("beat") <= time.monotonic() - begun_s + 1.0, "by the clock of the kernel's ticks"
        assert processes.up_s("tower") is None
        assert processes.end("beat", hard=False)
        until(lambda: not _lives(pid), "it has ended")


def test_without_a_supervisor_here_everything_is_elsewhere(home, processes):
    assert processes.state("worker-cycles") is ProcessState.ELSEWHERE
    assert processes.name_of_worker(f"cycles@{socket.gethostname()}") is None
    assert not processes.end("worker-cycles", hard=True)


def test_a_worker_is_known_by_its_lane_and_this_host_only(home, processes):
    with Supervisor(folder=home) as supervisor:
        supervisor.start(_spec(home, "worker-cycles", POLITE))
        assert processes.name_of_worker(f"cycles@{socket.gethostname()}") == "worker-cycles"
        assert processes.name_of_worker("cycles@another") is None
        assert processes.name_of_worker(f"actions@{socket.gethostname()}") is None
        assert processes.state("tower") is ProcessState.ELSEWHERE


def test_a_stranger_with_the_pid_of_a_dead_child_is_never_touched(home, processes):
    """The record names a process of another birth: this very test's pid."""
    with Supervisor(folder=home) as supervisor:
        supervisor.start(_spec(home, "beat", POLITE))
        known = read_runtime(home)
        record = replace(known.child("beat"), mark=replace(own_mark(), born="another life"))
        write_runtime(home, _with(known, record))

        assert processes.state("beat") is ProcessState.DEAD
        assert not processes.end("beat", hard=True)
        assert child_name(home, os.getpid()) is None


def _with(runtime: Runtime, record):
    return replace(runtime, children=(record,))
