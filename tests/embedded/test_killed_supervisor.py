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


@pytest.fixture
def killed(stage):
    """The pids of the children and of the escaped offspring of a supervisor that was killed with SIGKILL."""
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(stage.folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "up\n"
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
