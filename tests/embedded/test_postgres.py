import os
import shutil
import signal
import stat
import tempfile
from pathlib import Path

import psutil
import psycopg
import pytest

from embedded import postgres
from embedded.errors import ChildFailed, ServerAlreadyRunning, ServerUnavailable
from embedded.identity import account
from embedded.ports import PortBook

LONG = "a-project-folder-with-a-name-that-goes-on-and-on"


def query(url, statement):
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone()[0] if cursor.description else None


@pytest.fixture(scope="module")
def made_server(tmp_path_factory):
    """The folder of a server that was made once; the tests of this file restart it."""
    folder = tmp_path_factory.mktemp("made") / LONG / LONG / LONG
    postgres.start(folder).stop()
    return folder


def test_a_server_in_a_folder_with_a_long_name_answers_and_stops(made_server):
    assert len(str(made_server)) > 150
    with postgres.start(made_server) as server:
        assert query(server.url, "SELECT 6 * 7") == 42
        pid = server.pid
    assert not psutil.pid_exists(pid)


def test_it_flushes_its_writes_speaks_unicode_and_admits_a_hundred_sessions(made_server):
    with postgres.start(made_server) as server:
        shown = [query(server.url, f"SHOW {name}") for name in ("fsync", "max_connections", "timezone")]
        assert shown == ["on", "100", "UTC"]
        assert query(server.url, "SELECT upper('añaß')") == "AÑAß"


def test_it_keeps_its_port_and_its_data_over_a_restart(made_server):
    with postgres.start(made_server) as server:
        first_port = server.port
        query(server.url, "CREATE TABLE kept AS SELECT 7 AS n")
    with postgres.start(made_server) as server:
        assert (server.port, query(server.url, "SELECT n FROM kept")) == (first_port, 7)


def test_a_wrong_password_is_refused_and_the_right_one_is_private(made_server):
    with postgres.start(made_server) as server:
        password = (made_server / "server" / "password").read_text().strip()
        assert password in server.url
        command_line = " ".join(psutil.Process(server.pid).cmdline())
        assert password not in command_line
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            query(server.url.replace(password, "guess"), "SELECT 1")
    assert stat.S_IMODE((made_server / "server" / "password").stat().st_mode) == 0o600


def test_a_prepared_server_shows_its_port_and_not_its_password(tmp_path, made_server):
    ports = PortBook(tmp_path / "ports.json")
    prepared = postgres.prepare(made_server / "server", ports=ports, log_path=tmp_path / "log")
    password = prepared.url.split(":")[2].split("@")[0]
    assert (str(prepared.port) in repr(prepared), password in repr(prepared)) == (True, False)
    assert postgres.kept_url(made_server / "server", ports=ports) == prepared.url
    assert postgres.kept_url(tmp_path, ports=ports) is None
    ports.close()


def test_once_the_application_has_a_role_its_address_is_what_other_processes_find(tmp_path, made_server):
    folder = made_server / "server"
    ports = PortBook(tmp_path / "ports.json")
    prepared = postgres.prepare(folder, ports=ports, log_path=tmp_path / "log")
    url = postgres.app_url(folder, port=prepared.port)
    try:
        assert postgres.kept_url(folder, ports=ports) == url != prepared.url
        assert postgres.kept_owner_url(folder, ports=ports) == prepared.url
        assert stat.S_IMODE((folder / "app_password").stat().st_mode) == 0o600
        assert (folder / "app_password").read_text() != (folder / "password").read_text()
    finally:
        (folder / "app_password").unlink()  # the folder is shared with the other tests
        ports.close()


def test_a_second_server_on_the_same_folder_is_refused_with_the_pid_of_the_first(made_server):
    with postgres.start(made_server) as server:
        with pytest.raises(ServerAlreadyRunning) as caught:
            postgres.start(made_server)
        assert caught.value.pid == server.pid


def test_it_starts_after_a_crash_even_if_its_old_pid_belongs_to_a_stranger(made_server):
    server = postgres.start(made_server)
    query(server.url, "CREATE TABLE survivor AS SELECT 1 AS n")
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    pid_file = made_server / "server" / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
    again = None
    for _ in range(20):  # the dead server's backends may need a moment to notice
        try:
            again = postgres.start(made_server)
            break
        except ChildFailed as error:
            assert "shared memory" in str(error)  # noqa: PT017 - only this reason may be retried
    with again:
        assert query(again.url, "SELECT n FROM survivor") == 1


