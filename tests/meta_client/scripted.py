"""A scripted HTTP server on a port of the kernel's choice: each request is answered by the next reply of a list."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from domain.actions import ActionKind, ObjectKind
from domain.ids import PlatformAccountId
from domain.ports import ClientOptions, WriteRequest
from meta_client.accounts import AccountBook
from meta_client.pages import Pager, Patience
from meta_client.reads import MetaReader
from meta_client.transport import Transport
from meta_client.writes import MetaWriter

ACCOUNT = PlatformAccountId("act_7")
TOKEN = "EAACanaryToken0123456789"
SECRET = "canary-app-secret"

Reply = Callable[["Scripted", socket.socket], bool]


@dataclass
class Received:
    method: str
    target: str
    headers: dict[str, str]
    body: str
    port: int

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(urlsplit(self.target).query).items()}

    @property
    def form(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(self.body).items()}


@dataclass
class Scripted:
    replies: list[Reply] = field(default_factory=list)
    requests: list[Received] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    client_left: threading.Event = field(default_factory=threading.Event)
    reads_requests: bool = True

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def answer(self, body: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.replies.append(answering(body, status, headers))

    def hang_up_all(self) -> None:
        """Close every connection that is open, and wait until the client's side can see it."""
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join(timeout=10)

    def close(self) -> None:
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=10)

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, (_, port) = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            self._threads.append(threading.Thread(target=self._serve, args=(connection, port)))
            self._threads[-1].start()

    def wrap(self, connection: socket.socket) -> socket.socket:
        """What is spoken over; a server with TLS wraps it."""
        return connection

    def _serve(self, raw: socket.socket, port: int) -> None:
        with raw, contextlib.suppress(OSError), self.wrap(raw) as connection:
            while not self.closing.is_set():
                received = _receive(connection, port) if self.reads_requests else None
                if self.reads_requests and received is None:
                    return
                if received is not None:
                    self.requests.append(received)
                if not self.pick(received)(self, connection):
                    return

    def pick(self, _: "Received | None") -> Reply:
        """What answers a request; here whatever is next."""
        return self.replies.pop(0)


def _receive(connection: socket.socket, port: int) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    method, target, _ = first.split(" ", 2)
    return Received(method=method, target=target, headers=headers, body=body.decode(), port=port)


def answering(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    def reply(_: Scripted, connection: socket.socket) -> bool:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        extra = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        connection.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n{extra}\r\n".encode() + content)
        return True

    return reply


def dripping(before: bytes) -> Reply:
    """Send `before`, then a byte every 0.2 s for 15 s, as good as for ever; notes when the client closes earlier."""

    def reply(server: Scripted, connection: socket.socket) -> bool:
        connection.sendall(before)
        connection.settimeout(0.2)
        for _ in range(75):
            try:
                if connection.recv(1) == b"":
                    server.client_left.set()
                    return False
            except TimeoutError:
                connection.sendall(b"x")
            except OSError:
                server.client_left.set()
                return False
        return False

    return reply


def silent(server: Scripted, connection: socket.socket) -> bool:
    """Never answer; notes when the client has closed the connection."""
    with contextlib.suppress(OSError):
        connection.settimeout(15)
        while connection.recv(65536):
            pass
        server.client_left.set()
    return False


def asleep(server: Scripted, _: socket.socket) -> bool:
    """Read nothing, say nothing, until the test is over."""
    server.closing.wait(30)
    return False


def hanging_up(_: Scripted, __: socket.socket) -> bool:
    return False


def truncated(_: Scripted, connection: socket.socket) -> bool:
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id":"12')
    return False


@dataclass
class Kit:
    """A client whose waits between repeats are noted instead of waited for."""

    transport: Transport
    reader: MetaReader
    writer: MetaWriter
    waits: list[float]


def open_kit(
    url: str, *, secret: str | None = SECRET, timeout_s: float = 20.0, repeats: int = 3, token: str = TOKEN
) -> Kit:
    options = ClientOptions(base_url=url, token=lambda: token, app_secret=lambda: secret, read_timeout_s=timeout_s)
    waits: list[float] = []
    transport = Transport(options)
    pager = Pager(transport, patience=Patience(repeats=repeats), sleep=waits.append)
    book = AccountBook(pager)
    return Kit(transport, MetaReader(transport, pager, book), MetaWriter(transport, book), waits)


def pausing(object_id: str = "123", kind: ActionKind = ActionKind.PAUSE) -> WriteRequest:
    return WriteRequest(
        kind=kind,
        object_kind=ObjectKind.AD_SET,
        object_id=object_id,
        parent_id=None,
        fields={"status": "paused"},
        op_token="7F3K9Q2M4XTBA",
        request_id="action-1-1",
    )


def graph_error(code: int, subcode: int | None = None, **more: object) -> dict[str, object]:
    error: dict[str, object] = {
        "message": f"(#{code}) no",
        "type": "OAuthException",
        "code": code,
        "fbtrace_id": "Tr4ce",
    }
    return {"error": error | ({} if subcode is None else {"error_subcode": subcode}) | more}


ACCOUNT_NODE = {
    "id": "act_7",
    "name": "Shop",
    "currency": "USD",
    "timezone_name": "Europe/Madrid",
    "account_status": 1,
    "min_daily_budget": 100,
}


def wait_until(condition: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < ends_at, "it never came"
        time.sleep(0.01)
