import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from embedded.runtime import read_runtime

# A supervisor with one plain child and one whose offspring leaves its session, as a daemon would.
SCRIPT = """
import sys
from pathlib import Path
from embedded.child import ChildSpec
from embedded.supervisor import Supervisor
folder = Path(sys.argv[1])
fleeing = "import subprocess, time; subprocess.Popen(['sleep', '600'], start_new_session=True); time.sleep(600)"
with Supervisor(folder=folder) as supervisor:
    supervisor.start(ChildSpec(name="plain", argv=("sleep", "600"), log_path=folder / "plain.log"))
    supervisor.start(ChildSpec(name="fleeing", argv=(sys.executable, "-c", fleeing), log_path=folder / "fleeing.log"))
    print("up", flush=True)
    supervisor.run_until_stopped()
"""

SERVERS_SCRIPT = """
import sys
from contextlib import suppress
from pathlib import Path
from embedded import postgres, redis
from embedded.errors import StopRequested
from embedded.ports import PortBook
from embedded.supervisor import Supervisor
folder = Path(sys.argv[1])
with suppress(StopRequested), Supervisor(folder=folder) as supervisor:
    ports = PortBook(folder / "ports.json")
    supervisor.start(postgres.prepare(folder / "postgres", ports=ports, log_path=folder / "postgres.log").spec)
    supervisor.start(redis.prepare(folder / "redis", ports=ports, log_path=folder / "redis.log").spec)
    print("up", flush=True)
    supervisor.run_until_stopped()
"""


def run_until_up(script, folder):
    process = subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "up\n"
    return process


@pytest.fixture
def killed(stage):
    """The pids of the children and of the escaped offspring of a supervisor that was killed with SIGKILL."""
    process = run_until_up(SCRIPT, stage.folder)
    children = [child.mark.pid for child in read_runtime(stage.folder).children]
    escaped = []
    for _ in range(200):
        if escaped := [found.pid for found in psutil.Process(children[1]).children()]:
            break
        time.sleep(0.05)
    process.kill()
    process.communicate()
    return children, escaped


def all_gone(pids):
    for _ in range(200):
        if not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids):
            return True
        time.sleep(0.05)
    return False


def test_the_children_of_a_killed_supervisor_end_with_it(killed):
    children, escaped = killed
    assert all_gone(children)
    for pid in escaped:
        os.kill(pid, signal.SIGKILL)


def test_what_fled_from_a_killed_supervisor_is_stopped_by_the_next_start(stage, killed):
    _, escaped = killed
    assert len(escaped) == 1
    assert psutil.pid_exists(escaped[0])
    with stage.supervisor():
        assert all_gone(escaped)
    assert f"sleep (pid {escaped[0]}) was left over from an earlier run and is stopped" in stage.lines


def test_the_servers_of_a_killed_supervisor_end_and_come_back_on_their_ports(stage):
    first = run_until_up(SERVERS_SCRIPT, stage.folder)
    before = read_runtime(stage.folder).children
    first.kill()
    first.communicate()
    assert all_gone([child.mark.pid for child in before])
    second = run_until_up(SERVERS_SCRIPT, stage.folder)
    after = read_runtime(stage.folder).children
    second.send_signal(signal.SIGTERM)
    second.communicate(timeout=30)
    assert second.returncode == 0
    assert [(child.name, child.port) for child in after] == [(child.name, child.port) for child in before]
    assert all_gone([child.mark.pid for child in after])
