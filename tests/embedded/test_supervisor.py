import os
import signal
import time

import psutil
import pytest

from embedded.child import turn_log_over
from embedded.errors import AlreadyRunning, ChildFailed, StopRequested
from embedded.events import EventKind
from embedded.runtime import read_runtime
from embedded.supervised import pause_before_restart_s

DEAF_WITH_OFFSPRING = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
offspring = subprocess.Popen(["sleep", "600"])
print(offspring.pid, flush=True)
time.sleep(600)
"""


def first_line(path):
    return (path.read_text().splitlines() or [""])[0] if path.exists() else ""


def wait_until(fact, attempts=200):
    for _ in range(attempts):
        if fact():
            return True
        time.sleep(0.05)
    return False


_LAST_OF = """
import pathlib, signal, time
folder = pathlib.Path("{0}")
def leave(*_):
    (folder / "{1}.asked").touch()
    while len(list(folder.glob("*.asked"))) < 3:
        time.sleep(0.02)
    raise SystemExit
signal.signal(signal.SIGTERM, leave)
print("up", flush=True)
time.sleep(60)
"""


def test_children_start_in_order_and_stop_in_reverse_each_by_its_own_signal(stage):
    with stage.supervisor() as supervisor:
        supervisor.start_all(
            [stage.diarist("one"), stage.diarist("two", stop_signal=signal.SIGINT), stage.diarist("three")]
        )
    ups_and_downs = ["one up", "two up", "three up", "three SIGTERM", "two SIGINT", "one SIGTERM"]
    assert stage.diary_lines == ups_and_downs
    assert stage.lines[-3:] == ["three stopped", "two stopped", "one stopped"]


def test_neighbours_that_stop_together_are_asked_before_any_has_ended(stage, tmp_path):
    """Each ends once all of them have been asked: one after the other none would."""
    mates = ("a", "b", "c")
    with stage.supervisor() as supervisor:
        specs = [stage.python(name, _LAST_OF.format(tmp_path, name), stops_with="mates") for name in mates]
        supervisor.start_all([stage.diarist("alone"), *specs])
        assert supervisor.wait(lambda: all(first_line(spec.log_path) == "up" for spec in specs), timeout_s=20)
    assert {f"{name} stopped" for name in mates} == set(stage.lines[-4:-1])
    assert stage.lines[-1] == "alone stopped"


def test_a_killed_child_is_restarted_and_a_line_says_so(stage):
    with stage.supervisor() as supervisor:
        supervisor.start(stage.diarist("worker actions"))
        first_pid = stage.runtime_pid("worker actions")
        os.kill(first_pid, signal.SIGKILL)
        assert supervisor.wait(lambda: stage.diary_lines.count("worker actions up") == 2, timeout_s=20)
        record = supervisor.runtime().child("worker actions")
    assert "worker actions died (signal 9), restarting in 0.5 s" in stage.lines
    assert (record.restarts, record.mark.pid != first_pid) == (1, True)


def test_the_pause_before_a_restart_doubles_from_half_a_second_to_thirty():
    assert [pause_before_restart_s(n) for n in (1, 2, 3, 6, 7, 8, 500)] == [0.5, 1.0, 2.0, 16.0, 30.0, 30.0, 30.0]


def test_a_child_deaf_to_its_stop_signal_is_killed_with_what_it_started(stage):
    deaf = stage.python("deaf", DEAF_WITH_OFFSPRING, stop_timeout_s=0.3)
    with stage.supervisor() as supervisor:
        supervisor.start(deaf)
        assert supervisor.wait(lambda: first_line(deaf.log_path).isdigit(), timeout_s=10)
        offspring = psutil.Process(int(first_line(deaf.log_path)))
    assert stage.lines[-1] == "deaf did not stop in 0.3 s and was killed"
    assert wait_until(lambda: not offspring.is_running() or offspring.status() == psutil.STATUS_ZOMBIE)


def test_what_a_dead_child_had_started_is_ended_before_its_successor_starts(stage):
    parent = stage.python("parent", DEAF_WITH_OFFSPRING, stop_timeout_s=0.1)
    with stage.supervisor() as supervisor:
        supervisor.start(parent)
        assert supervisor.wait(lambda: first_line(parent.log_path).isdigit(), timeout_s=10)
        orphan = psutil.Process(int(first_line(parent.log_path)))
        os.kill(stage.runtime_pid("parent"), signal.SIGKILL)
        died = supervisor.wait(lambda: any(e.kind is EventKind.DIED for e in stage.events), timeout_s=10)
        assert died
        assert wait_until(lambda: not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE)


def test_a_child_that_dies_at_every_start_is_given_up_with_the_end_of_its_log(stage):
    doomed = stage.python("doomed", "import sys; print('no such setting'); sys.exit(3)", ready=lambda _pid: False)
    with (
        stage.supervisor() as supervisor,
        pytest.raises(ChildFailed, match=r"doomed died 3 times while starting \(exit status 3\)") as caught,
    ):
        supervisor.start(doomed)
    assert "no such setting" in str(caught.value)


def test_a_child_that_never_becomes_ready_is_given_up_and_stopped(stage):
    with (
        stage.supervisor() as supervisor,
        pytest.raises(ChildFailed, match=r"was not ready after 0\.3 s"),
    ):
        supervisor.start(stage.diarist("silent", ready=lambda _pid: False, ready_timeout_s=0.3))
    assert not stage.events[-1].line.startswith("silent is ready")
    assert read_runtime(stage.folder).child("silent").alive is False


def test_a_faulty_readiness_probe_is_named_and_does_not_end_the_supervisor(stage):
    def probe(_pid):
        raise LookupError("no answer in the book")

    with stage.supervisor() as supervisor:
        supervisor.start(stage.diarist("healthy"))
        with pytest.raises(ChildFailed, match="LookupError: no answer in the book"):
            supervisor.start(stage.diarist("odd", ready=probe, ready_timeout_s=0.3))
        assert read_runtime(stage.folder).child("healthy").alive


@pytest.mark.parametrize(("given", "told"), [(None, "1"), ("3", "3")])
def test_a_child_multiplies_on_one_thread_unless_the_environment_says_otherwise(stage, monkeypatch, given, told):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if given is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", given)
    spec = stage.python("one", "import os, time; print(os.environ.get('OMP_NUM_THREADS'), flush=True); time.sleep(60)")
    with stage.supervisor() as supervisor:
        supervisor.start(spec)
        assert wait_until(lambda: first_line(spec.log_path))
    assert first_line(spec.log_path) == told


def test_a_program_that_does_not_exist_is_a_failed_child(stage):
    spec = stage.python("ghost", "")
    missing = type(spec)(name="ghost", argv=(str(stage.folder / "no-such-program"),), log_path=spec.log_path)
    with stage.supervisor() as supervisor, pytest.raises(ChildFailed, match="ghost could not be started"):
        supervisor.start(missing)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_ends_the_run_and_every_child(stage, number):
    def signal_self_once_it_died(event):
        if event.kind is EventKind.DIED:
            os.kill(os.getpid(), number)

    with stage.supervisor(on_event=signal_self_once_it_died) as supervisor:
        supervisor.start(stage.diarist("steady"))
        supervisor.start(stage.diarist("mortal"))
        os.kill(stage.runtime_pid("mortal"), signal.SIGKILL)
        assert supervisor.run_until_stopped() == number
        assert stage.diary_lines == ["steady up", "mortal up", "steady SIGTERM"]
    assert not any(child.alive for child in read_runtime(stage.folder).children)


def test_ctrl_c_in_the_callers_own_code_leaves_and_stops_the_children(stage):
    with pytest.raises(StopRequested), stage.supervisor() as supervisor:  # noqa: PT012 - the whole block is the user
        supervisor.start(stage.diarist("only"))
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
    assert stage.diary_lines == ["only up", "only SIGTERM"]


def test_ctrl_c_while_waiting_leaves_the_wait(stage):
    def condition():
        os.kill(os.getpid(), signal.SIGINT)
        return False

    with pytest.raises(StopRequested), stage.supervisor() as supervisor:
        supervisor.wait(condition, timeout_s=20)


def test_the_former_signal_handlers_are_back_afterwards(stage):
    before = signal.getsignal(signal.SIGTERM)
    with stage.supervisor():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_waiting_ends_with_the_condition_or_the_timeout(stage):
    with stage.supervisor() as supervisor:
        supervisor.start(stage.diarist("only"))
        assert supervisor.wait(lambda: stage.diary_lines == ["only up"], timeout_s=20)
        assert not supervisor.wait(lambda: False, timeout_s=0)


def test_a_second_instance_on_the_same_folder_is_refused_with_the_pid_of_the_first(stage):
    with stage.supervisor(), pytest.raises(AlreadyRunning) as caught, stage.supervisor():
        pass
    assert caught.value.pid == os.getpid()
    with stage.supervisor():  # free again
        pass


def test_the_runtime_file_tells_the_living_from_the_dead(stage):
    with stage.supervisor() as supervisor:
        supervisor.start(stage.diarist("only", port=4711, address="http://127.0.0.1:4711", embedded=True))
        during = read_runtime(stage.folder)
        only = during.child("only")
        assert (during.alive, only.alive, only.ready) == (True, True, True)
        assert (only.port, only.address, only.embedded, only.restarts) == (4711, "http://127.0.0.1:4711", True, 0)
        os.kill(only.mark.pid, signal.SIGKILL)
        assert wait_until(lambda: not read_runtime(stage.folder).child("only").alive)
    after = read_runtime(stage.folder)
    assert (after.child("only").mark, after.child("only").port) == (None, 4711)


def test_a_reused_pid_is_not_taken_for_the_recorded_child(stage):
    with stage.supervisor() as supervisor:
        supervisor.start(stage.diarist("only"))
        path = stage.folder / "runtime.json"
        born = read_runtime(stage.folder).child("only").mark.born
        path.write_text(path.read_text().replace(born, born + "0"))
        assert read_runtime(stage.folder).child("only").alive is False


def test_a_damaged_runtime_file_reads_as_none_and_is_replaced(stage):
    stage.folder.mkdir()
    (stage.folder / "runtime.json").write_text('{"run_id": 1')
    assert read_runtime(stage.folder) is None
    with stage.supervisor():
        assert read_runtime(stage.folder).alive


def test_a_closed_terminal_does_not_end_the_supervisor(stage):
    def broken(_event):
        raise BrokenPipeError

    with stage.supervisor(on_event=broken) as supervisor:
        supervisor.start(stage.diarist("only"))
    assert stage.diary_lines == ["only up", "only SIGTERM"]


def test_a_log_past_its_limit_is_moved_aside_under_the_living_writer(stage):
    chatty = stage.python(
        "chatty", "import time\nwhile True: print('x' * 99, flush=True); time.sleep(0.005)", stop_timeout_s=1
    )
    with stage.supervisor() as supervisor:
        supervisor.start(chatty)
        assert supervisor.wait(lambda: turn_log_over(chatty.log_path, limit_bytes=1000), timeout_s=10)
        assert chatty.log_path.with_name("chatty.log.1").read_bytes().startswith(b"x" * 99)
        assert supervisor.wait(lambda: chatty.log_path.read_bytes()[:1] == b"x", timeout_s=10)


def test_a_log_under_its_limit_stays(stage):
    spec = stage.python("quiet", "")
    spec.log_path.parent.mkdir(parents=True)
    spec.log_path.write_text("short")
    assert not turn_log_over(spec.log_path, limit_bytes=5)
    assert not turn_log_over(spec.log_path.with_name("missing.log"), limit_bytes=5)
