"""The composition root: one set of connections per process, one code path for the sandbox and the real platform."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from domain import catalogue
from domain.actions import Mode
from domain.errors import NeedsPersonError, NotReadyError
from domain.ports import TokenInfo
from workers.bootstrap import House
from workers.live import require_permissions, token_problems
from workers.settings import read_settings

META = catalogue.platform("meta")


def _write_sandbox(folder, port):
    folder.mkdir(exist_ok=True)
    address = {"graph": f"http://127.0.0.1:{port}", "admin": "http://127.0.0.1:9", "pid": 1}
    (folder / "address.json").write_text(json.dumps(address))
    (folder / "credentials.json").write_text(json.dumps({"access_token": "sandbox-token"}))


@pytest.fixture
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("STAKAZO_HOME", str(tmp_path))
    for name in ("DATABASE_URL", "REDIS_URL", "META_ACCESS_TOKEN", "META_APP_ID", "META_APP_SECRET"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


class _Listener(BaseHTTPRequestHandler):
    """A platform that has no accounts and notes with which token it was asked."""

    def do_GET(self):
        self.server.tokens.append(self.headers["Authorization"])
        body = b'{"data": []}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def listener():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Listener)
    server.tokens = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_nothing_is_connected_before_it_is_asked_for(home):
    with House.open(read_settings()):
        pass


def test_what_is_not_there_is_named_with_the_way_to_get_it(home):
    with House.open(read_settings()) as house:
        with pytest.raises(NotReadyError, match="make run"):
            _ = house.engine
        with pytest.raises(NotReadyError, match="make run"):
            _ = house.doorbell
        with pytest.raises(NotReadyError, match=r"address\.json"):
            house.client("meta", Mode.STUB)


def test_a_planned_platform_has_no_client(home):
    _write_sandbox(home / "sandbox", 9)
    with House.open(read_settings()) as house, pytest.raises(NotReadyError, match="TikTok is planned"):
        house.client("tiktok", Mode.STUB)


def test_a_sandbox_that_came_back_on_another_port_gets_a_client_of_its_own(home):
    with House.open(read_settings()) as house:
        _write_sandbox(home / "sandbox", 9)
        first = house.client("meta", Mode.STUB)
        assert house.client("meta", Mode.STUB) is first
        _write_sandbox(home / "sandbox", 10)

        assert house.client("meta", Mode.STUB) is not first


def test_the_sandbox_is_spoken_to_with_its_own_token_whatever_the_environment_holds(
    database_url, home, monkeypatch, listener
):
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("META_ACCESS_TOKEN", "the-real-token")
    _write_sandbox(home / "sandbox", listener.server_address[1])
    with House.open(read_settings()) as house:
        assert house.client("meta", Mode.STUB).reader.accounts() == ()

    assert set(listener.tokens) == {"Bearer sandbox-token"}


def test_a_live_account_without_credentials_is_refused_naming_them(home):
    with (
        House.open(read_settings()) as house,
        pytest.raises(NotReadyError, match="META_ACCESS_TOKEN, META_APP_ID, META_APP_SECRET"),
    ):
        house.client("meta", Mode.LIVE)


def test_a_forked_child_opens_connections_of_its_own(database_url, home, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    with House.open(read_settings()) as house:
        own = house.engine
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            with house.engine.connect() as conn:
                answer = conn.exec_driver_sql("SELECT 1").scalar()
            os.write(writer, b"own" if house.engine is not own and answer == 1 else b"shared")
            os._exit(0)
        os.waitpid(child, 0)

        assert os.read(reader, 10) == b"own"
        with own.connect() as conn:
            assert conn.exec_driver_sql("SELECT 1").scalar() == 1
        os.close(reader)
        os.close(writer)


def test_a_live_token_must_carry_every_permission():
    able = TokenInfo(is_valid=True, expires_at=None, scopes=("ads_read", "ads_management", "more"))
    unable = TokenInfo(is_valid=True, expires_at=None, scopes=("ads_read",))
    invalid = TokenInfo(is_valid=False, expires_at=None, scopes=())

    assert token_problems(META, able) == ()
    assert token_problems(META, unable) == ("the access token of Meta lacks the permission ads_management",)
    assert "not valid" in token_problems(META, invalid)[0]


def test_a_token_that_lacks_a_permission_opens_no_client():
    class Reader:
        def token(self):
            return TokenInfo(is_valid=True, expires_at=None, scopes=())

    with pytest.raises(NeedsPersonError, match=r"ads_management; .*ads_read"):
        require_permissions(META, Reader())


def test_told_to_forget_it_opens_clients_and_clocks_anew(home):
    _write_sandbox(home / "sandbox", 9)
    with House.open(read_settings()) as house:
        first = house.client("meta", Mode.STUB)
        assert house.client("meta", Mode.STUB) is first
        house.forget_derived()
        assert house.client("meta", Mode.STUB) is not first


def test_told_to_reconnect_it_opens_its_connections_anew(database_url, home, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    with House.open(read_settings()) as house:

        def backend():
            with house.engine.connect() as conn:
                return conn.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()

        first = backend()
        assert backend() == first
        house.reconnect()
        assert backend() != first
