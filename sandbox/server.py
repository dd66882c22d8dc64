"""Runs a platform: its dialects and the admin address, each on a loopback port of its own, on one event loop."""

import asyncio
import contextlib
import fcntl
import json
import os
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.admin import admin_app
from sandbox.dialects import Spoken
from sandbox.platform import Platform, write_atomically

_HOST: Final = "127.0.0.1"
_CATCH_UP_S: Final = 1.0
_WAITING: Final = 512  # connections that may wait to be taken
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class ResettableProtocol(HttpToolsProtocol):
    """HTTP over httptools whose applications can reset the connection, as a broken wire does."""

    def on_message_begin(self) -> None:
        """Hand the application a way to cut the line."""
        super().on_message_begin()
        self.scope["extensions"] = {"sandbox.reset": self._reset}  # type: ignore[dict-item]  # our own extension

    def _reset(self) -> None:
        raw = self.transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


def lock_folder(data_dir: Path) -> int:
    """Make sure that only one sandbox uses a folder; the lock ends with the process.

    Raises:
        BlockingIOError: another process holds it.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    handle = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle


def bind(host: str, ports: Iterable[int]) -> list[socket.socket]:
    """Take ports, before anything is computed for them; nobody is heard there until `serve`.

    The admin address asks for no password: another `host` than loopback is for a container's private network.

    Raises:
        ValueError: one cannot be had.
    """
    return [_bound(host, port) for port in ports]


async def serve(platform: Platform, data_dir: Path, dialects: Spoken, sockets: list[socket.socket]) -> None:
    """Serve until SIGINT or SIGTERM; prints one JSON line once all ports answer, and on stderr how to call them.

    `sockets` are those of the dialects in their order and last that of the admin address.
    """
    for listener in sockets:
        listener.listen(_WAITING)
    by_name = {row.name: dialect for row, dialect in dialects.items()}
    servers = [*map(_server, dialects.values()), _server(admin_app(platform, by_name))]
    for dialect in dialects.values():
        dialect.resume()
    stopping = asyncio.Event()
    _on_signals(stopping.set)
    async with _running(servers, sockets), _catching_up(platform):
        urls = [f"http://{_HOST}:{listener.getsockname()[1]}" for listener in sockets]
        names = [*(row.address for row in dialects), "admin"]
        address = {**dict(zip(names, urls, strict=True)), "pid": os.getpid()}
        write_atomically(data_dir / "address.json", json.dumps(address))
        sys.stdout.write(json.dumps(address) + "\n")
        sys.stdout.flush()
        sys.stderr.write("".join(dialect.greeting(url) for url, dialect in zip(urls, dialects.values(), strict=False)))
        sys.stderr.flush()
        await stopping.wait()
    platform.close()


def _bound(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        message = f"cannot answer at {host}:{port} ({error.strerror}): give another port, or 0 to let the kernel choose"
        raise ValueError(message) from error
    return listener


def _server(app: Any) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            http=ResettableProtocol,
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=2,
        )
    )


def _on_signals(stop: Callable[[], None]) -> None:
    import signal  # the one place that touches signals

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)


@contextlib.asynccontextmanager
async def _running(servers: list[_Server], sockets: list[socket.socket]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(server.serve(sockets=[s])) for server, s in zip(servers, sockets, strict=True)]
    while not all(server.started for server in servers):  # noqa: ASYNC110 - uvicorn tells it by an attribute only
        await asyncio.sleep(0.005)
    try:
        yield
    finally:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*tasks)


@contextlib.asynccontextmanager
async def _catching_up(platform: Platform) -> AsyncIterator[None]:
    """Keep the market and the clock's lease up to date, so that reads find the work done."""

    async def keep() -> None:
        while True:
            await asyncio.sleep(_CATCH_UP_S)
            platform.catch_up()

    task = asyncio.create_task(keep())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
