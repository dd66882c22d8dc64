import os
import signal
import socket
import stat

import psutil
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError
from redis.retry import Retry

from embedded import redis
from embedded.errors import ServerAlreadyRunning
from embedded.ports import HOST, PortBook

LONG = "a-project-folder-with-a-name 'that' goes-on-and-on"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / LONG / LONG / LONG


def client(server):
    return Redis.from_url(server.url, decode_responses=True)


def test_a_server_in_a_folder_with_a_long_and_odd_name_keeps_everything(folder):
    assert len(str(folder)) > 150
    with redis.start(folder) as server:
        with client(server) as connection:
            settings = {**connection.config_get("append*"), **connection.config_get("maxmemory-policy")}
            connection.set("kept", "yes")
        port = server.port
    assert (settings["appendonly"], settings["appendfsync"], settings["maxmemory-policy"]) == (
        "yes",
        "everysec",
        "noeviction",
    )
    with redis.start(folder) as server, client(server) as connection:
        assert (server.port, connection.get("kept")) == (port, "yes")


def test_its_password_is_asked_for_and_stands_in_a_private_file_alone(folder):
    with redis.start(folder) as server:
        password = (folder / "server" / "password").read_text().strip()
        assert password in server.url
        assert password not in " ".join(psutil.Process(server.pid).cmdline())
        with (
            Redis(host=HOST, port=server.port, retry=Retry(NoBackoff(), 0)) as stranger,
            pytest.raises(AuthenticationError),
        ):
            stranger.ping()
    for name in ("password", "redis.conf"):
        assert stat.S_IMODE((folder / "server" / name).stat().st_mode) == 0o600


def test_a_taken_port_gives_another_one_which_is_recorded(folder):
    with socket.create_server((HOST, 0)) as stranger:
        taken = stranger.getsockname()[1]
        with redis.start(folder, port=taken) as server, client(server) as connection:
            assert connection.ping()
            assert server.port != taken
            assert PortBook(folder / "ports.json").last("redis") == server.port


def test_a_second_server_on_the_same_folder_is_refused_with_the_pid_of_the_first(folder):
    with redis.start(folder) as server:
        with pytest.raises(ServerAlreadyRunning) as caught:
            redis.start(folder)
        assert caught.value.pid == server.pid


def test_a_stranger_on_the_port_is_not_taken_for_our_server(tmp_path, folder):
    with redis.start(tmp_path / "stranger") as stranger:
        ports = PortBook(tmp_path / "ports.json")
        prepared = redis.prepare(tmp_path / "stranger" / "other", ports=ports, log_path=tmp_path / "log")
        assert not prepared.spec.ready(stranger.pid)
        ports.close()


def test_a_killed_server_is_restarted_on_the_same_port_with_its_data_by_the_supervisor(stage, folder):
    stage.folder.mkdir()
    ports = PortBook(stage.folder / "ports.json")
    with stage.supervisor() as supervisor:
        prepared = redis.prepare(folder, ports=ports, log_path=stage.folder / "redis.log")
        supervisor.start(prepared.spec)
        with client(prepared) as connection:
            connection.set("kept", "yes")
        os.kill(stage.runtime_pid("redis"), signal.SIGKILL)
        back = supervisor.wait(lambda: stage.lines.count(f"redis is ready on port {prepared.port}") == 2, timeout_s=30)
        assert back
        with client(prepared) as connection:
            assert connection.get("kept") == "yes"
        assert redis.kept_url(folder, ports=ports) == prepared.url
    assert "redis died (signal 9), restarting in 0.5 s" in stage.lines
    ports.close()