def test_a_killed_server_is_restarted_on_the_same_port_by_the_supervisor(stage, made_server):
    ports = PortBook(made_server / "ports.json")
    with stage.supervisor() as supervisor:
        prepared = postgres.prepare(made_server / "server", ports=ports, log_path=stage.folder / "postgres.log")
        supervisor.start(prepared.spec)
        query(prepared.url, "CREATE TABLE IF NOT EXISTS told AS SELECT 'before the kill' AS word")
        os.kill(stage.runtime_pid("postgres"), signal.SIGKILL)
        back = supervisor.wait(
            lambda: stage.lines.count(f"postgres is ready on port {prepared.port}") == 2, timeout_s=30
        )
        assert back
        assert query(prepared.url, "SELECT word FROM told") == "before the kill"
    assert "postgres died (signal 9), restarting in 0.5 s" in stage.lines
    assert stage.lines[-1] == "postgres stopped"
    ports.close()


def test_a_server_of_another_version_is_refused_by_name(tmp_path):
    data = tmp_path / "server" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("17\n")
    with pytest.raises(ServerUnavailable, match="made by Postgres 17, this is 18"):
        postgres.start(tmp_path)


def test_a_start_that_was_interrupted_while_making_the_server_is_made_good(tmp_path):
    draft = tmp_path / "server" / "data.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    with postgres.start(tmp_path) as server:
        assert query(server.url, "SELECT 1") == 1
    assert not draft.exists()


def test_an_ordinary_user_starts_a_server(made_server):
    if os.geteuid() != 0:
        with postgres.start(made_server) as server:
            assert psutil.Process(server.pid).uids().effective == os.geteuid()
        return
    nobody = account("nobody")
    folder = Path(tempfile.mkdtemp(prefix="stakazo-nobody-"))
    nobody.own(folder)
    try:
        assert answer_as(nobody, lambda: start_and_describe(folder)) == f"{nobody.uid} {nobody.uid} 42"
    finally:
        shutil.rmtree(folder)


def test_root_can_hand_the_server_to_an_account_where_namespaces_are_forbidden(made_server):
    if os.geteuid() != 0:
        with pytest.raises(PermissionError):
            account("root").own(made_server)
        return
    nobody = account("nobody")
    folder = Path(tempfile.mkdtemp(prefix="stakazo-account-"))
    folder.chmod(0o711)
    try:
        ports = PortBook(folder / "ports.json")
        postgres.prepare(folder / "server", ports=ports, log_path=folder / "log", faces=(nobody,))
        ports.close()
        with postgres.start(folder) as server:
            assert query(server.url, "SELECT 6 * 7") == 42
            assert psutil.Process(server.pid).uids().effective == nobody.uid
    finally:
        shutil.rmtree(folder)


def test_a_folder_nobody_may_reach_is_refused_with_what_was_tried(tmp_path):
    stranger = account("nobody") if os.geteuid() == 0 else account("root")
    ports = PortBook(tmp_path / "ports.json")
    tmp_path.chmod(0o700)
    with pytest.raises((ServerUnavailable, PermissionError), match=r"account|not permitted"):
        postgres.prepare(tmp_path / "server", ports=ports, log_path=tmp_path / "log", faces=(stranger,))
    ports.close()


def start_and_describe(folder):
    with postgres.start(folder) as server:
        user_of_server = psutil.Process(server.pid).uids().effective
        return f"{os.geteuid()} {user_of_server} {query(server.url, 'SELECT 6 * 7')}"


def answer_as(identity, work):
    """Do the work in a fork that became an ordinary user: the interpreter may lie where only root can start it."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(identity.gid)
            os.setuid(identity.uid)
            os.write(writing, str(work()).encode())
        except BaseException as error:  # noqa: BLE001 - the parent shows it
            os.write(writing, repr(error).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    with os.fdopen(reading) as stream:
        return stream.read()
