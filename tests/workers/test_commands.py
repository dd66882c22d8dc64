"""The processes of one machine: their command lines derive from the catalogue and show no secret."""

import os
import socket
import subprocess

import pytest
import requests

from domain import catalogue
from workers.commands import command_lines, flower_line, stepped_lines, worker_lines
from workers.flower import flower_login
from workers.settings import read_settings


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def settings(monkeypatch, tmp_path):
    monkeypatch.setenv("STAKAZO_HOME", str(tmp_path))
    return read_settings()


def test_one_worker_per_lane_consumes_exactly_its_queues():
    lines = {line.name: line.argv for line in worker_lines()}

    assert set(lines) == {f"worker-{lane}" for lane in catalogue.lanes()}
    for lane in catalogue.lanes():
        argv = lines[f"worker-{lane}"]
        assert argv[argv.index("-Q") + 1].split(",") == list(catalogue.queues(lane))


def test_a_stepped_simulation_has_no_control_worker_as_it_has_no_beat(settings):
    names = {line.name for line in stepped_lines(settings)}

    assert {"worker-cycles", "worker-actions", "tower"} <= names
    assert not names & {"worker-control", "beat"}


def test_every_worker_ends_warm_on_sigterm():
    assert all(line.env["REMAP_SIGTERM"] == "SIGQUIT" for line in worker_lines())


def test_the_sandbox_comes_before_the_workers_and_flower_last(settings, tmp_path):
    lines = command_lines(settings, login=flower_login(tmp_path), flower_port=5555, metrics_port=9464, speed=60.0)

    names = [line.name for line in lines]
    assert names[0] == "sandbox"
    assert names[-1] == "flower"
    assert {"tower", "beat"} < set(names)


def test_no_password_stands_on_a_command_line_or_in_a_repr(settings, tmp_path):
    login = flower_login(tmp_path)
    lines = command_lines(settings, login=login, flower_port=5555, metrics_port=9464, speed=1.0)

    assert login.password not in str(lines) + str(login)
    assert login.password not in " ".join(part for line in lines for part in line.argv)


def test_flower_s_login_is_made_once_and_kept_for_its_owner_only(tmp_path):
    first, second = flower_login(tmp_path), flower_login(tmp_path)

    assert (first.is_new, second.is_new) == (True, False)
    assert first.password == second.password
    assert (tmp_path / "flower.json").stat().st_mode & 0o777 == 0o600


def test_flower_asks_for_its_login_and_lets_nobody_change_anything(settings, tmp_path, redis_url, until):
    login, port = flower_login(tmp_path), _free_port()
    line = flower_line(settings, login, port)
    env = {**os.environ, **line.env, "REDIS_URL": redis_url}
    log_path = tmp_path / "flower.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(line.argv, env=env, stdout=log, stderr=log, cwd=tmp_path)
    address, auth = f"http://127.0.0.1:{port}", (login.user, login.password)

    def answers():
        try:
            return requests.get(f"{address}/healthcheck", timeout=5).ok
        except (requests.ConnectionError, requests.Timeout):
            return False

    try:
        until(lambda: answers() or process.poll() is not None, "Flower answers", log_path.read_text)
        assert requests.get(f"{address}/workers", timeout=5).status_code == 401
        assert requests.get(f"{address}/workers", auth=auth, timeout=5).status_code == 200
        applied = requests.post(f"{address}/api/task/async-apply/meta.full_cycle", auth=auth, json={}, timeout=5)
        assert applied.status_code == 403
        assert login.password not in log_path.read_text()
    finally:
        process.terminate()
        process.wait(20)
